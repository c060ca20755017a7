import Crypto
import Glibc
import LinuxSystem
import NIOCore
import NIOHTTP1
package import NIOPosix
package import OCISpec

/// Fetches single files over HTTP: what builds add, archives of contexts.
///
/// Who asks is told to the address's own server, and only when the caller says it. By proxies where the environment says
/// so; ten redirections, none from https to http.
package struct FileDownload: Sendable {
    /// What is wanted.
    package struct Request: Hashable, Sendable {
        /// `http://` or `https://`.
        package var address: String
        /// The entity tag of what the caller has already; nil to fetch it whatever it is.
        package var known: String?
        /// No file may have more bytes.
        package var limit: Int64
        /// What `Authorization` says to the address's own server.
        package var authorization: String?

        /// A file at an address.
        package init(_ address: String, known: String? = nil, limit: Int64) {
            self.address = address
            self.known = known
            self.limit = limit
        }
    }

    /// What a server sent.
    package struct Answer: Hashable, Sendable {
        package var digest: ContentDigest
        /// In bytes.
        package var size: Int64
        package var entityTag: String?
        /// When the server's file was changed, in seconds since the epoch; nil when it does not say.
        package var modified: Int?
    }

    /// Hears how many bytes of a file have come, and of how many when the server says so.
    package typealias Listener = @Sendable (_ done: Int64, _ total: Int64?) -> Void

    private let transport: any RegistryTransport
    private let threads: NIOThreadPool
    private let patience: Patience
    private let progress: Listener
    private let sleep: @Sendable (Duration) async throws -> Void
    private let now: @Sendable () -> Int

    /// Downloads by a transport; files are written on `threads`.
    package init(
        transport: any RegistryTransport,
        threads: NIOThreadPool,
        patience: Patience = Patience(),
        progress: @escaping Listener = { _, _ in },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        now: @escaping @Sendable () -> Int = { time(nil) }
    ) {
        self.transport = transport
        self.threads = threads
        self.patience = patience
        self.progress = progress
        self.sleep = sleep
        self.now = now
    }

    /// Fetches a file to `path`, which is made anew; nil when the server still has what the caller knows.
    ///
    /// Blocks; threads and connections are there no longer than that. After a failure nothing lies at `path`.
    package static func perform(
        _ request: Request,
        to path: String,
        environment: [String: String],
        progress: @escaping Listener = { _, _ in }
    ) throws(RegistryError) -> Answer? {
        let patience = Patience()
        let proxies = try Proxies(environment)
        let group = EventLoops.group
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        // They end with the process when they don't end now.
        defer { try? threads.syncShutdownGracefully() }
        let transport = HTTPTransport(
            proxies: proxies,
            certificates: HostCertificates(environment),
            patience: patience,
            group: group,
            threads: threads
        )
        let download = FileDownload(
            transport: transport,
            threads: threads,
            patience: patience,
            progress: progress
        )
        do {
            return try group.any().makeFutureWithTask {
                let result: Result<Answer?, RegistryError>
                do throws(RegistryError) { result = .success(try await download.fetch(request, to: path)) } catch {
                    result = .failure(error)
                }
                await transport.close()
                return try result.get()
            }.wait()
        } catch { throw error as? RegistryError ?? RegistryError(.unreachable, "\(error)") }
    }

    /// Fetches a file to `path`, which is made anew; nil when the server still has what the caller knows.
    ///
    /// What breaks is taken up where it broke when the server can say that it still has the same. After a failure nothing
    /// lies at `path`.
    package func fetch(_ request: Request, to path: String) async throws(RegistryError) -> Answer? {
        guard let url = WireURL(request.address) else {
            throw RegistryError(
                .configuration,
                "\(request.address.printable) is no address of a file over http or https"
            )
        }
        let file = try Target(path, request)
        do throws(RegistryError) {
            return try await fetch(request, url, file)
        } catch {
            unlink(path)
            throw error
        }
    }

    private func fetch(_ request: Request, _ first: WireURL, _ file: Target) async throws(RegistryError) -> Answer? {
        var failures = 0
        while true {
            let before = file.size
            let failure: TransportFailure
            var asked: Duration?
            do throws(TransportFailure) {
                let response = try await answer(request, first, file)
                switch response.status {
                case 304 where request.known != nil && before == 0:
                    unlink(file.path)
                    return nil
                case 200...299:
                    guard try await file.take(response, pace: patience.slowest, on: threads, progress) else {
                        throw TransportFailure(.connection, "the answer ended too early")
                    }
                    return file.answer(response)
                case 408, 429, 500, 502, 503, 504:
                    asked = response.headers.first(name: "Retry-After").flatMap { retryDelay($0, now: now()) }
                    throw TransportFailure(.connection, "the answer is \(response.status)")
                case 401, 403:
                    throw TransportFailure(
                        .invalid,
                        request.authorization == nil
                            ? "the answer is \(response.status): the server wants to know who asks"
                            : "the answer is \(response.status): the server refuses who asks"
                    )
                case 404, 410: throw TransportFailure(.invalid, "there is no such file (\(response.status))")
                default: throw TransportFailure(.invalid, "the answer is \(response.status)")
                }
            } catch { failure = error }
            let what = "fetch \(request.address.printable): \(failure.message)"
            guard failure.isTransient else {
                throw RegistryError(failure.code == .invalid ? .invalidAnswer : .unreachable, what)
            }
            failures = file.size - before > 1 << 20 ? 1 : failures + 1
            guard failures < patience.attempts else { throw RegistryError(.unreachable, "\(what), \(failures) times") }
            do { try await sleep(patience.pause(afterFailures: failures, asked: asked)) } catch {
                throw RegistryError(.unreachable, "fetch \(request.address.printable): interrupted")
            }
        }
    }

    /// Asks, and follows redirections.
    private func answer(
        _ request: Request,
        _ first: WireURL,
        _ file: Target
    ) async throws(TransportFailure) -> WireResponse {
        var url = first
        for _ in 0...patience.redirects {
            var headers: HTTPHeaders = ["Accept": "*/*"]
            // Whom a server sends us to learns nothing.
            if let authorization = request.authorization, url.origin == first.origin {
                headers.add(name: "Authorization", value: authorization)
            }
            if let known = request.known, file.size == 0 { headers.add(name: "If-None-Match", value: known) }
            if file.size > 0, let tag = file.tag {
                headers.add(name: "Range", value: "bytes=\(file.size)-")
                headers.add(name: "If-Range", value: tag)
            }
            let response = try await transport.send(WireRequest("GET", url, headers: headers), verifies: true)
            guard [301, 302, 303, 307, 308].contains(response.status),
                let location = response.headers.first(name: "Location")
            else { return response }
            guard let next = url.resolving(location) else {
                throw TransportFailure(.invalid, "a redirection to what is no address: \(location.printable)")
            }
            guard next.origin.isSecure || !url.origin.isSecure else {
                throw TransportFailure(.invalid, "a redirection from https to http: \(next.description.printable)")
            }
            url = next
        }
        throw TransportFailure(.invalid, "more than \(patience.redirects) redirections")
    }

    /// The file that takes the bytes; one answer at a time is written to it.
    private final class Target: @unchecked Sendable {
        let path: String
        // Whoever calls waits for each call.
        private(set) var size: Int64 = 0
        /// A strong entity tag of what has come so far: with it the rest can be asked for.
        private(set) var tag: String?
        private let limit: Int64
        private let file: OwnedDescriptor
        private var hash = SHA256()

        init(_ path: String, _ request: Request) throws(RegistryError) {
            self.path = path
            limit = request.limit
            let raw = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard raw >= 0 else { throw RegistryError(.store, "write \(path): \(Errno.current)") }
            file = OwnedDescriptor(adopting: raw)
        }

        /// Writes what an answer has; false when there should be more.
        ///
        /// Throws `invalid` for what no other try makes better.
        func take(
            _ response: WireResponse,
            pace: Int,
            on threads: NIOThreadPool,
            _ progress: Listener
        ) async throws(TransportFailure) -> Bool {
            try begin(response)
            let length = response.headers.first(name: "Content-Length").flatMap { Int64($0) }
            let end = length.map { size + $0 }
            if let end, end > limit { throw tooLarge }
            let strong = response.headers.first(name: "ETag").flatMap { $0.hasPrefix("\"") ? $0 : nil }
            tag = strong
            var watch = Pace(least: pace)
            while let piece = try await response.body.next() {
                guard watch.accepts(piece.readableBytes) else {
                    throw TransportFailure(.stalled, "less than \(pace) bytes came in a minute")
                }
                guard size + Int64(piece.readableBytes) <= limit else { throw tooLarge }
                do { try await threads.runIfActive { try self.append(piece) } } catch {
                    throw error as? TransportFailure ?? TransportFailure(.cancelled, "interrupted")
                }
                progress(size, end)
            }
            return end.map { size == $0 } ?? true
        }

        func answer(_ response: WireResponse) -> Answer {
            guard let digest = ContentDigest(bytes: hash.finalize()) else { preconditionFailure("32 bytes") }
            return Answer(
                digest: digest,
                size: size,
                entityTag: response.headers.first(name: "ETag"),
                modified: response.headers.first(name: "Last-Modified").flatMap { HTTPDate.seconds($0) }
            )
        }

        /// A whole answer starts anew; a part has to go on where the last one broke.
        private func begin(_ response: WireResponse) throws(TransportFailure) {
            if response.status == 206 {
                let range = response.headers.first(name: "Content-Range") ?? ""
                guard size > 0, range.hasPrefix("bytes \(size)-") else {
                    throw TransportFailure(.invalid, "the server sends a part that was not asked for")
                }
                return
            }
            guard size > 0 else { return }
            guard ftruncate(file.rawValue, 0) == 0 else { throw refused() }
            (size, hash) = (0, SHA256())
        }

        private func append(_ piece: ByteBuffer) throws(TransportFailure) {
            let view = piece.readableBytesView
            var done = 0
            while done < view.count {
                let count = view.withUnsafeBytes { bytes in
                    pwrite(
                        file.rawValue,
                        bytes.baseAddress?.advanced(by: done),
                        bytes.count - done,
                        off_t(size) + off_t(done)
                    )
                }
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { throw refused() }
                done += count
            }
            view.withUnsafeBytes { hash.update(bufferPointer: $0) }
            size += Int64(view.count)
        }

        private var tooLarge: TransportFailure {
            TransportFailure(.invalid, "it has more than the \(limit) bytes that are allowed")
        }

        private func refused() -> TransportFailure { TransportFailure(.invalid, "write \(path): \(Errno.current)") }
    }
}
