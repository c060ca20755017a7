/// A command that runs at a point of a container's life.
package struct Hook: Hashable, Sendable {
    /// The program and its arguments.
    package var command: [String]
    /// Whom it runs as; nil for the service's user.
    package var user: UserReference?
    /// Whether it has every right of the host's root.
    package var isPrivileged = false
    /// The directory it starts in; nil for the service's.
    package var workingDirectory: String?
    /// Variables beside the service's.
    package var environment: [String: String] = [:]
    /// The image, for a step before the start; nil for the service's.
    package var image: String?
    /// Whether a step before the start runs once for each container.
    package var runsPerReplica = false

    /// A command without further wishes.
    package init(command: [String]) { self.command = command }
}
