import Glibc
import LinuxSystem
import Testing

extension NetworkTests {
    @Suite("nf_tables")
    struct FilterTests {
        @Test("a published port leads to its container, which sees the client's address")
        func published() throws {
            try withNetworkNamespace { host in
                let (outside, front) = try networks(host, "192.0.2.0/24", "10.1.0.0/24")
                let client = try outside.attach()
                let server = try front.attach()
                let listener = try Listener(in: server.namespace, server.address, port: 80)
                try load(
                    host,
                    Rulesets.published([element(outside.gateway, 8080, server.address, 80)])
                )
                let seen = try listener.sourceSeen(from: client.namespace, connecting: outside.gateway, 8080)
                #expect(seen == client.address)
            }
        }

        @Test("a port published by IPv6 keeps the client's address too")
        func publishedV6() throws {
            try withNetworkNamespace { host in
                let (outside, front) = try networks(host, "2001:db8::/64", "fd00:1::/64")
                let client = try outside.attach()
                let server = try front.attach()
                let listener = try Listener(in: server.namespace, server.address, port: 80)
                try load(host, Rulesets.published([], [element(outside.gateway, 8080, server.address, 80)]))
                let seen = try listener.sourceSeen(from: client.namespace, connecting: outside.gateway, 8080)
                #expect(seen == client.address)
            }
        }

        @Test("connections to one port take turns between the replicas behind it")
        func balanced() throws {
            try withNetworkNamespace { host in
                let (outside, front) = try networks(host, "192.0.2.0/24", "10.1.0.0/24")
                let client = try outside.attach()
                let replicas = try (0..<2).map { _ in try front.attach() }
                let listeners = try zip(replicas, [80, 81] as [UInt16]).map {
                    try Listener(in: $0.namespace, $0.address, port: $1)
                }
                let choice = NFSet.choice([NFEndpoint(replicas[0].address, 80), NFEndpoint(replicas[1].address, 81)])
                try load(
                    host,
                    Rulesets.published(
                        [],
                        further: [
                            NFRule(
                                .compare(.destination(.v4), .equal, .address(outside.gateway)),
                                .compare(.destinationPort(.tcp), .equal, .port(8080)),
                                .dnat(.map(.v4, [.counter(modulus: 2)], .inline(choice), withPort: true))
                            )
                        ]
                    )
                )
                let connections = try (0..<6).map { _ in
                    try Connection(from: client.namespace, to: outside.gateway, 8080)
                }
                for listener in listeners {
                    let sources = try (0..<3).map { _ in try listener.accept() }
                    #expect(sources == [client.address, client.address, client.address])
                }
                withExtendedLifetime(connections) {}
            }
        }

        @Test(
            "a range of ports is one rule that keeps the distance",
            arguments: [(8000, 9000), (8000, 80), (8000, 8000)]
        )
        func portRange(published: UInt16, target: UInt16) throws {
            try withNetworkNamespace { host in
                let (outside, front) = try networks(host, "192.0.2.0/24", "10.1.0.0/24")
                let client = try outside.attach()
                let server = try front.attach()
                let shift = try #require(NFPortShift(published...published + 100, to: target))
                let rule = NFRule(
                    .range(.destinationPort(.tcp), .port(published), .port(published + 100)),
                    .dnat(.shifted(server.address, shift))
                )
                try load(host, Rulesets.published([], further: [rule]))
                for offset in [0, 57, 100] as [UInt16] {
                    let listener = try Listener(in: server.namespace, server.address, port: target + offset)
                    let seen = try listener.sourceSeen(
                        from: client.namespace,
                        connecting: outside.gateway,
                        published + offset
                    )
                    #expect(seen == client.address)
                }
            }
        }

        @Test("containers go out under the host's address, and localhost and they themselves reach published ports")
        func masqueraded() throws {
            try withNetworkNamespace { host in
                let (outside, front) = try networks(host, "192.0.2.0/24", "10.1.0.0/24")
                let remote = try outside.attach()
                let server = try front.attach()
                var table = Rulesets.published([
                    element(.v4(.loopback), 8080, server.address, 80), element(front.gateway, 8080, server.address, 80),
                ])
                table.chains.append(Rulesets.masquerading(front.subnet, bridge: front.name))
                try load(host, table)
                try host.run { try writeSystemControl("net/ipv4/conf/\(front.name)/route_localnet", "1") }

                let away = try Listener(in: remote.namespace, remote.address, port: 99)
                #expect(try away.sourceSeen(from: server.namespace, connecting: remote.address, 99) == outside.gateway)
                let listener = try Listener(in: server.namespace, server.address, port: 80)
                #expect(try listener.sourceSeen(from: host, connecting: .v4(.loopback), 8080) == front.gateway)
                let hairpin = try listener.sourceSeen(from: server.namespace, connecting: front.gateway, 8080)
                #expect(hairpin == front.gateway)
            }
        }

        @Test("networks are isolated from each other, not within and not from outside")
        func isolated() throws {
            try withNetworkNamespace { host in
                let (outside, front) = try networks(host, "192.0.2.0/24", "10.1.0.0/24")
                let back = try TestNetwork(on: host, name: "back", subnet: "10.2.0.0/24")
                let client = try front.attach()
                let neighbour = try Listener(
                    in: try front.attach().namespace,
                    try #require(IPAddress("10.1.0.3")),
                    port: 80
                )
                let server = try back.attach()
                let listener = try Listener(in: server.namespace, server.address, port: 80)
                _ = try listener.sourceSeen(from: client.namespace, connecting: server.address, 80)
                try load(host, Rulesets.isolated([front.name, back.name]))
                #expect(throws: SyscallError.self) {
                    try Connection(from: client.namespace, to: server.address, 80, timeoutMilliseconds: 300)
                }
                let within = try #require(IPAddress("10.1.0.3"))
                #expect(try neighbour.sourceSeen(from: client.namespace, connecting: within, 80) == client.address)
                let remote = try outside.attach()
                #expect(
                    try listener.sourceSeen(from: remote.namespace, connecting: server.address, 80) == remote.address
                )
            }
        }

        @Test("the resolver's address answers at port 53 from another port, and nothing is tracked")
        func resolver() throws {
            try withNetworkNamespace { container in
                try container.withRoutes { try $0.perform(.setUp(.index(.loopback))) }
                let address = IPv4Address(127, 0, 0, 11)
                try load(container, Rulesets.resolver(address, port: 40053))
                let listener = try Listener(in: container, .v4(address), port: 40053)
                let seen = try listener.sourceSeen(from: container, connecting: .v4(address), 53)
                #expect(seen.isLoopback)
                let server = try DatagramSocket(in: container, boundTo: .v4(address), 40053)
                let client = try DatagramSocket(in: container, connectedTo: .v4(address), 53)
                try client.send("ask")
                try server.echo()
                // A connected socket takes only what comes from the address and port it is connected to.
                #expect(try client.receive() == "ask")
            }
        }

        @Test("a transaction that fails changes nothing and names what failed")
        func atomic() throws {
            try withNetworkNamespace { host in
                try host.withTables { session in
                    var transaction = NFTransaction()
                    transaction.replace(Rulesets.resolver(.loopback, port: 5353))
                    transaction.add(NFRule(.inSet([.mark], .equal, "nowhere")), to: "output", of: "roost-dns")
                    let error = try #require(throws: NetlinkError.self) { try session.perform(transaction) }
                    #expect(error.code == .notFound)
                    #expect(error.subject == "add rule roost-dns output meta mark @nowhere")
                    #expect(try session.tableNames().isEmpty)
                }
            }
        }

        @Test("tables are replaced, found by their prefix, changed element by element and deleted")
        func lifecycle() throws {
            try withNetworkNamespace { host in
                try host.withTables { session in
                    let one = try #require(IPAddress("10.1.0.2"))
                    let table = Rulesets.published([element(one, 1, one, 2)])
                    for _ in 0..<2 {
                        var transaction = NFTransaction()
                        transaction.replace(table)
                        transaction.replace(NFTable("other"))
                        try session.perform(transaction)
                    }
                    #expect(try session.tableNames(prefix: "roost-") == ["roost-test"])
                    #expect(try session.hasTable("roost-test"))
                    #expect(try !session.hasTable("roost-none"))
                    var change = NFTransaction()
                    change.add([element(one, 3, one, 4)], to: Rulesets.published4, of: table.name)
                    change.delete([element(one, 1, one, 2)], from: Rulesets.published4, of: table.name)
                    change.flush(chain: "output", of: table.name)
                    let generation = try session.generation()
                    try session.perform(change.batch(generation: generation))
                    let stale = #expect(throws: NetlinkError.self) {
                        try session.perform(change.batch(generation: generation))
                    }
                    #expect(stale?.errno?.rawValue == ERESTART)
                    var end = NFTransaction()
                    end.delete(table: table.name)
                    end.delete(table: "other")
                    try session.perform(end)
                    #expect(try session.tableNames().isEmpty)
                }
            }
        }

        @Test("a transaction may be larger than a socket's usual buffer, or empty")
        func sizes() throws {
            try withNetworkNamespace { host in
                let elements = (1...6000).map { NFElement([.port($0)]) }
                let table = NFTable(
                    "roost-test",
                    sets: [NFSet(name: "ports", key: [.port], elements: elements)]
                )
                try load(host, table)
                try host.withTables { try $0.perform(NFTransaction()) }
            }
        }

        @Test("the kernel takes every kind of statement and set")
        func vocabulary() throws {
            try withNetworkNamespace { try load($0, try Rulesets.vocabulary()) }
        }
    }
}

private func networks(
    _ host: NetworkNamespace,
    _ outside: String,
    _ inside: String
) throws -> (TestNetwork, TestNetwork) {
    (
        try TestNetwork(on: host, name: "outside", subnet: outside),
        try TestNetwork(on: host, name: "front", subnet: inside)
    )
}

private func load(_ namespace: NetworkNamespace, _ table: NFTable) throws {
    var transaction = NFTransaction()
    transaction.replace(table)
    let finished = transaction
    try namespace.withTables { try $0.perform(finished) }
}

private func element(_ from: IPAddress, _ port: UInt16, _ target: IPAddress, _ targetPort: UInt16) -> NFElement {
    NFElement([.address(from), .port(port)], .values([.address(target), .port(targetPort)]))
}
