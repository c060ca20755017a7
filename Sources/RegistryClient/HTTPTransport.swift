import AsyncHTTPClient
import Glibc
package import NIOCore
import NIOHTTP1
package import NIOPosix
import NIOSSL
import Synchronization

/// The network: HTTP/1.1, plain or over TLS, by proxies where the environment says so.
///
/// Nothing is made before the first request. `close` before the value goes.
package final class HTTPTransport: RegistryTransport {
    /// Connections that are alike share a client.
    private struct Kind: Hashable {
        var verifies: Bool
        var certificates: HostCertificates.Files?
        var proxy: Proxies.Proxy?
        /// Whether the proxy takes requests itself, rather than making tunnels.
        var isRelayed: Bool
    }

    private let proxies: Proxies
    private let certificates: HostCertificates
    private let patience: Patience
    private let group: any EventLoopGroup
    private let threads: NIOThreadPool
    private let clients = Mutex<[Kind: HTTPClient]>([:])

    /// A transport on the event loops of `group`; files are read on `threads`.
    package init(
        proxies: Proxies,
        certificates: HostCertificates,
        patience: Patience,
        group: any EventLoopGroup,
        threads: NIOThreadPool
    ) {
        self.proxies = proxies
        self.certificates = certificates
        self.patience = patience
        self.group = group
        self.threads = threads
    }

    /// Ends all connections.
    package func close() async {
        let all = clients.withLock { clients in
            defer { clients = [:] }
            return Array(clients.values)
        }
        // What can't be ended well ends with the process.
        for client in all { try? await client.shutdown() }
    }

    package func send(_ request: WireRequest, verifies: Bool) async throws(TransportFailure) -> WireResponse {
        let origin = request.url.origin
        let proxy = proxies.proxy(for: origin)
        let client = try client(for: origin, by: proxy, verifies: verifies)
        // What is plain HTTP a proxy answers itself; what is not goes through a tunnel, which the client makes.
        let relay = origin.isSecure ? nil : proxy
        var sent = HTTPClientRequest(url: relay.map { "\($0.origin)\(request.url.target)" } ?? "\(request.url)")
        sent.method = HTTPMethod(rawValue: request.method)
        sent.headers = request.headers
        sent.headers.replaceOrAdd(name: "User-Agent", value: "roost")
        if let relay {
            sent.headers.replaceOrAdd(name: "Host", value: origin.authority)
            if let authorization = relay.authorization {
                sent.headers.replaceOrAdd(name: "Proxy-Authorization", value: authorization.headerValue)
            }
        }
        switch request.body {
        case .none: if request.method != "GET" && request.method != "HEAD" { sent.body = .bytes(ByteBuffer()) }
        case .bytes(let bytes): sent.body = .bytes(ByteBuffer(bytes: bytes))
        case .file(let path, let range, let heard):
            let chunks = FileChunks(path: path, range: range, threads: threads, sent: heard)
            sent.body = .stream(chunks, length: .known(range.upperBound - range.lowerBound))
        }
        do {
            // Uploads take as long as they take; silence is what the client itself watches.
            let response = try await client.execute(sent, timeout: .hours(24 * 365))
            if relay != nil, response.status == .proxyAuthenticationRequired {
                throw HTTPClientError.proxyAuthenticationRequired
            }
            return WireResponse(
                status: Int(response.status.code),
                headers: response.headers,
                body: Body(response.body.makeAsyncIterator())
            )
        } catch { throw TransportFailure(error) }
    }

    private func client(
        for origin: WireURL.Origin,
        by proxy: Proxies.Proxy?,
        verifies: Bool
    ) throws(TransportFailure) -> HTTPClient {
        let host = origin.port == 443 && origin.isSecure ? origin.host : "\(origin.host):\(origin.port)"
        let kind = Kind(
            verifies: verifies,
            certificates: origin.isSecure ? certificates.files(for: host) : nil,
            proxy: proxy,
            isRelayed: proxy != nil && !origin.isSecure
        )
        do {
            return try clients.withLock { clients in
                if let client = clients[kind] { return client }
                let client = HTTPClient(eventLoopGroup: group, configuration: try configuration(kind))
                clients[kind] = client
                return client
            }
        } catch {
            throw TransportFailure(.security, "the certificates for \(host) can't be read: \(error)")
        }
    }

    private func configuration(_ kind: Kind) throws -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        if !kind.verifies { tls.certificateVerification = .none }
        if let files = kind.certificates {
            tls.additionalTrustRoots = try files.authorities.map {
                .certificates(try NIOSSLCertificate.fromPEMFile($0))
            }
            if let path = files.clientCertificate, let key = files.clientKey {
                tls.certificateChain = try NIOSSLCertificate.fromPEMFile(path).map { .certificate($0) }
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
            }
        }
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.httpVersion = .http1Only
        configuration.timeout = .init(
            connect: TimeAmount(patience.connecting),
            read: TimeAmount(patience.silence),
            write: TimeAmount(patience.silence)
        )
        // Tries are counted by whoever asks.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 16
        if kind.isRelayed {
            configuration.http1_1ConnectionDebugInitializer = AbsoluteTargets.add
        } else if let proxy = kind.proxy {
            configuration.proxy = .server(host: proxy.host, port: proxy.port, authorization: proxy.authorization)
        }
        return configuration
    }

    /// The bytes of an answer; it has one reader at a time.
    private final class Body: WireBody {
        // Guarded by there being one reader, who waits for each piece.
        nonisolated(unsafe) private var pieces: HTTPClientResponse.Body.AsyncIterator

        init(_ pieces: HTTPClientResponse.Body.AsyncIterator) { self.pieces = pieces }

        func next() async throws(TransportFailure) -> ByteBuffer? {
            do { return try await pieces.next() } catch { throw TransportFailure(error) }
        }
    }
}

/// Names the server in every request, as a proxy has to know it: RFC 9112, section 3.2.2.
///
/// The client itself only asks proxies for tunnels, which many of them refuse to port 80.
private final class AbsoluteTargets: ChannelOutboundHandler, Sendable {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    /// Puts one into a new connection, where requests are not bytes yet.
    @Sendable static func add(to channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            let encoder = try pipeline.handler(type: HTTPRequestEncoder.self)
            try pipeline.addHandler(AbsoluteTargets(), position: .after(encoder))
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .head(var head) = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
        head.uri = "http://\(head.headers.first(name: "Host") ?? "")\(head.uri)"
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }
}

extension Proxies.Proxy {
    fileprivate var origin: WireURL.Origin { .init(isSecure: false, host: host, port: port) }

    fileprivate var authorization: HTTPClient.Authorization? {
        user.map { .basic(username: $0, password: password ?? "") }
    }
}

/// A file's bytes in pieces, read on threads of their own.
private struct FileChunks: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let path: String
    let range: Range<Int64>
    let threads: NIOThreadPool
    let sent: @Sendable (Int64) -> Void

    struct AsyncIterator: AsyncIteratorProtocol {
        let chunks: FileChunks
        var offset: Int64

        mutating func next() async throws -> ByteBuffer? {
            let (path, offset) = (chunks.path, offset)
            let wanted = Int(Swift.min(256 << 10, chunks.range.upperBound - offset))
            guard wanted > 0 else { return nil }
            let piece = try await chunks.threads.runIfActive {
                let raw = open(path, O_RDONLY | O_CLOEXEC)
                guard raw >= 0 else { throw TransportFailure(.invalid, "read \(path): error \(errno)") }
                defer { Glibc.close(raw) }
                var buffer = ByteBufferAllocator().buffer(capacity: wanted)
                let got = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { bytes in
                    Swift.max(0, pread(raw, bytes.baseAddress, wanted, off_t(offset)))
                }
                guard got == wanted else { throw TransportFailure(.invalid, "read \(path): it became shorter") }
                return buffer
            }
            self.offset += Int64(wanted)
            chunks.sent(Int64(wanted))
            return piece
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(chunks: self, offset: range.lowerBound) }
}

extension TransportFailure {
    /// What the client's errors mean.
    fileprivate init(_ error: any Error) {
        switch error {
        case let failure as TransportFailure: self = failure
        case is CancellationError: self.init(.cancelled, "interrupted")
        case let error as HTTPClientError:
            switch error {
            case .cancelled: self.init(.cancelled, "interrupted")
            case .readTimeout, .writeTimeout: self.init(.stalled, "nothing came for too long")
            case .connectTimeout: self.init(.connection, "nobody answered in time")
            case .remoteConnectionClosed: self.init(.connection, "the connection ended too early")
            case .proxyAuthenticationRequired:
                self.init(.invalid, "the proxy wants a user and password; put them into its address")
            case .invalidProxyResponse: self.init(.connection, "the proxy refused the connection")
            default: self.init(.connection, error.shortDescription)
            }
        case let error as NIOConnectionError:
            let refusal = error.connectionErrors.first.map { TransportFailure($0.error).message }
            // Names are asked for in two ways, and one of them may have failed for want of such addresses.
            let unknown = (error.dnsAError ?? error.dnsAAAAError).map { failure in
                let known = failure as? SocketAddressError.UnknownHost
                return " (\(known?.errorDescription.lowercased() ?? "\(failure)"))"
            }
            self.init(.connection, refusal ?? "its address can't be found\(unknown ?? "")")
        case is NIOSSLExtraError, is NIOSSLError:
            self.init(.security, "TLS: \(error)")
        case HTTPParserError.invalidEOFState: self.init(.connection, "the connection ended too early")
        case is HTTPParserError: self.init(.invalid, "the answer is not HTTP: \(error)")
        case let error as IOError:
            let words = String(cString: strerror(error.errnoCode))
            self.init(.connection, "no connection: \(words.prefix(1).lowercased())\(words.dropFirst())")
        default: self.init(.connection, "\(error)")
        }
    }
}

extension TimeAmount {
    fileprivate init(_ duration: Duration) {
        let parts = duration.components
        self = .nanoseconds(parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000)
    }
}
