import Glibc
package import LinuxSystem
package import OCISpec

/// The images on this machine: an OCI image layout and the unpacked layers, shared by all projects.
///
/// The store is a directory; this value only says where. Any number of processes use it at once: writers take turns,
/// readers never wait. All calls block.
package struct ImageStore: Hashable, Sendable {
    /// The store's directory, absolute.
    package var root: String { files.root }
    /// The directory of what is running, which `rootfs:/` hides.
    package let runtimeDirectory: String
    /// What an archive may cost.
    package let limits: ImportLimits
    /// Our own program, which unpacks layers in processes of their own: `UnpackProgram`.
    package let program: String
    let files: StoreFiles

    /// A store in a directory, which is made when something is written.
    ///
    /// `program` is for those who are not our own program themselves.
    package init(
        root: String = "/var/lib/roost",
        runtimeDirectory: String = "/run/roost",
        limits: ImportLimits = ImportLimits(),
        program: String = "/proc/self/exe"
    ) {
        files = StoreFiles(root: root)
        self.runtimeDirectory = runtimeDirectory
        self.limits = limits
        self.program = program
    }

    /// Takes all images of an archive into the store, under their names.
    ///
    /// Reads what `docker save` writes and archives of OCI layouts, plain or compressed. Of an image for several
    /// platforms it takes the one for `platform`. Throws `invalidArchive`, `digestMismatch`, `tooLarge`, `kernel`.
    package func load(archive path: String, platform: Platform = .host) throws(ImageError) -> [LoadedImage] {
        let file = try openArchive(path)
        return try load(from: file, subject: path, platform: platform)
    }

    /// Takes all images of an archive into the store that comes from a descriptor, as of standard input.
    ///
    /// Reads to the archive's end; `subject` names it in errors.
    package func load(
        from file: borrowing OwnedDescriptor,
        subject: String,
        platform: Platform = .host
    ) throws(ImageError) -> [LoadedImage] {
        let intake = try beginIntake()
        return try withUTF8Names { () throws(ImageError) in
            let stager = Stager(intake, limits: limits, subject: subject)
            let contents = try ArchiveContents(file, stager, subject: subject, files: files, limits: limits)
            let assembly = ImageAssembly(contents, subject: subject, limits: limits, platform: platform)
            let images = try assembly.images(by: .any)
            return try publish(images, named: true, intake)
        }
    }

    /// Finds the image that a reference means, and imports it when a transport names a file that is new or has changed.
    ///
    /// With `platform`, an image for another one is an error; without, an image for several gives the host's.
    /// Throws `imageNotFound` when the store has no image of that name.
    package func resolve(_ reference: ImageReference, platform: Platform? = nil) throws(ImageError) -> Image {
        switch reference {
        case .rootfs(let path): return try directoryImage(reference, path)
        case .name(let name): return try namedImage(reference, name, platform)
        case .identifier(let id):
            let entry = try index().manifests.first { $0.annotations?[identifierAnnotation] == id.rawValue }
            guard let entry else { throw notFound("\(id)") }
            return try image(entry, reference, platform)
        case .dockerArchive(let path, let name):
            return try importedImage(reference, ImportSource(path: path, name: name, form: .docker), platform)
        case .ociArchive(let path, let name):
            return try importedImage(reference, ImportSource(path: path, name: name, form: .layout), platform)
        case .ociLayout(let path, let name):
            let source = ImportSource(path: path, name: name, form: .layout, isDirectory: true)
            return try importedImage(reference, source, platform)
        }
    }

    // MARK: reading

    private func namedImage(
        _ reference: ImageReference,
        _ name: ImageName,
        _ platform: Platform?
    ) throws(ImageError) -> Image {
        let entry = try index().entry(named: name)
        guard let entry else { throw notFound("\(name)") }
        return try image(entry, reference, platform)
    }

    private func directoryImage(_ reference: ImageReference, _ path: String) throws(ImageError) -> Image {
        let isHostRoot: Bool
        do throws(SyscallError) {
            // Whatever the path says: "/usr/.." and a link may lead to the root too.
            isHostRoot = try OwnedDescriptor.directory(path).isSameFile(as: OwnedDescriptor.directory("/"))
        } catch {
            guard [ENOENT, ENOTDIR].contains(error.errno.rawValue) else { throw .kernel("use \(reference)", error) }
            throw ImageError(.imageNotFound, "\(reference): there is no directory \(path)")
        }
        let mask = isHostRoot ? RootMask(store: root, runtimeDirectory: runtimeDirectory) : nil
        return Image(
            reference: reference,
            id: "\(reference)",
            manifestDigest: nil,
            configuration: ImageConfiguration(),
            diffIDs: [],
            names: [],
            rootFilesystem: RootFilesystem(lowerDirectories: [path], mask: mask),
            directory: path
        )
    }

    func index() throws(ImageError) -> ImageIndex {
        guard let bytes = try readWhole(files.index, limit: 64 << 20) else { return ImageIndex() }
        return try decodeDocument(ImageIndex.self, bytes, "read \(files.index)", code: .damagedStore)
    }

    func image(
        _ entry: Descriptor,
        _ reference: ImageReference,
        _ platform: Platform?
    ) throws(ImageError) -> Image {
        let manifest = try stored(ImageManifest.self, entry.digest)
        let configuration = try stored(ImageConfiguration.self, manifest.config.digest)
        if let platform, let theirs = configuration.platform, !platform.accepts(theirs) {
            throw ImageError(
                .imageNotFound,
                "image \(reference) is for \(theirs), not for \(platform); load one for \(platform), or leave out the platform"
            )
        }
        let diffIDs = configuration.rootfs?.diffIDs ?? []
        for (diffID, layer) in zip(diffIDs, manifest.layers) where access(files.layer(diffID), F_OK) != 0 {
            try restore(diffID, from: layer)
        }
        let names = try index().manifests.filter { $0.digest == entry.digest }
            .compactMap { $0.annotations?[referenceNameAnnotation] }
        return Image(
            reference: reference,
            id: manifest.config.digest.rawValue,
            manifestDigest: entry.digest,
            configuration: configuration,
            diffIDs: diffIDs,
            names: names.sorted(),
            rootFilesystem: try rootFilesystem(diffIDs, on: entry.annotations?[directoryAnnotation]),
            directory: entry.annotations?[directoryAnnotation]
        )
    }

    private func rootFilesystem(
        _ diffIDs: [ContentDigest],
        on directory: String?
    ) throws(ImageError) -> RootFilesystem {
        guard let directory else { return RootFilesystem(lowerDirectories: try lowerDirectories(diffIDs)) }
        let base = try directoryImage(.rootfs(path: directory), directory).rootFilesystem
        return RootFilesystem(
            lowerDirectories: diffIDs.reversed().uniqued().map(files.layer) + base.lowerDirectories,
            mask: base.mask
        )
    }

    /// Highest first.
    ///
    /// overlayfs refuses one directory twice; of a layer that occurs twice the higher one alone has the same effect.
    private func lowerDirectories(_ diffIDs: [ContentDigest]) throws(ImageError) -> [String] {
        guard !diffIDs.isEmpty else {
            // An image from scratch without layers; overlayfs wants a lower directory all the same.
            let empty = "\(root)/layers/empty"
            try makeStoreDirectories(empty, mode: 0o755)
            return [empty]
        }
        return diffIDs.reversed().uniqued().map(files.layer)
    }

    func stored<T: Decodable>(_ type: T.Type, _ digest: ContentDigest) throws(ImageError) -> T {
        guard let bytes = try readWhole(files.blob(digest), limit: limits.documentBytes) else {
            throw ImageError(.damagedStore, "\(files.blob(digest)) is missing; load the image again")
        }
        return try decodeDocument(type, bytes, "read \(files.blob(digest))", code: .damagedStore)
    }

    private func notFound(_ name: String) -> ImageError {
        ImageError(
            .imageNotFound,
            "image \(name) is not in the store; fetch it with \"roost image pull\", load it with \"roost load -i FILE\", "
                + "or use the host's own programs with rootfs:/"
        )
    }

    func openArchive(_ path: String) throws(ImageError) -> OwnedDescriptor {
        let raw = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        if raw < 0 && errno == ENOENT {
            throw ImageError(.imageNotFound, "open \(path): there is no such file")
        }
        guard raw >= 0 else {
            throw .kernel("open an archive", SyscallError(call: "open", subject: path, errno: .current))
        }
        let file = OwnedDescriptor(adopting: raw)
        let metadata = try attempt("open \(path)") { () throws(SyscallError) in try file.metadata() }
        guard metadata.kind != .directory else {
            throw ImageError(
                .invalidArchive,
                "open \(path): it is a directory; an image layout is named by oci:\(path)"
            )
        }
        return file
    }
}

/// Our own annotation of an index entry: the digest of the image's configuration.
let identifierAnnotation = "io.roost.image.id"
