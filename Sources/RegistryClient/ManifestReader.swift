import Crypto
import ImageStore
import NIOHTTP1
import OCISpec

/// A manifest as a registry gave it, verified.
struct FoundManifest {
    var bytes: [UInt8]
    var mediaType: String
    var digest: ContentDigest
}

extension RegistrySession {
    /// The types of manifests that we ask for.
    private static let accepted: HTTPHeaders = {
        var headers = HTTPHeaders()
        for type in [
            MediaType.index, MediaType.manifest, "application/vnd.docker.distribution.manifest.list.v2+json",
            "application/vnd.docker.distribution.manifest.v2+json",
        ] { headers.add(name: "Accept", value: type) }
        return headers
    }()

    /// The digest that a tag has now; nil when the registry does not say it without the manifest.
    func digest(of tag: String, _ source: ImageSource, isPatient: Bool) async throws(RegistryError) -> ContentDigest? {
        let path = "/v2/\(source.repository)/manifests/\(tag)"
        let response = try await send("HEAD", .path(path), of: source, headers: Self.accepted, isPatient: isPatient)
        guard response.status == 200 else {
            if response.status == 404 { throw await refusal(response, source, "look for \(source):\(tag)") }
            if response.status == 401 || response.status == 403 {
                throw await refusal(response, source, "look for \(source):\(tag)")
            }
            return nil
        }
        return response.headers.first(name: "Docker-Content-Digest").flatMap(ContentDigest.init(rawValue:))
    }

    /// Fetches a manifest or index by a tag or digest, and checks that it is what was asked for.
    func manifest(
        _ reference: String,
        _ source: ImageSource,
        limit: Int,
        isPatient: Bool = true
    ) async throws(RegistryError) -> FoundManifest {
        let isDigest = reference.contains(":")
        let subject = "\(source)\(isDigest ? "@" : ":")\(reference)"
        let path = "/v2/\(source.repository)/manifests/\(reference)"
        let response = try await send("GET", .path(path), of: source, headers: Self.accepted, isPatient: isPatient)
        guard response.status == 200 else { throw await refusal(response, source, "fetch \(subject)") }
        guard let bytes = try await document(response, limit: limit, source) else {
            throw RegistryError(.invalidAnswer, "fetch \(subject): a manifest of more than \(limit) bytes")
        }
        let digest = ContentDigest(sha256: bytes)
        if isDigest && digest.rawValue != reference {
            throw RegistryError(.digestMismatch, "fetch \(subject): what came has the digest \(digest)")
        }
        if let said = response.headers.first(name: "Docker-Content-Digest"), said != digest.rawValue,
            said.hasPrefix("sha256:")
        {
            throw RegistryError(
                .digestMismatch,
                "fetch \(subject): the registry says that it is \(said.printable), and what came has the digest \(digest)"
            )
        }
        let type = try Self.mediaType(bytes, response.headers.first(name: "Content-Type"), subject)
        return FoundManifest(bytes: bytes, mediaType: type, digest: digest)
    }

    /// The type of a manifest: what the answer and the manifest say, which has to be the same.
    static func mediaType(_ bytes: [UInt8], _ header: String?, _ subject: String) throws(RegistryError) -> String {
        let known = MediaType.indexes.union(MediaType.manifests)
        let said = header.map { String($0.prefix { $0 != ";" && $0 != " " }).lowercased() }
        let written = JSONValue.read(bytes)?.object?["mediaType"]?.text
        if let said, said.hasPrefix("application/vnd.docker.distribution.manifest.v1+") {
            throw RegistryError(
                .unsupported,
                "fetch \(subject): a manifest of schema 1, which nobody writes any more; push the image again"
            )
        }
        if let written {
            guard known.contains(written) else {
                throw RegistryError(
                    .unsupported,
                    "fetch \(subject): it is of the type \(written.printable), which is no image"
                )
            }
            guard said == nil || said == written || !known.contains(said ?? "") && said == "application/json" else {
                throw RegistryError(
                    .invalidAnswer,
                    "fetch \(subject): the registry calls it \(said?.printable ?? ""), and it calls itself \(written)"
                )
            }
            return written
        }
        guard let said, known.contains(said) else {
            throw RegistryError(
                .invalidAnswer,
                "fetch \(subject): the answer is of the type \(said?.printable ?? "none"); is \(subject.prefix { $0 != "/" }) a registry?"
            )
        }
        return said
    }

    /// Fetches a blob that is a document, and checks it.
    func documentBlob(
        _ descriptor: Descriptor,
        _ source: ImageSource,
        limit: Int
    ) async throws(RegistryError) -> [UInt8] {
        let subject = "fetch \(descriptor.digest) of \(source)"
        guard descriptor.size <= limit else {
            throw RegistryError(.invalidAnswer, "\(subject): \(descriptor.size) bytes, where \(limit) are allowed")
        }
        let path = "/v2/\(source.repository)/blobs/\(descriptor.digest)"
        let response = try await send("GET", .path(path), of: source)
        guard response.status == 200 else { throw await refusal(response, source, subject) }
        guard let bytes = try await document(response, limit: Int(descriptor.size), source) else {
            throw RegistryError(
                .digestMismatch,
                "\(subject): more than the \(descriptor.size) bytes that its manifest says"
            )
        }
        let digest = ContentDigest(sha256: bytes)
        guard Int64(bytes.count) == descriptor.size, digest == descriptor.digest else {
            throw RegistryError(
                .digestMismatch,
                "\(subject): what came is \(bytes.count) bytes with the digest \(digest)"
            )
        }
        return bytes
    }
}

extension ContentDigest {
    /// The digest of some bytes.
    init(sha256 bytes: [UInt8]) {
        guard let value = ContentDigest(bytes: SHA256.hash(data: bytes)) else {
            preconditionFailure("a SHA-256 has 32 bytes")
        }
        self = value
    }
}
