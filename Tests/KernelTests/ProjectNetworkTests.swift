import ContainerNetwork
import Glibc
import LinuxSystem
import Testing

extension NetworkTests {
    @Suite("networks of a project")
    struct ProjectNetworkTests {
        @Test("a container reaches its neighbour, the gateway and the world under the host's address")
        func reaches() throws {
            try ProjectFixture.run { fixture in
                let front = try fixture.add("front")
                let (web, api) = (try fixture.attach(front), try fixture.attach(front))
                try fixture.publish()
                let listener = try Listener(in: api.namespace, api.v4, port: 80)
                #expect(try listener.sourceSeen(from: web.namespace, connecting: api.v4, 80) == web.v4)
                let gateway = try #require(front.subnet(.v4)?.gateway)
                let service = try Listener(in: fixture.host, gateway, port: 81)
                #expect(try service.sourceSeen(from: web.namespace, connecting: gateway, 81) == web.v4)
                let remote = try Listener(in: fixture.client.namespace, fixture.client.address, port: 82)
                let seen = try remote.sourceSeen(from: web.namespace, connecting: fixture.client.address, 82)
                #expect(seen == fixture.outside.gateway)
                #expect(throws: Never.self) { _ = try fixture.network.ensureBridge(front) }
            }
        }

        @Test("a network of both versions gives addresses of both and a way out for both")
        func dualStack() throws {
            try ProjectFixture.run { fixture in
                let front = try fixture.add("front") { $0.hasIPv6 = true }
                let web = try fixture.attach(front)
                let api = try fixture.attach(front)
                let address = try #require(api.addresses.last)
                let listener = try Listener(in: api.namespace, address, port: 80)
                #expect(try listener.sourceSeen(from: web.namespace, connecting: address, 80) == web.addresses.last)
                let defaults = try web.namespace.withRoutes { try $0.routes().filter { $0.destination.length == 0 } }
                #expect(Set(defaults.compactMap(\.gateway)) == Set(front.subnets.map(\.gateway)))
            }
        }

        @Test("a network of version 4 leaves no link-local addresses, neither in containers nor on the bridge")
        func noLinkLocal() throws {
            try ProjectFixture.run { fixture in
                let front = try fixture.add("front")
                let web = try fixture.attach(front)
                let inside = try web.namespace.withRoutes { try $0.addresses().map { "\($0.address)" } }
                #expect(inside.sorted() == ["\(web.v4)/24", "127.0.0.1/8", "::1/128"].sorted())
                let index = try fixture.host.withRoutes { try $0.link(.name(front.bridge)).index }
                let bridge = try fixture.host.withRoutes { try $0.addresses().filter { $0.interface == index } }
                #expect(bridge.map(\.address.address.family) == [.v4])
            }
        }

        @Test("networks are isolated from each other and from outside, and internal ones from everything")
        func isolated() throws {
            try ProjectFixture.run { fixture in
                let (front, back) = (try fixture.add("front"), try fixture.add("back"))
                let vault = try fixture.add("vault") { $0.isInternal = true }
                let web = try fixture.attach(front)
                let database = try fixture.attach(back)
                let (safe, key) = (try fixture.attach(vault), try fixture.attach(vault))
                try fixture.publish()
                let listener = try Listener(in: database.namespace, database.v4, port: 80)
                let secret = try Listener(in: safe.namespace, safe.v4, port: 80)
                #expect(cannotConnect(from: web.namespace, to: database.v4, 80))
                #expect(cannotConnect(from: web.namespace, to: safe.v4, 80))
                // The other machine's default route leads through the host.
                #expect(cannotConnect(from: fixture.client.namespace, to: database.v4, 80))
                #expect(cannotConnect(from: fixture.client.namespace, to: safe.v4, 80))
                let remote = try Listener(in: fixture.client.namespace, fixture.client.address, port: 82)
                #expect(cannotConnect(from: safe.namespace, to: fixture.client.address, 82))
                let route = Route(defaultVia: try #require(vault.subnet(.v4)?.gateway))
                try safe.namespace.withRoutes { try $0.perform(.addRoute(route)) }
                #expect(cannotConnect(from: safe.namespace, to: fixture.client.address, 82))
                #expect(try secret.sourceSeen(from: key.namespace, connecting: safe.v4, 80) == key.v4)
                _ = try remote.sourceSeen(from: web.namespace, connecting: fixture.client.address, 82)
                _ = try listener.sourceSeen(from: fixture.host, connecting: database.v4, 80)
            }
        }

        @Test("containers of a network with enable_icc off reach the world and not each other")
        func unconnected() throws {
            try ProjectFixture.run { fixture in
                let front = try fixture.add("front") { $0.connectsContainers = false }
                let (web, api) = (try fixture.attach(front), try fixture.attach(front))
                try fixture.publish()
                let listener = try Listener(in: api.namespace, api.v4, port: 80)
                #expect(cannotConnect(from: web.namespace, to: api.v4, 80))
                _ = try listener.sourceSeen(from: fixture.host, connecting: api.v4, 80)
                let remote = try Listener(in: fixture.client.namespace, fixture.client.address, port: 82)
                _ = try remote.sourceSeen(from: web.namespace, connecting: fixture.client.address, 82)
            }
        }

        @Test("a host that begins to forward says so, and goes on to learn its own routes")
        func forwarding() throws {
            try withNetworkNamespace { host in
                let network = try host.run { try HostNetwork.open() }
                let pair = VethConfiguration(name: try interfaceName("uplink"), peerName: try interfaceName("far"))
                try host.withRoutes { try $0.perform(.create(pair)) }
                try host.run { try writeSystemControl("net/ipv4/ip_forward", "0") }
                var plan = NetworkPlan(name: "front", project: "shop")
                plan.hasIPv6 = true
                let front = try plan.decided(among: try network.observed(), pools: .standard())
                #expect(
                    try network.ensureBridge(front) == [
                        "net.ipv4.ip_forward = 1", "net.ipv6.conf.far.accept_ra = 2",
                        "net.ipv6.conf.uplink.accept_ra = 2",
                        "net.ipv6.conf.all.forwarding = 1",
                    ]
                )
                #expect(try network.ensureBridge(front) == [])
                let bridge = try host.run { try readFile("/proc/sys/net/ipv6/conf/\(front.bridge)/accept_ra") }
                #expect(bridge == "0\n")
            }
        }

        @Test("network_mode none is loopback alone")
        func loopbackOnly() throws {
            let fixture = try ProjectFixture()
            let alone = NetworkNamespace(try fixture.network.makeNamespace(.loopbackOnly))
            let links = try alone.withRoutes { try $0.links() }
            #expect(links.map(\.name) == ["lo"] && links.allSatisfy(\.isUp))
        }

        @Test("two projects cannot claim one subnet, one project claims its own again, removal forgets all")
        func registry() throws {
            try withTemporaryDirectory { directory in
                let fixture = try ProjectFixture()
                let before = try fixture.traces()
                let registry = NetworkRegistry(directory: "\(directory)/networks")
                var plan = NetworkPlan(name: "a_default", project: "a")
                plan.subnets = [.init(try #require(IPPrefix("10.9.0.0/24")))]
                let first = try registry.claim(plan, on: fixture.network, pools: .standard())
                _ = try fixture.network.ensureBridge(first)
                try fixture.network.apply(ProjectRules(project: "a", networks: [first]))
                let again = try NetworkRegistry(directory: "\(directory)/networks").claim(
                    plan,
                    on: fixture.network,
                    pools: .standard()
                )
                #expect(again == first)
                plan.name = "b_default"
                plan.project = "b"
                let error = #expect(throws: NetworkError.self) {
                    try registry.claim(plan, on: fixture.network, pools: .standard())
                }
                #expect(error?.code == .invalidAddress)
                try registry.removeAll(of: "a", on: fixture.network)
                #expect(try registry.networks().isEmpty)
                #expect(try fixture.traces() == before)
                try registry.removeAll(of: "a", on: fixture.network)
                let second = try registry.claim(plan, on: fixture.network, pools: .standard())
                #expect(second.group != first.group && second.bridge != first.bridge)
            }
        }

        @Test("an empty record is none, a broken one is reported and kept")
        func records() throws {
            try withTemporaryDirectory { directory in
                let network = try withNetwork { try HostNetwork.open() }
                let registry = NetworkRegistry(directory: directory)
                let plan = NetworkPlan(name: "front", project: "shop")
                let front = try registry.claim(plan, on: network, pools: .standard())
                let path = "\(directory)/\(front.bridge).json"
                try check(truncate(path, 0), "truncate(2)")
                #expect(try registry.networks().isEmpty)
                #expect(try registry.claim(plan, on: network, pools: .standard()) == front)
                #expect(try registry.networks(of: "shop") == [front])
                try writeFile(path, "nonsense")
                let error = #expect(throws: NetworkError.self) { try registry.networks() }
                #expect(error?.code == .record && error?.message.hasPrefix("\(path) is not a record") == true)
                #expect(access(path, F_OK) == 0)
            }
        }
    }
}

/// What `body` makes in a fresh namespace.
private func withNetwork<Value>(_ body: @escaping () throws -> Value) throws -> Value {
    try NetworkNamespace().run(body)
}
