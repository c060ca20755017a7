import CLinux
import Glibc

extension DetachedMount {
    /// Makes a filesystem whose options are too long for fsconfig(2), a page at most: mount(2).
    ///
    /// For a moment it is attached at `path`, a directory of the caller's own.
    package static func mounted(
        _ type: String,
        options: String,
        at path: String
    ) throws(SyscallError) -> DetachedMount {
        guard options.utf8.count < 4096 else {
            throw SyscallError(
                call: "mount",
                subject: "\(type) with \(options.utf8.count) bytes",
                errno: Errno(rawValue: E2BIG)
            )
        }
        _ = try SyscallError.checkErrno(mount(type, path, type, 0, options), "mount", path)
        defer { umount2(path, CInt(MNT_DETACH)) }
        return try copy(of: path, recursive: false, attributes: [])
    }
}
