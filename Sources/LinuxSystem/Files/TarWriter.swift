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

    /// An archive on a descriptor, which is lent; the top of the tree is called `name`, or nothing when that is empty.
    package init(to descriptor: Int32, as name: String) {
        output = OutputBuffer(descriptor)
        topName = Array(name.utf8)
    }

    /// Writes the archive's end.
    package func finish() throws(SyscallError) {
        try output.write([UInt8](repeating: 0, count: 2 * TarHeader.block))
        try output.flush()
    }

    package func enter(_ name: [CChar], _ metadata: FileMetadata) throws(SyscallError) {
        let former = path.count
        defer { lengths.append(former) }
        path += bytes(name)
        guard !path.isEmpty else { return }
        path.append(UInt8(ascii: "/"))
        try header(metadata, kind: .directory, size: 0)
    }

    package func leave() { path.removeLast(path.count - (lengths.popLast() ?? 0)) }

    package func file(
        _ name: [CChar],
        _ metadata: FileMetadata,
        _ content: borrowing OwnedDescriptor
    ) throws(SyscallError) {
        try named(name) { () throws(SyscallError) in
            let size = max(0, metadata.size)
            try header(metadata, kind: .file, size: size)
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
        try named(name) { () throws(SyscallError) in try header(metadata, kind: .symbolicLink, size: 0, target: target)
        }
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
        let rest = TarHeader.padding(size)
        if rest > 0 { try output.write([UInt8](repeating: 0, count: rest)) }
    }

    private func header(
        _ metadata: FileMetadata,
        kind: TarHeader.Kind,
        size: Int64,
        target: [UInt8] = []
    ) throws(SyscallError) {
        var header = TarHeader(kind, path, metadata)
        header.size = size
        header.target = target
        var bytes: [UInt8] = []
        header.append(to: &bytes)
        try output.write(bytes)
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
