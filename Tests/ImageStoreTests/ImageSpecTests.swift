import FoundationEssentials
@testable import ImageStore
import OCISpec
import Testing

private func digest(_ digit: String) throws -> ContentDigest {
    try #require(ContentDigest(hexadecimal: String(repeating: digit, count: 64)))
}

@Suite("image documents")
struct ImageSpecTests {
    @Test("a configuration as Docker writes it is read in full")
    func configuration() throws {
        let text = #"""
            {"architecture":"arm64","os":"linux","variant":"v8","created":"2024-01-01T00:00:00Z","history":[{"a":1}],
             "config":{"User":"redis","Env":["A=b"],"Entrypoint":["e"],"Cmd":null,"WorkingDir":"/data","Labels":null,
              "ExposedPorts":{"6379/tcp":{},"53/udp":{}},"Volumes":{"/data":{}},"StopSignal":"SIGINT","OnBuild":null,
              "Healthcheck":{"Test":["CMD","ping"],"Interval":30000000000,"Retries":3}},
             "rootfs":{"type":"layers","diff_ids":[]}}
            """#
        let read = try decodeDocument(ImageConfiguration.self, Array(text.utf8), "a configuration")
        #expect(read.platform == Platform("linux/arm64/v8"))
        let config = try #require(read.config)
        #expect(config.exposedPorts == ["53/udp", "6379/tcp"])
        #expect(config.volumes == ["/data"])
        #expect(config.command == nil)
        #expect(config.entrypoint == ["e"])
        #expect(config.healthcheck?.test == ["CMD", "ping"])
        #expect(config.healthcheck?.interval == 30_000_000_000)
        #expect(config.stopSignal == "SIGINT")
    }

    @Test(
        "a digest is exactly sha256 and 64 lower-case digits",
        arguments: ["sha256:ab", "sha512:" + String(repeating: "a", count: 64), "sha256:../../../../etc/passwd", ""]
    )
    func digests(text: String) { #expect(ContentDigest(rawValue: text) == nil) }

    @Test("a name moves to the image that took it last, and unnamed images stay once")
    func names() throws {
        var index = ImageIndex()
        let first = Descriptor(mediaType: MediaType.manifest, digest: try digest("1"), size: 1, annotations: [:])
        let second = Descriptor(mediaType: MediaType.manifest, digest: try digest("2"), size: 1, annotations: [:])
        index.record(first, names: ["a:1", "b:1"])
        index.record(second, names: ["a:1"])
        index.record(second, names: [])
        index.record(first, names: [])
        let rows = index.manifests.map {
            "\($0.digest.hexadecimal.prefix(1)) \($0.annotations?[referenceNameAnnotation] ?? "-")"
        }
        #expect(rows == ["1 b:1", "2 a:1"])
        index.record(second, names: ["b:1"])
        #expect(index.manifests.filter { $0.digest == first.digest }.count == 1)
    }

    @Test(
        "a platform serves a wish when system and architecture agree, and both variants where both have one",
        arguments: [
            ("linux/amd64", "linux/amd64", true), ("linux/arm64", "linux/arm64/v8", true),
            ("linux/arm/v6", "linux/arm/v7", false), ("linux/amd64", "windows/amd64", false),
        ]
    )
    func platforms(wish: String, offer: String, expected: Bool) throws {
        let (wish, offer) = (try #require(Platform(wish)), try #require(Platform(offer)))
        #expect(wish.accepts(offer) == expected)
    }
}

@Suite("a volume's mount")
struct VolumeMountTests {
    private let volumes = VolumeStore(in: ImageStore(root: "/store"))

    @Test(
        "follows the options of the local driver",
        arguments: [
            ([:], "directory(\"/store/volumes/v/_data\")"),
            (["type": "none", "o": "bind", "device": "/srv/x"], "directory(\"/srv/x\")"),
        ] as [([String: String], String)]
    )
    func directories(options: [String: String], expected: String) throws {
        #expect("\(try volumes.mount(VolumeRecord(name: "v", driverOptions: options)))".hasSuffix(expected))
    }

    @Test("makes a recipe of a type")
    func recipe() throws {
        let options = ["type": "tmpfs", "device": "tmpfs", "o": "size=1m,ro,uid=7"]
        guard case .filesystem(let recipe) = try volumes.mount(VolumeRecord(name: "v", driverOptions: options)) else {
            Issue.record("no filesystem")
            return
        }
        #expect("\(recipe)" == "tmpfs ro,source=tmpfs,size=1m,uid=7")
    }

    @Test("refuses other drivers and options by name")
    func refusals() {
        let driver = #expect(throws: ImageError.self) { try volumes.mount(VolumeRecord(name: "v", driver: "rexray")) }
        #expect(driver?.message == "volume v: there is no driver \"rexray\", only local")
        let option = #expect(throws: ImageError.self) {
            try volumes.mount(VolumeRecord(name: "v", driverOptions: ["share": "x"]))
        }
        #expect(option?.message == "volume v: there is no option \"share\", only type, o, device")
    }
}
