import CLinux
import ContainerNetwork
import Glibc
import LinuxSystem
import NIOCore
import NIOPosix
import Testing

extension NetworkTests {
    @Suite("ports held on the host")
    struct PortReservationTests {
        @Test("a port in use is refused by its holder's name, and a reserved one is nobody else's")
        func conflicts() throws {
            let fixture = try ProjectFixture()
            let port = try #require(PublishedPort(8080...8080, to: 80))
            let holder = try Listener(in: fixture.host, .v4(.any), port: 8080)
            let error = try #require(throws: NetworkError.self) {
                try PortReservation.reserve(port, on: fixture.network)
            }
            withExtendedLifetime(holder) {}
            #expect(error.code == .portTaken)
            let program = try readFile("/proc/self/comm").filter { $0 != "\n" }
            let expected =
                "port 8080/tcp of 0.0.0.0 is in use by \(program) (\(getpid())); stop it or publish another port"
            #expect(error.message == expected)

            let other = try #require(PublishedPort(8081...8082, to: 80))
            let reservation = try PortReservation.reserve(other, on: fixture.network)
            for address in [IPAddress.v4(.loopback), .v6(.any)] {
                #expect(throws: SyscallError.self) { try Listener(in: fixture.host, address, port: 8082) }
            }
            #expect(cannotConnect(from: fixture.host, to: .v4(.loopback), 8081))
            #expect(throws: NetworkError.self) { try PortReservation.reserve(other, on: fixture.network) }
            withExtendedLifetime(reservation) {}
        }

        @Test("a dropped reservation frees its ports")
        func dropped() throws {
            let fixture = try ProjectFixture()
            let port = try #require(PublishedPort(8080...8080, to: 53, .udp))
            for _ in 0..<2 { _ = try PortReservation.reserve(port, on: fixture.network) }
        }

        @Test("an empty published port is picked, and a range for one port gives its first free one")
        func picked() throws {
            let fixture = try ProjectFixture()
            let first = try PortReservation.reserveAny(to: 80, host: fixture.network)
            let second = try PortReservation.reserveAny(to: 80, host: fixture.network)
            #expect(first.port.hostPorts != second.port.hostPorts)
            let holder = try Listener(in: fixture.host, .v4(.any), port: 9000)
            let third = try PortReservation.reserveAny(of: 9000...9001, to: 80, host: fixture.network)
            #expect(third.port.description == "9001->80/tcp")
            let error = #expect(throws: NetworkError.self) {
                try PortReservation.reserveAny(of: 9000...9001, to: 80, host: fixture.network)
            }
            #expect(error?.code == .portTaken)
            withExtendedLifetime((holder, first, second, third)) {}
        }

        @Test("an address that the host has not is refused")
        func foreignAddress() throws {
            let fixture = try ProjectFixture()
            let port = try #require(PublishedPort(80...80, to: 80, on: IPAddress("198.51.100.7")))
            let error = #expect(throws: NetworkError.self) { try PortReservation.reserve(port, on: fixture.network) }
            #expect(error?.code == .invalidAddress)
        }

        @Test("[::1] reaches containers of version 4 by turns, half-closed and with more than fits a buffer")
        func relayedStreams() async throws {
            let fixture = try ProjectFixture()
            let front = try fixture.add("front")
            let servers = [try fixture.attach(front), try fixture.attach(front)]
            let port = try #require(PublishedPort(8080...8080, to: 80))
            let loops = try await fixture.makeEventLoops()
            let reservation = try PortReservation.reserve(port, on: fixture.network)
            let ready = servers.map { Publication.Replica($0.addresses) }
            let relay = try #require(
                try await LoopbackRelay.start(reservation, ready: ready, on: loops.next(), within: .ample)
            )
            let listeners = try servers.map { try Listener(in: $0.namespace, $0.v4, port: 80) }
            for _ in 0..<2 {
                let client = try Connection(from: fixture.host, to: .v6(.loopback), 8080)
                // Whose turn it is does not matter here, only that both get one.
                _ = client
            }
            for listener in listeners { _ = try listener.accept() }
            relay.update(ready: [ready[0]])
            let client = try Connection(from: fixture.host, to: .v6(.loopback), 8080)
            #expect(try listeners[0].echoUntilEnd(of: client, count: 3 << 20) == 3 << 20)
            relay.update(ready: [])
            let lost = try Connection(from: fixture.host, to: .v6(.loopback), 8080)
            #expect(try lost.receive().isEmpty)
            await relay.stop()
            try await loops.shutdownGracefully()
        }

        @Test("connections and clients above the bounds are turned away, and other ports are served meanwhile")
        func boundedRelays() async throws {
            let fixture = try ProjectFixture()
            let server = try fixture.attach(try fixture.add("front"))
            let loops = try await fixture.makeEventLoops()
            let ready = [Publication.Replica(server.addresses)]
            let budget = RelayBudget(limit: 24, perPort: 20)
            var held: [(PortReservation, LoopbackRelay)] = []
            for (port, target, transport) in [(8080, 80, .tcp), (8081, 81, .tcp), (5300, 53, .udp)]
                as [(UInt16, UInt16, TransportProtocol)]
            {
                let port = try #require(PublishedPort(port...port, to: target, transport))
                let reservation = try PortReservation.reserve(port, on: fixture.network)
                let relay = try await LoopbackRelay.start(reservation, ready: ready, on: loops.next(), within: budget)
                held.append((reservation, try #require(relay)))
            }
            let listeners = try [80, 81].map { try Listener(in: server.namespace, server.v4, port: $0) }
            func connect(_ port: UInt16) throws -> Connection {
                try Connection(from: fixture.host, to: .v6(.loopback), port)
            }
            var clients = try (0..<10).map { _ in try connect(8080) }
            var accepted = try clients.map { _ in try listeners[0].acceptSocket() }
            for _ in 0..<30 { #expect(try connect(8080).receive().isEmpty) }
            #expect(!listeners[0].hasConnection)
            // The other port has what is left of all.
            for _ in 0..<2 {
                clients.append(try connect(8081))
                accepted.append(try listeners[1].acceptSocket())
            }
            #expect(try connect(8081).receive().isEmpty)
            let datagrams = try DatagramSocket(in: server.namespace, boundTo: server.v4, 53)
            let asking = try DatagramSocket(in: fixture.host, connectedTo: .v6(.loopback), 5300)
            try asking.send("lost")
            // What has ended makes place, when both sides have seen it.
            clients.removeFirst(5)
            for socket in accepted.prefix(5) {
                var byte: UInt8 = 0
                #expect(recv(socket, &byte, 1, 0) == 0)
                close(socket)
            }
            accepted.removeFirst(5)
            var isServed = false
            for _ in 0..<1000 where !isServed {
                let next = try connect(8081)
                isServed = try next.isRelayed()
                if isServed { accepted.append(try listeners[1].acceptSocket()) }
                clients.append(next)
            }
            #expect(isServed)
            try asking.send("ask")
            try datagrams.echo()
            #expect(try asking.receive() == "ask")
            for socket in accepted { close(socket) }
            for (_, relay) in held { await relay.stop() }
            try await loops.shutdownGracefully()
        }

        @Test("datagrams to [::1] reach containers of version 4 and come back")
        func relayedDatagrams() async throws {
            let fixture = try ProjectFixture()
            let server = try fixture.attach(try fixture.add("front"))
            let port = try #require(PublishedPort(5300...5300, to: 53, .udp))
            let loops = try await fixture.makeEventLoops()
            let reservation = try PortReservation.reserve(port, on: fixture.network)
            let ready = [Publication.Replica(server.addresses)]
            let relay = try #require(
                try await LoopbackRelay.start(reservation, ready: ready, on: loops.next(), within: .ample)
            )
            let socket = try DatagramSocket(in: server.namespace, boundTo: server.v4, 53)
            for _ in 0..<2 {
                let client = try DatagramSocket(in: fixture.host, connectedTo: .v6(.loopback), 5300)
                try client.send("ask")
                try socket.echo()
                #expect(try client.receive() == "ask")
            }
            await relay.stop()
            try await loops.shutdownGracefully()
        }
    }
}

extension RelayBudget {
    /// More than a test needs.
    fileprivate static let ample = RelayBudget(limit: 1000, perPort: 1000)
}

extension Connection {
    /// Whether it is still open when the relay has decided about it.
    fileprivate func isRelayed() throws -> Bool {
        // A connection that is turned away ends at once; of one that is not nothing comes.
        var watched = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return poll(&watched, 1, 100) == 0
    }
}

extension Listener {
    /// Takes the next connection, which sends `count` bytes and ends its direction; sends all of it back only then,
    /// and returns how many bytes the client gets.
    func echoUntilEnd(of client: Connection, count: Int) throws -> Int {
        let accepted = try acceptSocket()
        defer { close(accepted) }
        let sent = [UInt8](repeating: 7, count: count)
        let socket = client.socket
        try bothAtOnce(
            { try sendAll(socket, sent) },
            {
                let arrived = try receiveAll(accepted, count)
                #expect(arrived == count)
            }
        )
        try check(shutdown(socket, CInt(SHUT_WR)), "shutdown(2)")
        var byte: UInt8 = 0
        // The end of the client's direction arrives while the other is still open.
        #expect(recv(accepted, &byte, 1, 0) == 0)
        var received = 0
        try bothAtOnce(
            { try sendAll(accepted, sent) },
            { received = try receiveAll(socket, count) }
        )
        return received
    }
}

private func sendAll(_ socket: CInt, _ bytes: [UInt8]) throws {
    var start = 0
    while start < bytes.count {
        start += Int(
            try check(CInt(bytes[start...].withUnsafeBytes { send(socket, $0.baseAddress, $0.count, 0) }), "send(2)")
        )
    }
}

private func receiveAll(_ socket: CInt, _ count: Int) throws -> Int {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var received = 0
    while received < count {
        let step = try check(CInt(recv(socket, &buffer, buffer.count, 0)), "recv(2)")
        if step == 0 { break }
        received += Int(step)
    }
    return received
}
