import Glibc
import LinuxSystem
package import OCISpec

/// What a removal took away.
package struct RemovalReport: Hashable, Sendable {
    /// The images that are gone, by the digests of their configurations.
    package var images: [ContentDigest] = []
    /// The names that they had.
    package var names: [String] = []
    /// How many bytes of the disk are free again, as far as can be told.
    package var bytes: Int64 = 0
    /// Whether content stays until the next removal, since a build is under way that may stand on it.
    package var isDeferred = false
}

extension ImageStore {
    /// Takes an image out of the store: its names, and what of its content nobody else needs.
    ///
    /// False when the store does not have it. It is the caller's to know that no container is made from it.
    package func remove(_ id: ContentDigest) throws(ImageError) -> Bool {
        try !removeImages { images in Set(images.filter { $0.id == id }.map(\.manifestDescriptor.digest)) }
            .images.isEmpty
    }

    /// Takes images out of the store, chosen while nothing changes, and all content that nobody needs.
    ///
    /// Containers of this boot keep the images that they are made from, whoever knows of them: those stay, chosen or not.
    /// Content stays that an intake relies on, and all of it while a build is under way. The index goes first, so a crash leaves only content without a name, which
    /// the next removal takes away. `choose` gets all images, and returns the digests of the manifests of those to remove:
    /// several images may have one ID, when their layers are the same and packed in different ways.
    package func removeImages(
        _ choose: ([StoredImage]) throws(ImageError) -> Set<ContentDigest>
    ) throws(ImageError) -> RemovalReport {
        try files.withLock { () throws(ImageError) in
            var index = try self.index()
            let images = try images(in: index)
            let used = try ContainerLayer.imagesInUse(below: root)
            let chosen = try choose(images)
            let gone = images.filter { chosen.contains($0.manifestDescriptor.digest) && used[$0.id] == nil }
            var report = RemovalReport()
            report.images = gone.map(\.id).uniqued()
            report.names = gone.flatMap(\.names)
            if !gone.isEmpty {
                let digests = Set(gone.map(\.manifestDescriptor.digest))
                index.manifests.removeAll { digests.contains($0.digest) }
                try replaceDurably(files.index, try encoded(index))
            }
            let builds = BuildSnapshots(in: self)
            guard fileExists(builds.directory) else {
                report.bytes = try sweep(index)
                return report
            }
            // Builds that begin now wait for the end of this.
            guard let alone = try builds.holdAlone() else {
                report.isDeferred = true
                return report
            }
            defer { withExtendedLifetime(alone.rawValue) {} }
            report.bytes = try sweep(index)
            return report
        }
    }

    /// The images from which containers of this boot are made, each with the ID of one container.
    package func imagesInUse() throws(ImageError) -> [ContentDigest: String] {
        try ContainerLayer.imagesInUse(below: root)
    }

    /// Removes blobs and layers that no image has and no intake relies on; returns the bytes that they took.
    ///
    /// Only under the lock.
    private func sweep(_ index: ImageIndex) throws(ImageError) -> Int64 {
        var needed = try files.held()
        for entry in index.manifests { try collect(entry, &needed) }
        let blobs = namesInDirectory("\(root)/blobs/sha256").filter { !needed.contains($0) }
        let layers = namesInDirectory("\(root)/layers").filter { !needed.contains($0) && $0 != "empty" }
        return try attempt("remove what no image needs") { () throws(SyscallError) in
            var bytes: Int64 = 0
            for (names, place) in [(blobs, "\(root)/blobs/sha256"), (layers, "\(root)/layers")] where !names.isEmpty {
                let directory = try OwnedDescriptor.directory(place)
                for name in names {
                    bytes += try DiskUsage.of("\(place)/\(name)")
                    try directory.removeTree(name)
                }
            }
            return bytes
        }
    }

    /// Adds the names of the blobs of an image, and of its layers' directories.
    private func collect(_ entry: Descriptor, _ names: inout Set<String>) throws(ImageError) {
        names.insert(String(entry.digest.hexadecimal))
        guard let manifest = try document(ImageManifest.self, entry.digest) else { return }
        for blob in manifest.layers + [manifest.config] { names.insert(String(blob.digest.hexadecimal)) }
        let configuration = try document(ImageConfiguration.self, manifest.config.digest)
        for diffID in configuration?.rootfs?.diffIDs ?? [] { names.insert(String(diffID.hexadecimal)) }
    }

    /// How many bytes the blobs of an image take on the disk, as they came; 0 for a directory.
    package func size(of image: Image) throws(ImageError) -> Int64 {
        guard let digest = image.manifestDigest, let manifest = try document(ImageManifest.self, digest) else {
            return 0
        }
        return manifest.layers.reduce(manifest.config.size) { $0 &+ max(0, $1.size) }
    }
}
