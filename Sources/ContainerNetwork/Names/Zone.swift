package import LinuxSystem

/// The names of a project: which containers answer to them on which network.
///
/// A container answers to its name, its service's name and its aliases, each also followed by the network's name. The
/// service's name leads to the replicas that are ready; while none is, to all that run, as replicas of a cluster must
/// find each other before they can be ready.
package struct Zone: Sendable {
    /// A running container.
    package struct Container: Hashable, Sendable, Codable {
        /// Its name, unique in the project.
        package var name: String
        /// Its service; nil if it answers to no service's name, as one-off containers do.
        package var service: String?
        /// Whether it is ready for its service's clients.
        package var isReady: Bool
        /// Its networks.
        package var endpoints: [Endpoint]

        /// Describes a container.
        package init(name: String, service: String?, isReady: Bool = true, endpoints: [Endpoint]) {
            self.name = name
            self.service = service
            self.isReady = isReady
            self.endpoints = endpoints
        }
    }

    /// A container's place on a network.
    package struct Endpoint: Hashable, Sendable, Codable {
        /// The network's name.
        package var network: String
        /// Further names under which the network may be written: its key in the project file.
        package var networkNames: [String]
        /// The container's addresses.
        package var addresses: [IPAddress]
        /// Further names of the container on this network.
        package var aliases: [String]

        /// Describes a place on a network.
        package init(
            network: String,
            networkNames: [String] = [],
            addresses: [IPAddress],
            aliases: [String] = []
        ) {
            self.network = network
            self.networkNames = networkNames
            self.addresses = addresses
            self.aliases = aliases
        }
    }

    private struct Entry: Hashable, Sendable {
        var network: String
        var addresses: [IPAddress]
        var isReady: Bool
        /// Own names and aliases count even if the container is not ready.
        var isService: Bool
    }

    private var entries: [DNSName: [Entry]] = [:]
    private var names: [DNSName: [(network: String, name: DNSName)]] = [:]

    /// Collects the names of running containers; names that no message can carry are left out.
    package init(_ containers: [Container] = []) {
        for container in containers {
            for endpoint in container.endpoints {
                add(container.name, container, endpoint, isService: false)
                if let service = container.service, service != container.name {
                    add(service, container, endpoint, isService: true)
                }
                for alias in endpoint.aliases where alias != container.name && alias != container.service {
                    add(alias, container, endpoint, isService: true)
                }
                guard let name = DNSName("\(container.name).\(endpoint.network)") else { continue }
                for address in endpoint.addresses {
                    names[DNSName(reverse: address.bytes), default: []].append((endpoint.network, name))
                }
            }
        }
    }

    /// What the zone says about a question of a container on the given networks; nil if it knows no such name.
    ///
    /// `turn` rotates the addresses, so that clients which take the first share the load.
    package func records(
        for name: DNSName,
        _ type: DNSQuery.RecordType,
        on networks: Set<String>,
        turn: Int = 0
    ) -> [DNSAnswer.Record]? {
        if name.isReverse {
            let found = (names[name] ?? []).filter { networks.contains($0.network) }.map(\.name)
            guard !found.isEmpty else { return nil }
            return type == .ptr || type == .any ? found.map { .name($0) } : []
        }
        let visible = (entries[name] ?? []).filter { networks.contains($0.network) }
        guard !visible.isEmpty else { return nil }
        let serving = visible.filter { $0.isReady || !$0.isService }
        var addresses: [IPAddress] = []
        for address in (serving.isEmpty ? visible : serving).flatMap(\.addresses) where !addresses.contains(address) {
            switch type {
            case .a where address.family == .v4, .aaaa where address.family == .v6, .any: addresses.append(address)
            default: break
            }
        }
        guard !addresses.isEmpty else { return [] }
        let start = abs(turn % addresses.count)
        return (addresses[start...] + addresses[..<start]).map { .address($0) }
    }

    private mutating func add(_ name: String, _ container: Container, _ endpoint: Endpoint, isService: Bool) {
        let entry = Entry(
            network: endpoint.network,
            addresses: endpoint.addresses,
            isReady: container.isReady,
            isService: isService
        )
        let suffixes = [endpoint.network] + endpoint.networkNames.filter { $0 != endpoint.network }
        for text in [name] + suffixes.map({ "\(name).\($0)" }) {
            if let key = DNSName(text), entries[key]?.contains(entry) != true {
                entries[key, default: []].append(entry)
            }
        }
    }
}
