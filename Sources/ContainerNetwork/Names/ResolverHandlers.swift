import LinuxSystem
import NIOCore

/// Answers the datagrams of one container.
final class DatagramResolver: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let client: NameResolver.Client

    init(_ client: NameResolver.Client) { self.client = client }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let channel = context.channel
        client.answer(Array(envelope.data.readableBytesView), isStream: false, on: context.eventLoop)
            .whenSuccess { bytes in
                guard let bytes else { return }
                let answer = AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: bytes))
                channel.writeAndFlush(answer, promise: nil)
            }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // ICMP answers of clients that have gone; the socket goes on.
    }
}

/// Answers the queries of one connection, one after the other: the next is read when the last answer was taken.
final class StreamResolver: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// A connection without a whole query for this long is closed.
    private static let patience = TimeAmount.seconds(10)

    private let client: NameResolver.Client
    private var received = ByteBuffer()
    private var isBusy = false
    /// Whether the client has ended its direction; what it asked before is still answered.
    private var isEnding = false
    private var idle: Scheduled<Void>?

    init(_ client: NameResolver.Client) { self.client = client }

    func channelActive(context: ChannelHandlerContext) { restartIdle(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        received.writeBuffer(&buffer)
        // Two of the longest messages: nobody who reads answers sends more ahead.
        guard received.readableBytes <= 2 << 16 else { return context.close(promise: nil) }
        answerNext(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
        isEnding = true
        answerNext(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) { idle?.cancel() }

    private func answerNext(_ context: ChannelHandlerContext) {
        guard !isBusy else { return }
        guard let slice = received.readLengthPrefixedSlice(as: UInt16.self) else {
            if isEnding { context.close(promise: nil) }
            return
        }
        received.discardReadBytes()
        isBusy = true
        restartIdle(context)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        client.answer(Array(slice.readableBytesView), isStream: true, on: context.eventLoop).whenComplete { result in
            let context = bound.value.1
            guard case .success(let bytes?) = result else { return context.close(promise: nil) }
            var buffer = context.channel.allocator.buffer(capacity: bytes.count + 2)
            buffer.writeInteger(UInt16(truncatingIfNeeded: bytes.count))
            buffer.writeBytes(bytes)
            context.writeAndFlush(NIOAny(buffer)).whenSuccess {
                let (this, context) = bound.value
                this.isBusy = false
                this.answerNext(context)
            }
        }
    }

    private func restartIdle(_ context: ChannelHandlerContext) {
        idle?.cancel()
        let channel = context.channel
        idle = context.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
    }
}
