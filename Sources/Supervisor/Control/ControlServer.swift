import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Takes commands over HTTP/1.1 on a socket of a path: `curl --unix-socket` will do.
///
/// A request is a JSON object; an answer is a line of JSON for everything that happens, the last one the result.
final class ControlServer: Sendable {
    /// What answers requests.
    typealias Respond = @Sendable (_ route: String, _ body: [UInt8], _ reply: ControlReply) -> Void

    /// More is no command of ours.
    private static let longestBody = 64 << 20

    /// A connection, and the answer that it was given.
    private struct Connection {
        let channel: any Channel
        var reply: ControlReply?
    }

    private let connections = Mutex<[ObjectIdentifier: Connection]>([:])

    /// Takes no more requests, and waits until every answer has gone out or a second has passed.
    ///
    /// Who has no whole answer sees the connection end, and asks our successor.
    func close(_ listener: any Channel) async {
        // Closing fails only when it is closed already.
        try? await listener.close()
        for connection in connections.withLock({ Array($0.values) }) where connection.reply?.isFinished != true {
            connection.channel.close(promise: nil)
        }
        for _ in 0..<100 where connections.withLock({ !$0.isEmpty }) {
            // A sleep that is cancelled is over.
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Begins to listen; the caller closes the channel.
    func start(
        at path: String,
        on group: any EventLoopGroup,
        respond: @escaping Respond
    ) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                self.connections.withLock { $0[ObjectIdentifier(channel)] = Connection(channel: channel) }
                channel.closeFuture.whenComplete { _ in
                    self.connections.withLock { $0[ObjectIdentifier(channel)] = nil }
                }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        RequestHandler { route, body, reply in
                            self.connections.withLock { $0[ObjectIdentifier(channel)]?.reply = reply }
                            respond(route, body, reply)
                        }
                    )
                }
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
            .get()
    }

    /// Collects a request and hands it over.
    private final class RequestHandler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let respond: Respond
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(_ respond: @escaping Respond) { self.respond = respond }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = []
            case .body(let part):
                guard body.count + part.readableBytes <= ControlServer.longestBody else {
                    return context.close(promise: nil)
                }
                body += part.readableBytesView
            case .end:
                guard let head else { return }
                respond("\(head.method.rawValue) \(head.uri)", body, ControlReply(context.channel, head))
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

/// The way back to whoever sent a request.
final class ControlReply: Sendable {
    private let channel: any Channel
    private let request: HTTPRequestHead
    private let isBegun = Mutex(false)
    private let isEnded = Mutex(false)

    init(_ channel: any Channel, _ request: HTTPRequestHead) {
        self.channel = channel
        self.request = request
    }

    /// Whether anybody still listens.
    var isOpen: Bool { channel.isActive }

    /// Whether the answer is whole, though it may still be on its way.
    var isFinished: Bool { isEnded.withLock { $0 } }

    /// Sends one line.
    func send(_ line: ControlLine) {
        // Everything in a line is plain data, which always has a form in JSON.
        guard let bytes = try? JSONEncoder().encode(line) else { return }
        var buffer = channel.allocator.buffer(capacity: bytes.count + 1)
        buffer.writeBytes(bytes)
        buffer.writeInteger(UInt8(ascii: "\n"))
        begin(.ok)
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(buffer)), promise: nil)
    }

    /// Ends the answer.
    func finish() {
        isEnded.withLock { $0 = true }
        begin(.ok)
        let done = channel.eventLoop.makePromise(of: Void.self)
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: done)
        done.futureResult.whenComplete { [channel] _ in channel.close(promise: nil) }
    }

    /// Answers that there is nothing of this name.
    func refuse(_ status: HTTPResponseStatus) {
        begin(status)
        finish()
    }

    private func begin(_ status: HTTPResponseStatus) {
        let isFirst = isBegun.withLock { begun in
            defer { begun = true }
            return !begun
        }
        guard isFirst else { return }
        var head = HTTPResponseHead(version: request.version, status: status)
        head.headers.add(name: "Content-Type", value: "application/jsonl")
        head.headers.add(name: "Connection", value: "close")
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
    }
}
