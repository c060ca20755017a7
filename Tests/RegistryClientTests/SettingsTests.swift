import ImageStore
import Testing

@testable import RegistryClient

@Suite("Settings of registries")
struct SettingsTests {
    private static let text = """
        # registries.conf(5)
        unqualified-search-registries = ["docker.io"]   # not ours

        [[registry]]
        prefix = "docker.io"
        location = 'registry-1.docker.io'
        [[registry.mirror]]
        location = "mirror.example.com:5000/hub"
        insecure = true
        [[registry.mirror]]
        location = "digests.example.com"
        pull-from-mirror = "digest-only"

        [[registry]]
        location = "registry.example.com/team"
        insecure = true

        [[registry]]
        prefix = "*.blocked.example"
        location = "nowhere"
        blocked = true

        [aliases]
        "short" = "example.com/long"
        """

    private func sources(_ name: String) throws -> [String] {
        let settings = try RegistryConfiguration(text: Self.text, path: "registries.conf")
        let name = try #require(ImageName(name))
        return try settings.sources(of: name).map { "\($0)\($0.isInsecure ? " insecure" : "")" }
    }

    @Test("mirrors are asked before the registry, and for what they are there for")
    func mirrors() throws {
        #expect(
            try sources("redis:7") == [
                "mirror.example.com:5000/hub/library/redis insecure", "registry-1.docker.io/library/redis",
            ]
        )
        #expect(
            try sources("redis@sha256:\(String(repeating: "a", count: 64))") == [
                "mirror.example.com:5000/hub/library/redis insecure", "digests.example.com/library/redis",
                "registry-1.docker.io/library/redis",
            ]
        )
    }

    @Test("a prefix counts for whole names only")
    func prefixes() throws {
        #expect(try sources("registry.example.com/team/app") == ["registry.example.com/team/app insecure"])
        #expect(try sources("registry.example.com/teams/app") == ["registry.example.com/teams/app"])
        #expect(try sources("ghcr.io/a/b") == ["ghcr.io/a/b"])
    }

    @Test("a blocked registry is not asked")
    func blocked() throws {
        let error = #expect(throws: RegistryError.self) { try sources("a.blocked.example/x") }
        #expect(error?.code == .forbidden)
    }

    @Test(
        "a file that makes no sense is refused with its line",
        arguments: [
            ("[[registry]]\ninsecure = true", "read r: line 1: a registry has neither prefix nor location"),
            ("\n[[registry]]\nlocation = \"a\"\ninsecure = 1", "read r: line 2: insecure is neither true nor false"),
            ("a = \"x", "read r: line 1: a text does not end on its line"),
            ("a", "read r: line 1: after a there is no \"=\""),
            ("a = [1,\n2", "read r: line 2: a list does not end"),
            ("a = 1 b", "read r: line 1: there is more on the line than one value"),
            ("[[registry.mirror]]\nlocation = \"x\"", "read r: line 1: a mirror stands before any registry"),
            ("a = \(String(repeating: "[", count: 9))", "read r: line 1: a value is missing"),
        ]
    )
    func mistakes(text: String, message: String) {
        let error = #expect(throws: RegistryError.self) { try RegistryConfiguration(text: text, path: "r") }
        #expect(error?.message == message)
    }

    @Test(
        "a policy allows, rejects, and never lets pass what it can't check",
        arguments: [
            ("docker.io/library/redis:7", nil), ("quay.io/x:1", .forbidden), ("signed.example/app:1", .unsupported),
            ("signed.example/open/app:1", nil), ("a.wild.example/x:1", nil),
        ] as [(String, RegistryError.Code?)]
    )
    func policy(name: String, code: RegistryError.Code?) throws {
        let policy = try SignaturePolicy(
            Array(
                """
                {"default": [{"type": "reject"}], "transports": {"docker": {
                  "docker.io": [{"type": "insecureAcceptAnything"}],
                  "*.wild.example": [{"type": "insecureAcceptAnything"}],
                  "signed.example": [{"type": "signedBy", "keyPath": "/k"}],
                  "signed.example/open": [{"type": "insecureAcceptAnything"}]}, "docker-daemon": {}}}
                """.utf8
            ),
            path: "policy.json"
        )
        let image = try #require(ImageName(name))
        do throws(RegistryError) {
            _ = try policy.check(image)
            #expect(code == nil)
        } catch { #expect(error.code == code) }
    }

    @Test(
        "a policy that can't be read allows nothing",
        arguments: ["", "{}", #"{"default": []}"#, #"{"default": [{}]}"#, #"{"default": {"type": "reject"}}"#]
    )
    func brokenPolicy(text: String) {
        #expect(throws: RegistryError.self) { try SignaturePolicy(Array(text.utf8), path: "p") }
    }
}
