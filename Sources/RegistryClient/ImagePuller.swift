package import ImageStore
import LinuxSystem
package import NIOPosix
package import OCISpec

/// What a pull came to.
package struct PulledImage: Hashable, Sendable {
    /// The digest of the configuration.
    package var id: ContentDigest
    /// The digest by which the registry knows the image: of its index where there is one.
    package var digest: ContentDigest
    /// Whether anything had to be fetched.
    package var isNew: Bool
}

/// Brings images from registries into the store.
package struct ImagePuller: Sendable {
    let session: RegistrySession
    let store: ImageStore
    let threads: NIOThreadPool
    let policy: SignaturePolicy
    private let turns: Turns

    /// How many blobs come at once.
    package static let transfers = 4

    /// A puller; `threads` are two for each transfer.
    package init(session: RegistrySession, store: ImageStore, threads: NIOThreadPool, policy: SignaturePolicy) {
        self.session = session
        self.store = store
        self.threads = threads
        self.policy = policy
        turns = Turns(Self.transfers)
    }

    /// Fetches what of an image the store lacks, and makes it visible under its name.
    ///
    /// Without `platform` the host's is chosen, and an image for another one is taken when there is no choice.
    /// Without `isPatient` a registry that can't be reached is asked only once.
    package func pull(
        _ name: ImageName,
        platform: Platform?,
        isPatient: Bool = true,
        report: @escaping @Sendable (TransferEvent) -> Void = { _ in }
    ) async throws(RegistryError) -> PulledImage {
        let demands = try policy.check(name)
        if demands.isEmpty, name.digest != nil, let there = try present(name, name.digest, platform) { return there }
        var failures: [RegistryError] = []
        let sources = try session.configuration.registries.sources(of: name)
        for (number, source) in sources.enumerated() {
            let isLast = number == sources.count - 1
            do throws(RegistryError) {
                let request = Request(
                    name: name,
                    platform: platform,
                    demands: demands,
                    isPatient: isLast && isPatient,
                    report: report
                )
                return try await pull(request, from: source)
            } catch {
                // The store's failures, and those of what a policy says, are no mirror's.
                guard ![.store, .fullDisk, .forbidden].contains(error.code) else { throw error }
                failures.append(error)
                if !isLast { report(.note("mirror \(source.host): \(error)")) }
            }
        }
        throw failures.last ?? RegistryError(.configuration, "image \(name): there is nowhere to ask for it")
    }

    /// The digest by which a registry or its mirrors know a name now; nothing is fetched for it.
    package func digest(of name: ImageName) async throws(RegistryError) -> ContentDigest {
        if let digest = name.digest { return digest }
        let reference = name.tag ?? "latest"
        var failure = RegistryError(.configuration, "image \(name): there is nowhere to ask for it")
        for source in try session.configuration.registries.sources(of: name) {
            do throws(RegistryError) {
                if let digest = try await session.digest(of: reference, source, isPatient: true) { return digest }
                return try await session.manifest(reference, source, limit: store.limits.documentBytes).digest
            } catch { failure = error }
        }
        throw failure
    }

    /// What the store has, when that is what the registry has.
    private func present(
        _ name: ImageName,
        _ digest: ContentDigest?,
        _ platform: Platform?
    ) throws(RegistryError) -> PulledImage? {
        guard let digest, let stored = try inStore({ () throws(ImageError) in try store.stored(name) }) else {
            return nil
        }
        let full = "\(name.domain)/\(name.repository)@\(digest)"
        guard stored.manifestDigest == digest || stored.repositoryDigests.contains(full) else { return nil }
        if let theirs = stored.platform, PlatformChoice.rank(theirs, for: platform ?? .host) == nil {
            // Another platform's image of the same name; without a wish it may have been the only one there is.
            guard platform == nil, stored.manifestDigest == digest else { return nil }
        }
        return PulledImage(id: stored.id, digest: digest, isNew: false)
    }

    /// What is asked of one source.
    private struct Request {
        var name: ImageName
        var platform: Platform?
        var demands: [SignaturePolicy.Demand]
        var isPatient: Bool
        var report: @Sendable (TransferEvent) -> Void
    }

    private func pull(_ request: Request, from source: ImageSource) async throws(RegistryError) -> PulledImage {
        let (name, platform, isPatient, report) = (request.name, request.platform, request.isPatient, request.report)
        let reference = name.digest?.rawValue ?? name.tag ?? "latest"
        // What was pulled under another policy has to be looked at again.
        if request.demands.isEmpty, name.digest == nil,
            try inStore({ () throws(ImageError) in try store.stored(name) }) != nil
        {
            let now = try await session.digest(of: reference, source, isPatient: isPatient)
            if let there = try present(name, now, platform) { return there }
        }
        let limit = store.limits.documentBytes
        let found = try await session.manifest(reference, source, limit: limit, isPatient: isPatient)
        let image = try await describe(found, name, platform, source, report)
        let verifier = SignatureVerifier(session: session, limit: limit)
        let digests = [found.digest, image.manifest.digest]
        for demand in request.demands { try await verifier.verify(anyOf: digests, of: name, at: source, demand) }
        for _ in 0..<3 {
            let intake = try await blocking { () throws(ImageError) in try store.beginIntake() }
            try await fetchLayers(of: image, source, intake, report)
            let id = try await blocking { () throws(ImageError) in
                try store.commit(image.received(name, indexDigest: found.digest), with: intake)
            }
            if let id { return PulledImage(id: id, digest: found.digest, isNew: true) }
        }
        throw RegistryError(
            .store,
            "image \(name): its parts vanish from the store while it is pulled; is something pruning it?"
        )
    }

    /// An image to be fetched: its documents, and its layers.
    struct Description: Sendable {
        var manifest: FoundManifest
        var configuration: [UInt8]
        var layers: [(descriptor: Descriptor, diffID: ContentDigest)]

        func received(_ name: ImageName, indexDigest: ContentDigest) -> ReceivedImage {
            let repository = "\(name.domain)/\(name.repository)"
            return ReceivedImage(
                manifestBytes: manifest.bytes,
                mediaType: manifest.mediaType,
                configurationBytes: configuration,
                // A name with a digest is no name for the tag.
                names: name.digest == nil ? name.tagged.map { [$0] } ?? [] : [],
                repositoryDigests: ["\(repository)@\(indexDigest)"]
            )
        }
    }

    /// Chooses the platform, and reads what the image consists of.
    private func describe(
        _ found: FoundManifest,
        _ name: ImageName,
        _ platform: Platform?,
        _ source: ImageSource,
        _ report: @Sendable (TransferEvent) -> Void
    ) async throws(RegistryError) -> Description {
        let limits = store.limits
        let wanted = platform ?? .host
        var found = found
        var depth = 0
        while MediaType.indexes.contains(found.mediaType) {
            depth += 1
            guard depth < 4 else {
                throw RegistryError(.invalidAnswer, "image \(name): its indexes are nested too deeply")
            }
            let (bytes, type) = (found.bytes, found.mediaType)
            let index = try inStore { () throws(ImageError) in
                try ImageDocuments.index(bytes, mediaType: type, subject: "the index of \(name)")
            }
            guard let choice = PlatformChoice.best(of: index.manifests, for: wanted) else {
                let there = index.manifests.compactMap(\.platform).filter { $0.os != "unknown" }.map {
                    "\($0)".printable
                }
                throw RegistryError(
                    .notFound,
                    "image \(name) is not for \(wanted), but for: \(there.prefix(20).joined(separator: ", "))"
                )
            }
            found = try await session.manifest(choice.digest.rawValue, source, limit: limits.documentBytes)
            guard Int64(found.bytes.count) == choice.size else {
                throw RegistryError(
                    .digestMismatch,
                    "image \(name): \(choice.digest) has \(found.bytes.count) bytes instead of \(choice.size)"
                )
            }
        }
        let (bytes, type) = (found.bytes, found.mediaType)
        let manifest = try inStore { () throws(ImageError) in
            try ImageDocuments.manifest(bytes, mediaType: type, subject: "the manifest of \(name)")
        }
        try check(manifest, name)
        let document = try await session.documentBlob(manifest.config, source, limit: limits.documentBytes)
        let configuration = try inStore { () throws(ImageError) in
            try ImageDocuments.configuration(document, subject: "\(name)")
        }
        let diffIDs = configuration.rootfs?.diffIDs ?? []
        guard diffIDs.count == manifest.layers.count else {
            throw RegistryError(
                .invalidAnswer,
                "image \(name): its configuration names \(diffIDs.count) layers, and its manifest \(manifest.layers.count)"
            )
        }
        if let theirs = configuration.platform, PlatformChoice.rank(theirs, for: wanted) == nil {
            guard platform == nil else {
                throw RegistryError(.notFound, "image \(name) is for \("\(theirs)".printable), not for \(wanted)")
            }
            report(.note("image \(name) is for \("\(theirs)".printable), and this machine is \(wanted)"))
        }
        return Description(manifest: found, configuration: document, layers: Array(zip(manifest.layers, diffIDs)))
    }

    private func check(_ manifest: ImageManifest, _ name: ImageName) throws(RegistryError) {
        let limits = store.limits
        guard Self.configurationTypes.contains(manifest.config.mediaType) else {
            throw RegistryError(
                .unsupported,
                "image \(name): it is no image to run, but of the type \(manifest.config.mediaType.printable)"
            )
        }
        guard manifest.layers.count <= limits.layers else {
            throw RegistryError(
                .invalidAnswer,
                ImportLimits.beyond(
                    "layers",
                    "image \(name): \(manifest.layers.count) layers, where \(limits.layers) are allowed"
                )
            )
        }
        var total: Int64 = 0
        for layer in manifest.layers {
            guard Self.isLayer(layer.mediaType) else {
                throw RegistryError(
                    .unsupported,
                    "image \(name): a layer of the type \(layer.mediaType.printable); tar, gzip and zstd are supported"
                )
            }
            guard layer.size <= limits.archiveBytes - total else {
                throw RegistryError(
                    .invalidAnswer,
                    ImportLimits.beyond("archive-bytes", "image \(name): more than \(limits.archiveBytes) bytes")
                )
            }
            total += layer.size
        }
    }

    private static let configurationTypes: Set<String> = [
        MediaType.configuration, "application/vnd.docker.container.image.v1+json",
    ]

    private static func isLayer(_ type: String) -> Bool {
        let types = [
            "application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "application/vnd.docker.image.rootfs.diff.tar",
        ]
        return types.contains {
            type == $0 || ["+gzip", ".gzip", "+zstd", ".zstd"].contains(type.dropFirst($0.count)) && type.hasPrefix($0)
        }
    }

    private func fetchLayers(
        of image: Description,
        _ source: ImageSource,
        _ intake: ImageIntake,
        _ report: @escaping @Sendable (TransferEvent) -> Void
    ) async throws(RegistryError) {
        let (digests, diffIDs) = (image.layers.map(\.descriptor.digest), image.layers.map(\.diffID))
        // What the store has of it stays there until all of it is.
        _ = try await blocking { () throws(ImageError) in try intake.hold(blobs: digests, layers: diffIDs) }
        var seen: Set<ContentDigest> = []
        let layers = image.layers.filter { seen.insert($0.descriptor.digest).inserted }
        let missing = layers.filter { !store.holds(blob: $0.descriptor.digest) || !store.holds(layer: $0.diffID) }
        for layer in layers {
            let isThere = !missing.contains { $0.descriptor.digest == layer.descriptor.digest }
            report(.blob(layer.descriptor.digest, isThere ? .done(wasThere: true) : .waiting))
        }
        guard !missing.isEmpty else { return }
        try await blocking { () throws(ImageError) in try store.prepareIntake() }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for layer in missing {
                    group.addTask {
                        let transfer = LayerTransfer(
                            puller: self,
                            source: source,
                            descriptor: layer.descriptor,
                            diffID: layer.diffID,
                            intake: intake,
                            report: report
                        )
                        try await transfer.perform(turns)
                    }
                }
                try await group.waitForAll()
            }
        } catch {
            // Its parts are in the way of everybody, and the next try would find as little room.
            if (error as? RegistryError)?.code == .fullDisk {
                let (store, parts) = (store, missing)
                try await blocking { () throws(ImageError) in
                    try store.discardIntake(blobs: parts.map(\.descriptor.digest), layers: parts.map(\.diffID))
                }
            }
            throw error as? RegistryError ?? RegistryError(.unreachable, "\(source): interrupted")
        }
    }

    /// Runs what blocks on a thread of its own; the store's errors become ours.
    func blocking<R: Sendable>(
        _ body: @escaping @Sendable () throws(ImageError) -> R
    ) async throws(RegistryError) -> R {
        do { return try await threads.runIfActive { try body() } } catch { throw RegistryError(storing: error) }
    }

    /// Runs what blocks and can't fail on a thread of its own.
    func finally(_ body: @escaping @Sendable () -> Void) async {
        // Without threads there is nothing left to end.
        try? await threads.runIfActive(body)
    }

    func inStore<R>(_ body: () throws(ImageError) -> R) throws(RegistryError) -> R {
        do throws(ImageError) { return try body() } catch { throw RegistryError(storing: error) }
    }
}

extension RegistryError {
    /// What the store says.
    init(storing error: any Error) {
        guard let error = error as? ImageError else {
            self = error as? RegistryError ?? RegistryError(.store, "\(error)")
            return
        }
        switch error.code {
        case _ where error.isFullDisk: self.init(.fullDisk, error.message)
        case .digestMismatch: self.init(.digestMismatch, error.message)
        case .invalidArchive, .tooLarge: self.init(.invalidAnswer, error.message)
        default: self.init(.store, error.message)
        }
    }
}
