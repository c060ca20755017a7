import class Foundation.FileManager
import Glibc
@testable import ImageStore
import LinuxSystem
import OCISpec

/// A store in a directory of its own, removed with everything in it.
final class Scratch {
    let path: String
    let store: ImageStore
    var volumes: VolumeStore { VolumeStore(in: store) }

    init() throws {
        var template = Array("/tmp/roost-images.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SyscallError(call: "mkdtemp", subject: "/tmp", errno: .current) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        store = ImageStore(root: "\(path)/store", runtimeDirectory: "\(path)/run", program: Self.program)
        try makeStoreDirectories("\(path)/run", mode: 0o755)
    }

    /// Our own program, beside the bundle of the tests: it unpacks layers.
    static let program: String = {
        for argument in CommandLine.arguments + [
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        ]  // an absent name is not found below
        where argument.contains(".build/") {
            var directory = argument.split(separator: "/")
            while directory.contains(".build") {
                directory.removeLast()
                let candidate = "/" + (directory + ["roost"]).joined(separator: "/")
                if (try? FileMetadata.of(candidate))??.kind == .regular { return candidate }
            }
        }
        return #filePath.split(separator: "/Tests/")[0] + "/.build/debug/roost"
    }()

    // What can't be removed is left in /tmp, and harms nobody.
    deinit { try? OwnedDescriptor.directory("/tmp").removeTree(String(path.dropFirst("/tmp/".count))) }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        try replaceDurably("\(path)/\(name)", bytes)
        return "\(path)/\(name)"
    }

    /// An archive as `docker save` writes it, of layers given as plain archives.
    func dockerArchive(_ layers: [[UInt8]], tags: [String] = ["app:1"], diffIDs: [String]? = nil) throws -> String {
        var tar = TarBuilder()
        let ids = diffIDs ?? layers.map { ContentDigest(of: $0).rawValue }
        let list = ids.map { "\"\($0)\"" }.joined(separator: ",")
        let config =
            #"{"os":"linux","architecture":"\#(Platform.host.architecture)","config":{"Cmd":["/x"]},"#
            + #""rootfs":{"type":"layers","diff_ids":[\#(list)]}}"#
        for (index, layer) in layers.enumerated() { tar.add("\(index)/layer.tar", "0", content: layer) }
        tar.file("config.json", config)
        let names = tags.map { "\"\($0)\"" }.joined(separator: ",")
        let paths = layers.indices.map { "\"\($0)/layer.tar\"" }.joined(separator: ",")
        tar.file("manifest.json", #"[{"Config":"config.json","RepoTags":[\#(names)],"Layers":[\#(paths)]}]"#)
        return try write("app.tar", tar.archive)
    }

    /// Loads one layer, and returns the directory it is unpacked in.
    func unpack(_ tar: TarBuilder) throws -> String {
        _ = try store.load(archive: try dockerArchive([tar.archive]))
        return store.files.layer(ContentDigest(of: tar.archive))
    }

    func resolve(_ text: String) throws -> Image {
        try store.resolve(try ImageReference(text, projectDirectory: path))
    }

    /// Names below a directory of the scratch directory.
    func names(_ directory: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(directory)")) ?? []).sorted()
    }
}
