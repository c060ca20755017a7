/// What the planner has to know of a container that is wanted.
///
/// The rest of the definition (image, mounts, environment, …) stands behind `digest` and concerns only those who make
/// the container.
package struct ContainerDefinition: Hashable, Codable, Sendable {
    /// A condition on another service that has to hold before the container starts.
    package struct Dependency: Hashable, Codable, Sendable {
        /// What is waited for.
        package enum Condition: String, Codable, Sendable {
            case started = "service_started"
            case healthy = "service_healthy"
            case completed = "service_completed_successfully"
        }

        /// The service depended on.
        package var service: String
        /// What is waited for.
        package var condition: Condition
        /// Whether a failure of the other service keeps this one from starting.
        package var isRequired: Bool
        /// Whether this container is started anew when a command replaces or restarts the other service.
        package var restarts: Bool

        /// A dependency on `service`.
        package init(_ service: String, _ condition: Condition, isRequired: Bool = true, restarts: Bool = false) {
            self.service = service
            self.condition = condition
            self.isRequired = isRequired
            self.restarts = restarts
        }
    }

    /// Distinguishes definitions: a container made from another digest has to be made anew.
    package var digest: String
    /// What has to hold before it starts, in the order of the file.
    package var dependencies: [Dependency]
    /// Whether and when it is started again after its end.
    package var restart: RestartPolicy
    /// The project's networks it is attached to, by name.
    package var networks: [String]
    /// The project's volumes it mounts, by name.
    package var volumes: [String]
    /// Whether there is a health check, so that readiness is not just running.
    package var hasHealthcheck: Bool

    /// A definition without dependencies, networks and volumes unless they are given.
    package init(
        digest: String,
        dependencies: [Dependency] = [],
        restart: RestartPolicy = .never,
        networks: [String] = [],
        volumes: [String] = [],
        hasHealthcheck: Bool = false
    ) {
        self.digest = digest
        self.dependencies = dependencies
        self.restart = restart
        self.networks = networks
        self.volumes = volumes
        self.hasHealthcheck = hasHealthcheck
    }
}
