/// A project as typed values: what the canonical tree says, checked.
package struct Project: Hashable, Sendable {
    /// The name that containers, networks and volumes start with.
    package var name: String
    /// The absolute directory that relative paths started from.
    package var directory: String
    /// The services in file order.
    package var services: [Service]
    /// The networks in file order.
    package var networks: [Network]
    /// The volumes in file order.
    package var volumes: [Volume]
    /// The secrets in file order.
    package var secrets: [FileObject]
    /// The configs in file order.
    package var configs: [FileObject]

    /// A project without services.
    package init(name: String, directory: String) {
        self.name = name
        self.directory = directory
        services = []
        networks = []
        volumes = []
        secrets = []
        configs = []
    }

    /// The service of a name.
    package func service(_ name: String) -> Service? { services.first { $0.name == name } }
    /// The network under a key of the file.
    package func network(_ key: String) -> Network? { networks.first { $0.key == key } }
    /// The volume under a key of the file.
    package func volume(_ key: String) -> Volume? { volumes.first { $0.key == key } }
    /// The secret under a key of the file.
    package func secret(_ key: String) -> FileObject? { secrets.first { $0.key == key } }
    /// The config under a key of the file.
    package func config(_ key: String) -> FileObject? { configs.first { $0.key == key } }

    /// The image a service runs: the one it names, or the name of the one that is built for it.
    package func imageName(of service: Service) -> String { service.image ?? "\(name)-\(service.name)" }
}
