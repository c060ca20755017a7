import Glibc

/// Writes a tree as an archive: POSIX ustar, with pax headers for what does not fit, as in tar(5).
package final class TarWriter: TreeSink {
    private let output: OutputBuffer
    private var path: [UInt8] = []
    private var lengths: [Int] = []
    /// The name that the top of the tree has in the archive; empty for none, so that names begin below it.
    private let topName: [UInt8]
    /// What was passed over, for people.
    package private(set) var leftOut: [String] = []

    private static let block = 512

    /// An archive on a descriptor, which is lent; the top of the tree is called `name`, or nothing when that is empty.
    package init(to descriptor: Int32, as name: String) {
        output = OutputBuffer(descriptor)
        topName = Array(name.utf8)
    }

    /// Writes the archive's end.
    package func finish() throws(SyscallError) {
        try output.write([UInt8](repeating: 0, count: 2 * Self.block))
        try output.flush()
    }

    package func enter(_ name: [CChar], _ metadata: FileMetadata) throws(SyscallError) {
        let former = path.count
        defer { lengths.append(former) }
        path += bytes(name)
        guard !path.isEmpty else { return }
        path.append(UInt8(ascii: "/"))
        try header(metadata, kind: "5", size: 0)
    }

    package func leave() { path.removeLast(path.count - (lengths.popLast() ?? 0)) }

    package func file(
        _ name: [CChar],
        _ metadata: FileMetadata,
        _ content: borrowing OwnedDescriptor
    ) throws(SyscallError) {
        try named(name) { () throws(SyscallError) in
            let size = max(0, metadata.size)
            try header(metadata, kind: "0", size: size)
            var left = size
            var buffer = [UInt8](repeating: 0, count: 1 << 17)
            while left > 0 {
                let got = read(content.rawValue, &buffer, min(buffer.count, Int(clamping: left)))
                if got < 0 && Glibc.errno == EINTR { continue }
                guard got >= 0 else { throw SyscallError(call: "read", subject: text, errno: .current) }
                // A file that has become shorter is as long as was said, with nothing at its end.
                let piece = got == 0 ? [UInt8](repeating: 0, count: min(buffer.count, Int(clamping: left))) : []
                try output.write(got == 0 ? piece : Array(buffer[..<got]))
                left -= Int64(got == 0 ? piece.count : got)
            }
            try pad(size)
        }
    }

    package func link(_ name: [CChar], _ metadata: FileMetadata, to target: [UInt8]) throws(SyscallError) {
        try named(name) { () throws(SyscallError) in try header(metadata, kind: "2", size: 0, target: target) }
    }

    package func leaveOut(_ name: [CChar], _ metadata: FileMetadata) {
        leftOut.append(String(decoding: path + bytes(name), as: UTF8.self))
    }

    private var text: String { String(decoding: path, as: UTF8.self) }

    private func bytes(_ name: [CChar]) -> [UInt8] {
        lengths.isEmpty ? topName : name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    }

    private func named(_ name: [CChar], _ body: () throws(SyscallError) -> Void) throws(SyscallError) {
        let former = path.count
        path += bytes(name)
        defer { path.removeLast(path.count - former) }
        try body()
    }

    private func pad(_ size: Int64) throws(SyscallError) {
        let rest = Int(size % Int64(Self.block))
        if rest > 0 { try output.write([UInt8](repeating: 0, count: Self.block - rest)) }
    }

    private func header(
        _ metadata: FileMetadata,
        kind: Character,
        size: Int64,
        target: [UInt8] = []
    ) throws(SyscallError) {
        var records: [UInt8] = []
        if path.count > 100 { records += Self.record("path", path) }
        if target.count > 100 { records += Self.record("linkpath", target) }
        if size >= 1 << 33 { records += Self.record("size", Array("\(size)".utf8)) }
        for (key, id) in [("uid", metadata.owner), ("gid", metadata.group)] where id >= 1 << 21 {
            records += Self.record(key, Array("\(id)".utf8))
        }
        if !records.isEmpty {
            var plain = metadata
            plain.permissions = 0o644
            let length = Int64(records.count)
            try output.write(Self.block(plain, Array("pax".utf8), kind: "x", size: length, target: []))
            try output.write(records)
            try pad(length)
        }
        try output.write(Self.block(metadata, path, kind: kind, size: size, target: target))
    }

    /// `<length> <key>=<value>` and a line end; the length counts itself.
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = [UInt8](" \(key)=".utf8) + value + [0x0A]
        var length = rest.count + 1
        while "\(length)".utf8.count + rest.count != length { length = "\(length)".utf8.count + rest.count }
        return Array("\(length)".utf8) + rest
    }

    private static func block(
        _ metadata: FileMetadata,
        _ name: [UInt8],
        kind: Character,
        size: Int64,
        target: [UInt8]
    ) -> [UInt8] {
        var block: [UInt8] = []
        func add(_ bytes: some Collection<UInt8>, _ width: Int) {
            block += bytes.prefix(width)
            block += [UInt8](repeating: 0, count: width - min(width, bytes.count))
        }
        func octal(_ value: UInt64, _ width: Int) {
            let digits = String(value, radix: 8).utf8
            // What does not fit stands in a pax header.
            let shown = digits.count < width ? Array(digits) : [UInt8](repeating: UInt8(ascii: "0"), count: 1)
            add([UInt8](repeating: UInt8(ascii: "0"), count: width - 1 - shown.count) + shown, width)
        }
        add(name, 100)
        octal(UInt64(metadata.permissions), 8)
        octal(UInt64(metadata.owner), 8)
        octal(UInt64(metadata.group), 8)
        octal(UInt64(max(0, size)), 12)
        octal(UInt64(max(0, metadata.modified.seconds)), 12)
        add([UInt8](repeating: 0x20, count: 8), 8)
        add(String(kind).utf8, 1)
        add(target, 100)
        add(Array("ustar\0".utf8) + Array("00".utf8), 8)
        add([], Self.block - block.count)
        let sum = block.reduce(0) { $0 + UInt64($1) }
        let digits = String(sum, radix: 8)
        let checksum = String(repeating: "0", count: 6 - digits.count) + digits + "\0 "
        block.replaceSubrange(148..<156, with: Array(checksum.utf8))
        return block
    }
}

/// Collects what is written to a descriptor into large pieces.
private final class OutputBuffer {
    private let descriptor: Int32
    private var bytes: [UInt8] = []
    private static let size = 1 << 18

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    func write(_ piece: [UInt8]) throws(SyscallError) {
        bytes += piece
        if bytes.count >= Self.size { try flush() }
    }

    func flush() throws(SyscallError) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && Glibc.errno == EINTR { continue }
            guard count > 0 else { throw SyscallError(call: "write", subject: "the archive", errno: .current) }
            written += count
        }
        bytes.removeAll(keepingCapacity: true)
    }
}
