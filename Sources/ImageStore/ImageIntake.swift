import Glibc
package import LinuxSystem
package import OCISpec
import Synchronization

/// What one pull, load or build brings into the store: a directory for everything that nobody sees yet, and one moment in
/// which all of it becomes visible.
///
/// While it lives, nobody removes what it found in the store and relies on. When its process dies, what it staged goes
/// with the next writer. Any number of them work at once; all calls block, and may come from any thread.
package final class ImageIntake: Sendable {
    private struct State {
        var count = 0
        var blobs: [ContentDigest: String] = [:]
        var layers: [ContentDigest: String] = [:]
    }

    private let store: ImageStore
    /// The directory for what is staged, on the store's filesystem.
    package let directory: String
    private let lock: OwnedDescriptor
    private let state = Mutex(State())

    private var files: StoreFiles { store.files }

    init(_ store: ImageStore) throws(ImageError) {
        self.store = store
        // Others clear what nobody holds a lock on, so both are made while nobody looks.
        let place = try store.files.withLock { () throws(ImageError) in try Place(in: store.files) }
        directory = place.directory
        lock = place.takeLock()
    }

    private struct Place: ~Copyable {
        let directory: String
        private let lock: OwnedDescriptor

        init(in files: StoreFiles) throws(ImageError) {
            let directory = try Self.make(in: files)
            lock = try lockFile("\(directory)/\(StoreFiles.intakeLock)")
            self.directory = directory
        }

        consuming func takeLock() -> OwnedDescriptor { lock }

        private static func make(in files: StoreFiles) throws(ImageError) -> String {
            var number = Int(getpid())
            while mkdir("\(files.staging)/\(number)", 0o700) != 0 {
                let reason = Errno.current
                guard reason == .exists else {
                    throw .kernel(
                        "write \(files.root)",
                        SyscallError(call: "mkdir", subject: files.staging, errno: reason)
                    )
                }
                number += 1 << 22
            }
            return "\(files.staging)/\(number)"
        }
    }

    // What can't be removed now is the next writer's to clear.
    deinit {
        try? OwnedDescriptor.directory(files.staging).removeTree(String(directory.split(separator: "/").last ?? ""))
    }

    /// A path in the directory that nothing has yet.
    package func makePath() -> String {
        state.withLock { state in
            state.count += 1
            return "\(directory)/\(state.count)"
        }
    }

    // MARK: what is there

    /// Which of these blobs and layers the store has; from then on, they stay at least as long as this lives.
    package func hold(
        blobs: [ContentDigest] = [],
        layers: [ContentDigest] = []
    ) throws(ImageError) -> (blobs: Set<ContentDigest>, layers: Set<ContentDigest>) {
        try files.withLock { () throws(ImageError) in
            let blobs = blobs.filter { fileExists(files.blob($0)) }
            let layers = layers.filter { fileExists(files.layer($0)) }
            for digest in blobs + layers {
                try attempt("write \(directory)") { () throws(SyscallError) in
                    _ = try appendLine(Array(digest.hexadecimal.utf8), to: "\(directory)/\(StoreFiles.intakeHolds)")
                }
            }
            return (Set(blobs), Set(layers))
        }
    }

    // MARK: what is new

    /// Begins to unpack a layer whose archive comes piece by piece; `subject` names it in errors.
    package func beginLayer(_ subject: String) throws(ImageError) -> LayerUnpack {
        try .begin(into: makePath(), subject: subject, limits: store.limits, program: store.program)
    }

    /// Begins to unpack a layer whose archive is a file, from its current position on.
    ///
    /// Without `isHashed` its digest is not computed.
    package func beginLayer(
        _ subject: String,
        reading file: borrowing OwnedDescriptor,
        isHashed: Bool = true
    ) throws(ImageError) -> LayerUnpack {
        try .begin(
            into: makePath(),
            reading: file,
            subject: subject,
            limits: store.limits,
            isHashed: isHashed,
            program: store.program
        )
    }

    /// Takes over an unpacked layer; its digest is checked when it has one.
    ///
    /// Throws `digestMismatch`.
    package func add(_ layer: UnpackedLayer, as diffID: ContentDigest) throws(ImageError) {
        if let digest = layer.diffID, digest != diffID {
            throw ImageError(
                .digestMismatch,
                "unpack layer \(diffID.hexadecimal.prefix(12)): its content has the digest \(digest) instead of "
                    + "\(diffID); the image is damaged, get it again"
            )
        }
        state.withLock { $0.layers[diffID] = layer.directory }
    }

    /// Takes over a file on the store's filesystem as a blob; that it has this digest is the caller's promise.
    package func add(blob digest: ContentDigest, at path: String) { state.withLock { $0.blobs[digest] = path } }

    /// Takes over bytes as a blob, and returns their digest.
    package func add(_ bytes: [UInt8]) throws(ImageError) -> ContentDigest {
        let digest = ContentDigest(of: bytes)
        if state.withLock({ $0.blobs[digest] }) != nil { return digest }
        let path = makePath()
        try attempt("write \(path)") { () throws(SyscallError) in
            try replaceFile(path, bytes)
        }
        add(blob: digest, at: path)
        return digest
    }

    /// Takes over an unpacked layer that has been checked, at a path that others may take it over from too.
    func add(layer diffID: ContentDigest, at path: String) { state.withLock { $0.layers[diffID] = path } }

    // MARK: the moment

    /// Makes everything visible: layers, blobs, and last the images with their names.
    ///
    /// What is visible is whole. All that an image consists of was added or is held, or `damagedStore` is thrown; names
    /// leave the images that had them.
    package func commit(_ images: [IncomingImage]) throws(ImageError) {
        var records: [ImageRecord] = []
        for image in images {
            let digest = try add(image.manifest)
            records.append(try record(image, digest))
        }
        let (blobs, layers) = state.withLock { ($0.blobs, $0.layers) }
        try synchronise()
        try files.withLock { () throws(ImageError) in
            for record in records { try check(record, blobs, layers) }
            for (diffID, path) in layers { try move(path, to: files.layer(diffID)) }
            for (digest, path) in blobs { try move(path, to: files.blob(digest)) }
            var index = try store.index()
            for record in records { index.record(record.entry, names: record.names) }
            if !records.isEmpty { try replaceDurably(files.index, try encoded(index)) }
        }
        state.withLock { state in
            state.blobs = [:]
            state.layers = [:]
        }
    }

    private struct ImageRecord {
        var entry: Descriptor
        var names: [String]
        var manifest: ImageManifest
        var configuration: ImageConfiguration
    }

    private func record(_ image: IncomingImage, _ digest: ContentDigest) throws(ImageError) -> ImageRecord {
        let manifest = try decodeDocument(ImageManifest.self, image.manifest, "read manifest \(digest)")
        let file = state.withLock { $0.blobs[manifest.config.digest] } ?? files.blob(manifest.config.digest)
        guard let bytes = try readWhole(file, limit: store.limits.documentBytes) else {
            throw missing(manifest.config.digest)
        }
        let subject = "read configuration \(manifest.config.digest)"
        let configuration = try decodeDocument(ImageConfiguration.self, bytes, subject)
        let annotations = [identifierAnnotation: manifest.config.digest.rawValue]
        var entry = Descriptor(
            mediaType: manifest.mediaType ?? MediaType.manifest,
            digest: digest,
            size: Int64(image.manifest.count),
            platform: configuration.platform,
            annotations: annotations
        )
        entry.repositoryDigests = image.repositoryDigests
        return ImageRecord(entry: entry, names: image.names, manifest: manifest, configuration: configuration)
    }

    private func check(
        _ record: ImageRecord,
        _ blobs: [ContentDigest: String],
        _ layers: [ContentDigest: String]
    ) throws(ImageError) {
        for blob in record.manifest.layers + [record.manifest.config]
        where blobs[blob.digest] == nil && !fileExists(files.blob(blob.digest)) { throw missing(blob.digest) }
        for diffID in record.configuration.rootfs?.diffIDs ?? []
        where layers[diffID] == nil && !fileExists(files.layer(diffID)) { throw missing(diffID) }
    }

    private func missing(_ digest: ContentDigest) -> ImageError {
        ImageError(.damagedStore, "\(digest) is missing from what an image consists of; get the image again")
    }

    /// Puts everything of the store on the disk: syncfs(2).
    private func synchronise() throws(ImageError) {
        try attempt("write \(store.root)") { () throws(SyscallError) in
            try OwnedDescriptor.directory(store.root).synchroniseFilesystem()
        }
    }

    private func move(_ path: String, to destination: String) throws(ImageError) {
        guard path != destination, rename(path, destination) != 0 else { return }
        let reason = Errno.current
        // Somebody else was faster with the same layer, or with a download that both waited for.
        if reason.rawValue == ENOTEMPTY || reason == .exists || fileExists(destination) { return }
        throw .kernel("write \(store.root)", SyscallError(call: "rename", subject: destination, errno: reason))
    }
}

/// An image that an intake makes visible.
package struct IncomingImage: Sendable {
    /// The manifest as it came; its digest is how others name the image.
    package var manifest: [UInt8]
    /// Full names that it gets; none when it is known by its ID alone.
    package var names: [String]
    /// How a registry knows it: `docker.io/library/redis@sha256:…`, the digest of a manifest or of the list that led to it.
    package var repositoryDigests: [String]

    /// An image by its manifest.
    package init(manifest: [UInt8], names: [String] = [], repositoryDigests: [String] = []) {
        self.manifest = manifest
        self.names = names
        self.repositoryDigests = repositoryDigests
    }
}

extension ImageStore {
    /// Begins to bring something into the store.
    ///
    /// Waits for nobody but whoever makes something visible at this moment.
    package func beginIntake() throws(ImageError) -> ImageIntake { try ImageIntake(self) }
}
