import Glibc
package import LinuxSystem

/// Writes the changes that one overlay made, its upper directory, as a layer of an image.
///
/// The same directory gives the same bytes: names are in order of their bytes, times are whole seconds, and nothing tells
/// of this machine. Whiteouts and opaque directories of overlayfs become those of the image specification. Nothing in the
/// directory is followed; sockets are left out, as they mean nothing in an archive.
package struct LayerWriter: ~Copyable {
    /// How a layer is written.
    package struct Options: Hashable, Sendable {
        /// How its blob is compressed.
        package var compression = LayerCompression.standard
        /// No file is younger, in seconds since the epoch: `SOURCE_DATE_EPOCH`.
        package var latestTime: Int64?

        /// The standard compression, and times as they are.
        package init() {}
    }

    private let sink: LayerSink
    private let latestTime: Int64?
    private var path: [UInt8] = []
    private var firstNames: [UInt64: [UInt8]] = [:]
    private var entries = 0

    /// Writes the layer that `directory` is, which is lent, to a new file at `file`.
    ///
    /// Not yet on the disk when this returns. Blocks for as long as reading, hashing and compressing take.
    package static func write(
        _ directory: borrowing OwnedDescriptor,
        to file: String,
        _ options: Options = Options()
    ) throws(ImageError) -> WrittenLayer {
        let sink = try LayerSink(file, options.compression)
        var writer = LayerWriter(sink: sink, latestTime: options.latestTime)
        do throws(SyscallError) { try writer.writeEntries(of: directory, depth: 0) } catch {
            unlink(file)
            throw sink.failure ?? .kernel("write a layer", error)
        }
        do throws(ImageError) { return try sink.finish(entries: writer.entries) } catch {
            unlink(file)
            throw error
        }
    }

    private init(sink: LayerSink, latestTime: Int64?) {
        self.sink = sink
        self.latestTime = latestTime
    }

    private mutating func writeEntries(
        of directory: borrowing OwnedDescriptor,
        depth: Int
    ) throws(SyscallError) {
        guard depth < TreeWalk.deepest else {
            throw SyscallError(call: "open", subject: text, errno: Errno(rawValue: ELOOP))
        }
        for name in try Self.sortedNames(of: directory) {
            guard let metadata = try directory.metadata(ofEntry: name) else { continue }
            let former = path.count
            path += name.dropLast().map { UInt8(bitPattern: $0) }
            try writeEntry(name, metadata, in: directory, depth: depth)
            path.removeLast(path.count - former)
        }
    }

    private mutating func writeEntry(
        _ name: [CChar],
        _ metadata: FileMetadata,
        in directory: borrowing OwnedDescriptor,
        depth: Int
    ) throws(SyscallError) {
        if metadata.isWhiteout { return try writeWhiteout(name) }
        if metadata.kind != .directory && metadata.links > 1 {
            if let first = firstNames[metadata.inode] {
                var header = header(.hardLink, metadata)
                header.target = first
                return try write(header)
            }
            firstNames[metadata.inode] = path
        }
        switch metadata.kind {
        case .directory:
            let child = try directory.openAt(path: name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, [.beneath, .noLinks])
            try writeDirectory(child, metadata, depth: depth)
        case .regular:
            let file = try directory.openAt(path: name, O_RDONLY | O_NOFOLLOW | O_NOCTTY, [.beneath, .noLinks])
            var header = header(.file, metadata)
            header.size = metadata.size
            header.attributes = try Self.attributes(of: file.rawValue)
            try write(header)
            try sink.copy(file, count: metadata.size)
        case .symbolicLink:
            let link = try directory.openAt(path: name, O_PATH | O_NOFOLLOW, [.beneath, .noLinks])
            var header = header(.symbolicLink, metadata)
            header.target = try link.linkTarget(text)
            try write(header)
        case .fifo: try write(header(.fifo, metadata))
        case .characterDevice: try write(header(.characterDevice, metadata))
        case .blockDevice: try write(header(.blockDevice, metadata))
        case .socket: break
        }
    }

    private mutating func writeDirectory(
        _ directory: borrowing OwnedDescriptor,
        _ metadata: FileMetadata,
        depth: Int
    ) throws(SyscallError) {
        path.append(UInt8(ascii: "/"))
        var header = header(.directory, metadata)
        header.attributes = try Self.attributes(of: directory.rawValue)
        try write(header)
        if try ExtendedAttributes.isOpaque(directory.rawValue) {
            let former = path.count
            path += opaqueName
            try write(self.header(.file, FileMetadata(kind: .regular, permissions: 0)))
            path.removeLast(path.count - former)
        }
        try writeEntries(of: directory, depth: depth + 1)
    }

    private mutating func writeWhiteout(_ name: [CChar]) throws(SyscallError) {
        path.removeLast(name.count - 1)
        path += whiteoutName + name.dropLast().map { UInt8(bitPattern: $0) }
        try write(header(.file, FileMetadata(kind: .regular, permissions: 0)))
    }

    private mutating func write(_ header: TarHeader) throws(SyscallError) {
        entries += 1
        try sink.append(header)
    }

    private func header(_ kind: TarHeader.Kind, _ metadata: FileMetadata) -> TarHeader {
        var header = TarHeader(kind, path, metadata)
        if let latestTime { header.modified = min(header.modified, latestTime) }
        return header
    }

    private var text: String { printable(path) }

    private static func sortedNames(of directory: borrowing OwnedDescriptor) throws(SyscallError) -> [[CChar]] {
        let entries = DirectoryEntries()
        var names: [[CChar]] = []
        while true {
            let batch = try entries.next(directory)
            if batch.isEmpty { break }
            for entry in batch { names.append(entry.name) }
        }
        return names.sorted { left, right in
            left.withUnsafeBufferPointer { left in
                right.withUnsafeBufferPointer { right in
                    guard let left = left.baseAddress, let right = right.baseAddress else { return false }
                    return strcmp(left, right) < 0
                }
            }
        }
    }

    /// Those that an image may have, sorted by name.
    private static func attributes(of file: CInt) throws(SyscallError) -> [(name: String, value: [UInt8])] {
        let names = try ExtendedAttributes.names(of: file)
        var result: [(name: String, value: [UInt8])] = []
        for name in names.sorted() where name.hasPrefix("user.") || name == "security.capability" {
            result.append((name, try ExtendedAttributes.value(name, of: file)))
        }
        return result
    }
}

extension ExtendedAttributes {
    /// Whether overlayfs shows nothing of what lies below a directory of one of its layers.
    static func isOpaque(_ directory: CInt) throws(SyscallError) -> Bool {
        do throws(SyscallError) {
            return try value("trusted.overlay.opaque", of: directory) == [UInt8(ascii: "y")]
        } catch {
            guard [ENODATA, EOPNOTSUPP].contains(error.errno.rawValue) else { throw error }
            return false
        }
    }
}

private let whiteoutName = Array(".wh.".utf8)
private let opaqueName = Array(".wh..wh..opq".utf8)
/// `O_PATH`, which the C library hides.
private let O_PATH: CInt = 0o10000000
