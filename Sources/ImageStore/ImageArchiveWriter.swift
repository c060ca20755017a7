import FoundationEssentials
import Glibc
import LinuxSystem
import OCISpec

/// Writes images of a store as an archive, the same bytes for the same images.
///
/// The archive is an OCI image layout, and has what `docker load` looks for beside it: so it is an `oci-archive` and a
/// `docker-archive` at once, as `docker save` writes them.
package struct ImageArchiveWriter {
    /// What describes the images in the archive.
    package enum Form: String, Hashable, Sendable, CaseIterable {
        /// `index.json` and `manifest.json`, for everybody.
        case both
        /// `manifest.json` alone.
        case docker = "docker-archive"
        /// `index.json` alone.
        case layout = "oci-archive"
    }

    private let store: ImageStore
    private let form: Form

    /// Images of this store in this form.
    package init(_ store: ImageStore, form: Form = .both) {
        self.store = store
        self.form = form
    }

    /// Writes images, each under some of its names, to a descriptor, which is lent.
    ///
    /// What is removed from the store meanwhile is missed, which is an error.
    package func write(_ images: [(image: StoredImage, names: [String])], to descriptor: CInt) throws(ImageError) {
        let intake = try store.beginIntake()
        let blobs = images.flatMap { ($0.image.manifest.layers + [$0.image.manifest.config]).map(\.digest) }
        let manifests = images.map(\.image.manifestDescriptor.digest)
        let wanted = (blobs + manifests).uniqued().sorted { $0.rawValue < $1.rawValue }
        let held = try intake.hold(blobs: wanted).blobs
        if let missing = wanted.first(where: { !held.contains($0) }) {
            throw ImageError(.damagedStore, "save an image: the blob \(missing) is missing; get the image again")
        }
        let documents = try self.documents(images)
        try attempt("write the archive") { () throws(SyscallError) in
            let writer = TarWriter(to: descriptor, as: "")
            let directory = FileMetadata(kind: .directory, permissions: 0o755)
            try writer.enter([0], directory)
            try writer.enter(Array("blobs".utf8CString), directory)
            try writer.enter(Array("sha256".utf8CString), directory)
            for digest in wanted {
                try add(.reading(store.files.blob(digest)), as: String(digest.hexadecimal), to: writer)
            }
            writer.leave()
            writer.leave()
            for (name, bytes) in documents.sorted(by: { $0.key < $1.key }) {
                let file = try OwnedDescriptor.memory(name)
                try file.writeAll(bytes, subject: name)
                lseek(file.rawValue, 0, SEEK_SET)
                try add(file, as: name, to: writer)
            }
            writer.leave()
            try writer.finish()
        }
    }

    private func add(
        _ file: borrowing OwnedDescriptor,
        as name: String,
        to writer: TarWriter
    ) throws(SyscallError) {
        var metadata = FileMetadata(kind: .regular, permissions: 0o644)
        metadata.size = try file.metadata().size
        try writer.file(Array(name.utf8CString), metadata, file)
    }

    private struct DockerManifest: Encodable {
        var config: String
        var repoTags: [String]?
        var layers: [String]

        enum CodingKeys: String, CodingKey {
            case config = "Config"
            case repoTags = "RepoTags"
            case layers = "Layers"
        }
    }

    private func documents(
        _ images: [(image: StoredImage, names: [String])]
    ) throws(ImageError) -> [String: [UInt8]] {
        func path(_ descriptor: Descriptor) -> String { "blobs/sha256/\(descriptor.digest.hexadecimal)" }
        var documents: [String: [UInt8]] = [:]
        if form != .layout {
            let manifests = images.map { image, names in
                DockerManifest(
                    config: path(image.manifest.config),
                    repoTags: names.map(Self.familiar),
                    layers: image.manifest.layers.map(path)
                )
            }
            documents["manifest.json"] = try encoded(manifests)
        }
        if form != .docker {
            var index = ImageIndex()
            for (image, names) in images {
                var entry = image.manifestDescriptor
                entry.annotations = nil
                if names.isEmpty { index.manifests.append(entry) }
                for name in names {
                    entry.annotations = [referenceNameAnnotation: name, "io.containerd.image.name": name]
                    index.manifests.append(entry)
                }
            }
            documents["index.json"] = try encoded(index)
            documents["oci-layout"] = Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)
        }
        return documents
    }

    /// The short form in which Docker writes names: `redis:7` for `docker.io/library/redis:7`.
    package static func familiar(_ name: String) -> String {
        for beginning in ["docker.io/library/", "docker.io/"] where name.hasPrefix(beginning) {
            return String(name.dropFirst(beginning.count))
        }
        return name
    }
}
