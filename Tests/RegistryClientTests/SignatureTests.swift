import Crypto
import Glibc
import ImageStore
import NIOHTTP1
import OCISpec
import Testing

@testable import RegistryClient

@Suite("Signatures", .enabled(if: getuid() == 0, "a layer's files belong to root"))
struct SignatureTests {
    private let image = SampleImage(layers: 1)
    private let key = P256.Signing.PrivateKey()

    private func policy(
        _ key: P256.Signing.PublicKey,
        identity: String = #"{"type":"matchRepository"}"#
    ) throws -> SignaturePolicy {
        let data = Base64Text.encoded(Array(key.pemRepresentation.utf8))
        let text = #"{"default":[{"type":"sigstoreSigned","keyData":"\#(data)","signedIdentity":\#(identity)}]}"#
        return try SignaturePolicy(Array(text.utf8), path: "policy.json")
    }

    /// A registry with the image and a signature that says so much.
    private func registry(
        digest: ContentDigest? = nil,
        name: String = "/app",
        signedBy other: P256.Signing.PrivateKey? = nil
    ) throws -> ScriptedRegistry {
        let (image, key) = (image, other ?? key)
        return try ScriptedRegistry { asked in
            let host = asked.headers.first(name: "Host") ?? ""
            let payload = Array(
                (#"{"critical":{"identity":{"docker-reference":"\#(host)\#(name)"},"image":{"docker-manifest-digest":"#
                    + #""\#(digest ?? image.digest)"},"type":"cosign container image signature"},"optional":null}"#)
                    .utf8
            )
            if asked.target.hasSuffix("/blobs/\(SampleImage.digest(payload))") { return .init(body: payload) }
            guard asked.target.hasSuffix(".sig") else { return image.answer(asked) }
            guard asked.target.hasSuffix("/sha256-\(image.digest.hexadecimal).sig"),
                let signature = try? key.signature(for: payload).derRepresentation
            else { return .init(status: 404) }
            let manifest = Array(
                (#"{"schemaVersion":2,"mediaType":"\#(MediaType.manifest)","config":{"mediaType":"\#(MediaType.configuration)","#
                    + #""digest":"\#(image.configuration)","size":2},"layers":[{"mediaType":"#
                    + #""application/vnd.dev.cosign.simplesigning.v1+json","digest":"\#(SampleImage.digest(payload))","#
                    + #""size":\#(payload.count),"annotations":{"dev.cosignproject.cosign/signature":"#
                    + #""\#(Base64Text.encoded(Array(signature)))"}}]}"#).utf8
            )
            return .init(headers: ["Content-Type": MediaType.manifest], body: manifest)
        }
    }

    private func refuse(_ words: String, _ registry: ScriptedRegistry, _ policy: SignaturePolicy) async throws {
        defer { registry.close() }
        let scratch = try PullScratch()
        let error = await #expect(throws: RegistryError.self) { try await scratch.pull(registry.port, policy: policy) }
        #expect(error?.code == .forbidden)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(scratch.content == [])
    }

    @Test("an image with a signature by the key is pulled, and looked at again each time")
    func signed() async throws {
        let (scratch, registry) = (try PullScratch(), try registry())
        defer { registry.close() }
        #expect(try await scratch.pull(registry.port, policy: policy(key.publicKey)).isNew)
        let before = registry.asked().count
        _ = try await scratch.pull(registry.port, policy: policy(key.publicKey))
        #expect(registry.asked()[before...].contains { $0.hasSuffix(".sig") })
    }

    @Test("a signature by another key, for another image or another name, is none")
    func others() async throws {
        let mine = try policy(key.publicKey)
        try await refuse("by another key", registry(signedBy: P256.Signing.PrivateKey()), mine)
        try await refuse("for another image", registry(digest: SampleImage.digest([1])), mine)
        try await refuse("for the name", registry(name: "/other"), mine)
        try await refuse("for the name", registry(), policy(key.publicKey, identity: #"{"type":"matchExact"}"#))
    }

    @Test("an image without a signature is not pulled, also when the store has it already")
    func unsigned() async throws {
        let (image, scratch) = (image, try PullScratch())
        let registry = try ScriptedRegistry { image.answer($0) }
        defer { registry.close() }
        #expect(try await scratch.pull(registry.port).isNew)
        let error = await #expect(throws: RegistryError.self) {
            try await scratch.pull(registry.port, policy: policy(key.publicKey))
        }
        #expect(error?.code == .forbidden && error?.message.contains("has no signature") == true)
        let pinned = await #expect(throws: RegistryError.self) {
            try await scratch.pull(registry.port, "app@\(image.digest)", policy: policy(key.publicKey))
        }
        #expect(pinned?.code == .forbidden)
    }

    @Test(
        "a name fits as the policy says",
        arguments: [
            ("matchExact", "r.io/a:1", true), ("matchExact", "r.io/a", false), ("matchExact", "r.io/a:2", false),
            ("matchRepoDigestOrExact", "r.io/a:1", true), ("matchRepoDigestOrExact", "r.io/a", false),
            ("matchRepository", "r.io/a", true), ("matchRepository", "r.io/b", false), ("matchRepository", "", false),
        ]
    )
    func identity(type: String, reference: String, fits: Bool) throws {
        let identity = try #require(SignaturePolicy.Identity(.object(["type": .text(type)])))
        #expect(identity.accepts(reference, for: try #require(ImageName("r.io/a:1"))) == fits)
    }

    @Test("a mirror's name can be turned into the one that was signed")
    func remapped() throws {
        let identity = SignaturePolicy.Identity.remapped(prefix: "mirror.io/hub", signedPrefix: "docker.io")
        #expect(
            identity.accepts("docker.io/library/redis:7", for: try #require(ImageName("mirror.io/hub/library/redis:7")))
        )
        #expect(
            !identity.accepts(
                "docker.io/library/redis:7",
                for: try #require(ImageName("mirror.io/hubs/library/redis:7"))
            )
        )
    }

    @Test(
        "a policy whose demand makes no sense allows nothing",
        arguments: [
            #"{"type":"sigstoreSigned"}"#, #"{"type":"sigstoreSigned","keyPath":1}"#,
            #"{"type":"sigstoreSigned","keyPath":"/k","signedIdentity":{"type":"any"}}"#,
        ]
    )
    func broken(text: String) {
        #expect(throws: RegistryError.self) { try SignaturePolicy(Array(#"{"default":[\#(text)]}"#.utf8), path: "p") }
    }
}
