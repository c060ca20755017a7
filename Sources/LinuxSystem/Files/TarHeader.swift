import Glibc

/// The header of one member of an archive: POSIX ustar, with pax records for what does not fit, as in tar(5).
package struct TarHeader {
    /// What a member is: `typeflag`.
    package enum Kind: UInt8, Sendable {
        case file = 0x30
        case hardLink = 0x31
        case symbolicLink = 0x32
        case characterDevice = 0x33
        case blockDevice = 0x34
        case directory = 0x35
        case fifo = 0x36
    }

    /// What it is.
    package var kind: Kind
    /// Its name, without a leading "/"; that of a directory ends with "/".
    package var path: [UInt8]
    /// Owner, mode and device number.
    package var metadata: FileMetadata
    /// Seconds since the epoch.
    package var modified: Int64
    /// Bytes of content that follow; 0 for all but files.
    package var size: Int64 = 0
    /// Where a link leads.
    package var target: [UInt8] = []
    /// Extended attributes, in the order in which they are written.
    package var attributes: [(name: String, value: [UInt8])] = []

    /// The size of a block; content is filled up to whole ones.
    package static let block = 512
    private static let widthOfName = 100

    /// A header of a kind; the modification time is that of `metadata`.
    package init(_ kind: Kind, _ path: [UInt8], _ metadata: FileMetadata) {
        self.kind = kind
        self.path = path
        self.metadata = metadata
        modified = metadata.modified.seconds
    }

    /// Appends the header's blocks.
    package func append(to output: inout [UInt8]) {
        var records: [UInt8] = []
        if path.count > Self.widthOfName { Self.add("path", path, to: &records) }
        if target.count > Self.widthOfName { Self.add("linkpath", target, to: &records) }
        if size >= 1 << 33 { Self.add("size", Array("\(size)".utf8), to: &records) }
        if metadata.owner >= 1 << 21 { Self.add("uid", Array("\(metadata.owner)".utf8), to: &records) }
        if metadata.group >= 1 << 21 { Self.add("gid", Array("\(metadata.group)".utf8), to: &records) }
        if modified < 0 || modified >= 1 << 33 { Self.add("mtime", Array("\(modified)".utf8), to: &records) }
        for (name, value) in attributes { Self.add("SCHILY.xattr.\(name)", value, to: &records) }
        if !records.isEmpty {
            let plain = FileMetadata(kind: .regular, permissions: 0o644)
            let start = output.count
            Self.appendBlock(to: &output, typeflag: 0x78, Array("pax".utf8), plain, Int64(records.count), 0, [])
            output += records
            output += [UInt8](repeating: 0, count: Self.padding(Int64(output.count - start)))
        }
        Self.appendBlock(to: &output, typeflag: kind.rawValue, path, metadata, size, modified, target)
    }

    /// How many zeros follow content of a size.
    package static func padding(_ size: Int64) -> Int {
        let rest = Int(size % Int64(block))
        return rest == 0 ? 0 : block - rest
    }

    /// `<length> <key>=<value>` and a line end; the length counts itself.
    private static func add(_ key: String, _ value: [UInt8], to records: inout [UInt8]) {
        let rest = 3 + key.utf8.count + value.count
        var length = rest
        while "\(length)".utf8.count + rest != length { length = "\(length)".utf8.count + rest }
        records += "\(length) \(key)=".utf8
        records += value
        records.append(0x0A)
    }

    private static func appendBlock(
        to output: inout [UInt8],
        typeflag: UInt8,
        _ name: [UInt8],
        _ metadata: FileMetadata,
        _ size: Int64,
        _ modified: Int64,
        _ target: [UInt8]
    ) {
        let start = output.count
        output += [UInt8](repeating: 0, count: block)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int) {
            var place = start + offset
            for byte in bytes {
                output[place] = byte
                place += 1
            }
        }
        func octal(_ value: UInt64, at offset: Int, digits: Int) {
            // What does not fit stands in a pax record.
            var rest = value >= 1 << UInt64(3 * digits) ? 0 : value
            for place in stride(from: start + offset + digits - 1, through: start + offset, by: -1) {
                output[place] = 0x30 + UInt8(rest & 7)
                rest >>= 3
            }
        }
        put(name.prefix(widthOfName), at: 0)
        octal(UInt64(metadata.permissions), at: 100, digits: 7)
        octal(UInt64(metadata.owner), at: 108, digits: 7)
        octal(UInt64(metadata.group), at: 116, digits: 7)
        octal(UInt64(max(0, size)), at: 124, digits: 11)
        octal(UInt64(max(0, modified)), at: 136, digits: 11)
        put(repeatElement(0x20, count: 8), at: 148)
        output[start + 156] = typeflag
        put(target.prefix(widthOfName), at: 157)
        put("ustar\u{0}00".utf8, at: 257)
        let isDevice = typeflag == Kind.characterDevice.rawValue || typeflag == Kind.blockDevice.rawValue
        let device = isDevice ? metadata.deviceNumber : 0
        octal((device >> 8) & 0xFFF | (device >> 32) & 0xFFFF_F000, at: 329, digits: 7)
        octal(device & 0xFF | (device >> 12) & 0xFFFF_FF00, at: 337, digits: 7)
        var sum: UInt64 = 0
        for byte in output[start..<(start + block)] { sum += UInt64(byte) }
        octal(sum, at: 148, digits: 6)
        output[start + 154] = 0
    }
}
