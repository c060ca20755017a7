/// What a Compose file wants of a project, as far as planning goes.
package struct ProjectWish: Hashable, Codable, Sendable {
    /// A service of the file.
    package struct Service: Hashable, Codable, Sendable {
        /// Its name.
        package var name: String
        /// How many containers it has.
        package var replicas: Int
        /// The name of its only container, when the file gives one.
        package var containerName: String?
        /// The definition of its containers.
        package var definition: ContainerDefinition

        /// A service of one container, unless told otherwise.
        package init(_ name: String, replicas: Int = 1, containerName: String? = nil, definition: ContainerDefinition) {
            self.name = name
            self.replicas = replicas
            self.containerName = containerName
            self.definition = definition
        }
    }

    /// The services that a command concerns, those they depend on among them, in the order of the file.
    package var services: [Service]
    /// Every service that the file knows, whatever the profiles and the command say.
    package var knownServices: Set<String>
    /// Networks of those services by name, with the digest of their definition.
    package var networks: [String: String]
    /// Volumes of those services by name, with the digest of their definition.
    package var volumes: [String: String]

    /// The wish for `services`, which are also all that the file knows unless told otherwise.
    package init(
        services: [Service],
        knownServices: Set<String>? = nil,
        networks: [String: String] = [:],
        volumes: [String: String] = [:]
    ) {
        self.services = services
        self.knownServices = knownServices ?? Set(services.map(\.name))
        self.networks = networks
        self.volumes = volumes
    }
}
