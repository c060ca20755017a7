package import LinuxSystem

/// Why the store could not do what was asked.
package struct ImageError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure; callers branch on this, never on text.
    package enum Code: UInt8, Hashable, Sendable {
        /// An `image:` value or a volume's description that has no meaning.
        case invalidReference
        /// The store has no such image.
        case imageNotFound
        /// An archive or layout that is broken, hostile or incomplete.
        case invalidArchive
        /// Content that is not what its digest says.
        case digestMismatch
        /// More entries or bytes than the limits allow.
        case tooLarge
        /// Something of the store's that is broken.
        case damagedStore
        /// Something this version or this host does not have.
        case unsupported
        /// The kernel refused.
        case kernel
    }

    package var code: Code
    /// Names the object, the cause and the next step.
    package var message: String
    /// What the kernel said, where it did.
    package var cause: SyscallError?

    /// The message alone; it already names the cause.
    package var description: String { message }

    init(_ code: Code, _ message: String, cause: SyscallError? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// Something that is larger than the limit of that name, with how to allow it.
    init(beyond limit: String, _ message: String) { self.init(.tooLarge, ImportLimits.beyond(limit, message)) }

    /// Whether there was no room on the disk.
    package var isFullDisk: Bool { cause?.errno == .noSpace }

    /// A refused system call, and what it was for.
    static func kernel(_ purpose: String, _ error: SyscallError) -> ImageError {
        let advice =
            switch error.errno {
            case .noSpace: "; free some space on the disk that holds the store"
            case .notPermitted: "; the store needs root"
            default: ""
            }
        return ImageError(.kernel, "\(purpose): \(error)\(advice)", cause: error)
    }
}

extension Errno {
    /// `ENOSPC`.
    fileprivate static let noSpace = Errno(rawValue: 28)
    /// `EPERM`.
    fileprivate static let notPermitted = Errno(rawValue: 1)
}

/// Runs system calls, and adds to a refusal what they were for.
func attempt<R: ~Copyable>(
    _ purpose: @autoclosure () -> String,
    _ body: () throws(SyscallError) -> R
) throws(ImageError) -> R {
    do throws(SyscallError) { return try body() } catch { throw .kernel(purpose(), error) }
}
