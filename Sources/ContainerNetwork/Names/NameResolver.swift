import Glibc
package import LinuxSystem
package import NIOCore
import NIOPosix
import Synchronization

/// The resolver of a project: one object, served by a few event loops, with sockets in every container's namespace.
///
/// The event loops' threads must be in the host's network namespace, from where other names are asked for. Everything
/// may be called from any thread.
package final class NameResolver: Sendable {
    private struct State {
        var service = NameService()
        var turn = 0
        var clients: [String: Client] = [:]
    }

    private let group: any EventLoopGroup
    private let state: Mutex<State>
    private let pending = Atomic<Int>(0)

    /// Queries to the outside under way at a time, each with a descriptor.
    private static let pendingLimit = 512

    /// Makes a resolver that asks `servers` for names that are not in its zone: those of the host's resolv.conf.
    ///
    /// `neighbours` knows the names of other projects on shared networks.
    package init(on group: any EventLoopGroup, servers: [IPAddress], neighbours: NeighbourNames? = nil) {
        self.group = group
        state = Mutex(State(service: NameService(servers: servers, neighbours: neighbours)))
    }

    /// Replaces the names that are answered from now on.
    package func update(zone: Zone) { state.withLock { $0.service.zone = zone } }

    /// Replaces the servers that are asked from now on.
    package func update(servers: [IPAddress]) { state.withLock { $0.service.servers = servers } }

    /// Starts serving a container.
    ///
    /// `namespace` is borrowed: a namespace just made, or /proc/<pid>/ns/net of a container that outlived its
    /// supervisor. `container` names it for `update` and `stop`; a former one of that name is stopped first.
    package func serve(_ container: String, _ view: NameView, in namespace: CInt) async throws {
        await stop(container)
        try await serve(container, view, over: OpenedResolver(in: namespace))
    }

    /// Starts serving a container over sockets that were opened in its namespace before its program began.
    package func serve(_ container: String, _ view: NameView, over opened: OpenedResolver) async throws {
        await stop(container)
        guard let (datagrams, streams) = opened.takeDescriptors() else { return }
        let client = Client(self, view)
        let loop = group.next()
        do {
            client.add(
                try await DatagramBootstrap(group: loop)
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(DatagramResolver(client))
                        }
                    }
                    .withBoundSocket(datagrams).get()
            )
        } catch {
            close(streams)
            throw error
        }
        do {
            client.add(
                try await ServerBootstrap(group: loop)
                    .childChannelOption(.allowRemoteHalfClosure, value: true)
                    .childChannelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            client.admit(channel)
                            try channel.pipeline.syncOperations.addHandler(StreamResolver(client))
                        }
                    }
                    .withBoundSocket(streams).get()
            )
        } catch {
            await client.close()
            throw error
        }
        state.withLock { $0.clients[container] = client }
    }

    /// Replaces what a container may see; nothing happens if it is not served.
    package func update(_ container: String, _ view: NameView) {
        state.withLock { $0.clients[container] }?.view.withLock { $0 = view }
    }

    /// Stops serving a container, which need not be served.
    package func stop(_ container: String) async {
        let client = state.withLock { $0.clients.removeValue(forKey: container) }
        await client?.close()
    }

    /// Stops serving all; the event loops stay their owner's.
    package func shutdown() async {
        for container in state.withLock({ Array($0.clients.keys) }) { await stop(container) }
    }

    /// Nil means to say nothing.
    fileprivate func answer(
        _ bytes: [UInt8],
        for view: NameView,
        isStream: Bool,
        on loop: any EventLoop
    ) -> EventLoopFuture<[UInt8]?> {
        let query: DNSQuery
        do { query = try DNSQuery(bytes) } catch { return loop.makeSucceededFuture(DNSAnswer.malformed(bytes)) }
        let decision = state.withLock { state in
            state.turn &+= 1
            return state.service.decide(query, for: view, turn: state.turn)
        }
        let limit = isStream ? 65535 : query.datagramLimit
        switch decision {
        case .answer(let answer): return loop.makeSucceededFuture(answer.bytes(limit: limit))
        case .forward(let servers):
            let failure = query.answer(.failure).bytes(limit: limit)
            guard pending.add(1, ordering: .relaxed).newValue <= Self.pendingLimit else {
                pending.subtract(1, ordering: .relaxed)
                return loop.makeSucceededFuture(failure)
            }
            let upstream = UpstreamQuery(query: query, bytes: bytes, servers: servers, isStream: isStream)
            return upstream.ask(on: loop).map { Optional($0) }.flatMapErrorWithEventLoop { _, loop in
                loop.makeSucceededFuture(failure)
            }.always { _ in self.pending.subtract(1, ordering: .relaxed) }
        }
    }
}

extension NameResolver {
    /// One container that is served.
    final class Client: Sendable {
        private struct Channels {
            var own: [any Channel] = []
            /// Accepted connections, the oldest first.
            var accepted: [any Channel] = []
        }

        /// Connections that a container may have open; the oldest gives way, so that stalled ones harm nobody.
        private static let connectionLimit = 64

        private let resolver: NameResolver
        let view: Mutex<NameView>
        private let channels = Mutex(Channels())

        init(_ resolver: NameResolver, _ view: NameView) {
            self.resolver = resolver
            self.view = Mutex(view)
        }

        func answer(_ bytes: [UInt8], isStream: Bool, on loop: any EventLoop) -> EventLoopFuture<[UInt8]?> {
            resolver.answer(bytes, for: view.withLock { $0 }, isStream: isStream, on: loop)
        }

        func add(_ channel: any Channel) { channels.withLock { $0.own.append(channel) } }

        func admit(_ channel: any Channel) {
            let oldest = channels.withLock { channels -> (any Channel)? in
                channels.accepted.append(channel)
                guard channels.accepted.count > Self.connectionLimit else { return nil }
                return channels.accepted.removeFirst()
            }
            oldest?.close(promise: nil)
            channel.closeFuture.whenComplete { _ in
                self.channels.withLock { $0.accepted.removeAll { $0 === channel } }
            }
        }

        func close() async {
            let all = channels.withLock { channels in
                defer { channels = Channels() }
                return channels.own + channels.accepted
            }
            // Closing fails only for channels that are closed already.
            for channel in all { try? await channel.close() }
        }
    }
}
