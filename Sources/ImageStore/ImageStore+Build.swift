import Glibc
import LinuxSystem
package import OCISpec

/// An image that was built, before the store has it.
package struct BuiltImage: Sendable {
    /// What it stands on.
    package enum Base: Hashable, Sendable {
        /// Nothing.
        case scratch
        /// An image of the store, by its manifest: its layers come first.
        case image(ContentDigest)
        /// A directory of the host.
        case directory(String)
    }

    /// A layer of its own.
    package struct Layer: Hashable, Sendable {
        package var written: WrittenLayer
        /// Where its blob is; nil when the store has it.
        package var blob: String?
        /// Where it lies unpacked; nil when the store has it.
        package var directory: String?

        /// A layer as it was written.
        package init(_ written: WrittenLayer, blob: String?, directory: String?) {
            self.written = written
            self.blob = blob
            self.directory = directory
        }
    }

    package var base: Base
    /// Its own layers, lowest first.
    package var layers: [Layer]
    /// Its configuration, without the layers.
    package var configuration: ImageConfiguration
    /// Its full names.
    package var names: [String]

    /// An image of layers above a base.
    package init(base: Base, layers: [Layer], configuration: ImageConfiguration, names: [String]) {
        self.base = base
        self.layers = layers
        self.configuration = configuration
        self.names = names
    }
}

extension ImageStore {
    /// Says whether a blob and its unpacked layer are there.
    package func has(_ layer: WrittenLayer) -> Bool {
        access(files.blob(layer.digest), F_OK) == 0 && access(files.layer(layer.diffID), F_OK) == 0
    }

    /// Takes a built image into the store, under its names, which other images lose; returns the digest of its configuration.
    ///
    /// Nothing is written when the store has it under all of them. Layers and blobs are moved, not copied.
    package func commit(_ built: BuiltImage) throws(ImageError) -> ContentDigest {
        var layers: [Descriptor] = []
        var diffIDs: [ContentDigest] = []
        if case .image(let digest) = built.base { (layers, diffIDs) = try self.layers(of: digest) }
        layers += built.layers.map {
            Descriptor(mediaType: $0.written.mediaType, digest: $0.written.digest, size: $0.written.size)
        }
        diffIDs += built.layers.map(\.written.diffID)
        guard layers.count <= limits.layers else {
            throw ImageError(
                beyond: "layers",
                "build \(built.names.first ?? "an image"): \(layers.count) layers, where \(limits.layers) are allowed"
            )
        }
        var configuration = built.configuration
        configuration.rootfs = .init(diffIDs: diffIDs)
        let configurationBytes = try encoded(configuration)
        let id = ContentDigest(of: configurationBytes)
        let manifest = ImageManifest(
            config: Descriptor(mediaType: MediaType.configuration, digest: id, size: Int64(configurationBytes.count)),
            layers: layers
        )
        let manifestBytes = try encoded(manifest)
        var entry = Descriptor(
            mediaType: MediaType.manifest,
            digest: ContentDigest(of: manifestBytes),
            size: Int64(manifestBytes.count),
            platform: configuration.platform,
            annotations: [identifierAnnotation: id.rawValue]
        )
        switch built.base {
        case .scratch: break
        case .directory(let path): entry.annotations?[directoryAnnotation] = path
        case .image(let digest):
            let base = try index().manifests.first { $0.digest == digest }
            entry.annotations?[directoryAnnotation] = base?.annotations?[directoryAnnotation]
        }
        if try isThere(entry, names: built.names), built.layers.allSatisfy({ $0.blob == nil && $0.directory == nil }) {
            return id
        }
        try files.withLock { () throws(ImageError) in
            // Nobody waits for the disk: see `UnsyncedRecord`.
            let blobs = built.layers.filter { $0.blob != nil }.map(\.written.digest)
            let layers = built.layers.filter { $0.directory != nil }.map(\.written.diffID)
            try files.list(blobs: blobs + [id, entry.digest], layers: layers)
            try take(built.layers)
            try place(configurationBytes, id)
            try place(manifestBytes, entry.digest)
            var index = try self.index()
            index.record(entry, names: built.names)
            try replaceDurably(files.index, try encoded(index))
        }
        return id
    }

    private func take(_ layers: [BuiltImage.Layer]) throws(ImageError) {
        for layer in layers {
            if let directory = layer.directory { try take(directory, to: files.layer(layer.written.diffID)) }
            if let blob = layer.blob { try take(blob, to: files.blob(layer.written.digest)) }
        }
    }

    private func take(_ path: String, to destination: String) throws(ImageError) {
        // Another build may have brought the same; ours is then its builder's to clear away.
        if access(destination, F_OK) == 0 { return }
        guard rename(path, destination) == 0 else {
            throw .kernel("write \(root)", SyscallError(call: "rename", subject: destination, errno: .current))
        }
    }

    private func place(_ bytes: [UInt8], _ digest: ContentDigest) throws(ImageError) {
        if access(files.blob(digest), F_OK) != 0 {
            try attempt("write \(digest)") { () throws(SyscallError) in try replaceFile(files.blob(digest), bytes) }
        }
    }

    private func isThere(_ entry: Descriptor, names: [String]) throws(ImageError) -> Bool {
        let known = try index().manifests.filter {
            $0.digest == entry.digest && $0.annotations?[directoryAnnotation] == entry.annotations?[directoryAnnotation]
        }
        let knownNames = Set(known.compactMap { $0.annotations?[referenceNameAnnotation] })
        return !known.isEmpty && knownNames.isSuperset(of: names) && access(files.blob(entry.digest), F_OK) == 0
    }

    /// The layers of an image of the store, lowest first, and their digests as plain archives.
    private func layers(of manifest: ContentDigest) throws(ImageError) -> ([Descriptor], [ContentDigest]) {
        let manifest = try stored(ImageManifest.self, manifest)
        let configuration = try stored(ImageConfiguration.self, manifest.config.digest)
        return (manifest.layers, configuration.rootfs?.diffIDs ?? [])
    }
}

/// Our own annotation of an index entry: the directory of the host that the image stands on.
///
/// It is never taken over from an archive or a registry, which could otherwise have containers see any directory.
let directoryAnnotation = "io.roost.image.directory"
