import CLinux
import Glibc

extension DetachedMount {
    /// Puts a file into a directory of this mount, in the place of whatever has its name.
    ///
    /// The directory is found as if the mount were the root: no link leads out of it, and it is made when it is not
    /// there. The file is a new one, so a link that an image has under its name is not followed: openat2(2)
    /// `RESOLVE_IN_ROOT`, Linux 5.6.
    package borrowing func writeFile(
        _ name: String,
        in directory: String,
        _ bytes: [UInt8],
        mode: UInt32 = 0o644
    ) throws(SyscallError) {
        let place = "the container's \(directory)/\(name)"
        if mkdirat(descriptor.rawValue, String(directory.drop { $0 == "/" }), 0o755) != 0, Glibc.errno != EEXIST {
            throw SyscallError(call: "mkdirat", subject: "the container's \(directory)", errno: .current)
        }
        let parent = try openInRoot(directory, flags: O_PATH | O_DIRECTORY)
        if unlinkat(parent.rawValue, name, 0) != 0, Glibc.errno != ENOENT {
            throw SyscallError(call: "unlinkat", subject: place, errno: .current)
        }
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let file = OwnedDescriptor(
            adopting: try SyscallError.checkErrno(openat(parent.rawValue, name, flags, mode), "openat", place)
        )
        // Whatever our umask is.
        _ = try SyscallError.checkErrno(fchmod(file.rawValue, mode), "fchmod", place)
        try file.writeAll(bytes, subject: place)
    }

    /// Opens a path as if the mount were the root, following no magic link: openat2(2), Linux 5.6.
    private borrowing func openInRoot(_ path: String, flags: Int32) throws(SyscallError) -> OwnedDescriptor {
        var how = open_how(
            flags: UInt64(flags | O_CLOEXEC),
            mode: 0,
            resolve: UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
        )
        let result = path.withCString { path in
            withUnsafeMutablePointer(to: &how) { how in
                clinux_syscall(
                    Int64(SYS_openat2),
                    UInt64(descriptor.rawValue),
                    UInt64(UInt(bitPattern: path)),
                    UInt64(UInt(bitPattern: how)),
                    UInt64(MemoryLayout<open_how>.size),
                    0,
                    0
                )
            }
        }
        return OwnedDescriptor(adopting: try SyscallError.check(CInt(result), "openat2", "the container's \(path)"))
    }
}
