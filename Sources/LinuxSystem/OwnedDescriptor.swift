import Glibc

/// A descriptor with exactly one owner, closed when that owner ends.
package struct OwnedDescriptor: ~Copyable, Sendable {
    /// The descriptor's number, valid as long as the owner lives.
    package let rawValue: CInt

    /// Takes over an open descriptor.
    package init(adopting rawValue: CInt) { self.rawValue = rawValue }

    deinit { _ = Glibc.close(rawValue) }

    /// Gives the descriptor up without closing it; the caller owns the number from here on.
    package consuming func release() -> CInt {
        let raw = rawValue
        discard self
        return raw
    }

    /// Another descriptor for the same open file description: fcntl(2) F_DUPFD_CLOEXEC.
    package borrowing func duplicate() throws(SyscallError) -> OwnedDescriptor {
        OwnedDescriptor(
            adopting: try SyscallError.checkErrno(
                fcntl(rawValue, F_DUPFD_CLOEXEC, 3),
                "fcntl(F_DUPFD_CLOEXEC)",
                "descriptor \(rawValue)"
            )
        )
    }
}
