import NIOCore
import NIOPosix

/// Relays datagrams: each client has a socket of its own towards a container, until it has been silent for a minute.
final class DatagramRelay: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private struct Flow {
        var channel: EventLoopFuture<any Channel>
        var lastUse: NIODeadline
    }

    /// Each flow costs a descriptor.
    private static let flowLimit = 512
    private static let patience = TimeAmount.seconds(60)

    private let targets: LoopbackRelay.Targets
    private let port: UInt16
    private var flows: [SocketAddress: Flow] = [:]
    private var sweep: RepeatedTask?

    init(_ targets: LoopbackRelay.Targets, _ port: UInt16) {
        self.targets = targets
        self.port = port
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let client = envelope.remoteAddress
        if flows[client] == nil {
            // A datagram that nobody takes is lost, as is the custom.
            guard flows.count < Self.flowLimit, let target = try? targets.next(port: port), targets.share.take(1) else {
                return
            }
            flows[client] = Flow(channel: open(for: client, to: target, context), lastUse: .now())
            startSweeping(context)
        }
        flows[client]?.lastUse = .now()
        let payload = envelope.data
        flows[client]?.channel.whenSuccess { $0.writeAndFlush(payload, promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // ICMP answers show up as errors of the socket; they concern single datagrams.
    }

    func channelInactive(context: ChannelHandlerContext) {
        sweep?.cancel()
        for flow in flows.values { flow.channel.whenSuccess { $0.close(promise: nil) } }
        flows = [:]
    }

    private func open(
        for client: SocketAddress,
        to target: SocketAddress,
        _ context: ChannelHandlerContext
    ) -> EventLoopFuture<any Channel> {
        let (listener, share) = (context.channel, targets.share)
        let opened = DatagramBootstrap(group: context.eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramAnswers(listener, client))
                }
            }
            .connect(to: target)
        opened.whenFailure { _ in share.giveBack(1) }
        opened.whenSuccess { channel in channel.closeFuture.whenComplete { _ in share.giveBack(1) } }
        return opened
    }

    private func startSweeping(_ context: ChannelHandlerContext) {
        guard sweep == nil else { return }
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        sweep = context.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(30), delay: .seconds(30)) { _ in
            this.value.dropSilentFlows()
        }
    }

    private func dropSilentFlows() {
        let limit = NIODeadline.now() - Self.patience
        for (client, flow) in flows where flow.lastUse < limit {
            flow.channel.whenSuccess { $0.close(promise: nil) }
            flows[client] = nil
        }
        guard flows.isEmpty else { return }
        sweep?.cancel()
        sweep = nil
    }
}

/// Sends what a container answers to the client that asked.
private final class DatagramAnswers: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let listener: any Channel
    private let client: SocketAddress

    init(_ listener: any Channel, _ client: SocketAddress) {
        self.listener = listener
        self.client = client
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let answer = AddressedEnvelope(remoteAddress: client, data: unwrapInboundIn(data).data)
        listener.writeAndFlush(answer, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Refused datagrams leave the flow to its time-out.
    }
}
