import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A server on this machine that answers as a test wants it to.
final class ScriptedRegistry: Sendable {
    /// A request as it came.
    struct Asked: Sendable {
        var method: String
        var target: String
        var headers: HTTPHeaders
        var body: [UInt8]

        /// The request in one line, with the headers that matter here.
        var line: String {
            let shown = ["Range", "Authorization", "Content-Range"].compactMap { name in
                headers.first(name: name).map { " \(name)=\($0)" }
            }
            return "\(method) \(target)" + shown.joined()
        }
    }

    /// What is answered.
    struct Answer: Sendable {
        var status = 200
        var headers: HTTPHeaders = [:]
        var body: [UInt8] = []
        /// The length that the head tells, when that is not the body's.
        var length: Int?
        /// Whether the length is left out, and the body sent in chunks.
        var isChunked = false
        /// Whether the connection is closed after the body, and whether it stays open without the rest.
        var closes = false
        var stalls = false
    }

    let port: Int
    private let log = Log()
    private let channel: any Channel
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    init(_ respond: @escaping @Sendable (Asked) -> Answer) throws {
        let log = log
        channel = try ServerBootstrap(group: Self.group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(
                        Handler { asked in
                            log.add(asked)
                            return respond(asked)
                        }
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).wait()
        port = channel.localAddress?.port ?? 0
    }

    /// Ends the server.
    func close() { channel.close(promise: nil) }

    /// The requests so far, each in a line.
    func asked() -> [String] { log.all.map(\.line) }

    /// The body of the last request of a method.
    func body(_ method: String) -> String? {
        log.all.last { $0.method == method }.map { String(decoding: $0.body, as: UTF8.self) }
    }

    private final class Log: Sendable {
        private let requests = Mutex<[Asked]>([])
        var all: [Asked] { requests.withLock { $0 } }
        func add(_ asked: Asked) { requests.withLock { $0.append(asked) } }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let respond: @Sendable (Asked) -> Answer
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(_ respond: @escaping @Sendable (Asked) -> Answer) { self.respond = respond }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): (self.head, body) = (head, [])
            case .body(let part): body += part.readableBytesView
            case .end:
                guard let head else { return }
                let asked = Asked(method: head.method.rawValue, target: head.uri, headers: head.headers, body: body)
                write(respond(asked), isHead: head.method == .HEAD, context)
            }
        }

        private func write(_ answer: Answer, isHead: Bool, _ context: ChannelHandlerContext) {
            var headers = answer.headers
            if !answer.isChunked {
                headers.replaceOrAdd(name: "Content-Length", value: "\(answer.length ?? answer.body.count)")
            }
            let status = HTTPResponseStatus(statusCode: answer.status)
            let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            if !isHead {
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
            }
            context.flush()
            if answer.stalls { return }
            if answer.closes { return context.close(promise: nil) }
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
