package import ImageStore
import NIOHTTP1
package import OCISpec

/// Brings images from the store to registries.
package struct ImagePusher: Sendable {
    let session: RegistrySession
    let store: ImageStore
    private let turns = Turns(ImagePuller.transfers)

    /// A pusher.
    package init(session: RegistrySession, store: ImageStore) {
        self.session = session
        self.store = store
    }

    /// Sends what of an image the registry lacks, and gives it its name there; returns the manifest's digest.
    ///
    /// Throws `notFound` when the store has no such image, and `configuration` for a name without a tag.
    package func push(
        _ name: ImageName,
        report: @escaping @Sendable (TransferEvent) -> Void = { _ in }
    ) async throws(RegistryError) -> ContentDigest {
        guard let tag = name.tag, name.digest == nil else {
            throw RegistryError(
                .configuration,
                "image \(name): what is sent needs a tag, as in \(name.domain)/\(name.repository):1"
            )
        }
        guard let stored = try inStore({ () throws(ImageError) in try store.stored(name) }),
            let bytes = try inStore({ () throws(ImageError) in try store.document(stored.manifestDigest) })
        else { throw RegistryError(.notFound, "image \(name) is not in the store; build it, pull it, or load it") }
        let type = stored.mediaType
        let manifest = try inStore { () throws(ImageError) in
            try ImageDocuments.manifest(bytes, mediaType: type, subject: "the manifest of \(name)")
        }
        let source = try session.configuration.registries.target(of: name)
        let mounts = try inStore { () throws(ImageError) in try store.repositories(on: name.domain) }
        var seen: Set<ContentDigest> = []
        let blobs = (manifest.layers + [manifest.config]).filter { seen.insert($0.digest).inserted }
        for blob in blobs { report(.blob(blob.digest, .waiting)) }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for blob in blobs {
                    let origins = (mounts[blob.digest] ?? []).filter { $0 != name.repository }
                    group.addTask {
                        let upload = BlobUpload(
                            session: session,
                            source: source,
                            descriptor: blob,
                            path: store.blobPath(blob.digest),
                            origins: origins,
                            report: report
                        )
                        try await turns.run { () async throws(RegistryError) in try await upload.perform() }
                    }
                }
                try await group.waitForAll()
            }
        } catch { throw error as? RegistryError ?? RegistryError(.unreachable, "\(source): interrupted") }
        let digest = try await put(bytes, type, source, tag)
        let full = "\(name.domain)/\(name.repository)@\(digest)"
        try inStore { () throws(ImageError) in try store.remember([full], of: stored.manifestDigest) }
        return digest
    }

    private func put(
        _ bytes: [UInt8],
        _ type: String,
        _ source: ImageSource,
        _ tag: String
    ) async throws(RegistryError) -> ContentDigest {
        let response = try await session.send(
            "PUT",
            .path("/v2/\(source.repository)/manifests/\(tag)"),
            of: source,
            actions: "pull,push",
            headers: ["Content-Type": type],
            body: .bytes(bytes)
        )
        guard response.status == 201 || response.status == 200 else {
            throw await session.refusal(response, source, "name the image \(source):\(tag)")
        }
        let digest = ContentDigest(sha256: bytes)
        if let said = response.headers.first(name: "Docker-Content-Digest"), said != digest.rawValue {
            throw RegistryError(.digestMismatch, "\(source):\(tag): the registry took \(said.printable) for \(digest)")
        }
        _ = try await session.document(response, limit: 64 << 10, source)
        return digest
    }

    private func inStore<R>(_ body: () throws(ImageError) -> R) throws(RegistryError) -> R {
        do throws(ImageError) { return try body() } catch { throw RegistryError(storing: error) }
    }
}
