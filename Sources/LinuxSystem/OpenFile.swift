import CLinux
import Glibc

extension OwnedDescriptor {
    /// Names a path of the host without opening it for reading or writing: open(2) with `O_PATH`.
    package static func path(_ path: String) throws(SyscallError) -> OwnedDescriptor {
        OwnedDescriptor(adopting: try SyscallError.checkErrno(open(path, O_PATH | O_CLOEXEC), "open(O_PATH)", path))
    }

    /// Opens a file of the host for reading: open(2) with `O_RDONLY`.
    package static func reading(_ path: String) throws(SyscallError) -> OwnedDescriptor {
        OwnedDescriptor(adopting: try SyscallError.checkErrno(open(path, O_RDONLY | O_CLOEXEC), "open", path))
    }

    /// Opens the file of a namespace, as in `/proc/PID/ns` or mounted elsewhere: namespaces(7).
    ///
    /// Throws `EINVAL` for what is none, which is not opened: a FIFO would have us wait, and a device do something.
    package static func namespace(_ path: String) throws(SyscallError) -> OwnedDescriptor {
        let named = try OwnedDescriptor.path(path)
        var status = statfs()
        _ = try SyscallError.checkErrno(fstatfs(named.rawValue, &status), "fstatfs", path)
        // NSFS_MAGIC of <linux/magic.h>
        guard status.f_type == 0x6E73_6673 else {
            throw SyscallError(call: "fstatfs (no namespace)", subject: path, errno: Errno(rawValue: EINVAL))
        }
        return try reading("/proc/self/fd/\(named.rawValue)")
    }

    /// Opens a directory of the host: open(2) with `O_DIRECTORY`.
    package static func directory(_ path: String) throws(SyscallError) -> OwnedDescriptor {
        OwnedDescriptor(
            adopting: try SyscallError.checkErrno(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open", path)
        )
    }

    /// Whether two descriptors are open on the same file, as fstat(2) tells files apart; namespaces are files too.
    package borrowing func isSameFile(as other: borrowing OwnedDescriptor) throws(SyscallError) -> Bool {
        var (mine, theirs) = (stat(), stat())
        _ = try SyscallError.checkErrno(fstat(rawValue, &mine), "fstat", "descriptor \(rawValue)")
        _ = try SyscallError.checkErrno(fstat(other.rawValue, &theirs), "fstat", "descriptor \(other.rawValue)")
        return mine.st_dev == theirs.st_dev && mine.st_ino == theirs.st_ino
    }

    /// The number of the mount that this is a file of, as in `/proc/self/mountinfo`: proc_pid_fdinfo(5).
    package borrowing func mountNumber() throws(SyscallError) -> UInt64 {
        let path = "/proc/self/fdinfo/\(rawValue)"
        let line = try readFile(path).split(separator: "\n").first { $0.hasPrefix("mnt_id:") }
        guard let number = line?.split(whereSeparator: \.isWhitespace).last.flatMap({ UInt64($0) }) else {
            throw SyscallError(call: "read", subject: path, errno: Errno(rawValue: EPROTO))
        }
        return number
    }

    /// Makes a file that has no path and lives in memory: memfd_create(2) with `MFD_CLOEXEC`.
    package static func memory(_ name: String) throws(SyscallError) -> OwnedDescriptor {
        let result = name.withCString {
            clinux_syscall(Int64(SYS_memfd_create), UInt64(UInt(bitPattern: $0)), 1, 0, 0, 0, 0)
        }
        return OwnedDescriptor(adopting: try SyscallError.check(CInt(result), "memfd_create", name))
    }
}

extension OwnedDescriptor {
    /// Opens a regular file for reading, taking a directory for the root of all its links: openat2(2), Linux 5.6.
    ///
    /// Never waits and follows no magic link of procfs. Throws `EINVAL` for what is not a regular file.
    package static func regularFile(_ path: String, inRoot root: CInt) throws(SyscallError) -> OwnedDescriptor {
        // struct open_how: flags, mode, resolve
        var how: (UInt64, UInt64, UInt64) = (
            UInt64(O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), 0,
            UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
        )
        var result: Int64
        var attempts = 0
        repeat {
            result = path.withCString { path in
                withUnsafeMutablePointer(to: &how) {
                    clinux_syscall(
                        Int64(SYS_openat2),
                        UInt64(root),
                        UInt64(UInt(bitPattern: path)),
                        UInt64(UInt(bitPattern: $0)),
                        UInt64(MemoryLayout.size(ofValue: $0.pointee)),
                        0,
                        0
                    )
                }
            }
            attempts += 1
            // A rename anywhere on the host while `..` was resolved: openat2(2) asks to try again.
        } while result == -Int64(EAGAIN) && attempts < 256
        let file = OwnedDescriptor(adopting: try SyscallError.check(CInt(result), "openat2", path))
        var status = stat()
        _ = try SyscallError.checkErrno(fstat(file.rawValue, &status), "fstat", path)
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SyscallError(call: "openat2 (not a regular file)", subject: path, errno: Errno(rawValue: EINVAL))
        }
        return file
    }
}

/// Takes away the mount at a path of the host with all that is below it: umount2(2), `MNT_DETACH`.
package func detachMounts(at path: String) throws(SyscallError) {
    _ = try SyscallError.checkErrno(umount2(path, CInt(MNT_DETACH)), "umount2", path)
}
