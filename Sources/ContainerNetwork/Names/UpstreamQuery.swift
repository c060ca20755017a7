import LinuxSystem
import NIOCore
import NIOPosix

/// One question to the servers of the outside, asked of one after the other until one answers.
///
/// Every try has a socket of its own, hence a port of the kernel's choice that only this server can write to, and a
/// random number; what does not repeat the question under that number is passed over.
struct UpstreamQuery: Sendable {
    /// How long a server has.
    static let patience = TimeAmount.seconds(2)
    /// How often each server is asked.
    static let rounds = 2

    var query: DNSQuery
    var bytes: [UInt8]
    var servers: [IPAddress]
    var isStream: Bool

    /// The answer, under the client's own number; fails if no server answered.
    func ask(on eventLoop: any EventLoop) -> EventLoopFuture<[UInt8]> {
        let tries = Array(repeatElement(servers, count: Self.rounds).joined())
        return ask(tries[...], on: eventLoop)
    }

    private func ask(_ servers: ArraySlice<IPAddress>, on eventLoop: any EventLoop) -> EventLoopFuture<[UInt8]> {
        guard let server = servers.first else {
            return eventLoop.makeFailedFuture(NetworkError(.kernel, "no name server answered"))
        }
        return askOnce(server, on: eventLoop).flatMapError { _ in ask(servers.dropFirst(), on: eventLoop) }
    }

    private func askOnce(_ server: IPAddress, on eventLoop: any EventLoop) -> EventLoopFuture<[UInt8]> {
        let id = UInt16.random(in: 0...UInt16.max)
        let promise = eventLoop.makePromise(of: [UInt8].self)
        let opened = open(server, id, promise, on: eventLoop)
        let deadline = eventLoop.scheduleTask(in: Self.patience) {
            promise.fail(NetworkError(.kernel, "name server \(server) did not answer in time"))
        }
        opened.cascadeFailure(to: promise)
        promise.futureResult.whenComplete { _ in
            deadline.cancel()
            opened.whenSuccess { $0.close(promise: nil) }
        }
        let request = [UInt8(id >> 8), UInt8(truncatingIfNeeded: id)] + bytes.dropFirst(2)
        opened.whenSuccess { channel in
            var buffer = channel.allocator.buffer(capacity: request.count + 2)
            if isStream { buffer.writeInteger(UInt16(request.count)) }
            buffer.writeBytes(request)
            channel.writeAndFlush(buffer).cascadeFailure(to: promise)
        }
        let original = bytes.prefix(2)
        return promise.futureResult.map { Array(original + $0.dropFirst(2)) }
    }

    private func open(
        _ server: IPAddress,
        _ id: UInt16,
        _ promise: EventLoopPromise<[UInt8]>,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        let address: SocketAddress
        do { address = try SocketAddress(ipAddress: server.description, port: 53) } catch {
            return eventLoop.makeFailedFuture(error)
        }
        let query = query
        if isStream {
            return ClientBootstrap(group: eventLoop).connectTimeout(Self.patience)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(StreamAnswer(query, id, promise))
                    }
                }
                .connect(to: address)
        }
        return DatagramBootstrap(group: eventLoop)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 65535))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramAnswer(query, id, promise))
                }
            }
            .connect(to: address)
    }
}

/// Waits for the datagram that answers.
private final class DatagramAnswer: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let query: DNSQuery
    private let id: UInt16
    private let promise: EventLoopPromise<[UInt8]>

    init(_ query: DNSQuery, _ id: UInt16, _ promise: EventLoopPromise<[UInt8]>) {
        self.query = query
        self.id = id
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(unwrapInboundIn(data).data.readableBytesView)
        if query.isAnswered(by: bytes, id: id) { promise.succeed(bytes) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // "Port unreachable": nobody serves names there.
        promise.fail(error)
    }
}

/// Collects the one message that answers.
private final class StreamAnswer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let query: DNSQuery
    private let id: UInt16
    private let promise: EventLoopPromise<[UInt8]>
    private var received = ByteBuffer()

    init(_ query: DNSQuery, _ id: UInt16, _ promise: EventLoopPromise<[UInt8]>) {
        self.query = query
        self.id = id
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        received.writeBuffer(&buffer)
        guard let slice = received.readLengthPrefixedSlice(as: UInt16.self) else { return }
        let bytes = Array(slice.readableBytesView)
        if query.isAnswered(by: bytes, id: id) {
            promise.succeed(bytes)
        } else {
            promise.fail(NetworkError(.malformedName, "a name server answered another question"))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { promise.fail(error) }

    func channelInactive(context: ChannelHandlerContext) { promise.fail(ChannelError.eof) }
}
