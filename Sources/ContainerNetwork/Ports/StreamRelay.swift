import Glibc
import NIOCore
import NIOPosix

/// One of the two ends of a relayed connection; each writes what the other reads.
///
/// Reading pauses while the other side cannot take more, and each direction ends on its own.
final class StreamRelay: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var partner: StreamRelay?
    private var context: ChannelHandlerContext?
    private var wantsToRead = false

    /// Connects to the next target and ties both ends together; the accepted channel reads nothing before.
    static func connect(
        _ accepted: any Channel,
        to targets: LoopbackRelay.Targets,
        _ port: UInt16
    ) -> EventLoopFuture<Void> {
        let (near, far) = (StreamRelay(), StreamRelay())
        near.partner = far
        far.partner = near
        let farEnd = NIOLoopBound(far, eventLoop: accepted.eventLoop)
        let nearEnd = NIOLoopBound(near, eventLoop: accepted.eventLoop)
        let address: SocketAddress
        do {
            address = try targets.next(port: port)
            guard targets.share.take(2) else { throw IOError(errnoCode: EMFILE, reason: "too many connections") }
        } catch { return accepted.eventLoop.makeFailedFuture(error) }
        accepted.closeFuture.whenComplete { _ in targets.share.giveBack(1) }
        let connected = ClientBootstrap(group: accepted.eventLoop)
            .connectTimeout(.seconds(5))
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(farEnd.value) }
            }
            .connect(to: address)
        connected.whenFailure { _ in targets.share.giveBack(1) }
        return connected.flatMapThrowing { far in
            far.closeFuture.whenComplete { _ in targets.share.giveBack(1) }
            do { try accepted.pipeline.syncOperations.addHandler(nearEnd.value) } catch {
                // Nobody else would.
                far.close(promise: nil)
                throw error
            }
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        partner?.resume()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        partner?.context?.close(promise: nil)
        partner = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        partner?.context?.write(NIOAny(unwrapInboundIn(data)), promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) { partner?.context?.flush() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { partner?.resume() }
    }

    func read(context: ChannelHandlerContext) {
        if partner?.context?.channel.isWritable == true {
            context.read()
        } else {
            wantsToRead = true
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            partner?.context?.close(mode: .output, promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func resume() {
        guard wantsToRead, let context else { return }
        wantsToRead = false
        context.read()
    }
}
