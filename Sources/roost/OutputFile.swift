import Glibc
import LinuxSystem

/// A file that someone wants output in.
enum OutputFile {
    /// Puts `text` in the place of what `path` holds, all of it or, on failure, nothing of it.
    ///
    /// A symbolic link is followed, and the file keeps its mode. What is no plain file, such as `/dev/stdout`, is
    /// written to as it is.
    static func write(_ text: String, to path: String) throws(UserError) {
        do throws(SyscallError) {
            var status = stat()
            let exists = unsafe stat(path, &status) == 0
            let bytes = Array(text.utf8)
            if exists && status.st_mode & S_IFMT != S_IFREG {
                let file = OwnedDescriptor(
                    adopting: try SyscallError.checkErrno(unsafe open(path, O_WRONLY | O_CLOEXEC), "open", path)
                )
                return try file.writeAll(bytes, subject: path)
            }
            try replace(exists ? resolved(path) : path, bytes, mode: exists ? status.st_mode & 0o7777 : nil)
        } catch {
            throw UserError("write \(path): \(error); what it held is as it was")
        }
    }

    /// Has `body` write an archive into a new file, which takes the name `path` when it is whole; nothing is left of it
    /// otherwise.
    ///
    /// What has the name and is no plain file, such as `/dev/null`, is written to as it is.
    static func writeArchive(to path: String, _ body: (Int32) throws -> Void) throws {
        var status = stat()
        if unsafe stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            guard status.st_mode & S_IFMT != S_IFDIR else {
                throw UserError("\(path) is a directory; name a file in it")
            }
            let file = OwnedDescriptor(
                adopting: try SyscallError.checkErrno(unsafe open(path, O_WRONLY | O_CLOEXEC), "open", path)
            )
            return try body(file.rawValue)
        }
        let temporary = "\(path).\(getpid()).new"
        let file = try OwnedDescriptor.newFile(temporary)
        do {
            try body(file.rawValue)
            _ = try SyscallError.checkErrno(unsafe rename(temporary, path), "rename", path)
        } catch {
            removeFile(temporary)
            throw error
        }
    }

    private static func resolved(_ path: String) -> String {
        guard let target = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(target) }
        return unsafe String(cString: target)
    }

    private static func replace(_ path: String, _ bytes: [UInt8], mode: mode_t?) throws(SyscallError) {
        let temporary = "\(path).\(getpid()).new"
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        let file = OwnedDescriptor(
            adopting: try SyscallError.checkErrno(unsafe open(temporary, flags, 0o666), "open", temporary)
        )
        do throws(SyscallError) {
            if let mode { _ = try SyscallError.checkErrno(fchmod(file.rawValue, mode), "fchmod", temporary) }
            try file.writeAll(bytes, subject: temporary)
            // The name must never lead to an empty file, even after a loss of power.
            _ = try SyscallError.checkErrno(fsync(file.rawValue), "fsync", temporary)
            _ = try SyscallError.checkErrno(unsafe rename(temporary, path), "rename", path)
        } catch {
            unsafe unlink(temporary)
            throw error
        }
    }
}
