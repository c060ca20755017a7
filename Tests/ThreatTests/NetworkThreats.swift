import ContainerNetwork
import Glibc
import LinuxSystem
import NIOCore
import NIOPosix
import Testing

extension NetworkTests {
    /// Attacks on names and ports: docs/security.md, group E.
    @Suite("a hostile neighbour")
    struct NetworkThreats {
        @Test("that breaks connections off in the middle of a query leaves the resolver answering, and idle afterwards")
        func brokenQueries() async throws {
            let fixture = try ProjectFixture()
            let loops = try await fixture.makeEventLoops()
            let resolver = NameResolver(on: loops, servers: [])
            let web = try fixture.attach(try fixture.add("front"))
            resolver.update(
                zone: Zone([
                    Zone.Container(
                        name: "c",
                        service: "web",
                        endpoints: [Zone.Endpoint(network: "front", addresses: web.addresses)]
                    )
                ])
            )
            try await resolver.serve("web", NameView(networks: ["front"]), in: web.namespace.descriptor)
            let query = DNSClient.query("web", 1)
            let framed = [0, UInt8(query.count)] + query
            for length in 0...framed.count {
                for ends in [Int32(SHUT_WR), nil] {
                    let connection = try Connection(from: web.namespace, to: .v4(IPv4Address(127, 0, 0, 11)), 53)
                    if length > 0 { try connection.send(Array(framed[..<length])) }
                    if let ends { try check(shutdown(connection.socket, ends), "shutdown(2)") }
                    // Closed with a reset.
                    var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
                    let size = socklen_t(MemoryLayout<Glibc.linger>.size)
                    try check(setsockopt(connection.socket, SOL_SOCKET, SO_LINGER, &linger, size), "setsockopt(2)")
                }
            }
            #expect(try DNSClient.stream(web.namespace, "web", 1).addresses == [web.v4])
            #expect(try DNSClient.datagram(web.namespace, "web", 1).addresses == [web.v4])
            // A loop that turns for nothing would use all the time there is until the next task comes.
            let first = try await Self.processorTime(of: loops)
            try await loops.next().scheduleTask(in: .milliseconds(400)) {}.futureResult.get()
            let used = try await Self.processorTime(of: loops) - first
            #expect(used < 200_000_000, "\(used) ns in 400 ms")
            await resolver.shutdown()
            try await loops.shutdownGracefully()
        }

        /// Nanoseconds that the thread of the only loop has used.
        private static func processorTime(of loops: MultiThreadedEventLoopGroup) async throws -> Int {
            try await loops.next().submit {
                var time = timespec()
                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
                return time.tv_sec * 1_000_000_000 + time.tv_nsec
            }.get()
        }
    }
}
