import Glibc
import LinuxSystem
package import OCISpec

extension ImageStore {
    /// Takes an image out of the store: its names, and what of its content no other image has.
    ///
    /// False when the store does not have it. It is the caller's to know that no container is made from it. The index goes
    /// first, so a crash leaves only content without a name, which the next image that has it takes up again.
    package func remove(_ id: ContentDigest) throws(ImageError) -> Bool {
        try files.withLock { () throws(ImageError) in
            var index = try self.index()
            let removed = index.manifests.filter { $0.annotations?[identifierAnnotation] == id.rawValue }
            guard !removed.isEmpty else { return false }
            index.manifests.removeAll { $0.annotations?[identifierAnnotation] == id.rawValue }
            var blobs: Set<String> = []
            var layers: Set<String> = []
            for entry in removed { try collect(entry, &blobs, &layers) }
            for entry in index.manifests {
                var (kept, keptLayers): (Set<String>, Set<String>) = ([], [])
                try collect(entry, &kept, &keptLayers)
                blobs.subtract(kept)
                layers.subtract(keptLayers)
            }
            let held = try files.held()
            layers.subtract(held)
            blobs.subtract(held.map { "\(root)/blobs/sha256/\($0)" })
            try replaceDurably(files.index, try encoded(index))
            try attempt("remove image \(id)") { () throws(SyscallError) in
                for blob in blobs where unlink(blob) != 0 && errno != ENOENT {
                    throw SyscallError(call: "unlink", subject: blob, errno: .current)
                }
                guard !layers.isEmpty else { return }
                let directory = try OwnedDescriptor.directory("\(root)/layers")
                for layer in layers { try directory.removeTree(layer) }
            }
            return true
        }
    }

    /// How many bytes the blobs of an image take on the disk, as they came; 0 for a directory.
    package func size(of image: Image) throws(ImageError) -> Int64 {
        guard let digest = image.manifestDigest, let manifest = try manifest(digest) else { return 0 }
        return manifest.layers.reduce(manifest.config.size) { $0 &+ max(0, $1.size) }
    }

    private func manifest(_ digest: ContentDigest) throws(ImageError) -> ImageManifest? {
        guard let bytes = try readWhole(files.blob(digest), limit: limits.documentBytes) else { return nil }
        return try decodeDocument(ImageManifest.self, bytes, "read \(files.blob(digest))", code: .damagedStore)
    }

    /// Adds the blobs of an image, and the names of its layers' directories.
    private func collect(
        _ entry: Descriptor,
        _ blobs: inout Set<String>,
        _ layers: inout Set<String>
    ) throws(ImageError) {
        blobs.insert(files.blob(entry.digest))
        guard let manifest = try manifest(entry.digest) else { return }
        for layer in manifest.layers { blobs.insert(files.blob(layer.digest)) }
        blobs.insert(files.blob(manifest.config.digest))
        guard let bytes = try readWhole(files.blob(manifest.config.digest), limit: limits.documentBytes) else { return }
        let subject = "read \(files.blob(manifest.config.digest))"
        let configuration = try decodeDocument(ImageConfiguration.self, bytes, subject, code: .damagedStore)
        for diffID in configuration.rootfs?.diffIDs ?? [] { layers.insert(String(diffID.hexadecimal)) }
    }
}
