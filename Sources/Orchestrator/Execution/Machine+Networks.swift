import ComposeModel
import ContainerNetwork
import FoundationEssentials
import ImageStore
import LinuxSystem
import Synchronization

extension Machine {
    func createNetwork(_ name: String) throws {
        guard let plan = shared.withLock({ $0.networkPlans[name] }) else {
            throw ExecutionError("network \(name) is not defined")
        }
        let host = try host()
        let network: BridgeNetwork
        do { network = try registry.claim(plan, on: host, pools: .standard(seed: name)) } catch {
            let known = try registry.network(name)
            guard let known, known.project == project, NetworkGuests(of: known, in: registry).exist else { throw error }
            throw ExecutionError(
                "network \(name) is to change, and other projects are on it",
                hint: "end those first; \"roost network inspect \(name)\" names their containers"
            )
        }
        let guests = NetworkGuests(of: network, in: registry)
        if guests.exist { try guests.setLeft(false) }
        for change in try host.ensureBridge(network) {
            configuration.report(.warning("set \(change) on the host, so that containers reach other networks"))
        }
        shared.withLock { $0.networks[name] = network }
        updateNeighbours()
    }

    /// Keeps a container's network namespace past its end, until a network is removed.
    ///
    /// With the namespace the kernel would take its links away: for each container anew, with grace periods of RCU in
    /// which nobody else can change a link. Removing all links of the project at once costs as much as one of these.
    package func holdNamespace(of name: String) {
        shared.withLock { shared in
            guard let live = shared.live[name], !live.process.attachments.isEmpty else { return }
            // On another's network its address would go on answering, and that network is not ours to remove.
            guard live.process.attachments.allSatisfy({ shared.networks[$0.network] != nil }) else { return }
            // A process that has just ended has none any more.
            guard let namespace = try? OwnedDescriptor.reading("/proc/\(live.process.pid)/ns/net") else { return }
            shared.heldNamespaces.append(HeldNamespace(namespace))
        }
    }

    func removeNetwork(_ name: String) throws {
        _ = shared.withLock { $0.departingNetworks.insert(name) }
        defer { _ = shared.withLock { $0.departingNetworks.remove(name) } }
        try networkTurn.withLock { _ in try removeInTurn(name) }
    }

    private func removeInTurn(_ name: String) throws {
        let all = try registry.networks(of: project)
        guard let network = all.first(where: { $0.name == name }) else { return forgetNetwork(name) }
        if try isLeftToGuests(network) { return }
        let host = try host()
        // When none is to stay everything goes at once, which is much cheaper than one link after the other.
        let departing = shared.withLock { $0.departingNetworks }
        if all.allSatisfy({ departing.contains($0.name) && !NetworkGuests(of: $0, in: registry).exist }) {
            try registry.removeAll(of: project, on: host)
            shared.withLock { $0.heldNamespaces = [] }
        } else {
            try host.removeBridge(network)
            try registry.release(network)
        }
        forgetNetwork(name)
    }

    private func forgetNetwork(_ name: String) {
        shared.withLock { shared in
            shared.networks[name] = nil
            shared.leases.release(network: name)
            shared.publisher.forgetRules()
        }
    }

    /// The network called `name`, which has to be there.
    func network(_ name: String) throws -> BridgeNetwork {
        if let known = shared.withLock({ $0.networks[name] }) { return known }
        guard let network = try registry.network(name) else {
            throw ExecutionError("network \(name) is not there", hint: "make it with \"roost up\"")
        }
        // Another's may be made anew at any time.
        guard network.project == project else { return network }
        shared.withLock { $0.networks[name] = network }
        return network
    }

    /// Decides a container's place on each of its networks.
    func attachments(
        of state: ContainerState,
        _ definition: ServiceDefinition
    ) throws -> [ContainerNetwork.NetworkAttachment] {
        let service = definition.service
        let primary = service.networks.min { ($1.priority, $0.network) < ($0.priority, $1.network) }?.network
        return try service.networks.map { joined in
            guard let defined = definition.project.network(joined.network) else {
                throw ExecutionError("network \(joined.network) is not defined")
            }
            let network = try network(defined.name)
            let fixed = [joined.ipv4Address, joined.ipv6Address].compactMap { $0 }.compactMap {
                IPAddress($0.description)
            }
            let addresses = try addresses(on: network, of: state.name, fixed: fixed)
            return .init(
                network,
                addresses: addresses,
                interface: (joined.interfaceName ?? joined.driverOptions[Self.interfaceOption]).flatMap {
                    InterfaceName($0)
                },
                mac: (joined.macAddress ?? (joined.network == primary ? service.macAddress : nil)).flatMap {
                    MACAddress($0.description)
                },
                priority: joined.priority,
                gatewayPriority: joined.gatewayPriority,
                linkLocal: joined.linkLocalAddresses.compactMap { address in
                    // As docker has it: the whole link in reach.
                    IPAddress(address.description).flatMap {
                        InterfaceAddress($0, prefixLength: address.isIPv6 ? 64 : 16)
                    }
                }
            )
        }
    }

    /// The names that a container answers to on a network.
    static func names(
        of state: ContainerState,
        _ joined: ComposeModel.NetworkAttachment,
        _ service: Service
    ) -> [String] {
        state.isOneOff && service.labels[Self.aliasesLabel] == nil ? [] : joined.aliases
    }
}

/// A namespace that outlives its last process.
final class HeldNamespace: Sendable {
    private let descriptor: OwnedDescriptor

    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}

extension NetworkPlan {
    /// What a Compose file wants of a network.
    init(_ network: ComposeModel.Network, project: String) {
        self.init(name: network.name, project: project)
        subnets = network.pools.compactMap { pool in
            guard let prefix = pool.subnet.flatMap({ IPPrefix($0.description) }) else { return nil }
            return Subnet(
                prefix,
                range: pool.range.flatMap { IPPrefix($0.description) },
                gateway: pool.gateway.flatMap { IPAddress($0.description) },
                reserved: Set(pool.reserved.values.compactMap { IPAddress($0.description) })
            )
        }
        hasIPv4 = network.enablesIPv4 ?? true
        hasIPv6 = network.enablesIPv6 ?? subnets.contains { $0.prefix.family == .v6 }
        isInternal = network.isInternal
        labels = network.labels
        _ = set(options: network.driverOptions)
    }

    /// Sets what the options of a bridge say, by docker's names; returns those that are unknown.
    package mutating func set(options: [String: String]) -> [String] {
        var unknown: [String] = []
        for (key, value) in options {
            switch key {
            case "com.docker.network.bridge.name": bridge = InterfaceName(value)
            case "com.docker.network.driver.mtu": mtu = UInt32(value)
            case "com.docker.network.bridge.enable_icc": connectsContainers = value != "false"
            case "com.docker.network.bridge.enable_ip_masquerade": masquerades = value != "false"
            case "com.docker.network.bridge.host_binding_ipv4": break  // of ports, which know it already
            default: unknown.append(key)
            }
        }
        return unknown
    }
}

extension VolumeRecord {
    /// What a Compose file wants of a volume.
    init(_ volume: ComposeModel.Volume, project: String) {
        self.init(
            name: volume.name,
            driver: volume.driver ?? "local",
            driverOptions: volume.driverOptions,
            labels: volume.labels,
            project: project
        )
    }
}
