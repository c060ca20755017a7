import class Foundation.FileManager
import Glibc
@testable import ImageStore
import LinuxSystem
import OCISpec
import Testing

/// Attacks by what an image is made of: docs/security.md, group B.
@Suite("a hostile archive", .enabled(if: getuid() == 0, "needs root"))
struct ImageThreats {
    /// A directory that nobody may change, and all that is in it.
    private struct Outside {
        let path: String

        init(in scratch: Scratch) throws {
            path = "\(scratch.path)/outside"
            try makeStoreDirectories("\(path)/inner", mode: 0o755)
            for name in ["file", "inner/file"] { _ = try scratch.write("outside/\(name)", Array("kept".utf8)) }
        }

        /// Names, kinds, owners, modes, attributes and content.
        func state() throws -> [String] {
            try ["", "/inner", "/file", "/inner/file"].map { name in
                let path = "\(path)\(name)"
                let entry = try #require(try FileMetadata.of(path))
                let file = try OwnedDescriptor.reading(path)
                let attributes = try ExtendedAttributes.names(of: file.rawValue)
                let content: String
                if entry.kind == .directory {
                    content = try FileManager.default.contentsOfDirectory(atPath: path).sorted().joined(separator: " ")
                } else {
                    content = try readFile(path)
                }
                return "\(name) \(entry.owner) \(entry.permissions) \(entry.links) \(attributes) \(content)"
            }
        }
    }

    @Test("whose first layer plants a link and whose second writes through it writes into its own layer")
    func twoLayers() throws {
        let scratch = try Scratch()
        let outside = try Outside(in: scratch)
        let before = try outside.state()
        var first = TarBuilder()
        first.add("dir", "2", link: outside.path)
        first.add("up", "2", link: "../../../../../../../../..\(outside.path)")
        var second = TarBuilder()
        for name in ["dir", "up"] {
            second.file("\(name)/planted", "x")
            second.file("\(name)/.wh.file")
            second.file("\(name)/.wh..wh..opq")
            second.add("\(name)/hard", "1", link: "\(name)/planted")
        }
        _ = try scratch.store.load(archive: try scratch.dockerArchive([first.archive, second.archive]))
        #expect(try outside.state() == before)
        let image = try scratch.resolve("app:1")
        #expect(try FileMetadata.of("\(image.rootFilesystem.lowerDirectories[0])/dir")?.kind == .directory)
        // Put together, the directory takes the link's place.
        let root = try image.rootFilesystem.makeReadOnly()
        let planted = try root.descriptor.openAt(path: "dir/planted", O_RDONLY, [.inRoot])
        #expect(try planted.metadata().size == 1)
    }

    @Test("that is made of links, whiteouts and names at random never changes what is outside, nor stops us")
    func random() throws {
        let scratch = try Scratch()
        let outside = try Outside(in: scratch)
        let before = try outside.state()
        var generator = Generator(state: 20_261_122)
        let out = outside.path
        let names = [
            "a", "b", "a/b", "b/a", "a/b/file", "a/inner/file", "b/file", "./a//b", "/a", "\(out.dropFirst())/file",
            "..",
            "a/../b", "a/.wh.file", "a/.wh..wh..opq", ".wh.a", "b/.wh..", "a/b/.wh.file", "file", "inner",
            String(repeating: "n/", count: 40) + "file", "a\u{1b}[2J",
        ]
        let links = [
            out, "\(out)/file", "../../../../../../../../..\(out)", "a", "b", "..", ".", "/", "/proc/self/fd",
            "/dev/null",
            "a/b/file", "a/file", "\(out.dropFirst())/file", String(repeating: "x", count: 99),
        ]
        var refused = 0
        for _ in 0..<150 {
            var tar = TarBuilder()
            for _ in 0..<(1 + generator.pick(12)) {
                let name = names[generator.pick(names.count)]
                guard name.utf8.count < 100 else { continue }
                let link = String(links[generator.pick(links.count)].prefix(99))
                if generator.pick(8) == 0 {
                    tar.attributes([
                        ("trusted.overlay.redirect", out), ("user.overlay.opaque", "y"), ("security.selinux", "x"),
                    ])
                }
                switch generator.pick(9) {
                case 0...1: tar.file(name, "planted", mode: 0o4777, owner: 33)
                case 2...3: tar.directory(name, mode: 0o777, owner: 33)
                case 4...5: tar.add(name, "2", link: link)
                case 6: tar.add(name, "1", link: link)
                case 7: tar.add(name, ["3", "4", "6"][generator.pick(3)], mode: 0o666, owner: 33)
                default: tar.add(name, "7", content: [1, 2, 3])
                }
            }
            let archive = try scratch.dockerArchive([tar.archive])
            do { _ = try scratch.store.load(archive: archive) } catch { refused += 1 }
            #expect(try outside.state() == before)
        }
        #expect((1..<150).contains(refused), "some are good and some are not")
    }

    @Test("with members that no image has unpacks none of them, and takes no name from them")
    func strangeMembers() throws {
        let scratch = try Scratch()
        var layer = TarBuilder()
        layer.file("a", "x")
        let path = try scratch.dockerArchive([layer.archive])
        var tar = TarBuilder()
        tar.file("../evil", "x")
        tar.file("/evil", "x")
        tar.file("blobs/sha256/../../evil", "x")
        tar.add("0", "2", link: "/etc")
        tar.file("repositories", #"{"other":{"latest":"x"}}"#)
        let good = try #require(try readWhole(path, limit: 1 << 20))
        let loaded = try scratch.store.load(archive: try scratch.write("all.tar", tar.bytes + good))
        #expect(loaded.map(\.names) == [["docker.io/library/app:1"]])
        #expect(scratch.names("") == ["all.tar", "app.tar", "run", "store"])
        #expect(access("/evil", F_OK) != 0)
    }

    @Test(
        "that names its parts by anything but a digest is refused",
        arguments: [
            "sha256:", "sha256:../../../../etc/passwd", "sha256:\(String(repeating: "A", count: 64))",
            "sha256:\(String(repeating: "a", count: 63))", "sha256:\(String(repeating: "a", count: 65))",
            "../sha256:\(String(repeating: "a", count: 64))", "md5:\(String(repeating: "a", count: 32))", "",
            "sha256:\(String(repeating: "a", count: 63))\u{0}", "sha256:\(String(repeating: "a", count: 64))\n",
        ]
    )
    func digests(text: String) { #expect(ContentDigest(rawValue: text) == nil) }
}

/// Numbers that look random and are the same in every run.
private struct Generator {
    var state: UInt64

    mutating func pick(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % limit
    }
}
