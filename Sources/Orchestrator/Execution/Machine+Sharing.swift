import ComposeModel
import ContainerNetwork
import LinuxSystem
import Synchronization

/// Networks that projects share: those of others that our containers are on, and ours that others are on.
extension Machine {
    /// The addresses of a container on a network, ours or another's.
    func addresses(
        on network: BridgeNetwork,
        of container: String,
        fixed: [IPAddress]
    ) throws -> [InterfaceAddress] {
        guard network.project == project else { return try join(network, container, fixed: fixed) }
        let guests = NetworkGuests(of: network, in: registry)
        let there = guests.exist ? guests.all().filter { isThere($0.value) } : [:]
        return try shared.withLock { shared in
            try shared.leases.assign(on: network, to: container, fixed: fixed, guests: there)
        }
    }

    /// Makes a container a guest of another's network.
    private func join(_ network: BridgeNetwork, _ container: String, fixed: [IPAddress]) throws -> [InterfaceAddress] {
        let guest = NetworkGuests.Guest(project: project, container: container)
        let addresses = try registry.withGuests(of: network) { guests throws(NetworkError) in
            var taken = addressesOfOwner(on: network)
            var former: [IPAddress] = []
            for (address, other) in guests.all() {
                if other == guest {
                    former.append(address)
                } else if isThere(other) {
                    taken[address] = "\(other.container) of project \(other.project)"
                }
            }
            let found = try network.guestAddresses(for: container, fixed: fixed, former: former, taken: taken)
            try guests.note(found.map(\.address), of: guest)
            return found
        }
        visit(network)
        // The owner writes its names itself as soon as anything about them changes.
        let guests = NetworkGuests(of: network, in: registry)
        let owner = ProjectDirectory(project: network.project, roots: configuration.roots)
        if owner.exists {
            try guests.write(Self.names(in: owner, on: network.name), of: network.project, isInitial: true)
        }
        return addresses
    }

    /// Notes that containers of ours are on another's network.
    func visit(_ network: BridgeNetwork) {
        shared.withLock { $0.visited[network.name] = network }
        updateNeighbours()
    }

    /// Has the resolver know where the names of others are.
    func updateNeighbours() {
        let networks = shared.withLock { Array($0.networks.values) + Array($0.visited.values) }
        neighbours.update(
            Dictionary(networks.map { ($0.name, NetworkGuests(of: $0, in: registry)) }) { first, _ in first }
        )
    }

    /// Whether anybody knows the container of a guest.
    func isThere(_ guest: NetworkGuests.Guest) -> Bool {
        fileExists(ProjectDirectory(project: guest.project, roots: configuration.roots).container(guest.container))
    }

    /// The addresses that the owner's containers have, and their names.
    private func addressesOfOwner(on network: BridgeNetwork) -> [IPAddress: String] {
        let owner = ProjectDirectory(project: network.project, roots: configuration.roots)
        var result: [IPAddress: String] = [:]
        for name in namesInDirectory("\(owner.path)/containers") {
            // One that is just going has no address any more.
            guard let process = try? owner.process(of: name) else { continue }
            for attachment in process.attachments where attachment.network == network.name {
                for address in attachment.addresses.compactMap({ IPAddress($0) }) { result[address] = name }
            }
        }
        return result
    }

    /// What the containers of another project answer to on a network, as its state says.
    private static func names(in owner: ProjectDirectory, on network: String) throws -> [Zone.Container] {
        try owner.state().containers.compactMap { container in
            guard container.isRunning, let process = try owner.process(of: container.name) else { return nil }
            let places = process.attachments.filter { $0.network == network }
            guard !places.isEmpty else { return nil }
            let health = container.actual?.health ?? .none
            return Zone.Container(
                name: container.name,
                service: container.isOneOff ? nil : container.service,
                isReady: health == .none || health == .healthy,
                endpoints: places.map { place in
                    .init(
                        network: network,
                        addresses: place.addresses.compactMap { IPAddress($0) },
                        aliases: place.names
                    )
                }
            )
        }
    }

    /// Tells others on shared networks what our containers answer to.
    func shareNames(_ containers: [Zone.Container], on networks: [BridgeNetwork]) {
        for network in networks {
            let guests = NetworkGuests(of: network, in: registry)
            guard guests.exist else { continue }
            let visible = containers.compactMap { container -> Zone.Container? in
                var container = container
                container.endpoints.removeAll { $0.network != network.name }
                return container.endpoints.isEmpty ? nil : container
            }
            do { try guests.write(visible, of: project) } catch {
                // The last guest has just gone, and the directory with it.
                if guests.exist { configuration.report(.warning("\(error)")) }
            }
        }
    }

    /// A container has ended: its addresses on networks of others are free.
    func leaveNetworks(_ name: String, _ definition: ServiceDefinition) throws {
        let external = definition.project.networks.filter { network in
            network.isExternal && definition.service.networks.contains { $0.network == network.key }
        }
        for network in external {
            guard let found = try registry.network(network.name), found.project != project else { continue }
            try registry.leave(found, .init(project: project, container: name), on: host(), isThere: isThere)
        }
    }

    /// Whether a network has guests; if so, it stays for them, and their last one removes it.
    func isLeftToGuests(_ network: BridgeNetwork) throws -> Bool {
        guard NetworkGuests(of: network, in: registry).exist else { return false }
        let projects = try registry.withGuests(of: network) { guests throws(NetworkError) in
            let there = Set(guests.all().values.filter(isThere).map(\.project))
            if there.isEmpty { guests.clear() } else { try guests.setLeft(true) }
            return there
        }
        guard !projects.isEmpty else { return false }
        // Nobody is left to change the rules: what stays is what guests need.
        try host().apply(ProjectRules(project: project, networks: [network]))
        configuration.report(
            .warning(
                "network \(network.name) stays, as it is used by project \(projects.sorted().joined(separator: ", "))"
            )
        )
        return true
    }

    /// Networks of others have to be there before anything is made; those that nobody's project made are made again
    /// after a boot.
    func checkExternalNetworks(of project: Project) throws {
        for network in project.networks where network.isExternal {
            if let found = try registry.network(network.name) {
                guard found.project != self.project else { continue }
                visit(found)
                continue
            }
            guard let made = try StandaloneNetworks(roots: configuration.roots).ensure(network.name, on: host()) else {
                throw ExecutionError(
                    "network \(network.name) is external, and there is no network of that name",
                    at: "networks.\(network.key)",
                    hint: "make it with \"roost network create \(network.name)\", or bring up the project that has it"
                )
            }
            visit(made)
        }
    }
}
