/// Why a registry could not give or take what was asked.
package struct RegistryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure; callers branch on this, never on text.
    package enum Code: Hashable, Sendable {
        /// Nobody answers, or the connection broke again and again.
        case unreachable
        /// The registry has no such image or content.
        case notFound
        /// The registry wants to know who asks, or says no to whoever it is.
        case unauthorised
        /// The registry refuses for another reason, or fails.
        case refused
        /// An answer that no registry gives: of the wrong kind, too large, contradicting itself.
        case invalidAnswer
        /// Content that is not what its digest and size say.
        case digestMismatch
        /// A file of settings or credentials that can't be read, or a helper that fails.
        case configuration
        /// Something this version does not do, and does not pass over.
        case unsupported
        /// A policy forbids the image.
        case forbidden
        /// The store could not take or give it.
        case store
        /// The store's disk is full.
        case fullDisk
    }

    package var code: Code
    /// Names the object, the cause and the next step.
    package var message: String

    /// The message alone.
    package var description: String { message }

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
