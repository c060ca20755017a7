import CLinux
import ContainerNetwork
import class Foundation.FileManager
import Glibc
import LinuxSystem
import NIOCore
import NIOPosix
import Testing

/// A project's networks on a namespace that plays the host, and beyond it a machine of another network.
final class ProjectFixture {
    struct Container {
        let namespace: NetworkNamespace
        let addresses: [IPAddress]
        var v4: IPAddress { addresses[0] }
    }

    static let project = "shop"
    let host: NetworkNamespace
    let network: HostNetwork
    let outside: TestNetwork
    let client: TestNetwork.Container
    var networks: [BridgeNetwork] = []
    private var leases = AddressLeases()
    private var count = 0

    init() throws {
        let host = try NetworkNamespace()
        self.host = host
        outside = try TestNetwork(on: host, name: "outside", subnet: "192.0.2.0/24")
        client = try outside.attach()
        network = try host.run { try HostNetwork.open() }
    }

    /// Makes one more network.
    @discardableResult
    func add(_ name: String, _ change: (inout NetworkPlan) -> Void = { _ in }) throws -> BridgeNetwork {
        var plan = NetworkPlan(name: name, project: Self.project)
        change(&plan)
        let decided = try plan.decided(
            among: try network.observed(with: networks),
            pools: .standard(seed: "test")
        )
        networks.append(decided)
        _ = try network.ensureBridge(decided)
        return decided
    }

    /// Makes a container on some networks.
    func attach(_ networks: BridgeNetwork...) throws -> Container {
        count += 1
        var attachments: [NetworkAttachment] = []
        for network in networks {
            let addresses = try leases.assign(on: network, to: "c\(count)")
            attachments.append(NetworkAttachment(network, addresses: addresses))
        }
        let namespace = NetworkNamespace(try network.makeNamespace(NamespacePlan(attachments)))
        return Container(
            namespace: namespace,
            addresses: attachments.flatMap { $0.addresses.map(\.address) }
        )
    }

    /// Publishes ports, each served by some containers.
    func publish(_ publications: (PublishedPort?, [Container])...) throws {
        let list = try publications.map { port, ready in
            Publication(try #require(port), ready: ready.map { Publication.Replica($0.addresses) })
        }
        try network.apply(ProjectRules(project: Self.project, networks: networks, publications: list))
    }

    /// Runs the body with a fixture and sees that removing the project leaves the host as it was.
    static func run(_ body: (ProjectFixture) throws -> Void) throws {
        let fixture = try ProjectFixture()
        let before = try fixture.traces()
        try body(fixture)
        for group in Set(fixture.networks.map(\.group)) { try fixture.network.removeLinks(group: group) }
        try fixture.network.remove(table: ProjectRules.tableName(of: project))
        #expect(try fixture.traces() == before)
    }

    /// Everything that a project could leave behind.
    func traces() throws -> [String] {
        let routes = try host.withRoutes { session in
            try session.links().map(\.name) + session.addresses().map { "\($0.address)" }
                + session.routes().map { "\($0)" }
        }
        // The kernel gives the other machine's interface a link-local address when it likes.
        return try (routes.filter { !$0.contains("fe80:") } + host.withTables { try $0.tableNames() }).sorted()
    }
}

/// Whether a connection is refused or dropped.
func cannotConnect(from client: NetworkNamespace, to address: IPAddress, _ port: UInt16) -> Bool {
    (try? Connection(from: client, to: address, port, timeoutMilliseconds: 300)) == nil
}

/// Runs `body` with a new directory, which is removed with all that is in it.
func withTemporaryDirectory(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/roost-network-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SyscallError(call: "mkdtemp", subject: "/tmp", errno: .current) }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
}

extension ProjectFixture {
    /// One event loop whose thread is in the namespace that plays the host.
    func makeEventLoops() async throws -> MultiThreadedEventLoopGroup {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let descriptor = host.descriptor
        try await group.next().submit { try check(negated: clinux_network_enter(descriptor), "setns(2)") }.get()
        return group
    }
}
