package import LinuxSystem

/// Why the runtime could not do what a configuration asks.
package struct ContainerError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure; callers branch on this, never on text.
    package enum Code: Hashable, Sendable {
        /// The configuration contradicts itself or the specification.
        case invalidConfiguration
        /// The configuration asks for something this version or this host does not have.
        case unsupported
        /// The kernel refused.
        case kernel
    }

    package var code: Code
    /// Names the part of the configuration, the object and the reason.
    package var message: String
    /// What the kernel said, where it did.
    package var cause: (any Error)?

    /// The message alone; it already names the cause.
    package var description: String { message }

    /// A mistake at a place of the configuration.
    package static func invalid(_ place: String, _ reason: String) -> ContainerError {
        ContainerError(code: .invalidConfiguration, message: "\(place): \(reason)")
    }

    /// Something at a place of the configuration that can't be had.
    package static func unsupported(_ place: String, _ reason: String) -> ContainerError {
        ContainerError(code: .unsupported, message: "\(place): \(reason)")
    }

    /// A refused system call for a place of the configuration.
    package static func kernel(_ place: String, _ error: SyscallError) -> ContainerError {
        ContainerError(code: .kernel, message: "\(place): \(error)", cause: error)
    }
}
