package import ImageStore
package import OCISpec

/// A Compose project that a registry holds, as docker compose publishes them.
package struct ProjectArtefact: Hashable, Sendable {
    /// The digest by which the registry knows it.
    package var digest: ContentDigest
    /// Its files by their names, which are single parts of a path, `compose.yaml` among them; nil when they were not asked for.
    package var files: [String: [UInt8]]?

    /// What its parts are called.
    private enum Kind {
        static let project = "application/vnd.docker.compose.project"
        static let emptyConfiguration = "application/vnd.docker.compose.config.empty.v1+json"
        static let file = "application/vnd.docker.compose.file+yaml"
        static let variables = "application/vnd.docker.compose.envfile"
    }
    /// What is said of a part.
    private enum Note {
        static let file = "com.docker.compose.file"
        static let extended = "com.docker.compose.extends"
        static let variables = "com.docker.compose.envfile"
    }

    /// The most files, and bytes of one file and of all.
    private static let limits = (files: 200, file: 16 << 20, all: 64 << 20)

    /// Checks that a manifest is one of a project.
    fileprivate static func check(_ manifest: ImageManifest, _ bytes: [UInt8], _ name: ImageName) throws(RegistryError)
    {
        let type = JSONValue.read(bytes)?.object?["artifactType"]?.text ?? ""
        guard type == Kind.project || type.isEmpty && manifest.config.mediaType == Kind.emptyConfiguration else {
            let found = type.isEmpty ? manifest.config.mediaType : type
            throw RegistryError(.unsupported, "\(name) is no Compose project, but of the type \(found.printable)")
        }
        guard manifest.layers.count <= limits.files else {
            throw RegistryError(
                .invalidAnswer,
                "\(name): \(manifest.layers.count) files, where \(limits.files) are allowed"
            )
        }
        let all = limits.all
        guard manifest.layers.allSatisfy({ $0.size <= limits.file }), manifest.layers.reduce(0, { $0 + $1.size }) <= all
        else { throw RegistryError(.invalidAnswer, "\(name): more than \(all) bytes, which no project has") }
    }

    /// The digest and size of the project that an index names.
    fileprivate static func project(
        in index: [UInt8],
        _ name: ImageName
    ) throws(RegistryError) -> (digest: String, size: Int64) {
        let entries = JSONValue.read(index)?.object?["manifests"]?.list ?? []
        let entry = entries.compactMap(\.object).last { $0["artifactType"]?.text == Kind.project }
        guard let digest = entry?["digest"]?.text.flatMap({ ContentDigest(rawValue: $0) }),
            case .integer(let size)? = entry?["size"]
        else { throw RegistryError(.unsupported, "\(name) is no Compose project: its index names none") }
        return (digest.rawValue, size)
    }

    /// The name of the file that a layer is, or is a part of; nil for a layer that is none.
    fileprivate static func file(_ layer: Descriptor, _ name: ImageName) throws(RegistryError) -> String? {
        let notes = layer.annotations ?? [:]
        let file: String
        switch layer.mediaType {
        case Kind.file where notes[Note.extended] == nil: return composeFile
        case Kind.file: file = notes[Note.file] ?? ""
        case Kind.variables: file = notes[Note.variables] ?? ""
        default: return nil
        }
        let isName = !file.utf8.contains { $0 == 0x2F || $0 == 0x5C || $0 < 0x20 || $0 == 0x7F }
        guard isName, !["", ".", ".."].contains(file), file.utf8.count <= 255 else {
            throw RegistryError(.invalidAnswer, "\(name): a file with the name \"\(file.printable)\"")
        }
        return file
    }

    /// The file that others are laid over, as documents of one.
    package static let composeFile = "compose.yaml"
}

extension ImagePuller {
    /// Fetches a project from its registry or a mirror; `isThere` says that the files of a digest are not wanted.
    ///
    /// Throws `unsupported` for what is no project, and what a policy says of images holds for it too.
    package func project(
        _ name: ImageName,
        isThere: @Sendable (ContentDigest) -> Bool
    ) async throws(RegistryError) -> ProjectArtefact {
        let demands = try policy.check(name)
        var failure = RegistryError(.configuration, "\(name): there is nowhere to ask for it")
        for source in try session.configuration.registries.sources(of: name) {
            do throws(RegistryError) { return try await project(name, demands, source, isThere) } catch {
                guard error.code != .forbidden else { throw error }
                failure = error
            }
        }
        throw failure
    }

    private func project(
        _ name: ImageName,
        _ demands: [SignaturePolicy.Demand],
        _ source: ImageSource,
        _ isThere: @Sendable (ContentDigest) -> Bool
    ) async throws(RegistryError) -> ProjectArtefact {
        let limit = store.limits.documentBytes
        var found = try await session.manifest(name.digest?.rawValue ?? name.tag ?? "latest", source, limit: limit)
        let digest = found.digest
        let verifier = SignatureVerifier(session: session, limit: limit)
        for demand in demands { try await verifier.verify(anyOf: [digest], of: name, at: source, demand) }
        if isThere(digest) { return ProjectArtefact(digest: digest, files: nil) }
        if MediaType.indexes.contains(found.mediaType) {
            let choice = try ProjectArtefact.project(in: found.bytes, name)
            found = try await session.manifest(choice.digest, source, limit: limit)
            guard Int64(found.bytes.count) == choice.size else {
                throw RegistryError(
                    .digestMismatch,
                    "\(name): \(choice.digest) has \(found.bytes.count) bytes instead of \(choice.size)"
                )
            }
        }
        let (bytes, type) = (found.bytes, found.mediaType)
        let manifest = try inStore { () throws(ImageError) in
            try ImageDocuments.manifest(bytes, mediaType: type, subject: "the manifest of \(name)")
        }
        try ProjectArtefact.check(manifest, bytes, name)
        return ProjectArtefact(digest: digest, files: try await files(of: manifest, name, source))
    }

    private func files(
        of manifest: ImageManifest,
        _ name: ImageName,
        _ source: ImageSource
    ) async throws(RegistryError) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for layer in manifest.layers {
            guard let file = try ProjectArtefact.file(layer, name) else { continue }
            let content = try await session.documentBlob(layer, source, limit: Int(layer.size))
            // Files that were published together are documents of one, later ones over earlier ones.
            if file == ProjectArtefact.composeFile, let before = files[file] {
                files[file] = before + Array("\n---\n".utf8) + content
            } else {
                files[file] = content
            }
        }
        guard files[ProjectArtefact.composeFile] != nil else {
            throw RegistryError(.invalidAnswer, "\(name): a project without a Compose file")
        }
        return files
    }
}
