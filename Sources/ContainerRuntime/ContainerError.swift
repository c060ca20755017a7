package import LinuxSystem

/// Why the runtime could not do what a configuration asks.
package struct ContainerError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure; callers branch on this, never on text.
    package enum Code: Hashable, Sendable {
        /// The configuration contradicts itself or the specification.
        case invalidConfiguration
        /// The configuration asks for something this version or this host does not have.
        case unsupported
        /// The container does not have the program.
        case noProgram
        /// The program can't be executed.
        case notExecutable
        /// There is no such container.
        case noContainer
        /// The container is not in a state for it.
        case wrongState
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

    /// A program that could not be executed: execve(2).
    static func program(_ name: String, _ error: LaunchError) -> ContainerError {
        let code: Code = error.errno.rawValue == 2 ? .noProgram : .notExecutable
        let message =
            switch (code, name.contains("/")) {
            case (.noProgram, true): "the container has no program \"\(name)\", or not the interpreter that it names"
            case (.noProgram, false): "the container has no program \"\(name)\" on its PATH"
            default: "the container's \"\(name)\" can't be executed: \(error.errno)"
            }
        return ContainerError(code: code, message: message, cause: error)
    }

    /// This failure, and what could not be put right after it.
    func adding(_ other: ContainerError) -> ContainerError {
        ContainerError(code: code, message: "\(message); \(other.message)", cause: cause)
    }

    /// The status that shells give to a program that could not be executed; nil for any other failure.
    package var shellStatus: Int32? {
        switch code {
        case .noProgram: 127
        case .notExecutable: 126
        case .invalidConfiguration, .unsupported, .noContainer, .wrongState, .kernel: nil
        }
    }

    /// A refused system call for a place of the configuration.
    package static func kernel(_ place: String, _ error: SyscallError) -> ContainerError {
        ContainerError(code: .kernel, message: "\(place): \(error)", cause: error)
    }
}
