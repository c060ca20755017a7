import Crypto
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
        let entry = try locked { () throws(ImageError) -> Descriptor in
            // Another process may have done it while this one waited.
            if let entry = try unchanged(source, recordFile) { return entry }
            let before = try witness(source)
            let stager = Stager(files, limits: limits, subject: source.path)
            let found = try images(source, stager, wanted)
            _ = try publish(found, named: false, stager)
            let digest = ContentDigest(of: found[0].manifestBytes)
            if let before, try witness(source) == before {
                try replaceDurably(recordFile, try encoded(ImportRecord(before, manifest: digest)))
            }
            return Descriptor(mediaType: MediaType.manifest, digest: digest, size: Int64(found[0].manifestBytes.count))
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

    /// Unpacks the layers, and then makes everything visible: layers, blobs, and last the index.
    ///
    /// Only under the lock. What is visible is whole: all of it is on the disk before the first rename.
    func publish(
        _ images: [AssembledImage],
        named: Bool,
        _ stager: Stager
    ) throws(ImageError) -> [LoadedImage] {
        var layers: [ContentDigest: String] = [:]
        var loaded: [LoadedImage] = []
        for image in images {
            var notes: [String] = []
            for (content, diffID) in zip(image.layers, image.diffIDs) where layers[diffID] == nil {
                guard access(files.layer(diffID), F_OK) != 0 else { continue }
                let path = stager.makePath()
                notes += try unpack(content, diffID, to: path)
                layers[diffID] = path
            }
            loaded.append(
                LoadedImage(names: named ? image.names : [], id: image.configurationContent.digest, notes: notes)
            )
        }
        var blobs: [String: String] = [:]
        for image in images {
            for content in image.layers + [image.configurationContent] {
                blobs[files.blob(content.digest)] = content.file
            }
            let path = stager.makePath()
            try replaceDurably(path, image.manifestBytes)
            blobs[files.blob(ContentDigest(of: image.manifestBytes))] = path
        }
        try synchronise()
        for (diffID, path) in layers { try move(path, to: files.layer(diffID)) }
        for (blob, path) in blobs where blob != path { try move(path, to: blob) }
        try record(images, named: named)
        return loaded
    }

    /// Unpacks a layer again whose directory is gone.
    func restore(_ diffID: ContentDigest, from layer: Descriptor) throws(ImageError) {
        try locked { () throws(ImageError) in
            guard access(files.layer(diffID), F_OK) != 0 else { return }
            let content = Content(digest: layer.digest, size: layer.size, file: files.blob(layer.digest))
            let path = "\(files.staging)/layer"
            _ = try unpack(content, diffID, to: path)
            try synchronise()
            try move(path, to: files.layer(diffID))
        }
    }

    private func unpack(
        _ content: Content,
        _ diffID: ContentDigest,
        to path: String
    ) throws(ImageError) -> [String] {
        let subject = "layer \(diffID.hexadecimal.prefix(12))"
        guard mkdir(path, 0o755) == 0, chmod(path, 0o755) == 0 else {
            throw .kernel("unpack \(subject)", SyscallError(call: "mkdir", subject: path, errno: .current))
        }
        let purpose = "unpack \(subject)"
        let file = try attempt(purpose) { () throws(SyscallError) in try OwnedDescriptor.reading(content.file) }
        let directory = try attempt(purpose) { () throws(SyscallError) in try OwnedDescriptor.directory(path) }
        // A plain layer has been hashed on its way in, and then its digest is the layer's.
        let isHashed = content.digest == diffID && content.file.hasPrefix(files.staging)
        let stream = try LayerStream(
            try Archive.reading(file, as: .bytes, subject: subject),
            subject: subject,
            limit: limits.layerBytes,
            isHashed: !isHashed
        )
        let notes = try LayerUnpacker.unpack(
            try Archive.reading(stream, subject: subject),
            into: directory,
            subject: subject,
            limits: limits
        )
        let digest = try stream.finish()
        guard isHashed || digest == diffID else {
            throw ImageError(
                .digestMismatch,
                "unpack \(subject): its content has the digest \(digest) instead of \(diffID); "
                    + "the image is damaged, get it again"
            )
        }
        return notes
    }

    func record(_ images: [AssembledImage], named: Bool) throws(ImageError) {
        var index = try self.index()
        for image in images {
            var entry = Descriptor(
                mediaType: MediaType.manifest,
                digest: ContentDigest(of: image.manifestBytes),
                size: Int64(image.manifestBytes.count),
                platform: image.configuration.platform,
                annotations: [identifierAnnotation: image.configurationContent.digest.rawValue]
            )
            entry.mediaType = image.manifest.mediaType ?? MediaType.manifest
            index.record(entry, names: named ? image.names : [])
        }
        try replaceDurably(files.index, try encoded(index))
    }

    /// Puts everything of the store on the disk: syncfs(2).
    func synchronise() throws(ImageError) {
        try attempt("write \(root)") { () throws(SyscallError) in
            try OwnedDescriptor.directory(root).synchroniseFilesystem()
        }
    }

    func move(_ path: String, to destination: String) throws(ImageError) {
        guard rename(path, destination) == 0 else {
            throw .kernel("write \(root)", SyscallError(call: "rename", subject: destination, errno: .current))
        }
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
        let unnamed = { (entry: Descriptor) in entry.annotations?[referenceNameAnnotation] == nil }
        if names.isEmpty { manifests.append(entry) }
        let haveNames = Set(manifests.filter { !unnamed($0) }.map(\.digest))
        var kept: Set<ContentDigest> = []
        manifests.removeAll {
            unnamed($0) && (haveNames.contains($0.digest) || !kept.insert($0.digest).inserted)
        }
    }
}

/// A layer without its compression: hashed and counted on the way.
final class LayerStream: ByteSource {
    private let archive: Archive
    private let subject: String
    private let limit: Int64
    private let isHashed: Bool
    private var hash = SHA256()
    private var count: Int64 = 0
    private var isOpen: Bool

    init(_ archive: Archive, subject: String, limit: Int64, isHashed: Bool) throws(ImageError) {
        self.archive = archive
        self.subject = subject
        self.limit = limit
        self.isHashed = isHashed
        isOpen = try archive.next() != nil
    }

    func next() throws(ImageError) -> UnsafeRawBufferPointer {
        guard isOpen, let block = try archive.block()?.bytes else {
            isOpen = false
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        count += Int64(block.count)
        guard count <= limit else { throw ImageError(.tooLarge, "unpack \(subject): more than \(limit) bytes") }
        if isHashed { hash.update(bufferPointer: block) }
        return block
    }

    /// Reads what follows the last entry, and returns the digest of everything.
    func finish() throws(ImageError) -> ContentDigest {
        while try !next().isEmpty {}
        return ContentDigest(hash.finalize())
    }
}
