import Glibc
package import LinuxSystem

/// A container's log: a file that is cut into several when it grows.
///
/// The current file is `log.json`; older ones are `log.json.1`, `log.json.2` and so on, the newest first.
package struct LogFile: ~Copyable, Sendable {
    /// How much is kept.
    package struct Limits: Hashable, Sendable {
        /// Bytes after which a new file is begun; nil for never.
        package var sizeBytes: Int64?
        /// How many files there are at most, the current one among them.
        package var files: Int

        /// What is kept when nobody says anything: five files of 20 MB.
        package static let standard = Limits(sizeBytes: 20_000_000, files: 5)

        /// So many files of that size.
        package init(sizeBytes: Int64?, files: Int) {
            self.sizeBytes = sizeBytes
            self.files = max(1, files)
        }
    }

    private let directory: String
    private let limits: Limits
    private var file: OwnedDescriptor
    private var size: Int64

    /// Opens the log in `directory`, to go on where it ends.
    package static func open(in directory: String, limits: Limits) throws(SyscallError) -> LogFile {
        let file = try openFile(directory)
        let size = try wholeSize(of: file.rawValue, path: "\(directory)/log.json")
        return LogFile(directory: directory, limits: limits, file: file, size: size)
    }

    /// The size of a log without what a writer that was killed has left of its last record, which is cut off: the next
    /// record would be lost with it, and the line it came from is still to be written.
    private static func wholeSize(of file: Int32, path: String) throws(SyscallError) -> Int64 {
        var information = stat()
        _ = try SyscallError.checkErrno(fstat(file, &information), "fstat", path)
        var end = Int64(information.st_size)
        var buffer = [UInt8](repeating: 0, count: 4096)
        while end > 0 {
            let start = max(0, end - Int64(buffer.count))
            let count = pread(file, &buffer, Int(end - start), off_t(start))
            guard count > 0 else { throw SyscallError(call: "pread", subject: path, errno: .current) }
            if let last = buffer[..<count].lastIndex(of: 0x0A) {
                end = start + Int64(last) + 1
                break
            }
            end = start
        }
        if end < Int64(information.st_size) {
            _ = try SyscallError.checkErrno(ftruncate(file, off_t(end)), "ftruncate", path)
        }
        return end
    }

    private init(directory: String, limits: Limits, file: consuming OwnedDescriptor, size: Int64) {
        self.directory = directory
        self.limits = limits
        self.file = file
        self.size = size
    }

    /// Appends whole records; no file becomes longer than the limit, but for a record that alone is.
    ///
    /// After an error none of the last piece is there, and those before it are: a file's worth each.
    package mutating func append(_ bytes: [UInt8]) throws(SyscallError) {
        guard let limit = limits.sizeBytes else { return try write(bytes) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let room = Int(clamping: max(0, limit - size))
            let count = rest.count <= room ? rest.count : Self.records(in: rest, within: room)
            if count == 0 && size > 0 {
                try rotate()
                continue
            }
            let first = rest.firstIndex(of: 0x0a).map { $0 - rest.startIndex + 1 } ?? rest.count
            let piece = rest.prefix(max(count, first))
            try write(Array(piece))
            rest = rest[piece.endIndex...]
        }
    }

    /// How many bytes the records have that fit into `room` bytes.
    private static func records(in bytes: ArraySlice<UInt8>, within room: Int) -> Int {
        bytes.prefix(room).lastIndex(of: 0x0a).map { $0 - bytes.startIndex + 1 } ?? 0
    }

    private mutating func write(_ bytes: [UInt8]) throws(SyscallError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(file.rawValue, $0.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let reason = Errno.current
                // A piece of a record would spoil the next one. When this fails too, a reader passes over both.
                if written > 0 { ftruncate(file.rawValue, off_t(size)) }
                throw SyscallError(call: "write", subject: "\(directory)/log.json", errno: reason)
            }
            written += count
        }
        size += Int64(written)
    }

    private mutating func rotate() throws(SyscallError) {
        let path = "\(directory)/log.json"
        if limits.files == 1 {
            _ = try SyscallError.checkErrno(ftruncate(file.rawValue, 0), "ftruncate", path)
        } else {
            for number in stride(from: limits.files - 2, through: 1, by: -1) {
                // The first rotations find fewer files than there may be.
                _ = rename("\(path).\(number)", "\(path).\(number + 1)")
            }
            _ = try SyscallError.checkErrno(rename(path, "\(path).1"), "rename", path)
            file = try Self.openFile(directory)
        }
        size = 0
    }

    private static func openFile(_ directory: String) throws(SyscallError) -> OwnedDescriptor {
        let path = "\(directory)/log.json"
        return OwnedDescriptor(
            adopting: try SyscallError.checkErrno(
                Glibc.open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o640),
                "open",
                path
            )
        )
    }
}
