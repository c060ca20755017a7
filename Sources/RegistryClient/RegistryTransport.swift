package import NIOCore
package import NIOHTTP1

/// One request to a server.
package struct WireRequest: Sendable {
    /// What is sent along.
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// A part of a file, read while it is sent; `sent` hears how many more bytes were read.
        case file(path: String, range: Range<Int64>, sent: @Sendable (Int64) -> Void)
    }

    package var method: String
    package var url: WireURL
    package var headers: HTTPHeaders
    package var body: Body

    package init(_ method: String, _ url: WireURL, headers: HTTPHeaders = [:], body: Body = .none) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// A server's answer, of which the body is still to come.
package struct WireResponse {
    package var status: Int
    package var headers: HTTPHeaders
    package var body: any WireBody

    package init(status: Int, headers: HTTPHeaders, body: any WireBody) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// The bytes of an answer, as they come.
package protocol WireBody: AnyObject {
    /// The next piece; nil at the end.
    func next() async throws(TransportFailure) -> ByteBuffer?
}

/// Why there is no answer, or only a part of one.
package struct TransportFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// No connection, or it ended too early; another try may do.
        case connection
        /// Nothing came for too long; another try may do.
        case stalled
        /// The server can't prove who it is, or does not speak TLS.
        case security
        /// The answer is not HTTP.
        case invalid
        /// We no longer want to know.
        case cancelled
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
    /// Whether another try may do.
    package var isTransient: Bool { code == .connection || code == .stalled }
}

/// Sends requests; the seam to the network.
package protocol RegistryTransport: Sendable {
    /// Sends one request, and follows nothing.
    ///
    /// `verifies` is false for servers that need not prove who they are.
    func send(_ request: WireRequest, verifies: Bool) async throws(TransportFailure) -> WireResponse
}

extension WireBody {
    /// All that is left of the answer; nil when it is more than `limit` bytes.
    func collect(upTo limit: Int) async throws(TransportFailure) -> [UInt8]? {
        var bytes: [UInt8] = []
        while let piece = try await next() {
            guard piece.readableBytes <= limit - bytes.count else { return nil }
            bytes += piece.readableBytesView
        }
        return bytes
    }
}
