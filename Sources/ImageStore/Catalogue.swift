import Glibc
import LinuxSystem
package import OCISpec

/// An image that the store has, as lists show it.
package struct StoredImage: Sendable {
    /// The digest of the configuration.
    package let id: ContentDigest
    /// The manifest's digest, and its size and type.
    package let manifestDescriptor: Descriptor
    /// Full names, sorted; none for an image that lost its name to another one, or never had one.
    package let names: [String]
    /// Full names with digests by which registries know it.
    package let repositoryDigests: [String]
    package let manifest: ImageManifest
    package let configuration: ImageConfiguration

    /// The bytes of its blobs as they came.
    package var size: Int64 { manifest.layers.reduce(manifest.config.size) { $0 &+ max(0, $1.size) } }

    /// Whether nobody can name it but by its ID.
    package var isDangling: Bool { names.isEmpty }
}

extension ImageStore {
    /// All images, each once, in the order in which they came.
    ///
    /// Throws `damagedStore` when the description of one can't be read.
    package func images() throws(ImageError) -> [StoredImage] {
        if try files.needsRecovery() { try files.withLock { () throws(ImageError) in } }
        return try images(in: index())
    }

    func images(in index: ImageIndex) throws(ImageError) -> [StoredImage] {
        var images: [StoredImage] = []
        for digest in index.manifests.map(\.digest).uniqued() {
            let entries = index.manifests.filter { $0.digest == digest }
            guard let manifest = try document(ImageManifest.self, digest),
                let configuration = try document(ImageConfiguration.self, manifest.config.digest)
            else {
                throw ImageError(
                    .damagedStore,
                    "image \(digest) has lost its description; pull or load the image again"
                )
            }
            images.append(
                StoredImage(
                    id: manifest.config.digest,
                    manifestDescriptor: entries[0],
                    names: entries.compactMap { $0.annotations?[referenceNameAnnotation] }.sorted(),
                    repositoryDigests: entries.flatMap(\.repositoryDigests).uniqued(),
                    manifest: manifest,
                    configuration: configuration
                )
            )
        }
        return images
    }

    /// The image that somebody means: by name, by name and digest, or by the beginning of its ID.
    ///
    /// Throws `imageNotFound`, and `invalidReference` when several IDs begin so.
    package func image(meant text: String) throws(ImageError) -> StoredImage { try Self.choose(text, of: images()) }

    /// The one of some images that a text means, as above.
    package static func choose(_ text: String, of images: [StoredImage]) throws(ImageError) -> StoredImage {
        if let name = ImageName(text) {
            if let digest = name.digest {
                let full = "\(name.domain)/\(name.repository)@\(digest)"
                let found = images.first {
                    $0.repositoryDigests.contains(full) || $0.manifestDescriptor.digest == digest
                }
                if let found { return found }
            } else if let found = images.first(where: { $0.names.contains(name.tagged ?? "") }) {
                return found
            }
        }
        let digits = text.hasPrefix("sha256:") ? text.dropFirst(7) : text[...]
        let isBeginning = digits.utf8.count >= 2 && digits.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
        let found = isBeginning ? images.filter { $0.id.hexadecimal.hasPrefix(digits) } : []
        if found.count > 1 {
            throw ImageError(.invalidReference, "image \(text): \(found.count) images begin so; write more of the ID")
        }
        guard let only = found.first else {
            throw ImageError(
                .imageNotFound,
                "there is no image \(printable(text)); \"roost image ls\" shows those there are"
            )
        }
        return only
    }

    /// Gives an image one name more, which another one loses.
    package func tag(_ image: StoredImage, as name: ImageName) throws(ImageError) {
        guard let tagged = name.tagged, name.digest == nil else {
            throw ImageError(.invalidReference, "\(name) is no name to give: leave out the digest")
        }
        try files.withLock { () throws(ImageError) in
            var index = try self.index()
            guard var entry = index.manifests.first(where: { $0.digest == image.manifestDescriptor.digest }) else {
                throw ImageError(.imageNotFound, "image \(image.id) has just been removed")
            }
            entry.annotations?[referenceNameAnnotation] = nil
            index.record(entry, names: [tagged])
            try replaceDurably(files.index, try encoded(index))
        }
    }

    /// Takes a name from an image, which stays; false when it has not got it.
    package func untag(_ name: String) throws(ImageError) -> Bool {
        try files.withLock { () throws(ImageError) in
            var index = try self.index()
            let positions = index.manifests.indices.filter {
                index.manifests[$0].annotations?[referenceNameAnnotation] == name
            }
            guard let position = positions.first else { return false }
            index.manifests[position].annotations?[referenceNameAnnotation] = nil
            index.tidy()
            try replaceDurably(files.index, try encoded(index))
            return true
        }
    }

    /// A document of the store; nil when it isn't there.
    func document<T: Decodable>(_ type: T.Type, _ digest: ContentDigest) throws(ImageError) -> T? {
        let path = files.blob(digest)
        guard let bytes = try readWhole(path, limit: limits.documentBytes) else { return nil }
        return try decodeDocument(type, bytes, "read \(path)", code: .damagedStore)
    }
}
