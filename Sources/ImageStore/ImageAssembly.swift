import FoundationEssentials
import OCISpec

/// One image as an archive or layout describes it, with its parts found and its description checked.
struct AssembledImage {
    var manifest: ImageManifest
    var manifestBytes: [UInt8]
    var configuration: ImageConfiguration
    /// Full names, as the store keeps them.
    var names: [String]
    /// The names as the archive has them, for people.
    var labels: [String]
    var configurationContent: Content
    /// Lowest first, like the two lists of digests.
    var layers: [Content]
    var diffIDs: [ContentDigest]
}

/// Finds the images in an archive or layout.
struct ImageAssembly<Source: ContentSource> {
    private let source: Source
    private let subject: String
    private let limits: ImportLimits
    private let platform: Platform

    init(_ source: Source, subject: String, limits: ImportLimits, platform: Platform) {
        self.source = source
        self.subject = subject
        self.limits = limits
        self.platform = platform
    }

    /// What describes the images.
    enum Description: Hashable, Sendable {
        /// `manifest.json`, as `docker save` writes it.
        case docker
        /// `index.json` of an image layout.
        case layout
        /// The first of these that is there.
        case any
    }

    /// All images, or the one that `reference` names; without one, `single` wants exactly one image.
    func images(
        by description: Description,
        reference: String? = nil,
        single: Bool = false
    ) throws(ImageError) -> [AssembledImage] {
        var makers: [(labels: [String], make: () throws(ImageError) -> AssembledImage)] = []
        if description != .layout, let content = try source.content(at: "manifest.json") {
            for entry in try decode([DockerManifest].self, content, "manifest.json") {
                makers.append((entry.repoTags ?? [], { () throws(ImageError) in try image(entry) }))
            }
        } else if description != .docker, let content = try source.content(at: "index.json") {
            for entry in try index(content, "index.json").manifests {
                makers.append((Self.labels(entry), { () throws(ImageError) in try image(entry) }))
            }
        } else {
            let wanted =
                switch description {
                case .docker: "manifest.json, as docker save writes it"
                case .layout: "index.json of an OCI image layout"
                case .any: "manifest.json nor index.json, so it is no image"
                }
            throw invalid("there is no \(wanted)")
        }
        if let reference {
            makers = makers.filter { Self.matches(reference, $0.labels) }
            guard !makers.isEmpty else {
                throw ImageError(.imageNotFound, "\(subject) has no image \(printable(reference))")
            }
        }
        if single && makers.count != 1 {
            let names = makers.prefix(10).map { $0.labels.first.map(printable) ?? "(without a name)" }
            throw invalid(
                "it holds \(makers.count) images, name one of them after a colon: \(names.joined(separator: ", "))"
            )
        }
        var images: [AssembledImage] = []
        for maker in makers { images.append(try maker.make()) }
        return images
    }

    // MARK: docker save

    private struct DockerManifest: Decodable {
        var config: String
        var repoTags: [String]?
        var layers: [String]

        enum CodingKeys: String, CodingKey {
            case config = "Config"
            case repoTags = "RepoTags"
            case layers = "Layers"
        }
    }

    private func image(_ entry: DockerManifest) throws(ImageError) -> AssembledImage {
        let configuration = try member(entry.config)
        var layers: [Content] = []
        guard entry.layers.count <= limits.layers else { throw tooManyLayers(entry.layers.count) }
        for layer in entry.layers { layers.append(try member(layer)) }
        let manifest = ImageManifest(
            config: Descriptor(
                mediaType: MediaType.configuration,
                digest: configuration.digest,
                size: configuration.size
            ),
            layers: layers.map { Descriptor(mediaType: MediaType.layer, digest: $0.digest, size: $0.size) }
        )
        let labels = entry.repoTags ?? []
        return try image(manifest, bytes: try encoded(manifest), configuration, layers, labels: labels)
    }

    // MARK: image layouts

    private func image(_ entry: Descriptor) throws(ImageError) -> AssembledImage {
        let (manifest, bytes) = try self.manifest(entry, depth: 0)
        let configuration = try blob(manifest.config)
        var layers: [Content] = []
        guard manifest.layers.count <= limits.layers else { throw tooManyLayers(manifest.layers.count) }
        for layer in manifest.layers { layers.append(try blob(layer)) }
        return try image(manifest, bytes: bytes, configuration, layers, labels: Self.labels(entry))
    }

    private func manifest(
        _ entry: Descriptor,
        depth: Int
    ) throws(ImageError) -> (ImageManifest, [UInt8]) {
        let content = try blob(entry)
        if MediaType.manifests.contains(entry.mediaType) {
            let bytes = try document(content, "\(entry.digest)")
            return (try manifestDocument(bytes, "\(entry.digest)", mediaType: entry.mediaType), bytes)
        }
        guard MediaType.indexes.contains(entry.mediaType) else {
            throw invalid("\(entry.digest) is of the type \(printable(entry.mediaType)), which is no image")
        }
        guard depth < 4 else { throw invalid("its indexes are nested too deeply") }
        let choices = try index(content, "\(entry.digest)").manifests
        guard let choice = choices.first(where: { $0.platform.map(platform.accepts) ?? false }) ?? only(choices) else {
            let there = choices.compactMap { $0.platform.map { printable("\($0)") } }
            throw ImageError(
                .imageNotFound,
                "\(subject) has no image for \(platform), but for: \(there.prefix(20).joined(separator: ", "))"
            )
        }
        return try self.manifest(choice, depth: depth + 1)
    }

    private func only(_ choices: [Descriptor]) -> Descriptor? {
        choices.count == 1 && choices[0].platform == nil ? choices[0] : nil
    }

    private static func labels(_ entry: Descriptor) -> [String] {
        // The first is what containerd writes: the full name, where the standard one may be a mere tag.
        ["io.containerd.image.name", referenceNameAnnotation].compactMap { entry.annotations?[$0] }
    }

    // MARK: parts

    private func member(_ path: String) throws(ImageError) -> Content {
        guard let content = try source.content(at: path) else { throw invalid("\(printable(path)) is missing") }
        return content
    }

    private func blob(_ descriptor: Descriptor) throws(ImageError) -> Content {
        let content = try member("blobs/sha256/\(descriptor.digest.hexadecimal)")
        guard content.size == descriptor.size else {
            throw ImageError(
                .digestMismatch,
                "read \(subject): \(descriptor.digest) has \(content.size) bytes instead of \(descriptor.size)"
            )
        }
        return content
    }

    private func image(
        _ manifest: ImageManifest,
        bytes: [UInt8],
        _ configurationContent: Content,
        _ layers: [Content],
        labels: [String]
    ) throws(ImageError) -> AssembledImage {
        let configuration = try decode(ImageConfiguration.self, configurationContent, "its configuration")
        let diffIDs = configuration.rootfs?.diffIDs ?? []
        guard diffIDs.count == layers.count else {
            throw invalid("its configuration names \(diffIDs.count) layers, and there are \(layers.count)")
        }
        return AssembledImage(
            manifest: manifest,
            manifestBytes: bytes,
            configuration: configuration,
            names: labels.filter { $0.contains("/") || $0.contains(":") }.compactMap { ImageName($0)?.tagged }
                .uniqued(),
            labels: labels,
            configurationContent: configurationContent,
            layers: layers,
            diffIDs: diffIDs
        )
    }

    // MARK: documents

    private func document(_ content: Content, _ name: String) throws(ImageError) -> [UInt8] {
        guard let bytes = try readWhole(content.file, limit: limits.documentBytes, as: "\(subject): \(name)") else {
            throw invalid("\(name) is missing")
        }
        return bytes
    }

    private func decode<T: Decodable>(_ type: T.Type, _ content: Content, _ name: String) throws(ImageError) -> T {
        try decodeDocument(type, try document(content, name), "read \(subject): \(name)")
    }

    private func index(_ content: Content, _ name: String) throws(ImageError) -> ImageIndex {
        let bytes = try document(content, name)
        let shape = try decodeDocument(DocumentShape.self, bytes, "read \(subject): \(name)")
        guard shape.layers == nil, shape.config == nil, shape.mediaType.map(MediaType.indexes.contains) ?? true else {
            throw invalid("\(name) claims to be an index and something else")
        }
        return try decodeDocument(ImageIndex.self, bytes, "read \(subject): \(name)")
    }

    private func manifestDocument(
        _ bytes: [UInt8],
        _ name: String,
        mediaType: String
    ) throws(ImageError) -> ImageManifest {
        let shape = try decodeDocument(DocumentShape.self, bytes, "read \(subject): \(name)")
        guard shape.manifests == nil, shape.mediaType == nil || shape.mediaType == mediaType else {
            throw invalid("\(name) claims to be a manifest and something else")
        }
        return try decodeDocument(ImageManifest.self, bytes, "read \(subject): \(name)")
    }

    private func invalid(_ reason: String) -> ImageError { ImageError(.invalidArchive, "read \(subject): \(reason)") }

    private func tooManyLayers(_ count: Int) -> ImageError {
        ImageError(beyond: "layers", "read \(subject): an image of \(count) layers, where \(limits.layers) are allowed")
    }

    private static func matches(_ reference: String, _ labels: [String]) -> Bool {
        if labels.contains(reference) { return true }
        guard let wanted = ImageName(reference)?.tagged else { return false }
        return labels.contains { ImageName($0)?.tagged == wanted }
    }
}

/// Whether a document is of two kinds at once, which is how one digest becomes two images (CVE-2021-41190).
struct DocumentShape: Decodable {
    struct Anything: Decodable {
        init(from decoder: any Decoder) {}
    }

    var mediaType: String?
    var manifests: Anything?
    var layers: Anything?
    var config: Anything?
}

/// Reads a JSON document.
func decodeDocument<T: Decodable>(
    _ type: T.Type,
    _ bytes: [UInt8],
    _ subject: String,
    code: ImageError.Code = .invalidArchive
) throws(ImageError) -> T {
    do {
        return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
        throw ImageError(code, "\(subject): \(reason(error))")
    }
}

private func reason(_ error: any Error) -> String {
    func place(_ path: [any CodingKey]) -> String {
        path.isEmpty ? "the top" : printable(path.map(\.stringValue).joined(separator: "."))
    }
    return switch error {
    case DecodingError.keyNotFound(let key, let context):
        "\(place(context.codingPath)) has no \"\(printable(key.stringValue))\""
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
        "\(place(context.codingPath)) is of another type than expected"
    case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
        "\(place(context.codingPath)) has a value that is not allowed"
    default: "it is no JSON"
    }
}

/// Writes a JSON document, the same bytes for the same value.
func encoded(_ value: some Encodable) throws(ImageError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
        return Array(try encoder.encode(value))
    } catch {
        throw ImageError(.damagedStore, "write a document: \(error)")
    }
}

extension Array where Element: Hashable {
    /// Without repetitions; the first of equals stays.
    func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
