import CLinux
import Glibc

/// Writes a value to an existing file in one write(2), as the kernel's control files want it.
package func writeFile(_ path: String, _ value: String) throws(SyscallError) {
    let file = OwnedDescriptor(
        adopting: try SyscallError.checkErrno(open(path, O_WRONLY | O_CLOEXEC), "open", path)
    )
    var value = value
    let count = value.withUTF8 { write(file.rawValue, $0.baseAddress, $0.count) }
    guard count == value.utf8.count else {
        throw SyscallError(call: "write", subject: path, errno: count < 0 ? .current : Errno(rawValue: EIO))
    }
}

/// Reads a whole file of the kernel's, at most `limit` bytes.
package func readFile(_ path: String, limit: Int = 1 << 20) throws(SyscallError) -> String {
    String(decoding: try readBytes(path, limit: limit), as: UTF8.self)
}

/// Reads a whole file, at most `limit` bytes.
///
/// Does not wait for anybody: a pipe in the place of a file is empty, or an error.
package func readBytes(_ path: String, limit: Int = 1 << 20) throws(SyscallError) -> [UInt8] {
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    let file = OwnedDescriptor(adopting: try SyscallError.checkErrno(open(path, flags), "open", path))
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while bytes.count < limit {
        let count = read(file.rawValue, &buffer, buffer.count)
        if count < 0 && Glibc.errno == EINTR { continue }
        guard count >= 0 else { throw SyscallError(call: "read", subject: path, errno: .current) }
        if count == 0 { return bytes }
        bytes += buffer[..<count]
    }
    throw SyscallError(call: "read", subject: path, errno: Errno(rawValue: EFBIG))
}

/// Puts a file in the place of whatever has its name, so that others see the old or the new one and nothing between:
/// a temporary file beside it, rename(2).
///
/// Does not survive a loss of power, as nothing below `/run` does.
package func replaceFile(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o600) throws(SyscallError) {
    let temporary = path + ".new"
    let file = OwnedDescriptor(
        adopting: try SyscallError.checkErrno(
            open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode),
            "open",
            temporary
        )
    )
    do { try file.writeAll(bytes, subject: temporary) } catch {
        unlink(temporary)
        throw error
    }
    _ = try SyscallError.checkErrno(rename(temporary, path), "rename", path)
}

/// Appends a line to a file, which is made when it is not there, and returns its size then: open(2) with `O_APPEND`.
///
/// Others see the whole line or, when the process dies in the middle, a part of it, which ends before the next line.
/// After an error they see nothing. For one writer at a time.
package func appendLine(_ line: [UInt8], to path: String, mode: UInt32 = 0o600) throws(SyscallError) -> Int {
    let flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW
    let file = OwnedDescriptor(adopting: try SyscallError.checkErrno(open(path, flags, mode), "open", path))
    let size = max(0, lseek(file.rawValue, 0, SEEK_END))
    let newline = UInt8(ascii: "\n")
    var last = newline
    let isCut = size > 0 && pread(file.rawValue, &last, 1, size - 1) == 1 && last != newline
    let bytes = (isCut ? [newline] : []) + line + [newline]
    do { try file.writeAll(bytes, subject: path) } catch {
        // What can't be undone is a line that is cut short.
        _ = ftruncate(file.rawValue, size)
        throw error
    }
    return Int(size) + bytes.count
}

extension OwnedDescriptor {
    /// Writes all of `bytes`; `subject` names the file in errors: write(2).
    package borrowing func writeAll(_ bytes: [UInt8], subject: @autoclosure () -> String) throws(SyscallError) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(rawValue, $0.baseAddress, $0.count) }
            if count < 0 && Glibc.errno == EINTR { continue }
            guard count > 0 else { throw SyscallError(call: "write", subject: subject(), errno: .current) }
            written += count
        }
    }
}

/// Makes a directory, and those above it, that are not there yet: mkdir(2).
package func makeDirectories(_ path: String, mode: UInt32 = 0o700) throws(SyscallError) {
    if mkdir(path, mode) == 0 || Glibc.errno == EEXIST { return }
    let reason = Errno.current
    guard reason.rawValue == ENOENT, let cut = path.lastIndex(of: "/"), cut != path.startIndex else {
        throw SyscallError(call: "mkdir", subject: path, errno: reason)
    }
    try makeDirectories(String(path[..<cut]), mode: mode)
    if mkdir(path, mode) != 0 && Glibc.errno != EEXIST {
        throw SyscallError(call: "mkdir", subject: path, errno: .current)
    }
}

/// Whether a path names anything: access(2) `F_OK`.
package func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Removes a file: unlink(2).
///
/// Returns false when it is not there or can't be removed.
@discardableResult
package func removeFile(_ path: String) -> Bool { unlink(path) == 0 }

/// Removes an empty directory, or finds it gone: rmdir(2).
package func removeDirectory(_ path: String) throws(SyscallError) {
    if rmdir(path) == 0 || Glibc.errno == ENOENT { return }
    throw SyscallError(call: "rmdir", subject: path, errno: .current)
}

/// The names in a directory, sorted, `.` and `..` not among them; none when it can't be read: readdir(3).
package func namesInDirectory(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// Whether an open descriptor and a path are the same directory: fstat(2), stat(2).
package func isSameDirectory(_ descriptor: Int32, _ path: String) -> Bool {
    var (open, named) = (stat(), stat())
    guard fstat(descriptor, &open) == 0, stat(path, &named) == 0 else { return false }
    return open.st_dev == named.st_dev && open.st_ino == named.st_ino
}

/// Has ext4 put the subdirectories of a directory far from each other: ioctl_iflags(2) `FS_TOPDIR_FL`.
///
/// Where many small directories come and go, each then has the inodes of its own neighbourhood: ext4 passes over those
/// that were deleted in the last minutes, one by one, and with all of them in one place that takes ever longer. Other
/// filesystems refuse, which does no harm.
package func spreadSubdirectories(of path: String) {
    let raw = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard raw >= 0 else { return }
    let directory = OwnedDescriptor(adopting: raw)
    var flags: CInt = 0
    guard ioctl(directory.rawValue, UInt(0x8008_6601), &flags) == 0, flags & 0x20000 == 0 else { return }
    flags |= 0x20000
    _ = ioctl(directory.rawValue, UInt(0x4008_6602), &flags)
}
