import Glibc

/// A stream socket of a path: unix(7) `SOCK_STREAM`.
package enum StreamSocket {
    /// Connects to a path of at most 107 bytes.
    package static func connect(to path: String) throws(SyscallError) -> OwnedDescriptor {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let made = OwnedDescriptor(adopting: try SyscallError.checkErrno(socket(AF_UNIX, type, 0), "socket", path))
        let connected = try withAddress(path) { Glibc.connect(made.rawValue, $0, $1) }
        _ = try SyscallError.checkErrno(connected, "connect", path)
        return made
    }

    /// Listens at a path of at most 107 bytes, which must not be there.
    package static func listening(at path: String) throws(SyscallError) -> OwnedDescriptor {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let made = OwnedDescriptor(adopting: try SyscallError.checkErrno(socket(AF_UNIX, type, 0), "socket", path))
        let bound = try withAddress(path) { Glibc.bind(made.rawValue, $0, $1) }
        _ = try SyscallError.checkErrno(bound, "bind", path)
        _ = try SyscallError.checkErrno(listen(made.rawValue, 1), "listen", path)
        return made
    }
}

extension OwnedDescriptor {
    /// Another number for the same open file, `lowest` or higher; the caller owns it: fcntl(2) `F_DUPFD_CLOEXEC`.
    package borrowing func duplicate(atLeast lowest: Int32) throws(SyscallError) -> Int32 {
        try SyscallError.checkErrno(
            fcntl(rawValue, F_DUPFD_CLOEXEC, lowest),
            "fcntl(F_DUPFD_CLOEXEC)",
            "descriptor \(rawValue)"
        )
    }

    /// Opens a file to write at its end, and makes it when it is not there.
    package static func appending(to path: String) throws(SyscallError) -> OwnedDescriptor {
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW
        return OwnedDescriptor(adopting: try SyscallError.checkErrno(open(path, flags, 0o600), "open", path))
    }

    /// Whether nobody else holds the file's lock; it is let go again at once: flock(2).
    package borrowing func tryLock() throws(SyscallError) -> Bool {
        if flock(rawValue, LOCK_EX | LOCK_NB) == 0 {
            flock(rawValue, LOCK_UN)
            return true
        }
        guard Glibc.errno == EWOULDBLOCK else { throw SyscallError(call: "flock", subject: "", errno: .current) }
        return false
    }
}
