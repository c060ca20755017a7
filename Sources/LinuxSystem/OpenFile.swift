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

    /// Makes a file that has no path and lives in memory: memfd_create(2) with `MFD_CLOEXEC`.
    package static func memory(_ name: String) throws(SyscallError) -> OwnedDescriptor {
        let result = name.withCString {
            clinux_syscall(Int64(SYS_memfd_create), UInt64(UInt(bitPattern: $0)), 1, 0, 0, 0, 0)
        }
        return OwnedDescriptor(adopting: try SyscallError.check(CInt(result), "memfd_create", name))
    }
}
