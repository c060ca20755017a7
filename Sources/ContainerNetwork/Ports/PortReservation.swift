import Glibc
package import LinuxSystem

/// A published port held for us on the host: sockets that are bound and do not listen.
///
/// So conflicts are found before anything is made, and nobody takes the port while we run. Dropped when the value
/// goes. With no ready replica, TCP connections are refused by the kernel.
package final class PortReservation: Sendable {
    struct Socket: Hashable, Sendable {
        var endpoint: SocketEndpoint
        var descriptor: CInt
    }

    /// The port, with the host's ports decided.
    package let port: PublishedPort
    /// Owned by this value; `deinit` closes them.
    let sockets: [Socket]

    private init(_ port: PublishedPort, _ sockets: [Socket]) {
        self.port = port
        self.sockets = sockets
    }

    deinit { for socket in sockets { close(socket.descriptor) } }

    /// Reserves the port on the host's network.
    ///
    /// Throws `.portTaken`, naming the program where it can be seen, `.invalidAddress` if the host has no such
    /// address, and `.notPermitted` for ports that the caller may not have.
    package static func reserve(_ port: PublishedPort, on host: HostNetwork) throws(NetworkError) -> PortReservation {
        switch attempt(port, on: host) {
        case .success(let reservation): return reservation
        case .failure(let refusal): throw describe(refusal, port, on: host)
        }
    }

    /// Reserves one port: the first free one of a range, or any that the kernel picks.
    ///
    /// Throws as `reserve(_:on:)` does, and `.portTaken` if all are taken.
    package static func reserveAny(
        of range: ClosedRange<UInt16>? = nil,
        to target: UInt16,
        _ transport: TransportProtocol = .tcp,
        on address: IPAddress? = nil,
        host: HostNetwork
    ) throws(NetworkError) -> PortReservation {
        var last: Refusal?
        // An ephemeral port that is free in version 4 may be taken in version 6.
        let candidates = range.map { Array($0) } ?? [UInt16](repeating: 0, count: 16)
        for candidate in candidates {
            let number = candidate > 0 ? candidate : try ephemeral(transport, address, on: host)
            guard let port = PublishedPort(number...number, to: target, transport, on: address) else { continue }
            switch attempt(port, on: host) {
            case .success(let reservation): return reservation
            case .failure(let refusal):
                guard refusal.error.errno.rawValue == EADDRINUSE else { throw describe(refusal, port, on: host) }
                last = refusal
            }
        }
        let words = range.map { "all ports from \($0.lowerBound) to \($0.upperBound)" } ?? "16 ephemeral ports"
        throw NetworkError(.portTaken, "\(words) are in use; publish another range", cause: last?.error)
    }

    private struct Refusal: Error {
        var endpoint: SocketEndpoint
        var error: SyscallError
    }

    private static func attempt(_ port: PublishedPort, on host: HostNetwork) -> Result<PortReservation, Refusal> {
        var sockets: [Socket] = []
        for family in port.families {
            let address = port.specificAddress(family) ?? IPAddress(family: family, value: 0)
            for number in port.hostPorts {
                let endpoint = SocketEndpoint(address: address, port: number, transport: port.transport)
                do {
                    let descriptor = try host.atHome { () throws(SyscallError) in try bound(endpoint) }
                    sockets.append(Socket(endpoint: endpoint, descriptor: descriptor.release()))
                } catch {
                    if isOptional(error, of: port) { continue }
                    for socket in sockets { close(socket.descriptor) }
                    return .failure(Refusal(endpoint: endpoint, error: error))
                }
            }
        }
        return .success(PortReservation(port, sockets))
    }

    private static func bound(_ endpoint: SocketEndpoint) throws(SyscallError) -> OwnedDescriptor {
        do { return try BoundSocket.make(endpoint) } catch {
            // Closing connections of a former relay hold the port too, and only SO_REUSEADDR gets past them. It is not
            // the first choice, as others with the same option could then have the port beside us.
            guard error.errno.rawValue == EADDRINUSE, endpoint.transport == .tcp,
                PortOwner.find(endpoint.port, .tcp) == nil
            else { throw error }
            return try BoundSocket.make(endpoint, reusing: true)
        }
    }

    /// A host without version 6 publishes on version 4 alone, and one without SCTP sockets can still translate it.
    private static func isOptional(_ error: SyscallError, of port: PublishedPort) -> Bool {
        switch error.errno.rawValue {
        case EAFNOSUPPORT, EADDRNOTAVAIL: port.address == nil
        case EPROTONOSUPPORT, ESOCKTNOSUPPORT: port.transport == .sctp
        default: false
        }
    }

    private static func ephemeral(
        _ transport: TransportProtocol,
        _ address: IPAddress?,
        on host: HostNetwork
    ) throws(NetworkError) -> UInt16 {
        do {
            return try host.atHome { () throws(SyscallError) in
                let endpoint = SocketEndpoint(address: address ?? .v4(.any), port: 0, transport: transport)
                return try BoundSocket.port(of: try BoundSocket.make(endpoint))
            }
        } catch {
            throw NetworkError("pick a port", error)
        }
    }

    /// bind(2) in words.
    private static func describe(_ refusal: Refusal, _ port: PublishedPort, on host: HostNetwork) -> NetworkError {
        let endpoint = refusal.endpoint
        let name = "port \(endpoint.port)/\(endpoint.transport) of \(endpoint.address)"
        switch refusal.error.errno.rawValue {
        case EADDRINUSE:
            // The words are best effort: the refusal stands whether or not the holder can be found.
            let owner = try? host.atHome { () throws(SyscallError) in PortOwner.find(endpoint.port, endpoint.transport)
            }
            let holder = (owner ?? nil)?.description ?? "another program"
            return NetworkError(
                .portTaken,
                "\(name) is in use by \(holder); stop it or publish another port",
                cause: refusal.error
            )
        case EADDRNOTAVAIL:
            return NetworkError(
                .invalidAddress,
                "\(name): this host has no such address; publish on one of its own",
                cause: refusal.error
            )
        default: return NetworkError("reserve \(name)", refusal.error)
        }
    }
}
