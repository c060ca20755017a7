/// What is known of a container from the moment it is made, in its journal.
package struct ContainerRecord: Hashable, Codable, Sendable {
    /// A port of the container that can be reached on the host.
    package struct Port: Hashable, Codable, Sendable {
        /// The address on the host; empty for all.
        package var hostAddress: String
        /// The port on the host; 0 when it is only exposed.
        package var published: UInt16
        /// The port of the container.
        package var target: UInt16
        /// `tcp`, `udp` or `sctp`.
        package var transport: String

        /// A port of the container.
        package init(hostAddress: String, published: UInt16, target: UInt16, transport: String) {
            self.hostAddress = hostAddress
            self.published = published
            self.target = target
            self.transport = transport
        }
    }

    /// The form of this file.
    package var version = 1
    /// 64 hexadecimal digits, new for each container that is made.
    package var id: String
    /// The digest of the definition that it was made from, which is also the name of the definition's file.
    package var definition: String
    /// The image as the file names it.
    package var image: String
    /// The program and its arguments.
    package var command: [String]
    /// When it was made.
    package var created: WallTime
    /// The volumes that belong to it alone, by mount point.
    package var anonymousVolumes: [String: String] = [:]
    /// Its labels.
    package var labels: [String: String] = [:]
    /// Its ports.
    package var ports: [Port] = []
    /// Whether its output is shown only to those who ask for it: `attach: false`; nil for no.
    package var isUnattached: Bool?
    /// Whether it is removed as soon as it has ended: `roost run --rm`.
    package var isRemovedAtEnd = false

    /// A container that is being made.
    package init(id: String, definition: String, image: String, command: [String], created: WallTime) {
        self.id = id
        self.definition = definition
        self.image = image
        self.command = command
        self.created = created
    }
}

/// What is known of a container's process, in its journal from start to clean-up.
package struct ProcessRecord: Hashable, Codable, Sendable {
    /// An attachment to a network.
    package struct Attachment: Hashable, Codable, Sendable {
        /// The network's name.
        package var network: String
        /// The addresses the container has there.
        package var addresses: [String]
        /// The names it answers to there, its service's first.
        package var names: [String]

        /// An attachment to `network`.
        package init(network: String, addresses: [String], names: [String]) {
            self.network = network
            self.addresses = addresses
            self.names = names
        }
    }

    /// Its id in the PID namespace of the host.
    package var pid: Int32
    /// When it was started, in clock ticks since boot.
    package var start: UInt64
    /// Its groups in the hierarchies of control groups, as absolute paths.
    package var groups: [String]
    /// The networks it is attached to.
    package var attachments: [Attachment] = []

    /// A process in `groups`.
    package init(pid: Int32, start: UInt64, groups: [String]) {
        self.pid = pid
        self.start = start
        self.groups = groups
    }
}
