import class Foundation.FileManager
import Glibc
@testable import ImageStore
import LinuxSystem
import OCISpec
import Testing

private func text(_ path: String) throws -> String? {
    try readWhole(path, limit: 1 << 20).map { String(decoding: $0, as: UTF8.self) }
}

private func attributes(_ path: String) throws -> [String] {
    let file = try OwnedDescriptor.reading(path)
    return try ExtendedAttributes.names(of: file.rawValue)
}

private func layer(_ build: (inout TarBuilder) -> Void) -> TarBuilder {
    var tar = TarBuilder()
    build(&tar)
    return tar
}

@Suite("an image store", .enabled(if: getuid() == 0, "needs root"))
struct ImageStoreKernelTests {
    @Test("a layer keeps owners, modes, times, links and allowed attributes")
    func metadata() throws {
        let scratch = try Scratch()
        let path = try scratch.unpack(
            layer {
                $0.directory("./", mode: 0o711)
                $0.directory("dir/", mode: 0o2750, owner: 33)
                $0.attributes([
                    ("user.note", "yes"), ("user.overlay.opaque", "y"), ("trusted.overlay.redirect", "/etc"),
                ])
                $0.file("dir/tool", "hello", mode: 0o4755, owner: 42)
                $0.add("dir/other", "1", link: "dir/tool")
                $0.add("link", "2", link: "/etc/passwd")
                $0.file("no/parent/file", "x")
            }
        )
        let tool = try #require(try FileMetadata.of("\(path)/dir/tool"))
        #expect([tool.permissions, tool.owner, UInt32(tool.links)] == [0o4755, 42, 2])
        #expect(tool.modified.seconds == 1_000_000_000)
        #expect(try attributes("\(path)/dir/tool") == ["user.note"])
        let directory = try #require(try FileMetadata.of("\(path)/dir"))
        #expect([directory.permissions, directory.owner] == [0o2750, 33])
        #expect(directory.modified.seconds == 1_000_000_000)
        #expect(try FileMetadata.of("\(path)/link")?.kind == .symbolicLink)
        #expect(try text("\(path)/no/parent/file") == "x")
        #expect(try FileMetadata.of(path)?.permissions == 0o711)
    }

    @Test("whiteouts become those of overlayfs, also where a name goes and comes in one layer")
    func whiteouts() throws {
        let scratch = try Scratch()
        let path = try scratch.unpack(
            layer {
                $0.file("a/.wh.gone")
                $0.file("b/.wh..wh..opq")
                $0.file("b/kept", "x")
                $0.file(".wh.again")
                $0.directory("again")
                $0.directory("before")
                $0.file(".wh.before")
                $0.file(".wh..wh.plnk")
                $0.add("null", "3", mode: 0o666)
            }
        )
        func opaque(_ name: String) throws -> Bool {
            try attributes("\(path)/\(name)") == [opaqueAttribute]
        }
        #expect(try FileMetadata.of("\(path)/a/gone")?.isWhiteout == true)
        #expect(try opaque("b"))
        #expect(try opaque("again"))
        #expect(try opaque("before"))
        #expect(try !opaque("a"))
        #expect(try FileMetadata.of("\(path)/null") == nil)
        #expect(
            scratch.names("store/layers/\(path.split(separator: "/").last ?? "")") == ["a", "again", "b", "before"]
        )
    }

    @Test(
        "nothing of a hostile layer leads out of it",
        arguments: [
            layer { $0.file("../evil", "x") },
            layer { $0.file("a/../../evil", "x") },
            layer { $0.add("hard", "1", link: "../evil") },
            layer { $0.add("hard", "1", link: "/etc/passwd") },
            layer {
                $0.add("dir", "2", link: "../../..")
                $0.add("hard", "1", link: "dir/etc/passwd")
            },
            layer { $0.file(".wh.") },
            layer { $0.file("x/.wh...") },
            layer {
                $0.add("loop", "2", link: "loop")
                $0.file("loop/x", "x")
            },
            layer {
                $0.add("proc", "2", link: "dangling"); $0.file("proc/x", "x")
            },
            layer {
                $0.file("f", "x"); $0.file("f/x", "x")
            },
        ]
    )
    func refusedLayers(tar: TarBuilder) throws {
        let scratch = try Scratch()
        let error = #expect(throws: ImageError.self) { try scratch.unpack(tar) }
        #expect(error?.code == .invalidArchive, "\(error?.message ?? "")")
        #expect(scratch.names("") == ["app.tar", "run", "store"])
        #expect(scratch.names("store/layers") == [])
        #expect(scratch.names("store/blobs/sha256") == [])
    }

    @Test("links in a layer lead nowhere but into the layer")
    func contained() throws {
        let scratch = try Scratch()
        let outside = "\(scratch.path)/outside"
        try makeStoreDirectories(outside, mode: 0o755)
        let path = try scratch.unpack(
            layer {
                $0.add("abs", "2", link: outside)
                $0.directory(String(outside.dropFirst()))
                $0.file("abs/planted", "x")
                $0.file("abs/.wh.hidden")
                $0.add("up", "2", link: "../../../../../../../..")
                $0.file("up/rooted", "x")
                $0.file("/absolute", "x")
                $0.add("file", "2", link: "\(outside)/target")
                $0.file("file", "replaced")
            }
        )
        #expect(scratch.names("outside") == [])
        #expect(try text("\(path)\(outside)/planted") == "x")
        #expect(try text("\(path)/rooted") == "x")
        #expect(try text("\(path)/absolute") == "x")
        #expect(try FileMetadata.of("\(path)/file")?.kind == .regular)
        #expect(access("/rooted", F_OK) != 0)
    }

    @Test("a layer with another digest than promised is refused, and nothing of it stays")
    func digests() throws {
        let scratch = try Scratch()
        let tar = layer { $0.file("a", "x") }
        let wrong = "sha256:" + String(repeating: "0", count: 64)
        let archive = try scratch.dockerArchive([tar.archive], diffIDs: [wrong])
        let error = #expect(throws: ImageError.self) { try scratch.store.load(archive: archive) }
        #expect(
            error?.message == """
                unpack layer 000000000000: its content has the digest \(ContentDigest(of: tar.archive)) instead of \
                \(wrong); the image is damaged, get it again
                """
        )
        #expect(scratch.names("store/layers") == [])
        // What was staged is cleared by the next writer, also when it was much.
        for number in 0..<2000 { try makeStoreDirectories("\(scratch.store.root)/staging/\(number)", mode: 0o700) }
        _ = try scratch.store.load(archive: try scratch.dockerArchive([tar.archive]))
        #expect(scratch.names("store/layers").count == 1)
        #expect(scratch.names("store/staging") == [])
    }

    @Test("a full disk ends a load, and what was there is as it was")
    func fullDisk() throws {
        let scratch = try Scratch()
        let disk = try DetachedMount.filesystem(FilesystemRecipe("tmpfs", [.init("size", "1m")]))
        let store = ImageStore(root: "/proc/self/fd/\(disk.descriptor.rawValue)/store", program: Scratch.program)
        let small = layer { $0.file("a") }.archive
        let loaded = try store.load(archive: try scratch.dockerArchive([small]))
        let big = try scratch.dockerArchive([
            layer { $0.add("b", "0", content: .init(repeating: 7, count: 700_000)) }.archive
        ])
        let error = #expect(throws: ImageError.self) { try store.load(archive: big) }
        #expect(error?.cause?.errno.rawValue == ENOSPC)
        #expect(error?.message.hasSuffix("(ENOSPC); free some space on the disk that holds the store") == true)
        let staging = try FileManager.default.contentsOfDirectory(atPath: store.files.staging)
        #expect(staging == [])
        #expect(try store.load(archive: try scratch.dockerArchive([small])) == loaded)
        #expect(try store.resolve(.identifier(loaded[0].id)).names == ["docker.io/library/app:1"])
        try disk.descriptor.removeTree("store")
    }

    @Test("more than the limits allow is refused")
    func limits() throws {
        let scratch = try Scratch()
        let archive = try scratch.dockerArchive([layer { for n in 0..<9 { $0.file("\(n)", "xxxx") } }.archive])
        for change in [\ImportLimits.entries, \.members, \.documentBytes, \.layers] {
            var limits = ImportLimits()
            limits[keyPath: change] = change == \.layers ? 0 : 2
            let store = ImageStore(root: scratch.store.root, limits: limits, program: Scratch.program)
            let error = #expect(throws: ImageError.self) { try store.load(archive: archive) }
            #expect(error?.code == .tooLarge)
            // What was too large, and how to allow it.
            #expect(error?.message.contains(archive) == true || error?.message.hasPrefix("unpack layer ") == true)
            #expect(error?.message.contains("; allow more with ROOST_IMAGE_LIMITS=") == true)
        }
        for change in [\ImportLimits.layerBytes, \.archiveBytes] {
            var limits = ImportLimits()
            limits[keyPath: change] = 20
            let store = ImageStore(root: scratch.store.root, limits: limits, program: Scratch.program)
            let error = #expect(throws: ImageError.self) { try store.load(archive: archive) }
            #expect(error?.code == .tooLarge)
            // What was too large, and how to allow it.
            #expect(error?.message.contains(archive) == true || error?.message.hasPrefix("unpack layer ") == true)
            #expect(error?.message.contains("; allow more with ROOST_IMAGE_LIMITS=") == true)
        }
    }

    @Test("a loaded image is found by its names and its ID, and layers go from the top down")
    func resolved() throws {
        let scratch = try Scratch()
        let layers = [layer { $0.file("low") }, layer { $0.file("high") }, layer { $0.file("low") }].map(\.archive)
        let loaded = try scratch.store.load(
            archive: try scratch.dockerArchive(layers, tags: ["app:1", "ghcr.io/x/app"])
        )
        #expect(loaded.map(\.names) == [["docker.io/library/app:1", "ghcr.io/x/app:latest"]])
        let image = try scratch.resolve("app:1")
        #expect(image.id == loaded[0].id.rawValue)
        #expect(image.configuration.config?.command == ["/x"])
        #expect(image.names == ["docker.io/library/app:1", "ghcr.io/x/app:latest"])
        let digests = layers.map { ContentDigest(of: $0) }
        #expect(image.rootFilesystem.lowerDirectories == [digests[2], digests[1]].map(scratch.store.files.layer))
        #expect(try scratch.resolve("ghcr.io/x/app").id == image.id)
        #expect(try scratch.resolve(image.id).id == image.id)
        let manifest = try #require(image.manifestDigest)
        #expect(try scratch.resolve("app@\(manifest)").id == image.id)
        // A layer's directory that somebody removed comes back.
        try OwnedDescriptor.directory("\(scratch.store.root)/layers").removeTree(String(digests[1].hexadecimal))
        let again = try scratch.resolve("app:1")
        #expect(access("\(again.rootFilesystem.lowerDirectories[1])/high", F_OK) == 0)
    }

    @Test("a transport reads its file once, and again when it has changed")
    func transport() throws {
        let scratch = try Scratch()
        let archive = try scratch.dockerArchive([layer { $0.file("one") }.archive])
        let first = try scratch.resolve("docker-archive:app.tar")
        #expect(first.names == [])
        let status = try #require(try FileMetadata.of("\(scratch.store.root)/index.json"))
        #expect(try scratch.resolve("docker-archive:\(archive)").id == first.id)
        #expect(try FileMetadata.of("\(scratch.store.root)/index.json") == status)
        _ = try scratch.dockerArchive([layer { $0.file("two") }.archive])
        #expect(try scratch.resolve("docker-archive:app.tar").id != first.id)
        let error = #expect(throws: ImageError.self) { try scratch.resolve("docker-archive:app.tar:other:1") }
        #expect(error?.message == "\(archive) has no image other:1")
        let missing = #expect(throws: ImageError.self) { try scratch.resolve("docker-archive:none.tar") }
        #expect(missing?.message == "open \(scratch.path)/none.tar: there is no such file")
    }

    @Test("an archive is broken, empty, or no archive at all")
    func broken() throws {
        let scratch = try Scratch()
        let whole = try #require(
            try readWhole(try scratch.dockerArchive([layer { $0.file("a") }.archive]), limit: 1 << 20)
        )
        for bytes in [[], Array("no archive".utf8), Array(whole[..<1400]), Array(whole[..<700])] {
            let path = try scratch.write("broken.tar", bytes)
            #expect { try scratch.store.load(archive: path) } throws: { ($0 as? ImageError)?.code == .invalidArchive }
        }
        #expect(scratch.names("store/blobs/sha256") == [])
    }
}
