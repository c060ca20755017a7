import Glibc
import LinuxSystem
import OCISpec

/// A file or directory that an `image:` value names.
struct ImportSource {
    enum Form { case docker, layout }

    var path: String
    var name: String?
    var form: Form
    var isDirectory = false

    /// The file whose change means that the image may have changed.
    var witness: String { isDirectory ? "\(path)/index.json" : path }
}

/// What was imported from a file, and how to tell that the file is still the same.
struct ImportRecord: Codable, Hashable {
    var version = 1
    var device: UInt64
    var inode: UInt64
    var size: Int64
    var modified: FileMetadata.Timestamp
    var changed: FileMetadata.Timestamp
    var manifest: ContentDigest

    init(_ metadata: FileMetadata, manifest: ContentDigest) {
        device = metadata.device
        inode = metadata.inode
        size = metadata.size
        modified = metadata.modified
        changed = metadata.changed
        self.manifest = manifest
    }
}

extension ImageStore {
    /// The image of a transport; the file is read only when it is not the one that was read before.
    func importedImage(
        _ reference: ImageReference,
        _ source: ImportSource,
        _ platform: Platform?
    ) throws(ImageError) -> Image {
        let wanted = platform ?? .host
        let key = ContentDigest(of: "\(reference)\n\(wanted)".utf8)
        let recordFile = "\(root)/imports/\(key.hexadecimal).json"
        if let entry = try unchanged(source, recordFile) { return try image(entry, reference, platform) }
        // Others who want the same file wait, and find that it was done.
        try makeStoreDirectories("\(root)/imports", mode: 0o700)
        let lock = try lockFile("\(recordFile).lock")
        defer { _ = flock(lock.rawValue, LOCK_UN) }
        if let entry = try unchanged(source, recordFile) { return try image(entry, reference, platform) }
        let before = try witness(source)
        let intake = try beginIntake()
        let entry = try withUTF8Names { () throws(ImageError) in
            let stager = Stager(intake, limits: limits, subject: source.path)
            let found = try images(source, stager, wanted)
            _ = try publish(found, named: false, intake)
            let digest = ContentDigest(of: found[0].manifestBytes)
            return Descriptor(mediaType: MediaType.manifest, digest: digest, size: Int64(found[0].manifestBytes.count))
        }
        if let before, try witness(source) == before {
            try replaceDurably(recordFile, try encoded(ImportRecord(before, manifest: entry.digest)))
        }
        return try image(entry, reference, platform)
    }

    private func images(
        _ source: ImportSource,
        _ stager: Stager,
        _ platform: Platform
    ) throws(ImageError) -> [AssembledImage] {
        if source.isDirectory {
            let assembly = ImageAssembly(
                LayoutDirectory(source.path, stager, files),
                subject: source.path,
                limits: limits,
                platform: platform
            )
            return try assembly.images(by: .layout, reference: source.name, single: true)
        }
        let file = try openArchive(source.path)
        let contents = try ArchiveContents(file, stager, subject: source.path, files: files, limits: limits)
        let assembly = ImageAssembly(contents, subject: source.path, limits: limits, platform: platform)
        return try assembly.images(by: source.form == .docker ? .docker : .layout, reference: source.name, single: true)
    }

    private func witness(_ source: ImportSource) throws(ImageError) -> FileMetadata? {
        var path = source.witness
        // The file behind a link counts, not the link.
        if let real = realpath(path, nil) {
            path = String(cString: real)
            free(real)
        }
        return try attempt("look at \(path)") { () throws(SyscallError) in try FileMetadata.of(path) }
    }

    private func unchanged(_ source: ImportSource, _ recordFile: String) throws(ImageError) -> Descriptor? {
        guard let bytes = try readWhole(recordFile, limit: 65536), let metadata = try witness(source),
            // A record of another version is none.
            let record = try? decodeDocument(ImportRecord.self, bytes, recordFile),
            record == ImportRecord(metadata, manifest: record.manifest)
        else { return nil }
        return try index().manifests.first { $0.digest == record.manifest }
    }

    // MARK: publishing

    /// Unpacks the layers, several at once, and then makes everything visible.
    func publish(
        _ images: [AssembledImage],
        named: Bool,
        _ intake: ImageIntake
    ) throws(ImageError) -> [LoadedImage] {
        let wanted = images.flatMap { zip($0.diffIDs, $0.layers).map { ($0, $1) } }
        let layers = Dictionary(wanted, uniquingKeysWith: { first, _ in first })
        let held = try intake.hold(layers: Array(layers.keys)).layers
        let order = images.flatMap(\.diffIDs).uniqued().filter { !held.contains($0) }
        let notes = try unpack(order.compactMap { id in layers[id].map { (id, $0) } }, intake)
        for image in images {
            for content in image.layers + [image.configurationContent] {
                intake.add(blob: content.digest, at: content.file)
            }
        }
        try intake.commit(
            images.map { IncomingImage(manifest: $0.manifestBytes, names: named ? $0.names : []) }
        )
        return images.map { image in
            LoadedImage(
                names: named ? image.names : [],
                id: image.configurationContent.digest,
                notes: image.diffIDs.flatMap { notes[$0] ?? [] }
            )
        }
    }

    /// Unpacks a layer again whose directory is gone.
    func restore(_ diffID: ContentDigest, from layer: Descriptor) throws(ImageError) {
        let intake = try beginIntake()
        guard try !intake.hold(layers: [diffID]).layers.contains(diffID) else { return }
        guard try intake.hold(blobs: [layer.digest]).blobs.contains(layer.digest) else {
            throw ImageError(.damagedStore, "\(files.blob(layer.digest)) is missing; load the image again")
        }
        let content = Content(digest: layer.digest, size: layer.size, file: files.blob(layer.digest))
        _ = try unpack([(diffID, content)], intake)
        try intake.commit([])
    }

    /// Unpacks layers, each in a process of its own, as many at once as there are processors.
    ///
    /// Returns what was left out of each.
    private func unpack(
        _ layers: [(id: ContentDigest, content: Content)],
        _ intake: ImageIntake
    ) throws(ImageError) -> [ContentDigest: [String]] {
        let width = max(2, min(8, sysconf(CInt(_SC_NPROCESSORS_ONLN))))
        var begun: [LayerUnpack] = []
        var notes: [ContentDigest: [String]] = [:]
        for (index, layer) in layers.enumerated() {
            while begun.count < min(layers.count, index + width) {
                begun.append(try begin(layers[begun.count].id, layers[begun.count].content, intake))
            }
            let unpacked = try begun[index].finish()
            try intake.add(unpacked, as: layer.id)
            notes[layer.id] = unpacked.notes
        }
        return notes
    }

    private func begin(
        _ diffID: ContentDigest,
        _ content: Content,
        _ intake: ImageIntake
    ) throws(ImageError) -> LayerUnpack {
        let subject = "layer \(diffID.hexadecimal.prefix(12))"
        let file = try attempt("unpack \(subject)") { () throws(SyscallError) in
            try OwnedDescriptor.reading(content.file)
        }
        // A plain layer has been hashed on its way in, and then its digest is the layer's.
        let isHashed = content.digest == diffID && content.file.hasPrefix(files.staging)
        return try intake.beginLayer(subject, reading: file, isHashed: !isHashed)
    }
}

extension ImageIndex {
    /// Adds an image under its names, which other images lose; an image without a name is kept once.
    mutating func record(_ entry: Descriptor, names: [String]) {
        for name in names {
            for position in manifests.indices where manifests[position].annotations?[referenceNameAnnotation] == name {
                manifests[position].annotations?[referenceNameAnnotation] = nil
            }
            var named = entry
            named.annotations?[referenceNameAnnotation] = name
            manifests.append(named)
        }
        if names.isEmpty { manifests.append(entry) }
        tidy()
    }

    /// Forgets entries without a name of images that have one, and all but one of those that have none.
    mutating func tidy() {
        let unnamed = { (entry: Descriptor) in entry.annotations?[referenceNameAnnotation] == nil }
        let haveNames = Set(manifests.filter { !unnamed($0) }.map(\.digest))
        var kept: Set<ContentDigest> = []
        manifests.removeAll {
            unnamed($0) && (haveNames.contains($0.digest) || !kept.insert($0.digest).inserted)
        }
    }
}
