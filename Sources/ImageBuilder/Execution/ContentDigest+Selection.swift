import Crypto
import Glibc
import LinuxSystem
import OCISpec

/// Computes what a selection of files holds: names, modes, links and contents, and no times.
final class SelectionDigest: SourceSink {
    private var hash = SHA256()
    private let tree: SourceTree
    private let digests: FileDigests?

    private init(_ tree: SourceTree, _ digests: FileDigests?) {
        self.tree = tree
        self.digests = digests
    }

    /// The digest of all that a selection names; `digests` remembers those of a context's files.
    static func of(
        _ selection: FileSelection,
        in tree: SourceTree,
        _ digests: FileDigests
    ) throws -> ContentDigest {
        let sink = SelectionDigest(tree, tree.isContext ? digests : nil)
        for match in try tree.matches(selection) {
            sink.add("match", match.written.joined(separator: "/"))
            try tree.walk(match, selection, to: sink)
        }
        guard let digest = ContentDigest(bytes: sink.hash.finalize()) else {
            preconditionFailure("a SHA-256 has 32 bytes")
        }
        return digest
    }

    private func add(_ parts: String...) {
        for part in parts {
            hash.update(data: Array(part.utf8))
            hash.update(data: [0])
        }
    }

    private func add(_ kind: String, _ name: [CChar], _ metadata: FileMetadata) {
        add(kind, String(metadata.permissions, radix: 8))
        if !tree.isContext { add("\(metadata.owner):\(metadata.group)") }
        hash.update(data: name.map { UInt8(bitPattern: $0) })
    }

    func enter(_ name: [CChar], _ metadata: FileMetadata, _ directory: borrowing OwnedDescriptor) throws {
        add("directory", name, metadata)
    }

    func leave() throws { add("end") }

    func entry(_ name: [CChar], _ metadata: FileMetadata, in directory: borrowing OwnedDescriptor) throws {
        switch metadata.kind {
        case .regular:
            add("file", name, metadata)
            let open = {
                [raw = directory.rawValue] () throws -> OwnedDescriptor in
                let file = openat(raw, name, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
                return OwnedDescriptor(
                    adopting: try SyscallError.checkErrno(file, "openat", SourceTree.text(name))
                )
            }
            if let digests {
                hash.update(data: try digests.digest(of: metadata, open))
            } else {
                hash.update(data: try FileDigests.hash(open()))
            }
        case .symbolicLink:
            add("link", name, metadata)
            let link = try directory.openAt(path: name, O_PATH | O_NOFOLLOW, [.beneath, .noLinks])
            hash.update(data: try link.linkTarget(SourceTree.text(name)) + [0])
        case .fifo, .characterDevice, .blockDevice:
            add("special", name, metadata)
            add("\(metadata.kind) \(metadata.deviceNumber)")
        // It means nothing where it is copied to, and is not.
        case .socket: break
        case .directory: break
        }
    }
}
