import ContainerNetwork
import Glibc
import LinuxSystem
import Testing

extension NetworkTests {
    @Suite("published ports")
    struct PublishedPortTests {
        @Test("a published port is reached from everywhere, and sees the client where it can")
        func reached() throws {
            try ProjectFixture.run { fixture in
                let (front, back) = (try fixture.add("front"), try fixture.add("back"))
                let server = try fixture.attach(front)
                let (neighbour, stranger) = (try fixture.attach(front), try fixture.attach(back))
                try fixture.publish((PublishedPort(8080...8080, to: 80), [server]))
                let listener = try Listener(in: server.namespace, server.v4, port: 80)
                let outside = fixture.outside.gateway
                let gateway = try #require(front.subnet(.v4)?.gateway)
                let far = try listener.sourceSeen(from: fixture.client.namespace, connecting: outside, 8080)
                #expect(far == fixture.client.address)
                let local = try listener.sourceSeen(from: fixture.host, connecting: .v4(.loopback), 8080)
                #expect(local == gateway)
                #expect(try listener.sourceSeen(from: fixture.host, connecting: outside, 8080) == outside)
                let other = try listener.sourceSeen(from: stranger.namespace, connecting: outside, 8080)
                #expect(other == stranger.v4)
                // Within one network the answer would go past the host, so the host takes part.
                #expect(try listener.sourceSeen(from: neighbour.namespace, connecting: outside, 8080) == gateway)
                #expect(try listener.sourceSeen(from: server.namespace, connecting: outside, 8080) == gateway)
                // What is not published is not reachable from outside, even by the container's own address.
                #expect(cannotConnect(from: fixture.client.namespace, to: server.v4, 80))
            }
        }

        @Test("projects meet at published ports and nowhere else")
        func projects() throws {
            try ProjectFixture.run { fixture in
                let front = try fixture.add("front")
                let server = try fixture.attach(front)
                try fixture.publish((PublishedPort(8080...8080, to: 80), [server]))
                let plan = NetworkPlan(name: "other_default", project: "other")
                let taken = try fixture.network.observed(with: fixture.networks)
                let network = try plan.decided(among: taken, pools: .standard())
                _ = try fixture.network.ensureBridge(network)
                let other = try fixture.attach(network)
                try fixture.network.apply(ProjectRules(project: "other", networks: [network]))
                let listener = try Listener(in: server.namespace, server.v4, port: 80)
                #expect(cannotConnect(from: other.namespace, to: server.v4, 80))
                _ = try listener.sourceSeen(from: other.namespace, connecting: fixture.outside.gateway, 8080)
                let secret = try Listener(in: other.namespace, other.v4, port: 80)
                #expect(cannotConnect(from: server.namespace, to: other.v4, 80))
                #expect(!secret.hasConnection && !listener.hasConnection)
                // The end of one leaves the other as it is.
                try fixture.network.removeLinks(group: network.group)
                try fixture.network.remove(table: ProjectRules.tableName(of: "other"))
                _ = try listener.sourceSeen(
                    from: fixture.client.namespace,
                    connecting: fixture.outside.gateway,
                    8080
                )
            }
        }

        @Test("a port published on 127.0.0.1 is the host's own, and loopback services stay so")
        func loopback() throws {
            try ProjectFixture.run { fixture in
                let front = try fixture.add("front")
                let (server, neighbour) = (try fixture.attach(front), try fixture.attach(front))
                try fixture.publish((PublishedPort(8080...8080, to: 80, on: .v4(.loopback)), [server]))
                let listener = try Listener(in: server.namespace, server.v4, port: 80)
                _ = try listener.sourceSeen(from: fixture.host, connecting: .v4(.loopback), 8080)
                let outside = fixture.outside.gateway
                #expect(cannotConnect(from: fixture.client.namespace, to: outside, 8080))
                #expect(cannotConnect(from: neighbour.namespace, to: outside, 8080))
                // A container that sends 127.0.0.1 to the host by its own routing table gets nowhere.
                let service = try Listener(in: fixture.host, .v4(.loopback), port: 5432)
                let gateway = try #require(front.subnet(.v4)?.gateway)
                try neighbour.namespace.run { try writeSystemControl("net/ipv4/conf/eth0/route_localnet", "1") }
                let target = IPv4Address(127, 0, 0, 1)
                try neighbour.namespace.withRoutes { session in
                    let own = try #require(InterfaceAddress(.v4(.loopback), prefixLength: 8))
                    try session.perform(.deleteAddress(own, from: .loopback))
                    let prefix = try #require(IPPrefix(containing: .v4(target), length: 32))
                    try session.perform(.addRoute(Route(to: prefix, via: gateway)))
                }
                #expect(cannotConnect(from: neighbour.namespace, to: .v4(target), 5432))
                #expect(!service.hasConnection)
            }
        }

        @Test("connections take turns over the ready replicas, and one that is not ready gets none")
        func balanced() throws {
            try ProjectFixture.run { fixture in
                let front = try fixture.add("front")
                let replicas = try (0..<4).map { _ in try fixture.attach(front) }
                let port = PublishedPort(8080...8080, to: 80)
                try fixture.publish((port, Array(replicas.prefix(3))))
                let listeners = try replicas.map { try Listener(in: $0.namespace, $0.v4, port: 80) }
                for target in [fixture.outside.gateway, .v4(.loopback)] {
                    let from = target.isLoopback ? fixture.host : fixture.client.namespace
                    let connections = try (0..<6).map { _ in try Connection(from: from, to: target, 8080) }
                    for listener in listeners.prefix(3) {
                        for _ in 0..<2 { _ = try listener.accept() }
                    }
                    withExtendedLifetime(connections) {}
                }
                #expect(!listeners[3].hasConnection)
                try fixture.publish((port, [replicas[3]]))
                let alone = try listeners[3].sourceSeen(
                    from: fixture.client.namespace,
                    connecting: fixture.outside.gateway,
                    8080
                )
                #expect(alone == fixture.client.address)
                try fixture.publish((port, []))
                #expect(cannotConnect(from: fixture.client.namespace, to: fixture.outside.gateway, 8080))
            }
        }

        @Test("ranges keep their distance, also over two replicas")
        func ranges() throws {
            try ProjectFixture.run { fixture in
                let front = try fixture.add("front")
                let servers = [try fixture.attach(front), try fixture.attach(front)]
                try fixture.publish(
                    (PublishedPort(8000...8100, to: 9000), [servers[0]]),
                    (PublishedPort(7000...7001, to: 100), servers)
                )
                for offset in [0, 57, 100] as [UInt16] {
                    let listener = try Listener(in: servers[0].namespace, servers[0].v4, port: 9000 + offset)
                    _ = try listener.sourceSeen(
                        from: fixture.client.namespace,
                        connecting: fixture.outside.gateway,
                        8000 + offset
                    )
                }
                let listeners = try servers.map { try Listener(in: $0.namespace, $0.v4, port: 101) }
                let connections = try (0..<4).map { _ in
                    try Connection(from: fixture.client.namespace, to: fixture.outside.gateway, 7001)
                }
                for listener in listeners {
                    for _ in 0..<2 { _ = try listener.accept() }
                }
                withExtendedLifetime(connections) {}
            }
        }

        @Test("datagrams reach a published port and are answered")
        func datagrams() throws {
            try ProjectFixture.run { fixture in
                let front = try fixture.add("front")
                let server = try fixture.attach(front)
                try fixture.publish((PublishedPort(5300...5300, to: 53, .udp), [server]))
                let socket = try DatagramSocket(in: server.namespace, boundTo: server.v4, 53)
                for (from, target) in [
                    (fixture.client.namespace, fixture.outside.gateway), (fixture.host, IPAddress.v4(.loopback)),
                ] {
                    let client = try DatagramSocket(in: from, connectedTo: target, 5300)
                    try client.send("ask")
                    try socket.echo()
                    #expect(try client.receive() == "ask")
                }
            }
        }

        @Test("a client that never pauses follows its published datagram port to another replica")
        func flows() throws {
            try ProjectFixture.run { fixture in
                let front = try fixture.add("front")
                let servers = [try fixture.attach(front), try fixture.attach(front)]
                let sockets = try servers.map { try DatagramSocket(in: $0.namespace, boundTo: $0.v4, 53) }
                let port = PublishedPort(5300...5300, to: 53, .udp)
                try fixture.publish((port, []))
                let target = fixture.outside.gateway
                let client = try DatagramSocket(in: fixture.client.namespace, connectedTo: target, 5300)
                // Nobody is there: the flow now leads to the host itself, which refuses.
                try client.send("lost")
                #expect(throws: SyscallError.self) { try client.receive() }
                for (server, socket) in zip(servers, sockets) {
                    try fixture.publish((port, [server]))
                    try client.send("ask")
                    try socket.echo()
                    #expect(try client.receive() == "ask")
                }
            }
        }

        @Test("another program's chain that drops forwarded packets is found, ours is not")
        func foreign() throws {
            try ProjectFixture.run { fixture in
                try fixture.publish()
                #expect(try fixture.network.foreignFilters().isEmpty)
                let hook = NFHook(.filter, .forward, priority: 0, dropsByDefault: true)
                try fixture.network.apply(NFTable("fence", chains: [NFChain("FORWARD", hook)]))
                #expect(
                    try fixture.network.foreignFilters().map(\.advice) == [
                        "table inet fence, chain FORWARD drops what it does not accept, containers' packets too; "
                            + "accept there what comes in or goes out by interfaces roost-*"
                    ]
                )
                try fixture.network.remove(table: "fence")
            }
        }

        @Test("a port of a container of both versions is reached by both")
        func dualStack() throws {
            try ProjectFixture.run { fixture in
                let front = try fixture.add("front") { $0.hasIPv6 = true }
                let server = try fixture.attach(front)
                let neighbour = try fixture.attach(front)
                try fixture.publish((PublishedPort(8080...8080, to: 80), [server]))
                let address = try #require(server.addresses.last)
                let listener = try Listener(in: server.namespace, address, port: 80)
                let gateway = try #require(front.subnet(.v6)?.gateway)
                #expect(try listener.sourceSeen(from: fixture.host, connecting: gateway, 8080) == gateway)
                #expect(try listener.sourceSeen(from: neighbour.namespace, connecting: gateway, 8080) == gateway)
            }
        }
    }
}
