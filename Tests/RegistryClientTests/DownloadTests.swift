import Glibc
import LinuxSystem
import NIOCore
import NIOHTTP1
import NIOPosix
import OCISpec
import Synchronization
import Testing

@testable import RegistryClient

@Suite("Downloads") struct DownloadTests {
    private static let content = Array("some content\n".utf8)

    /// What a fetch came to, and the bytes that lie there.
    private struct Fetched: Equatable {
        var answer: FileDownload.Answer?
        var bytes: [UInt8]?
    }

    private func fetch(
        _ server: ScriptedRegistry,
        _ path: String = "/file",
        known: String? = nil,
        limit: Int64 = 1 << 20,
        authorization: String? = nil,
        by proxies: Proxies = Proxies(),
        progress: @escaping FileDownload.Listener = { _, _ in }
    ) async throws -> Fetched {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        var patience = Patience()
        patience.silence = .seconds(300)
        let transport = HTTPTransport(
            proxies: proxies,
            certificates: HostCertificates(directories: []),
            patience: patience,
            group: group,
            threads: threads
        )
        let download = FileDownload(
            transport: transport,
            threads: threads,
            patience: patience,
            progress: progress,
            sleep: { _ in }
        )
        let place = "/var/tmp/roost-download-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        defer { unlink(place) }
        let result: Result<FileDownload.Answer?, RegistryError>
        do throws(RegistryError) {
            let address = path.hasPrefix("/") ? "http://127.0.0.1:\(server.port)\(path)" : path
            var request = FileDownload.Request(address, known: known, limit: limit)
            request.authorization = authorization
            result = .success(try await download.fetch(request, to: place))
        } catch { result = .failure(error) }
        await transport.close()
        try await threads.shutdownGracefully()
        try await group.shutdownGracefully()
        if case .failure = result { #expect(access(place, F_OK) != 0) }
        return Fetched(answer: try result.get(), bytes: try? readBytes(place))
    }

    private func refuse(
        _ words: String,
        limit: Int64 = 1 << 20,
        at location: SourceLocation = #_sourceLocation,
        _ respond: @escaping @Sendable (ScriptedRegistry.Asked) -> ScriptedRegistry.Answer
    ) async throws {
        let server = try ScriptedRegistry(respond)
        defer { server.close() }
        do {
            _ = try await fetch(server, limit: limit)
            Issue.record("it was fetched", sourceLocation: location)
        } catch let error as RegistryError {
            #expect(error.message.contains(words), "\(error)", sourceLocation: location)
        }
    }

    @Test("A file comes with its digest, its tag and its time") func fetched() async throws {
        let server = try ScriptedRegistry { _ in
            .init(
                headers: ["ETag": "\"one\"", "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"],
                body: Self.content
            )
        }
        defer { server.close() }
        let fetched = try await fetch(server)
        let digest = ContentDigest(sha256: Self.content)
        #expect(
            fetched
                == Fetched(
                    answer: .init(
                        digest: digest,
                        size: Int64(Self.content.count),
                        entityTag: "\"one\"",
                        modified: 784_111_777
                    ),
                    bytes: Self.content
                )
        )
    }

    @Test("What the server still has is not sent again") func unchanged() async throws {
        let server = try ScriptedRegistry { asked in
            asked.headers.first(name: "If-None-Match") == "\"one\"" ? .init(status: 304) : .init(body: Self.content)
        }
        defer { server.close() }
        #expect(try await fetch(server, known: "\"one\"") == Fetched(answer: nil, bytes: nil))
        #expect(try await fetch(server, known: "\"two\"").bytes == Self.content)
    }

    @Test("What breaks is taken up where it broke, when it is still the same") func resumed() async throws {
        let all = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for isSame in [true, false] {
            let server = try ScriptedRegistry { asked in
                if let range = asked.headers.first(name: "Range") {
                    let start = Int(range.dropFirst("bytes=".count).dropLast()) ?? 0
                    guard asked.headers.first(name: "If-Range") == "\"one\"", isSame else {
                        return .init(headers: ["ETag": "\"two\""], body: all.reversed())
                    }
                    let headers = [("Content-Range", "bytes \(start)-199999/200000"), ("ETag", "\"one\"")]
                    return .init(status: 206, headers: .init(headers), body: Array(all[start...]))
                }
                return .init(headers: ["ETag": "\"one\""], body: Array(all[..<100_000]), length: 200_000, closes: true)
            }
            defer { server.close() }
            let fetched = try await fetch(server)
            #expect(fetched.bytes == (isSame ? all : all.reversed()))
            #expect(fetched.answer?.digest == ContentDigest(sha256: isSame ? all : all.reversed()))
            let asked = server.asked()
            #expect(asked.count == 2 && asked[1].hasPrefix("GET /file Range=bytes="), "\(asked)")
        }
    }

    @Test("Redirections are followed, so many of them and no more") func redirected() async throws {
        let server = try ScriptedRegistry { asked in
            asked.target == "/file"
                ? .init(status: 302, headers: ["Location": "other?x=1"])
                : asked.target == "/other?x=1" ? .init(body: Self.content) : .init(status: 404)
        }
        defer { server.close() }
        #expect(try await fetch(server).bytes == Self.content)
        try await refuse("more than 10 redirections") { _ in .init(status: 301, headers: ["Location": "/file"]) }
    }

    @Test("Who asks is told to the address's own server, and to nobody whom that one names") func credentials()
        async throws
    {
        let other = try ScriptedRegistry { _ in .init(body: Self.content) }
        defer { other.close() }
        let server = try ScriptedRegistry { [port = other.port] asked in
            asked.target == "/file"
                ? .init(status: 302, headers: ["Location": "/nearer"])
                : .init(status: 302, headers: ["Location": "http://127.0.0.1:\(port)/far"])
        }
        defer { server.close() }
        #expect(try await fetch(server, authorization: "Bearer abc").bytes == Self.content)
        #expect(server.asked() == ["GET /file Authorization=Bearer abc", "GET /nearer Authorization=Bearer abc"])
        #expect(other.asked() == ["GET /far"])
    }

    @Test("A proxy is asked for what is plain HTTP itself, for any server, by a connection that stays") func relayed()
        async throws
    {
        let server = try ScriptedRegistry { asked in
            guard asked.headers["Proxy-Authorization"] == ["Basic bWU6c2VjcmV0"] else { return .init(status: 407) }
            switch (asked.target, asked.headers["Host"]) {
            case ("http://one.invalid/file?x=1", ["one.invalid"]):
                return .init(status: 302, headers: ["Location": "http://two.invalid:8080/other"])
            case ("http://two.invalid:8080/other", ["two.invalid:8080"]): return .init(body: Self.content)
            default: return .init(status: 404)
            }
        }
        defer { server.close() }
        let proxies = try Proxies(["http_proxy": "http://me:secret@127.0.0.1:\(server.port)"])
        let fetched = try await fetch(server, "http://one.invalid/file?x=1", authorization: "Bearer a", by: proxies)
        #expect(fetched.bytes == Self.content)
        #expect(
            server.asked() == [
                "GET http://one.invalid/file?x=1 Authorization=Bearer a", "GET http://two.invalid:8080/other",
            ]
        )
        let nobody = try Proxies(["http_proxy": "http://127.0.0.1:\(server.port)"])
        let error = await #expect(throws: RegistryError.self) {
            _ = try await fetch(server, "http://one.invalid/file", by: nobody)
        }
        #expect(error?.message.hasSuffix("the proxy wants a user and password; put them into its address") == true)
    }

    @Test("What has come is told as it comes") func progress() async throws {
        let body = Array(repeating: UInt8(7), count: 300_000)
        let server = try ScriptedRegistry { asked in .init(body: body, isChunked: asked.target == "/unsized") }
        defer { server.close() }
        for (path, total) in [("/file", Int64(300_000)), ("/unsized", nil)] {
            let told = Mutex<[Int64]>([])
            _ = try await fetch(server, path) { done, all in
                #expect(all == total)
                told.withLock { $0.append(done) }
            }
            let steps = told.withLock { $0 }
            #expect(steps.last == 300_000 && steps == steps.sorted())
        }
    }

    @Test("What a server gets wrong is said, and nothing is left of it") func faults() async throws {
        try await refuse("there is no such file (404)") { _ in .init(status: 404) }
        try await refuse("the answer is 500, 5 times") { _ in .init(status: 500) }
        try await refuse("the answer is 401") { _ in .init(status: 401) }
        try await refuse("ended too early, 5 times") { _ in .init(body: [1, 2], length: 10, closes: true) }
        try await refuse("more than the 5 bytes", limit: 5) { _ in .init(body: Self.content) }
        try await refuse("more than the 5 bytes", limit: 5) { _ in .init(body: Self.content, isChunked: true) }
        try await refuse("a part that was not asked for") { _ in .init(status: 206, body: [1]) }
        try await refuse("no address: gopher") { _ in .init(status: 302, headers: ["Location": "gopher://x"]) }
    }
}
