package import YAMLComposer

/// Why an image could not be built.
package struct BuildError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure; callers branch on this, never on text.
    package enum Code: Hashable, Sendable {
        /// A command of the Dockerfile failed.
        case commandFailed(status: Int32)
        /// A file to copy, a secret or an agent is missing.
        case notFound
        /// Something asks for a right that was not given.
        case notEntitled
        /// Content is not what its checksum says.
        case wrongContent
        /// Something this version or this host does not have.
        case unsupported
        /// More than the limits allow.
        case tooLarge
        /// The build was interrupted.
        case interrupted
        /// The store or the kernel refused.
        case system
    }

    package var code: Code
    /// Names the object, the cause and the next step.
    package var message: String
    /// The instruction; nil when it is about none.
    package var mark: SourceMark?
    /// The last lines of what the step wrote.
    package var output: [String] = []

    /// A failure of the whole build, or of the instruction at `mark`.
    package init(_ code: Code, _ message: String, at mark: SourceMark? = nil) {
        self.code = code
        self.message = message
        self.mark = mark
    }

    /// The message alone.
    package var description: String { message }
}
