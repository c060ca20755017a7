import Glibc

/// Reads files from the disk.
package struct DiskFileReader: FileReader {
    /// How much is read of a file: one that never ends is none.
    private static let limit = 64 << 20

    /// A reader.
    package init() {}

    package func isFile(_ path: String) -> Bool {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return false }
        return status.st_mode & S_IFMT != S_IFDIR
    }

    package func resolved(_ path: String) -> String? {
        guard let pointer = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(pointer) }
        return unsafe String(cString: pointer)
    }

    package func isFile(_ path: String, within root: String) -> Bool {
        guard isFile(path), let path = resolved(path), let root = resolved(root) else { return false }
        return FilePath.isWithin(path, root)
    }

    package func contents(of path: String) -> [UInt8]? { contents(of: path, in: nil) }
    package func contents(of path: String, within root: String) -> [UInt8]? { contents(of: path, in: root) }

    private func contents(of path: String, in root: String?) -> [UInt8]? {
        // A pipe that nobody writes to would keep us waiting when it is opened, but not when it is read.
        let descriptor = path == "-" ? STDIN_FILENO : unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        if descriptor != STDIN_FILENO && fcntl(descriptor, F_SETFL, O_RDONLY) < 0 { return nil }
        // Where links have led is asked of what is open, so that nobody changes it in between: proc_pid_fd(5).
        if let root {
            guard let place = resolved("/proc/self/fd/\(descriptor)"), let root = resolved(root),
                FilePath.isWithin(place, root)
            else { return nil }
        }
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count < 0 { return nil }
            if count == 0 { return result }
            guard result.count + count <= Self.limit else { return nil }
            result += chunk[..<count]
        }
    }
}
