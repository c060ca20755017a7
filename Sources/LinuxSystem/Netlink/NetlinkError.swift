/// A netlink request that failed, with the kernel's own explanation where it gave one.
package struct NetlinkError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure this is.
    package enum Code: Hashable, Sendable {
        /// The object is already there (EEXIST).
        case exists
        /// The object, or one that it refers to, is not there (ENOENT, ENODEV, ESRCH).
        case notFound
        /// The caller may not do this in this namespace (EPERM, EACCES).
        case notPermitted
        /// Something still refers to the object (EBUSY).
        case inUse
        /// This kernel lacks the feature (EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT).
        case unsupported
        /// The address cannot be had, or the gateway cannot be reached (EADDRNOTAVAIL, ENETUNREACH, EHOSTUNREACH).
        case unreachable
        /// No answer came before the deadline.
        case timedOut
        /// The kernel's answer could not be read, or a list changed under each attempt to read it.
        case unreadable
        /// Any other refusal; see `errno`.
        case kernel
    }

    /// What callers branch on.
    package var code: Code
    /// What was asked for: "create bridge front".
    package var subject: String
    /// The kernel's answer.
    package var errno: Errno?
    /// The kernel's explanation (NLMSGERR_ATTR_MSG), where it gave one.
    package var explanation: String?
    /// Where in the request the offending attribute starts (NLMSGERR_ATTR_OFFS), in bytes from its header.
    package var offset: Int?

    /// Describes a failure that is not the kernel's refusal.
    package init(code: Code, subject: String, explanation: String? = nil) {
        self.code = code
        self.subject = subject
        self.explanation = explanation
    }

    /// Describes the kernel's refusal.
    package init(subject: String, errno: Errno, explanation: String? = nil, offset: Int? = nil) {
        code = Self.codes[errno.rawValue] ?? .kernel
        self.subject = subject
        self.errno = errno
        self.explanation = explanation
        self.offset = offset
    }

    /// One line: subject, the kernel's words if any, and the errno.
    package var description: String {
        let reasons = [explanation, errno.map(\.description)].compactMap { $0 }
        return "\(subject): \(reasons.isEmpty ? "no answer in time" : reasons.joined(separator: ": "))"
    }

    /// errno(3) to code.
    private static let codes: [CInt: Code] = [
        17: .exists, 2: .notFound, 19: .notFound, 3: .notFound, 6: .notFound, 1: .notPermitted, 13: .notPermitted,
        16: .inUse, 95: .unsupported, 97: .unsupported, 93: .unsupported, 99: .unreachable, 101: .unreachable,
        113: .unreachable, 11: .timedOut,
    ]
}
