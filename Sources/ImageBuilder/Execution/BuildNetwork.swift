import ContainerNetwork
import Glibc
import LinuxSystem
import Synchronization

/// The network of one process's builds: made when the first step needs it, with a namespace for each step that runs at a
/// time.
///
/// A namespace that a step has left is the next one's: making it costs more than all else in a small step. Steps have
/// no capability to change it; one that ran with all of them leaves a namespace that nobody gets again.
final class BuildNetwork: Sendable {
    private struct State: ~Copyable {
        var host: HostNetwork?
        var network: BridgeNetwork?
        var leases = AddressLeases()
        var idle: [Place] = []
        var count = 0
    }

    /// A namespace, and its addresses.
    final class Place: Sendable {
        let namespace: OwnedDescriptor
        let addresses: [IPAddress]
        /// The host's own addresses on the network.
        let gateways: [IPAddress]

        init(_ namespace: consuming OwnedDescriptor, addresses: [IPAddress], gateways: [IPAddress]) {
            self.namespace = namespace
            self.addresses = addresses
            self.gateways = gateways
        }
    }

    private let registry: NetworkRegistry
    private let project: String
    private let state = Mutex(State())

    static func project(of owner: String) -> String { "build-\(owner.replacing(".", with: "-"))" }

    init(owner: String, runtimeDirectory: String) {
        registry = NetworkRegistry(directory: "\(runtimeDirectory)/networks")
        project = Self.project(of: owner)
    }

    /// A namespace with a way out, for one step at a time.
    func take() throws -> Place {
        try state.withLock { state in
            if let idle = state.idle.popLast() { return idle }
            let host = try state.host ?? HostNetwork.open()
            state.host = host
            let network = try state.network ?? make(on: host)
            state.network = network
            state.count += 1
            let addresses = try state.leases.assign(on: network, to: "step-\(state.count)")
            let namespace = try host.makeNamespace(NamespacePlan([NetworkAttachment(network, addresses: addresses)]))
            return Place(
                namespace,
                addresses: addresses.map(\.address),
                gateways: network.subnets.map(\.gateway)
            )
        }
    }

    /// Gives a namespace back that nobody could change.
    func giveBack(_ place: Place) { state.withLock { $0.idle.append(place) } }

    /// A namespace with nothing but loopback.
    func makeLoopback() throws -> Place {
        try state.withLock { state in
            let host = try state.host ?? HostNetwork.open()
            state.host = host
            return Place(try host.makeNamespace(.loopbackOnly), addresses: [], gateways: [])
        }
    }

    private func make(on host: HostNetwork) throws -> BridgeNetwork {
        let plan = NetworkPlan(name: project, project: project)
        let network = try registry.claim(plan, on: host, pools: .standard(seed: project))
        _ = try host.ensureBridge(network)
        try host.apply(ProjectRules(project: project, networks: [network]))
        return network
    }

    /// Removes all of it; what can't be removed is the next build's to remove.
    func remove() {
        state.withLock { state in
            state.idle = []
            guard state.network != nil, let host = state.host else { return }
            try? registry.removeAll(of: project, on: host)
            state.network = nil
        }
    }

    /// Removes what a build of a process that is gone has left.
    static func removeLeftovers(of owner: String, runtimeDirectory: String) {
        let registry = NetworkRegistry(directory: "\(runtimeDirectory)/networks")
        let project = project(of: owner)
        guard let networks = try? registry.networks(of: project), !networks.isEmpty else { return }
        guard let host = try? HostNetwork.open() else { return }
        try? registry.removeAll(of: project, on: host)
    }

    /// The resolv.conf of steps: the host's, but for servers that only the host itself reaches.
    static func resolverFile(isHost: Bool) -> String {
        let text = (try? readFile("/etc/resolv.conf")) ?? ""
        var configuration = ResolverConfiguration(parsing: text)
        guard !isHost else { return configuration.file }
        configuration.servers.removeAll { $0.isLoopback }
        if configuration.servers.isEmpty, let text = try? readFile("/run/systemd/resolve/resolv.conf") {
            configuration = ResolverConfiguration(parsing: text)
            configuration.servers.removeAll { $0.isLoopback }
        }
        return configuration.file
    }
}
