import Glibc
import ImageStore
import LinuxSystem
import NIOCore
import NIOHTTP1
import NIOPosix
import OCISpec
import Synchronization
import Testing

@testable import RegistryClient

/// A store of a test, and what it takes to pull into it.
final class PullScratch {
    let store: ImageStore
    let root: String
    /// The pauses that were asked for; none of them is made.
    let pauses = PauseLog()

    final class PauseLog: Sendable {
        private let all = Mutex<[Duration]>([])
        var list: [Duration] { all.withLock { $0 } }
        func add(_ pause: Duration) { all.withLock { $0.append(pause) } }
    }

    init(_ change: (inout ImportLimits) -> Void = { _ in }) throws {
        var template = Array("/var/tmp/roost-pull.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw RegistryError(.store, "mkdtemp") }
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var limits = ImportLimits()
        change(&limits)
        store = ImageStore(root: root, limits: limits, program: Self.program)
    }

    deinit {
        // What is left is in a directory of temporary files.
        if let place = try? OwnedDescriptor.directory("/var/tmp") {
            try? place.removeTree(String(root.split(separator: "/").last ?? ""))
        }
    }

    /// The built program, which unpacks layers.
    private static let program: String = {
        let bundle = CommandLine.arguments[0]
        return "\(bundle[..<(bundle.lastIndex(of: "/") ?? bundle.startIndex)])/roost"
    }()

    /// What lies in the store's directories for blobs, layers and downloads.
    var content: [String] {
        ["blobs/sha256", "layers", "downloads"].flatMap { place in
            namesInDirectory("\(root)/\(place)").map { "\(place)/\($0)" }
        }.sorted()
    }

    /// Runs `body` with a session that speaks to servers on this machine.
    private func withSession<R: Sendable>(
        settings: String = "",
        credential: Credential? = nil,
        silence: Duration = .seconds(300),
        _ body: (RegistrySession, NIOThreadPool) async throws(RegistryError) -> R
    ) async throws -> R {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let threads = NIOThreadPool(numberOfThreads: 2 * ImagePuller.transfers + 2)
        threads.start()
        var patience = Patience()
        patience.silence = silence
        let transport = HTTPTransport(
            proxies: Proxies(),
            certificates: HostCertificates(directories: []),
            patience: patience,
            group: group,
            threads: threads
        )
        let pauses = pauses
        let session = RegistrySession(
            .init(
                transport: transport,
                registries: try RegistryConfiguration(text: settings, path: "settings"),
                credential: { (_, _) throws(RegistryError) in credential },
                patience: patience,
                sleep: { pauses.add($0) },
                now: { 1_000_000 }
            )
        )
        let result: Result<R, RegistryError>
        do throws(RegistryError) { result = .success(try await body(session, threads)) } catch {
            result = .failure(error)
        }
        await transport.close()
        try await threads.shutdownGracefully()
        try await group.shutdownGracefully()
        return try result.get()
    }

    /// Sends `app:1` to a server on this machine.
    func push(_ port: Int, _ name: String = "app:1") async throws -> ContentDigest {
        let image = try #require(ImageName("127.0.0.1:\(port)/\(name)"))
        return try await withSession { (session, _) async throws(RegistryError) in
            try await ImagePusher(session: session, store: store).push(image)
        }
    }

    /// Pulls `app:1` from a server on this machine.
    func pull(
        _ port: Int,
        _ name: String = "app:1",
        settings: String = "",
        credential: Credential? = nil,
        silence: Duration = .seconds(300),
        platform: Platform? = Platform("linux/amd64"),
        policy: SignaturePolicy = SignaturePolicy()
    ) async throws -> PulledImage {
        let image = try #require(ImageName("127.0.0.1:\(port)/\(name)"))
        return try await withSession(settings: settings, credential: credential, silence: silence) {
            (session, threads) async throws(RegistryError) in
            let puller = ImagePuller(session: session, store: store, threads: threads, policy: policy)
            return try await puller.pull(image, platform: platform)
        }
    }
}

@Suite("Pulling", .enabled(if: getuid() == 0, "a layer's files belong to root"))
struct PullTests {
    private let image = SampleImage()

    /// Expects a pull to fail in a way, and nothing to be stored.
    private func refuse(
        _ code: RegistryError.Code,
        _ words: String,
        keepsParts: Bool = false,
        silence: Duration = .seconds(300),
        at location: SourceLocation = #_sourceLocation,
        _ respond: @escaping @Sendable (ScriptedRegistry.Asked) -> ScriptedRegistry.Answer
    ) async throws {
        let scratch = try PullScratch()
        let registry = try ScriptedRegistry(respond)
        defer { registry.close() }
        let error = await #expect(throws: RegistryError.self, sourceLocation: location) {
            try await scratch.pull(registry.port, silence: silence)
        }
        #expect(error?.code == code, "\(error?.message ?? "")", sourceLocation: location)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")", sourceLocation: location)
        let name = try #require(ImageName("127.0.0.1:\(registry.port)/app:1"))
        #expect(try scratch.store.stored(name) == nil, sourceLocation: location)
        let stored = scratch.content.filter { !keepsParts || !$0.hasPrefix("downloads/") }
        #expect(stored == [], sourceLocation: location)
    }

    @Test("an image is fetched once, and what is there is not fetched again")
    func once() async throws {
        let (image, scratch) = (image, try PullScratch())
        let registry = try ScriptedRegistry { image.answer($0) }
        defer { registry.close() }
        let pulled = try await scratch.pull(registry.port)
        #expect(pulled == PulledImage(id: image.configuration, digest: image.digest, isNew: true))
        let blobs = [image.digest, image.configuration] + image.layers
        #expect(
            scratch.content
                == (blobs.map { "blobs/sha256/\($0.hexadecimal)" } + image.layers.map { "layers/\($0.hexadecimal)" })
                .sorted()
        )
        let name = try #require(ImageName("127.0.0.1:\(registry.port)/app:1"))
        let found = try scratch.store.resolve(.name(name))
        #expect(found.id == image.configuration.rawValue && found.diffIDs == image.layers)
        let before = registry.asked().count
        #expect(try await scratch.pull(registry.port).isNew == false)
        #expect(registry.asked()[before...] == ["HEAD /v2/app/manifests/1"])
        let pinned = "app@\(image.digest)"
        #expect(try await scratch.pull(registry.port, pinned).isNew == false)
        #expect(registry.asked().count == before + 1)
    }

    @Test("bytes that are not those of the digest are refused")
    func wrongBytes() async throws {
        let image = SampleImage(layers: 1)
        try await refuse(.digestMismatch, "nothing of it was kept") { asked in
            var answer = image.answer(asked)
            if asked.target.hasSuffix("\(image.layers[0])") { answer.body[600] ^= 1 }
            return answer
        }
    }

    @Test("a download that always breaks off is an error that says where")
    func truncated() async throws {
        let image = SampleImage(layers: 1)
        try await refuse(.unreachable, "5 times, the last after 700 of", keepsParts: true) { asked in
            var answer = image.answer(asked)
            guard asked.target.hasSuffix("\(image.layers[0])") else { return answer }
            answer.length = answer.body.count
            answer.body = asked.headers.contains(name: "Range") ? [] : Array(answer.body.prefix(700))
            answer.closes = true
            return answer
        }
    }

    @Test("a download that breaks off is taken up where it broke")
    func resumed() async throws {
        let (image, scratch) = (SampleImage(layers: 1), try PullScratch())
        let registry = try ScriptedRegistry { asked in
            var answer = image.answer(asked)
            guard asked.target.hasSuffix("\(image.layers[0])"), !asked.headers.contains(name: "Range") else {
                return answer
            }
            answer.length = answer.body.count
            answer.body = Array(answer.body.prefix(700))
            answer.closes = true
            return answer
        }
        defer { registry.close() }
        #expect(try await scratch.pull(registry.port).isNew)
        #expect(registry.asked().last == "GET /v2/app/blobs/\(image.layers[0]) Range=bytes=700-")
        #expect(scratch.pauses.list == [.milliseconds(250)])
    }

    @Test(
        "what an earlier command left is used, also with a registry that begins anew, and when it is damaged",
        arguments: [0, 1, 2]
    )
    func left(kind: Int) async throws {
        let (image, scratch) = (SampleImage(layers: 1), try PullScratch())
        try scratch.store.prepareIntake()
        var half = Array(try #require(image.blobs[image.layers[0]]).prefix(1000))
        if kind == 2 { half[3] ^= 1 }
        try OwnedDescriptor(
            adopting: open(
                "\(scratch.root)/downloads/\(image.layers[0].hexadecimal)",
                O_WRONLY | O_CREAT | O_CLOEXEC,
                0o600
            )
        ).writeAll(half, subject: "half")
        let registry = try ScriptedRegistry { asked in
            var asked = asked
            if kind == 1 { asked.headers.remove(name: "Range") }
            return image.answer(asked)
        }
        defer { registry.close() }
        #expect(try await scratch.pull(registry.port).isNew)
        let layer = "GET /v2/app/blobs/\(image.layers[0])"
        #expect(
            registry.asked().filter { $0.hasPrefix(layer) }
                == ["\(layer) Range=bytes=1000-"] + (kind == 2 ? [layer] : [])
        )
        #expect(!scratch.content.contains { $0.hasPrefix("downloads/") })
    }

    @Test("a registry that sends nothing more is given up")
    func stalled() async throws {
        let image = SampleImage(layers: 1)
        try await refuse(.unreachable, "nothing came for too long", keepsParts: true, silence: .milliseconds(50)) {
            asked in
            var answer = image.answer(asked)
            guard asked.target.contains("blobs/\(image.layers[0])") else { return answer }
            answer.length = answer.body.count
            answer.body = []
            answer.stalls = true
            return answer
        }
    }

    @Test("redirections end somewhere")
    func redirects() async throws {
        try await refuse(.invalidAnswer, "more than 10 redirections") { asked in
            .init(status: 307, headers: ["Location": asked.target + "x"])
        }
    }

    @Test("who we are is not told to whom a registry sends us")
    func redirected() async throws {
        let (image, scratch) = (SampleImage(layers: 1), try PullScratch())
        let storage = try ScriptedRegistry { image.answer($0) }
        let port = storage.port
        let registry = try ScriptedRegistry { asked in
            guard asked.headers.first(name: "Authorization") == "Basic dTpw" else {
                return .init(status: 401, headers: ["WWW-Authenticate": "Basic realm=\"x\""])
            }
            guard asked.target.contains("/blobs/") else { return image.answer(asked) }
            return .init(status: 307, headers: ["Location": "http://127.0.0.1:\(port)\(asked.target)"])
        }
        defer {
            registry.close()
            storage.close()
        }
        #expect(try await scratch.pull(registry.port, credential: .password(user: "u", password: "p")).isNew)
        #expect(storage.asked().sorted() == image.blobs.keys.map { "GET /v2/app/blobs/\($0)" }.sorted())
    }

    @Test("a registry that fails is asked again, after the pause that it wants")
    func again() async throws {
        let (image, scratch) = (SampleImage(layers: 1), try PullScratch())
        let count = Atomic(0)
        let registry = try ScriptedRegistry { asked in
            switch count.add(1, ordering: .relaxed).newValue {
            case 1: .init(status: 503)
            case 2: .init(status: 429, headers: ["Retry-After": "7"])
            case 3: .init(status: 500)
            default: image.answer(asked)
            }
        }
        defer { registry.close() }
        #expect(try await scratch.pull(registry.port).isNew)
        #expect(scratch.pauses.list == [.milliseconds(250), .seconds(7), .seconds(1)])
    }

    @Test("a registry that goes on failing is an error with its own words")
    func failing() async throws {
        try await refuse(.refused, "the answer is 500 (UNKNOWN: disk?full)") { _ in
            .init(
                status: 500,
                body: Array("{\"errors\":[{\"code\":\"UNKNOWN\",\"message\":\"disk\\u001bfull\"}]}".utf8)
            )
        }
        try await refuse(.refused, "asked too often") { _ in .init(status: 429) }
    }

    @Test("a registry that lies about sizes is found out before the bytes come")
    func sizes() async throws {
        let image = SampleImage(layers: 1)
        try await refuse(.digestMismatch, "where the image says") { asked in
            var answer = image.answer(asked)
            if asked.target.hasSuffix("\(image.layers[0])") { answer.body += [0] }
            return answer
        }
        try await refuse(.digestMismatch, "more than the", keepsParts: true) { asked in
            var answer = image.answer(asked)
            guard asked.target.hasSuffix("\(image.layers[0])") else { return answer }
            answer.body += [0]
            answer.isChunked = true
            return answer
        }
    }

    @Test("a manifest without end is cut off")
    func hugeManifest() async throws {
        let image = image
        try await refuse(.invalidAnswer, "a manifest of more than") { asked in
            var answer = image.answer(asked)
            answer.body = Array(repeating: 0x20, count: 5 << 20)
            answer.length = nil
            return answer
        }
    }

    @Test(
        "a manifest that is something else is refused",
        arguments: [
            ("text/html", "<html>", RegistryError.Code.invalidAnswer, "is 127.0.0.1"),
            (MediaType.manifest, #"{"manifests":[],"layers":[],"config":{}}"#, .invalidAnswer, "and something else"),
            (MediaType.index, #"{"manifests":[],"layers":[]}"#, .invalidAnswer, "and something else"),
            (
                MediaType.manifest, #"{"mediaType":"\#(MediaType.index)","manifests":[]}"#, .invalidAnswer,
                "it calls itself"
            ),
            (
                MediaType.manifest,
                #"{"schemaVersion":2,"layers":[],"config":{"mediaType":"x","size":1,"digest":"sha256:../../x"}}"#,
                .invalidAnswer, "config.digest"
            ),
            (
                MediaType.manifest,
                #"{"schemaVersion":2,"layers":[],"config":{"mediaType":"a/b","size":1,"digest":"sha256:\#(String(repeating: "a", count: 64))"}}"#,
                .unsupported, "no image to run"
            ),
            (
                MediaType.manifest,
                #"{"schemaVersion":2,"layers":[],"config":{"mediaType":"a/b","size":-1,"digest":"sha256:\#(String(repeating: "a", count: 64))"}}"#,
                .invalidAnswer, "negative"
            ),
            ("application/vnd.docker.distribution.manifest.v1+prettyjws", "{}", .unsupported, "schema 1"),
            (MediaType.manifest, "{", .invalidAnswer, "no JSON"),
        ] as [(String, String, RegistryError.Code, String)]
    )
    func strangeManifest(type: String, text: String, code: RegistryError.Code, words: String) async throws {
        try await refuse(code, words) { _ in .init(headers: ["Content-Type": type], body: Array(text.utf8)) }
    }

    @Test("a manifest that is not what the registry says is refused")
    func otherManifest() async throws {
        let image = image
        try await refuse(.digestMismatch, "the registry says that it is") { asked in
            var answer = image.answer(asked)
            answer.body.append(0x20)
            answer.length = nil
            return answer
        }
    }

    @Test("a layer that unpacks to more than is allowed is refused")
    func bomb() async throws {
        let (image, scratch) = (SampleImage(layers: 1, size: 100_000), try PullScratch { $0.layerBytes = 50_000 })
        let registry = try ScriptedRegistry { image.answer($0) }
        defer { registry.close() }
        let error = await #expect(throws: RegistryError.self) { try await scratch.pull(registry.port) }
        #expect(error?.code == .invalidAnswer && error?.message.contains("more than 50000 bytes") == true)
        #expect(scratch.content == [])
    }

    @Test("of an index the image for the platform is taken, and its digest is remembered")
    func index() async throws {
        let (first, second, scratch) = (
            SampleImage(layers: 1), SampleImage(layers: 1, platform: "linux/arm64"), try PullScratch()
        )
        let entries = [(second, "arm64"), (first, "amd64")].map { image, architecture in
            #"{"mediaType":"\#(MediaType.manifest)","digest":"\#(image.digest)","size":\#(image.manifest.count),"platform":{"os":"linux","architecture":"\#(architecture)"}}"#
        }
        let index = Array(#"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#.utf8)
        let registry = try ScriptedRegistry { asked in
            if asked.target.hasSuffix("/1") {
                let headers = [
                    "Content-Type": MediaType.index, "Docker-Content-Digest": "\(SampleImage.digest(index))",
                ]
                return .init(headers: .init(headers.map { ($0.key, $0.value) }), body: index, length: index.count)
            }
            let found = first.answer(asked)
            return found.status == 404 ? second.answer(asked) : found
        }
        defer { registry.close() }
        let pulled = try await scratch.pull(registry.port)
        #expect(pulled == PulledImage(id: first.configuration, digest: SampleImage.digest(index), isNew: true))
        #expect(try await scratch.pull(registry.port).isNew == false)
        #expect(try await scratch.pull(registry.port, platform: Platform("linux/arm64")).id == second.configuration)
        let error = await #expect(throws: RegistryError.self) {
            try await scratch.pull(registry.port, platform: Platform("linux/s390x"))
        }
        #expect(error?.message.hasSuffix("is not for linux/s390x, but for: linux/arm64, linux/amd64") == true)
    }

    @Test("an image is asked for at its mirrors first, and at the registry when they don't have it")
    func mirrors() async throws {
        let (image, scratch) = (SampleImage(layers: 1), try PullScratch())
        let mirror = try ScriptedRegistry { _ in .init(status: 404) }
        let registry = try ScriptedRegistry { image.answer($0) }
        defer {
            mirror.close()
            registry.close()
        }
        let settings = """
            [[registry]]
            location = "127.0.0.1:\(registry.port)"
            [[registry.mirror]]
            location = "127.0.0.1:\(mirror.port)/cache"
            """
        #expect(try await scratch.pull(registry.port, settings: settings).isNew)
        #expect(mirror.asked() == ["GET /v2/cache/app/manifests/1"])
    }

    @Test("several who pull the same image at once fetch each part once")
    func together() async throws {
        let (image, scratch) = (SampleImage(layers: 3), try PullScratch())
        let registry = try ScriptedRegistry { image.answer($0) }
        defer { registry.close() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask { [scratch = UncheckedScratch(scratch)] in _ = try await scratch.value.pull(registry.port)
                }
            }
            try await group.waitForAll()
        }
        let layers = Set(image.layers.map { "GET /v2/app/blobs/\($0)" })
        #expect(registry.asked().filter { layers.contains($0) }.count == 3)
        let left = scratch.content.filter { $0.hasPrefix("downloads/") }
        #expect(left.isEmpty, "\(left)")
    }
}

/// A scratch that several tasks only read.
struct UncheckedScratch: @unchecked Sendable {
    let value: PullScratch
    init(_ value: PullScratch) { self.value = value }
}
