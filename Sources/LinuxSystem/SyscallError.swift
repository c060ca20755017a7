import CLinux
import Glibc

/// The kernel's reason for refusing a call: an errno(3) value that prints as its symbolic name and meaning.
package struct Errno: Error, Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    /// The number, as in errno(3); always positive.
    package var rawValue: CInt

    /// Wraps a positive errno(3) value.
    package init(rawValue: CInt) { self.rawValue = rawValue }

    /// `ENOENT`: there is no such file.
    package static let notFound = Errno(rawValue: ENOENT)
    /// `EEXIST`: the name is taken.
    package static let exists = Errno(rawValue: EEXIST)

    /// The calling thread's errno.
    ///
    /// Read it directly after the failing call.
    package static var current: Errno { Errno(rawValue: Glibc.errno) }

    /// The meaning in words and the symbolic name, as in "no such file or directory (ENOENT)".
    package var description: String {
        let name = clinux_errno_name(rawValue).map { String(cString: $0) } ?? "errno \(rawValue)"
        let meaning = clinux_errno_text(rawValue).map { String(cString: $0) } ?? "unknown error"
        return "\(meaning.prefix(1).lowercased())\(meaning.dropFirst()) (\(name))"
    }
}

/// One failed system call: what was called, on what, and the kernel's answer.
package struct SyscallError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The call's name as in its manual page, with the operation where one call has several: `fcntl(F_SETFL)`.
    package var call: String
    /// The object the call was about: a path, an interface, a process.
    package var subject: String
    /// The kernel's answer.
    package var errno: Errno

    /// Describes a failed `call` on `subject`.
    package init(call: String, subject: String, errno: Errno) {
        self.call = call
        self.subject = subject
        self.errno = errno
    }

    /// One line: call, subject and reason.
    package var description: String { "\(call) \(subject): \(errno)" }

    /// Returns `result` when it is not negative; otherwise throws the negated errno it holds.
    package static func check(
        _ result: CInt,
        _ call: @autoclosure () -> String,
        _ subject: @autoclosure () -> String
    ) throws(SyscallError) -> CInt {
        guard result >= 0 else { throw SyscallError(call: call(), subject: subject(), errno: Errno(rawValue: -result)) }
        return result
    }

    /// Returns `result` when it is not -1; otherwise throws the calling thread's errno.
    package static func checkErrno(
        _ result: CInt,
        _ call: @autoclosure () -> String,
        _ subject: @autoclosure () -> String
    ) throws(SyscallError) -> CInt {
        guard result != -1 else {
            let reason = Errno.current
            throw SyscallError(call: call(), subject: subject(), errno: reason)
        }
        return result
    }
}
