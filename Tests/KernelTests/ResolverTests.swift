import ContainerNetwork
import Glibc
import LinuxSystem
import NIOCore
import NIOPosix
import Testing

extension NetworkTests {
    @Suite("names in containers")
    struct ResolverTests {
        @Test("a container asks 127.0.0.11 for its neighbours, by datagrams and by streams")
        func neighbours() async throws {
            try await withResolver { fixture, resolver in
                let front = try fixture.add("front")
                let (web, api) = (try fixture.attach(front), try fixture.attach(front))
                let hidden = try fixture.attach(try fixture.add("back"))
                resolver.update(
                    zone: Zone([
                        container("shop-web-1", "web", "front", web), container("shop-api-1", "api", "front", api),
                        container("shop-db-1", "db", "back", hidden),
                    ])
                )
                let view = NameView(networks: ["front"])
                try await resolver.serve("web", view, in: web.namespace.descriptor)
                for ask in [DNSClient.datagram, DNSClient.stream] {
                    #expect(try ask(web.namespace, "api", 1) == DNSReply(code: 0, addresses: [api.v4]))
                    #expect(try ask(web.namespace, "API.front.", 1) == DNSReply(code: 0, addresses: [api.v4]))
                    #expect(try ask(web.namespace, "api", 28) == DNSReply(code: 0, addresses: []))
                    // No server is known, and the name is of a network that it is not on.
                    #expect(try ask(web.namespace, "db", 1) == DNSReply(code: 2, addresses: []))
                }
                resolver.update("web", NameView(networks: ["front", "back"]))
                #expect(try DNSClient.datagram(web.namespace, "db", 1).addresses == [hidden.v4])
                resolver.update(zone: Zone())
                #expect(try DNSClient.datagram(web.namespace, "api", 1).code == 2)
            }
        }

        @Test("a container may bind port 53 itself")
        func ownServer() async throws {
            try await withResolver { fixture, resolver in
                let front = try fixture.add("front")
                let (web, other) = (try fixture.attach(front), try fixture.attach(front))
                resolver.update(zone: Zone([container("c", "web", "front", web)]))
                try await resolver.serve("web", NameView(networks: ["front"]), in: web.namespace.descriptor)
                let own = try DatagramSocket(in: web.namespace, boundTo: .v4(.any), 53)
                let listener = try Listener(in: web.namespace, .v4(.any), port: 53)
                let client = try DatagramSocket(in: other.namespace, connectedTo: web.v4, 53)
                try client.send("own")
                try own.echo()
                #expect(try client.receive() == "own")
                _ = try listener.sourceSeen(from: other.namespace, connecting: web.v4, 53)
                #expect(try DNSClient.datagram(web.namespace, "web", 1).addresses == [web.v4])
                #expect(try DNSClient.stream(web.namespace, "web", 1).addresses == [web.v4])
            }
        }

        @Test("other names are asked for from the host, past what is no answer; internal containers get none")
        func forwarded() async throws {
            try await withResolver { fixture, resolver in
                let web = try fixture.attach(try fixture.add("front"))
                let safe = try fixture.attach(try fixture.add("vault") { $0.isInternal = true })
                let server = try #require(IPAddress("127.0.0.53"))
                let upstream = try DatagramSocket(in: fixture.host, boundTo: server, 53)
                resolver.update(servers: [server])
                try await resolver.serve("web", NameView(networks: ["front"]), in: web.namespace.descriptor)
                let closed = NameView(networks: ["vault"], asksOutside: false)
                try await resolver.serve("safe", closed, in: safe.namespace.descriptor)
                #expect(try DNSClient.datagram(safe.namespace, "example.org", 1) == DNSReply(code: 5, addresses: []))

                let client = try DatagramSocket(in: web.namespace, connectedTo: .v4(IPv4Address(127, 0, 0, 11)), 53)
                let query = DNSClient.query("example.org", 1)
                try client.send(bytes: query)
                let (request, from) = try upstream.receiveBytes()
                #expect(request.dropFirst(2) == query.dropFirst(2))
                let address = try #require(IPAddress("192.0.2.7"))
                let answer = DNSClient.answer(to: request, address)
                var stray = answer
                stray[1] ^= 1
                var other = answer
                other[14] ^= 1
                for bytes in [stray, other, answer] { try upstream.send(bytes, to: from) }
                #expect(try DNSReply(client.receiveBytes().bytes) == DNSReply(code: 0, addresses: [address]))
            }
        }

        @Test("an upstream that refuses gives a failure at once, and one with TC set is asked by stream")
        func upstreamTrouble() async throws {
            try await withResolver { fixture, resolver in
                let web = try fixture.attach(try fixture.add("front"))
                let server = try #require(IPAddress("127.0.0.53"))
                resolver.update(servers: [server])
                try await resolver.serve("web", NameView(networks: ["front"]), in: web.namespace.descriptor)
                #expect(try DNSClient.datagram(web.namespace, "example.org", 1).code == 2)
                let listener = try Listener(in: fixture.host, server, port: 53)
                let client = try Connection(from: web.namespace, to: .v4(IPv4Address(127, 0, 0, 11)), 53)
                let query = DNSClient.query("example.org", 1)
                try client.send([0, UInt8(query.count)] + query)
                let upstream = try listener.acceptSocket()
                defer { close(upstream) }
                var buffer = [UInt8](repeating: 0, count: 512)
                let count = Int(try check(CInt(recv(upstream, &buffer, 512, 0)), "recv(2)"))
                let answer = DNSClient.answer(to: Array(buffer[2..<count]), .v4(IPv4Address(192, 0, 2, 8)))
                let framed = [0, UInt8(answer.count)] + answer
                // In two pieces, as streams may come.
                for piece in [framed.prefix(5), framed.dropFirst(5)] {
                    try check(
                        CInt(Array(piece).withUnsafeBytes { send(upstream, $0.baseAddress, $0.count, 0) }),
                        "send"
                    )
                }
                let reply = try DNSReply(Array(client.receive().dropFirst(2)))
                #expect(reply.addresses == [.v4(IPv4Address(192, 0, 2, 8))])
            }
        }

        @Test("half-open and broken connections keep nobody from being answered")
        func stalled() async throws {
            try await withResolver { fixture, resolver in
                let web = try fixture.attach(try fixture.add("front"))
                resolver.update(zone: Zone([container("c", "web", "front", web)]))
                try await resolver.serve("web", NameView(networks: ["front"]), in: web.namespace.descriptor)
                let address = IPAddress.v4(IPv4Address(127, 0, 0, 11))
                _ = try ResourceLimit.raise(.nofile)
                let before = namesInDirectory("/proc/self/fd").count
                let stalled = try (0..<1000).map { _ in
                    let connection = try Connection(from: web.namespace, to: address, 53)
                    try connection.send([0, 40, 1])
                    return connection
                }
                let garbage = try DatagramSocket(in: web.namespace, connectedTo: address, 53)
                for bytes in [[], [0], [UInt8](repeating: 0xff, count: 500)] as [[UInt8]] {
                    try garbage.send(bytes: bytes)
                }
                #expect(try DNSClient.datagram(web.namespace, "web", 1).addresses == [web.v4])
                // Connections are accepted in their order, so all before this one have been.
                #expect(try DNSClient.stream(web.namespace, "web", 1).addresses == [web.v4])
                // Ours, the 64 that are kept, and a few that come and go.
                let open = namesInDirectory("/proc/self/fd").count - before - stalled.count
                #expect((60...80).contains(open), "\(open)")
                withExtendedLifetime(stalled) {}
            }
        }

        @Test("a client that asks twice ahead and ends its direction gets both answers, then the end")
        func pipelined() async throws {
            try await withResolver { fixture, resolver in
                let web = try fixture.attach(try fixture.add("front"))
                resolver.update(zone: Zone([container("c", "web", "front", web)]))
                try await resolver.serve("web", NameView(networks: ["front"]), in: web.namespace.descriptor)
                let client = try Connection(from: web.namespace, to: .v4(IPv4Address(127, 0, 0, 11)), 53)
                let query = DNSClient.query("web", 1)
                let framed = [0, UInt8(query.count)] + query
                try client.send(framed + framed)
                try check(shutdown(client.socket, CInt(SHUT_WR)), "shutdown(2)")
                var received: [UInt8] = []
                while case let piece = try client.receive(), !piece.isEmpty { received += piece }
                let answer = Array(received.prefix(received.count / 2))
                #expect(received == answer + answer)
                #expect(try DNSReply(Array(answer.dropFirst(2))).addresses == [web.v4])
            }
        }

        @Test("a successor serves the namespace that a dead supervisor served")
        func successor() async throws {
            try await withResolver { fixture, first in
                let web = try fixture.attach(try fixture.add("front"))
                let zone = Zone([container("c", "web", "front", web)])
                try await first.serve("web", NameView(networks: ["front"]), in: web.namespace.descriptor)
                await first.shutdown()
                let loops = try await fixture.makeEventLoops()
                let second = NameResolver(on: loops, servers: [])
                second.update(zone: zone)
                try await second.serve("web", NameView(networks: ["front"]), in: web.namespace.descriptor)
                #expect(try DNSClient.datagram(web.namespace, "web", 1).addresses == [web.v4])
                await second.shutdown()
                try await loops.shutdownGracefully()
            }
        }
    }
}

private func withResolver(_ body: (ProjectFixture, NameResolver) async throws -> Void) async throws {
    let fixture = try ProjectFixture()
    let loops = try await fixture.makeEventLoops()
    let resolver = NameResolver(on: loops, servers: [])
    try await body(fixture, resolver)
    await resolver.shutdown()
    try await loops.shutdownGracefully()
}

private func container(
    _ name: String,
    _ service: String,
    _ network: String,
    _ container: ProjectFixture.Container
) -> Zone.Container {
    Zone.Container(
        name: name,
        service: service,
        endpoints: [Zone.Endpoint(network: network, addresses: container.addresses)]
    )
}
