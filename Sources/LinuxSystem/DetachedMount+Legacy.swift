import CLinux
import Glibc

extension DetachedMount {
    /// Makes a filesystem whose options are too long for fsconfig(2), a page at most: mount(2).
    ///
    /// Paths in the options are relative to `directory`. For a moment it is attached at `path`, a directory of the
    /// caller's own.
    package static func mounted(
        _ type: String,
        options: String,
        relativeTo directory: String,
        at path: String
    ) throws(SyscallError) -> DetachedMount {
        guard options.utf8.count < 4096 else {
            throw SyscallError(
                call: "mount",
                subject: "\(type) with \(options.utf8.count) bytes",
                errno: Errno(rawValue: E2BIG)
            )
        }
        let (result, call) = try OwnThread.run { mount(type, options, relativeTo: directory, at: path) }
        _ = try SyscallError.check(result, call, path)
        defer { umount2(path, CInt(MNT_DETACH)) }
        return try copy(of: path, recursive: false, attributes: [])
    }

    /// One mount(2) by a thread that gets a working directory of its own; 0 or a negated errno, and the call that it is of.
    private static func mount(
        _ type: String,
        _ options: String,
        relativeTo directory: String,
        at path: String
    ) -> (CInt, String) {
        let result = CInt(clinux_syscall(Int64(SYS_unshare), UInt64(CLONE_FS), 0, 0, 0, 0, 0))
        guard result == 0 else { return (result, "unshare(CLONE_FS)") }
        guard chdir(directory) == 0 else { return (-Glibc.errno, "chdir") }
        return (Glibc.mount(type, path, type, 0, options) == 0 ? 0 : -Glibc.errno, "mount")
    }
}
