import Glibc
import LinuxSystem

/// The resolver's sockets in a container's namespace, and the table that leads port 53 of 127.0.0.11 to them.
///
/// So the address is the one that configurations name, and a container may still bind port 53 itself, on any address.
struct ResolverSockets: ~Copyable {
    static let address = IPv4Address(127, 0, 0, 11)
    /// Fixed, so that a successor of a dead supervisor finds its place.
    static let port: UInt16 = 40053

    let datagrams: OwnedDescriptor
    let streams: OwnedDescriptor

    /// Opens the sockets in the namespace that `namespace` refers to; those of a living resolver make it fail.
    static func open(in namespace: CInt) throws(NetworkError) -> ResolverSockets {
        let doing = "open the resolver of a container"
        var transaction = NFTransaction()
        transaction.add(table)
        let batch = transaction.batch()
        var opened: Opened
        do {
            opened = try NamespaceVisit.within(namespace) { () throws(SyscallError) in
                Opened(sockets: try bound(), tables: try .open(.netfilter))
            }
        } catch {
            throw NetworkError(doing, error)
        }
        // The table never changes, so one that is there will do; replacing it would wait for a grace period, 15 ms.
        do {
            if try !opened.tables.hasTable(table.name) { try opened.tables.perform(batch) }
        } catch {
            throw NetworkError(doing, error)
        }
        return opened.takeSockets()
    }

    private struct Opened: ~Copyable {
        let sockets: ResolverSockets
        var tables: NetlinkSession<NetlinkSocket>

        consuming func takeSockets() -> ResolverSockets { sockets }
    }

    private static func bound() throws(SyscallError) -> ResolverSockets {
        let endpoint = SocketEndpoint(address: .v4(address), port: port, transport: .udp)
        var stream = endpoint
        stream.transport = .tcp
        let datagrams = try boundAlone(endpoint)
        let streams = try BoundSocket.make(stream, reusing: true)
        _ = try SyscallError.checkErrno(listen(streams.rawValue, 64), "listen", "resolver")
        return ResolverSockets(datagrams: datagrams, streams: streams)
    }

    /// The sockets of a supervisor that has just died may live on in a child of its that is about to execute a program.
    private static func boundAlone(_ endpoint: SocketEndpoint) throws(SyscallError) -> OwnedDescriptor {
        for _ in 0..<100 {
            do { return try BoundSocket.make(endpoint) } catch {
                guard error.errno.rawValue == EADDRINUSE else { throw error }
                usleep(5000)
            }
        }
        return try BoundSocket.make(endpoint)
    }

    consuming func takeDescriptors() -> (CInt, CInt) { (datagrams.release(), streams.release()) }

    /// Rewrites ports in both directions, packet by packet: connection tracking would cost the container a table entry
    /// for each query.
    static var table: NFTable {
        let here = NFValue.address(.v4(address))
        let rules = [TransportProtocol.udp, .tcp].flatMap { transport in
            [
                NFRule(
                    .compare(.destination(.v4), .equal, here),
                    .compare(.destinationPort(transport), .equal, .port(53)),
                    .rewrite(.destinationPort(transport), .port(port)),
                    .noTrack
                ),
                NFRule(
                    .compare(.source(.v4), .equal, here),
                    .compare(.sourcePort(transport), .equal, .port(port)),
                    .rewrite(.sourcePort(transport), .port(53)),
                    .noTrack
                ),
            ]
        }
        return NFTable(
            "roost_names",
            chains: [NFChain("output", NFHook(.filter, .output, priority: -300), rules: rules)]
        )
    }
}
