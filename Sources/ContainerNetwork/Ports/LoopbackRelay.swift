import Glibc
import LinuxSystem
package import NIOCore
import NIOPosix
import Synchronization

/// Carries what reaches a published port by version 6 to containers' version 4 addresses.
///
/// The kernel translates no address of one version to the other, and routes nothing from ::1. The relay listens on
/// the version 6 sockets of the reservation; what the kernel translates itself never comes here. All connections are
/// served by one event loop, whose thread must be in the host's network namespace.
package final class LoopbackRelay: Sendable {
    /// Who is ready, and whose turn it is.
    final class Targets: Sendable {
        private struct State {
            var addresses: [IPAddress] = []
            var turn = 0
        }
        private let state = Mutex(State())
        let share: RelayShare

        init(within budget: RelayBudget) { share = RelayShare(of: budget) }

        func set(_ addresses: [IPAddress]) { state.withLock { $0.addresses = addresses } }

        func next(port: UInt16) throws -> SocketAddress {
            let address = state.withLock { state -> IPAddress? in
                guard !state.addresses.isEmpty else { return nil }
                state.turn &+= 1
                return state.addresses[state.turn % state.addresses.count]
            }
            guard let address else { throw IOError(errnoCode: ECONNREFUSED, reason: "no replica is ready") }
            return try SocketAddress(ipAddress: address.description, port: Int(port))
        }
    }

    private let reservation: PortReservation
    private let targets: Targets
    private let channels: [any Channel]

    private init(_ reservation: PortReservation, _ targets: Targets, _ channels: [any Channel]) {
        self.reservation = reservation
        self.targets = targets
        self.channels = channels
    }

    /// Starts relaying; returns nil if the reservation has no version 6 socket, or its protocol is SCTP.
    ///
    /// Keep the reservation as long as the relay, and drop both: the kernel goes on listening on its sockets. What is more
    /// than the budget allows is closed as it comes.
    package static func start(
        _ reservation: PortReservation,
        ready: [Publication.Replica],
        on eventLoop: any EventLoop,
        within budget: RelayBudget
    ) async throws -> LoopbackRelay? {
        let sockets = reservation.sockets.filter { $0.endpoint.address.family == .v6 }
        guard !sockets.isEmpty, reservation.port.transport != .sctp else { return nil }
        let targets = Targets(within: budget)
        var channels: [any Channel] = []
        do {
            for socket in sockets {
                let offset = socket.endpoint.port - reservation.port.hostPorts.lowerBound
                let port = reservation.port.target + offset
                channels.append(try await listen(socket, to: targets, port, on: eventLoop))
            }
        } catch {
            for channel in channels { try await channel.close() }
            throw error
        }
        let relay = LoopbackRelay(reservation, targets, channels)
        relay.update(ready: ready)
        return relay
    }

    /// Replaces the replicas that new connections go to; present ones stay with theirs.
    package func update(ready: [Publication.Replica]) { targets.set(ready.compactMap { $0.v4 ?? $0.v6 }) }

    /// Stops taking connections.
    package func stop() async {
        // Closing fails only for channels that are closed already.
        for channel in channels { try? await channel.close() }
    }

    private static func listen(
        _ socket: PortReservation.Socket,
        to targets: Targets,
        _ port: UInt16,
        on eventLoop: any EventLoop
    ) async throws -> any Channel {
        // The channel closes what it is given, the reservation keeps its own.
        let copy = fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 3)
        let descriptor = OwnedDescriptor(
            adopting: try SyscallError.checkErrno(copy, "fcntl(F_DUPFD_CLOEXEC)", "port \(socket.endpoint.port)")
        )
        if socket.endpoint.transport == .udp {
            return try await DatagramBootstrap(group: eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(DatagramRelay(targets, port))
                    }
                }
                .withBoundSocket(descriptor.release()).get()
        }
        _ = try SyscallError.checkErrno(Glibc.listen(descriptor.rawValue, 128), "listen", "port \(port)")
        return try await ServerBootstrap(group: eventLoop)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // Connections that are closing do not keep the next relay from the port: theirs has to allow that too.
            .childChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { StreamRelay.connect($0, to: targets, port) }
            .withBoundSocket(descriptor.release()).get()
    }
}
