import Glibc
import LinuxSystem
package import OCISpec

/// An image whose parts have all been taken in, ready to be seen.
package struct ReceivedImage: Sendable {
    /// The manifest as it came, and its type.
    package var manifestBytes: [UInt8]
    package var mediaType: String
    /// The configuration as it came; its digest is the manifest's word.
    package var configurationBytes: [UInt8]
    /// Full names with tags that it gets.
    package var names: [String]
    /// Full names with digests by which registries know it: `docker.io/library/redis@sha256:…`.
    package var repositoryDigests: [String]

    /// An image of these documents.
    package init(
        manifestBytes: [UInt8],
        mediaType: String,
        configurationBytes: [UInt8],
        names: [String],
        repositoryDigests: [String]
    ) {
        self.manifestBytes = manifestBytes
        self.mediaType = mediaType
        self.configurationBytes = configurationBytes
        self.names = names
        self.repositoryDigests = repositoryDigests
    }
}

/// What the store knows of a name, without looking into the image.
package struct StoredName: Hashable, Sendable {
    /// The digest of the configuration.
    package let id: ContentDigest
    /// The manifest's digest.
    package let manifestDigest: ContentDigest
    /// The manifest's type.
    package let mediaType: String
    /// What the image was made for; nil when it doesn't say.
    package let platform: Platform?
    /// Full names with digests by which registries know it.
    package let repositoryDigests: [String]
}

extension ImageStore {
    /// Where content from registries is kept until its image is whole.
    private var intake: IntakeFiles { IntakeFiles(store: files) }

    /// What the store has under a name; nil when it has nothing.
    ///
    /// Reads the index alone. A name with a digest is found by what registries call it, too.
    package func stored(_ name: ImageName) throws(ImageError) -> StoredName? { try stored([name])[name] }

    /// What the store has of some names, of which it reads the index only once.
    package func stored(_ names: [ImageName]) throws(ImageError) -> [ImageName: StoredName] {
        let index = try self.index()
        var result: [ImageName: StoredName] = [:]
        for name in names {
            guard let entry = index.entry(named: name),
                let id = entry.annotations?[identifierAnnotation].flatMap(ContentDigest.init(rawValue:))
            else { continue }
            result[name] = StoredName(
                id: id,
                manifestDigest: entry.digest,
                mediaType: entry.mediaType,
                platform: entry.platform,
                repositoryDigests: entry.repositoryDigests
            )
        }
        return result
    }

    /// Whether all of a blob is here: in the store, or received and verified.
    package func holds(blob digest: ContentDigest) -> Bool { intake.blob(digest) != nil }

    /// Whether a layer lies unpacked: in the store, or about to be taken into it.
    package func holds(layer diffID: ContentDigest) -> Bool { intake.unpacked(diffID) != nil }

    /// A blob of the store that is a document; nil when it isn't there.
    package func document(_ digest: ContentDigest) throws(ImageError) -> [UInt8]? {
        try readWhole(files.blob(digest), limit: limits.documentBytes)
    }

    /// The file of a blob, which is there as long as an image has it.
    package func blobPath(_ digest: ContentDigest) -> String { files.blob(digest) }

    /// By blob, the repositories of a registry that are known to have it.
    package func repositories(on domain: String) throws(ImageError) -> [ContentDigest: [String]] {
        var result: [ContentDigest: [String]] = [:]
        for entry in try index().manifests {
            let names = entry.repositoryDigests.compactMap(ImageName.init).filter { $0.domain == domain }
            guard !names.isEmpty, let bytes = try document(entry.digest) else { continue }
            let manifest = try decodeDocument(ImageManifest.self, bytes, "read \(entry.digest)", code: .damagedStore)
            for blob in manifest.layers + [manifest.config] {
                result[blob.digest, default: []] += names.map(\.repository)
            }
        }
        return result.mapValues { $0.uniqued() }
    }

    /// Makes the place for downloads, and removes what is left of those that nobody went on with for two days.
    package func prepareIntake() throws(ImageError) {
        try intake.make()
        try intake.clear(olderThan: 2 * 86400)
    }

    /// Removes what is left of downloads that nobody is at; returns how many bytes.
    package func removeAbandonedDownloads() throws(ImageError) -> Int64 { try intake.clear(olderThan: -1) }

    /// Removes what has come of blobs and layers that no image has yet, but for what another command is at.
    package func discardIntake(blobs: [ContentDigest], layers: [ContentDigest]) throws(ImageError) {
        try intake.discard(blobs: blobs, layers: layers)
    }

    /// When a registry was last asked about a name, in seconds since the epoch; nil when that is not known.
    package func lastCheck(of name: ImageName) throws(ImageError) -> Int? {
        let path = checkFile(of: name)
        let metadata = try attempt("look at \(path)") { () throws(SyscallError) in try FileMetadata.of(path) }
        return metadata.map { Int($0.modified.seconds) }
    }

    /// Writes down that a registry has just been asked about a name.
    package func noteCheck(of name: ImageName) throws(ImageError) {
        let path = checkFile(of: name)
        // Losing it costs one question more.
        if utimensat(AT_FDCWD, path, nil, 0) == 0 { return }
        try makeStoreDirectories("\(root)/checks", mode: 0o700)
        let raw = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard raw >= 0 else {
            throw .kernel("write \(path)", SyscallError(call: "open", subject: path, errno: .current))
        }
        _ = OwnedDescriptor(adopting: raw)
    }

    private func checkFile(of name: ImageName) -> String {
        "\(root)/checks/\(ContentDigest(of: "\(name)".utf8).hexadecimal)"
    }

    /// Begins to take in a blob, or goes on where an earlier try stopped; nil while another process is at it.
    package func beginIntake(_ descriptor: Descriptor) throws(ImageError) -> BlobIntake? {
        try BlobIntake.begin(descriptor, intake)
    }

    /// Makes an image visible whose blobs and layers have been taken in; returns its ID.
    ///
    /// Nil when something of it is gone meanwhile, so that it has to be fetched again.
    package func commit(_ image: ReceivedImage, with intake: ImageIntake) throws(ImageError) -> ContentDigest? {
        let manifest = try ImageDocuments.manifest(image.manifestBytes, mediaType: image.mediaType, subject: "image")
        let configuration = try ImageDocuments.configuration(image.configurationBytes, subject: "image")
        let received = IntakeFiles(store: files)
        // What the store has already stays from here on.
        let diffIDs = configuration.rootfs?.diffIDs ?? []
        _ = try intake.hold(blobs: manifest.layers.map(\.digest), layers: diffIDs)
        for layer in manifest.layers {
            guard let path = received.blob(layer.digest) else { return nil }
            intake.add(blob: layer.digest, at: path)
        }
        for diffID in diffIDs {
            guard let path = received.unpacked(diffID) else { return nil }
            intake.add(layer: diffID, at: path)
        }
        _ = try intake.add(image.configurationBytes)
        try intake.commit([
            IncomingImage(
                manifest: image.manifestBytes,
                names: image.names,
                repositoryDigests: image.repositoryDigests
            )
        ])
        try remember(image.repositoryDigests, of: ContentDigest(of: image.manifestBytes))
        return manifest.config.digest
    }

    /// Writes down by which full names with digests registries know a manifest.
    package func remember(_ names: [String], of manifest: ContentDigest) throws(ImageError) {
        let isKnown = try index().manifests.allSatisfy { entry in
            entry.digest != manifest || names.allSatisfy(entry.repositoryDigests.contains)
        }
        if isKnown { return }
        try files.withLock { () throws(ImageError) in
            var index = try self.index()
            for position in index.manifests.indices where index.manifests[position].digest == manifest {
                let known = index.manifests[position].repositoryDigests
                index.manifests[position].repositoryDigests = (names + known).uniqued()
            }
            try replaceDurably(files.index, try encoded(index))
        }
    }
}
