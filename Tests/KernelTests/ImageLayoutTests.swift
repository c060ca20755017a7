import Glibc
@testable import ImageStore
import LinuxSystem
import OCISpec
import Testing

/// An OCI image layout as a table of members, which may lie.
private struct Layout {
    var members: [(name: String, bytes: [UInt8])] = []

    @discardableResult
    mutating func blob(_ bytes: [UInt8]) -> (digest: String, size: Int) {
        let digest = ContentDigest(of: bytes)
        members.append(("blobs/sha256/\(digest.hexadecimal)", bytes))
        return (digest.rawValue, bytes.count)
    }

    /// Adds an image of one layer, and returns its descriptor.
    mutating func image(_ layer: [UInt8], diffID: String, architecture: String, extra: String = "") -> String {
        let config = blob(
            Array(
                #"{"os":"linux","architecture":"\#(architecture)","rootfs":{"type":"layers","diff_ids":["\#(diffID)"]}}"#
                    .utf8
            )
        )
        let content = blob(layer)
        let manifest = blob(
            Array(
                #"""
                {"schemaVersion":2,"mediaType":"\#(MediaType.manifest)",\#(extra)
                 "config":{"mediaType":"\#(MediaType.configuration)","digest":"\#(config.digest)","size":\#(config.size)},
                 "layers":[{"mediaType":"\#(MediaType.layer)","digest":"\#(content.digest)","size":\#(content.size)}]}
                """#.utf8
            )
        )
        return #""mediaType":"\#(MediaType.manifest)","digest":"\#(manifest.digest)","size":\#(manifest.size)"#
    }

    mutating func index(_ descriptors: [String], name: String = "index.json") {
        let text = #"{"schemaVersion":2,"manifests":[\#(descriptors.map { "{\($0)}" }.joined(separator: ","))]}"#
        members.append((name, Array(text.utf8)))
    }

    var archive: [UInt8] {
        var tar = TarBuilder()
        for member in members { tar.add(member.name, "0", content: member.bytes) }
        return tar.archive
    }

    func write(to directory: String) throws {
        try makeStoreDirectories("\(directory)/blobs/sha256", mode: 0o755)
        for member in members { try replaceDurably("\(directory)/\(member.name)", member.bytes) }
    }
}

private func layer(_ name: String) -> [UInt8] {
    var tar = TarBuilder()
    tar.file(name, "content of \(name)")
    return tar.archive
}

/// What a filter of the host makes of some bytes.
private func filtered(_ bytes: [UInt8], _ command: String, _ scratch: Scratch) throws -> [UInt8] {
    let path = try scratch.write("plain", bytes)
    #expect(system("\(command) < \(path) > \(path).packed") == 0)
    return try #require(try readWhole("\(path).packed", limit: 1 << 20))
}

private let named = #","annotations":{"org.opencontainers.image.ref.name":"ghcr.io/x/app:1"}"#

@Suite("an image layout", .enabled(if: getuid() == 0, "needs root"))
struct ImageLayoutTests {
    @Test(
        "is read from an archive, a stream and a directory, plain and compressed",
        arguments: ["cat", "gzip -c", "xz -c"]
    )
    func forms(command: String) throws {
        let scratch = try Scratch()
        var layout = Layout()
        let plain = layer("a")
        let packed = try filtered(plain, command, scratch)
        let diffID = ContentDigest(of: plain).rawValue
        layout.index([layout.image(packed, diffID: diffID, architecture: Platform.host.architecture) + named])
        let archive = try scratch.write("app.tar", try filtered(layout.archive, command, scratch))
        try layout.write(to: "\(scratch.path)/layout")

        let fromDirectory = try scratch.resolve("oci:layout")
        let fromArchive = try scratch.resolve("oci-archive:app.tar:ghcr.io/x/app:1")
        let stream = try OwnedDescriptor.reading(archive)
        let loaded = try scratch.store.load(from: stream, subject: "standard input")
        #expect(loaded.map(\.names) == [["ghcr.io/x/app:1"]])
        for image in [fromDirectory, fromArchive, try scratch.resolve("ghcr.io/x/app:1")] {
            #expect(image.id == loaded[0].id.rawValue)
            #expect(access("\(image.rootFilesystem.lowerDirectories[0])/a", F_OK) == 0)
        }
        #expect(scratch.names("store/blobs/sha256").count == 3)
        #expect(scratch.names("store/layers").count == 1)
    }

    @Test("gives the image for the platform that is wanted")
    func platforms() throws {
        let scratch = try Scratch()
        var layout = Layout()
        var inner = Layout()
        let descriptors = ["amd64", "arm64"].map { architecture in
            let plain = layer(architecture)
            let image = inner.image(plain, diffID: ContentDigest(of: plain).rawValue, architecture: architecture)
            return image + #","platform":{"os":"linux","architecture":"\#(architecture)"}"#
        }
        inner.index(descriptors, name: "inner")
        let list = inner.members.removeLast().bytes
        layout.members = inner.members
        let blob = layout.blob(list)
        layout.index([#""mediaType":"\#(MediaType.index)","digest":"\#(blob.digest)","size":\#(blob.size)"#])
        _ = try scratch.write("app.tar", layout.archive)
        let reference = try ImageReference("oci-archive:app.tar", projectDirectory: scratch.path)
        for architecture in ["arm64", "amd64"] {
            let image = try scratch.store.resolve(reference, platform: Platform("linux/\(architecture)"))
            #expect(image.configuration.architecture == architecture)
        }
        let error = #expect(throws: ImageError.self) {
            try scratch.store.resolve(reference, platform: Platform("linux/riscv64"))
        }
        #expect(
            error?.message
                == "\(scratch.path)/app.tar has no image for linux/riscv64, but for: linux/amd64, linux/arm64"
        )
    }

    @Test("with a blob of another content, a document of two kinds or a missing part is refused")
    func lies() throws {
        let plain = layer("a")
        let diffID = ContentDigest(of: plain).rawValue
        var wrong = Layout()
        wrong.index([wrong.image(plain, diffID: diffID, architecture: "amd64")])
        wrong.members[1].bytes[600] ^= 1
        var both = Layout()
        both.index([both.image(plain, diffID: diffID, architecture: "amd64", extra: #""manifests":[],"#)])
        var missing = Layout()
        missing.index([missing.image(plain, diffID: diffID, architecture: "amd64")])
        missing.members.remove(at: 1)
        var path = Layout()
        path.index([#""mediaType":"\#(MediaType.manifest)","digest":"sha256:../../../etc/passwd","size":1"#])
        let cases: [(Layout, ImageError.Code)] = [
            (wrong, .digestMismatch), (both, .invalidArchive), (missing, .invalidArchive), (path, .invalidArchive),
        ]
        for (layout, code) in cases {
            let scratch = try Scratch()
            _ = try scratch.write("app.tar", layout.archive)
            try layout.write(to: "\(scratch.path)/layout")
            for form in ["oci-archive:app.tar", "oci:layout"] {
                let error = #expect(throws: ImageError.self) { try scratch.resolve(form) }
                #expect(error?.code == code, "\(form): \(error?.message ?? "")")
            }
            #expect(scratch.names("store/layers") == [])
            #expect(scratch.names("store/blobs/sha256") == [])
        }
    }

    @Test("as a directory is read no further than its end", arguments: ["index.json", "blob"])
    func outside(member: String) throws {
        let scratch = try Scratch()
        var layout = Layout()
        let plain = layer("a")
        layout.index([layout.image(plain, diffID: ContentDigest(of: plain).rawValue, architecture: "amd64")])
        try layout.write(to: "\(scratch.path)/layout")
        let name = member == "blob" ? layout.members[0].name : member
        let moved = try scratch.write(
            "moved",
            try #require(try readWhole("\(scratch.path)/layout/\(name)", limit: 1 << 20))
        )
        unlink("\(scratch.path)/layout/\(name)")
        symlink(moved, "\(scratch.path)/layout/\(name)")
        #expect(throws: ImageError.self) { try scratch.resolve("oci:layout") }
    }

    @Test("that docker save writes beside its own form is loaded under the image's names")
    func newDockerForm() throws {
        let scratch = try Scratch()
        var layout = Layout()
        let plain = layer("a")
        let image = layout.image(plain, diffID: ContentDigest(of: plain).rawValue, architecture: "amd64")
        layout.index([image])
        let list =
            #"[{"Config":"\#(layout.members[0].name)","RepoTags":["app:2"],"Layers":["\#(layout.members[1].name)"]}]"#
        layout.members.append(("manifest.json", Array(list.utf8)))
        let loaded = try scratch.store.load(archive: try scratch.write("app.tar", layout.archive))
        #expect(loaded.map(\.names) == [["docker.io/library/app:2"]])
        // A second time nothing has to be read or unpacked.
        #expect(try scratch.store.load(archive: "\(scratch.path)/app.tar") == loaded)
    }
}
