import class Foundation.FileHandle
import class Foundation.Process
import struct Foundation.URL
import Glibc
@testable import ImageStore
import LinuxSystem
import OCISpec
import Testing

/// What several processes, crashes and removals do to a store.
@Suite("the life of a store", .enabled(if: getuid() == 0, "needs root"))
struct StoreLifeTests {
    private func layer(_ build: (inout TarBuilder) -> Void) -> [UInt8] {
        var tar = TarBuilder()
        build(&tar)
        return tar.archive
    }

    /// Runs one of the host's programs, or ours, with the store of `scratch`; returns the status and what it said.
    private func run(_ arguments: [String], in scratch: Scratch) throws -> (status: Int32, said: String) {
        let path = "\(scratch.path)/said"
        let said = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        defer { close(said) }
        let process = try begin(arguments, in: scratch, output: FileHandle(fileDescriptor: said))
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: try readWhole(path, limit: 1 << 20) ?? [], as: UTF8.self))
    }

    private func begin(_ arguments: [String], in scratch: Scratch, output: FileHandle? = nil) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: arguments[0])
        process.arguments = Array(arguments.dropFirst())
        process.environment = [
            "ROOST_ROOT": scratch.store.root, "ROOST_RUNTIME": "\(scratch.path)/run", "PATH": "/usr/bin:/bin",
        ]
        process.currentDirectoryURL = URL(fileURLWithPath: scratch.path)
        process.standardOutput = output
        process.standardError = output
        try process.run()
        return process
    }

    /// Every image's parts are there, and nothing else is.
    private func check(_ scratch: Scratch, isSwept: Bool) throws {
        var needed: Set<String> = []
        for image in try scratch.store.images() {
            let blobs = (image.manifest.layers + [image.manifest.config, image.manifestDescriptor]).map(\.digest)
            for blob in blobs {
                let bytes = try #require(try readWhole(scratch.store.files.blob(blob), limit: 1 << 26))
                #expect(ContentDigest(of: bytes) == blob)
                needed.insert(String(blob.hexadecimal))
            }
            for diffID in image.configuration.rootfs?.diffIDs ?? [] {
                #expect(fileExists(scratch.store.files.layer(diffID)))
                needed.insert(String(diffID.hexadecimal))
            }
        }
        guard isSwept else { return }
        #expect(Set(scratch.names("store/blobs/sha256") + scratch.names("store/layers")) == needed)
        #expect(scratch.names("store/staging") == [])
    }

    @Test("many processes bring in images at once, the same and others")
    func concurrent() throws {
        let scratch = try Scratch()
        var archives: [String] = []
        for number in 0..<3 {
            let path = try scratch.dockerArchive(
                [layer { $0.file("shared") }, layer { $0.file("own", "\(number)") }],
                tags: ["app:\(number)"]
            )
            let own = "\(scratch.path)/app\(number).tar"
            rename(path, own)
            archives += [own, own]
        }
        let processes = try archives.map { try begin([Scratch.program, "load", "-q", "-i", $0], in: scratch) }
        for process in processes {
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
        #expect(try scratch.store.images().flatMap(\.names).sorted() == (0..<3).map { "docker.io/library/app:\($0)" })
        try check(scratch, isSwept: false)
    }

    @Test("whoever is killed while it loads or prunes leaves a store that works, and the next one goes on")
    func killed() throws {
        let scratch = try Scratch()
        let archive = try scratch.dockerArchive(
            (0..<4).map { number in
                layer { tar in
                    for name in 0..<40 {
                        tar.add("\(name)", "0", content: .init(repeating: UInt8(number), count: 9000))
                    }
                }
            }
        )
        var wasLoaded = false
        for round in 0..<16 {
            let time = "0.\(String(200 + round * 17).dropFirst(round % 2))"
            let command = round % 4 == 3 ? ["image", "prune", "-af"] : ["load", "-i", archive]
            let ended = try run(["/usr/bin/timeout", "-s", "KILL", time, Scratch.program] + command, in: scratch)
            #expect([0, 137, 9].contains(ended.status), "\(ended.said)")
            try check(scratch, isSwept: false)
            wasLoaded = try wasLoaded || !scratch.store.images().isEmpty
        }
        _ = try scratch.store.load(archive: archive)
        let image = try scratch.resolve("app:1")
        #expect(fileExists("\(image.rootFilesystem.lowerDirectories[0])/39"))
        _ = try scratch.store.removeImages { _ in [] }
        try check(scratch, isSwept: true)
    }

    @Test("what an intake relies on stays until the intake ends")
    func leases() throws {
        let scratch = try Scratch()
        let loaded = try scratch.store.load(archive: try scratch.dockerArchive([layer { $0.file("a") }]))
        let image = try #require(try scratch.store.images().first)
        let (blob, diffID) = (image.manifest.layers[0].digest, try #require(image.configuration.rootfs?.diffIDs?[0]))
        do {
            let intake = try scratch.store.beginIntake()
            let unknown = ContentDigest(of: [1])
            let held = try intake.hold(blobs: [blob, unknown], layers: [diffID, unknown])
            #expect(held.blobs == [blob] && held.layers == [diffID])
            #expect(try scratch.store.remove(loaded[0].id))
            #expect(fileExists(scratch.store.files.blob(blob)) && fileExists(scratch.store.files.layer(diffID)))
            #expect(!fileExists(scratch.store.files.blob(loaded[0].id)))
        }
        let report = try scratch.store.removeImages { _ in [] }
        #expect(report.bytes > 0 && report.images == [])
        try check(scratch, isSwept: true)
        #expect(scratch.names("store/layers") == [])
    }

    @Test("an image from which a container is made stays, whoever knows of the container")
    func containers() throws {
        let scratch = try Scratch()
        let loaded = try scratch.store.load(archive: try scratch.dockerArchive([layer { $0.file("a") }]))
        let image = try scratch.resolve("app:1")
        let container = try ContainerLayer(id: "c1", in: scratch.store)
        try container.make(for: image.rootFilesystem)
        #expect(try scratch.store.imagesInUse() == [loaded[0].id: "c1"])
        #expect(try !scratch.store.remove(loaded[0].id))
        #expect(try scratch.resolve("app:1").id == image.id)
        try container.remove()
        #expect(try scratch.store.remove(loaded[0].id))
        #expect(scratch.names("store/layers") == [])
        // A volume of the type image is used too.
        _ = try scratch.store.load(archive: try scratch.dockerArchive([layer { $0.file("a") }]))
        try container.make(for: RootFilesystem(lowerDirectories: ["/tmp"]))
        try container.use(loaded[0].id)
        #expect(try !scratch.store.remove(loaded[0].id))
    }

    @Test("while a build is under way, what it may stand on stays")
    func builds() throws {
        let scratch = try Scratch()
        let loaded = try scratch.store.load(archive: try scratch.dockerArchive([layer { $0.file("a") }]))
        let image = try scratch.resolve("app:1")
        let builds = BuildSnapshots(in: scratch.store)
        try builds.make()
        do {
            let hold = try builds.hold()
            let digest = try #require(image.manifestDigest)
            let report = try scratch.store.removeImages { _ in [digest] }
            #expect(report.isDeferred && report.images == [loaded[0].id] && report.bytes == 0)
            #expect(fileExists(scratch.store.files.layer(image.diffIDs[0])))
            withExtendedLifetime(hold.rawValue) {}
        }
        #expect(try scratch.store.removeImages { _ in [] }.bytes > 0)
        #expect(scratch.names("store/layers") == [] && scratch.names("store/blobs/sha256") == [])
    }

    @Test("names move between images, and an image without any stays until it is removed")
    func names() throws {
        let scratch = try Scratch()
        let first = try scratch.store.load(archive: try scratch.dockerArchive([layer { $0.file("1") }]))[0].id
        let second = try scratch.store.load(archive: try scratch.dockerArchive([layer { $0.file("2") }]))[0].id
        func names() throws -> [ContentDigest: [String]] {
            Dictionary(uniqueKeysWithValues: try scratch.store.images().map { ($0.id, $0.names) })
        }
        #expect(try names() == [first: [], second: ["docker.io/library/app:1"]])
        let old = try scratch.store.image(meant: String(first.hexadecimal.prefix(12)))
        try scratch.store.tag(old, as: try #require(ImageName("old:1")))
        try scratch.store.tag(old, as: try #require(ImageName("app:1")))
        #expect(try names() == [first: ["docker.io/library/app:1", "docker.io/library/old:1"], second: []])
        #expect(try scratch.store.untag("docker.io/library/app:1"))
        #expect(try scratch.store.untag("docker.io/library/old:1"))
        #expect(try !scratch.store.untag("docker.io/library/old:1"))
        #expect(try names() == [first: [], second: []])
        let digest = old.manifestDescriptor.digest
        let report = try scratch.store.removeImages { _ in [digest] }
        #expect(report.images == [first] && report.names == [])
        #expect(try names() == [second: []])
        try check(scratch, isSwept: true)
    }

    @Test("after a loss of power, nothing is believed that was not on the disk")
    func power() throws {
        let scratch = try Scratch()
        let loaded = try scratch.store.load(archive: try scratch.dockerArchive([layer { $0.file("a", "whole") }]))
        let image = try scratch.resolve("app:1")
        let diffID = image.diffIDs[0]
        func pretendBoot() throws {
            var record = try #require(try scratch.store.files.unsyncedRecord())
            #expect(record.layers.contains(diffID))
            record.boot = "another"
            record.blobs.insert(loaded[0].id)
            try replaceDurably("\(scratch.store.root)/unsynced.json", try encoded(record))
        }
        let file = "\(scratch.store.files.layer(diffID))/a"
        try pretendBoot()
        try replaceDurably(file, [])
        // The layer is made again from its blob, which is what it should be.
        #expect(try scratch.resolve("app:1").id == loaded[0].id.rawValue)
        #expect(try readFile(file) == "whole")
        try pretendBoot()
        // This one is not, and neither is the image's description.
        try replaceDurably(scratch.store.files.blob(loaded[0].id), Array("{".utf8))
        #expect(throws: ImageError.self) { try scratch.resolve("app:1") }
        #expect(try scratch.store.images().isEmpty)
        #expect(try scratch.store.files.unsyncedRecord() == nil)
        _ = try scratch.store.load(archive: "\(scratch.path)/app.tar")
        #expect(try scratch.resolve("app:1").id == loaded[0].id.rawValue)
        // What was written to the disk is believed.
        #expect(try scratch.store.files.settle())
        #expect(try scratch.store.files.unsyncedRecord() == nil)
        #expect(try !scratch.store.files.settle())
    }

    @Test("a container has hundreds of layers", arguments: [ContainerLayer.OverlayForm.appended, .joined])
    func hundreds(form: ContainerLayer.OverlayForm) throws {
        let scratch = try Scratch()
        let paths = (0..<300).map { "\(scratch.path)/layers/\(String(repeating: "0", count: 60))\(1000 + $0)" }
        for (number, path) in paths.enumerated() {
            try makeStoreDirectories(path, mode: 0o755)
            try replaceFile("\(path)/file\(number)", [])
        }
        let root = RootFilesystem(lowerDirectories: paths)
        let container = try ContainerLayer(id: "c1", in: scratch.store)
        try container.make(for: root)
        let mount = try container.makeRoot(of: root, by: form)
        for number in [0, 150, 299] { _ = try mount.descriptor.openAt(path: "file\(number)", O_RDONLY, [.beneath]) }
    }
}
