package import LinuxSystem

/// Why the network of a project could not be had.
package struct NetworkError: Error, Sendable, CustomStringConvertible {
    /// What callers branch on.
    package enum Code: Hashable, Sendable {
        /// A network or an interface of this name belongs to somebody else.
        case nameTaken
        /// A subnet, gateway or address does not fit the network, or fits no longer.
        case invalidAddress
        /// An address is in use by another container or reserved.
        case addressTaken
        /// No free subnet or address is left.
        case exhausted
        /// A published port is in use.
        case portTaken
        /// The caller may not do this.
        case notPermitted
        /// A record on disk could not be read or written.
        case record
        /// A name or message of the domain name system is malformed.
        case malformedName
        /// The kernel refused; see `cause`.
        case kernel
    }

    /// What callers branch on.
    package var code: Code
    /// The object, the cause and the next step.
    package var message: String
    /// The failure below, where there is one.
    package var cause: (any Error)?

    /// Describes a failure.
    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// Wraps a refusal of the kernel, adding what was being done.
    package init(_ doing: String, _ error: NetlinkError) {
        let code: Code = error.code == .notPermitted ? .notPermitted : .kernel
        self.init(code, "\(doing): \(error)", cause: error)
    }

    /// Wraps a failed system call, adding what was being done.
    package init(_ doing: String, _ error: SyscallError) {
        let refused = error.errno.rawValue == 1 || error.errno.rawValue == 13
        self.init(refused ? .notPermitted : .kernel, "\(doing): \(error)", cause: error)
    }

    /// The message.
    package var description: String { message }
}
