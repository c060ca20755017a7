package import OCISpec

/// What the `image:` of a service means.
package enum ImageReference: Hashable, Sendable, CustomStringConvertible {
    /// A directory of the host as the read-only root; "/" is the host's own root without its secrets.
    case rootfs(path: String)
    /// What `docker save` wrote, and which of its images.
    case dockerArchive(path: String, reference: String?)
    /// An archive of an OCI image layout, and which of its images.
    case ociArchive(path: String, reference: String?)
    /// A directory that is an OCI image layout, and which of its images.
    case ociLayout(path: String, reference: String?)
    /// An image of the store by its name.
    case name(ImageName)
    /// An image of the store by its ID, the digest of its configuration.
    case identifier(ContentDigest)

    /// Reads an `image:` value; relative paths start at the project's directory.
    ///
    /// Throws `invalidReference`, which says what the forms are.
    package init(_ text: String, projectDirectory: String) throws(ImageError) {
        guard let colon = text.firstIndex(of: ":") else {
            self = try Self.named(text)
            return
        }
        let rest = text[text.index(after: colon)...]
        switch text[..<colon] {
        case "rootfs":
            self = .rootfs(path: try Self.path(rest, of: text, projectDirectory))
        case "docker-archive":
            let (path, reference) = Self.split(rest)
            self = .dockerArchive(path: try Self.path(path, of: text, projectDirectory), reference: reference)
        case "oci-archive":
            let (path, reference) = Self.split(rest)
            self = .ociArchive(path: try Self.path(path, of: text, projectDirectory), reference: reference)
        case "oci":
            let (path, reference) = Self.split(rest)
            self = .ociLayout(path: try Self.path(path, of: text, projectDirectory), reference: reference)
        default:
            self = try Self.named(text)
        }
    }

    /// The value in its canonical form, with absolute paths and full names.
    package var description: String {
        func with(_ transport: String, _ path: String, _ reference: String?) -> String {
            "\(transport):\(path)" + (reference.map { ":\($0)" } ?? "")
        }
        return switch self {
        case .rootfs(let path): "rootfs:\(path)"
        case .dockerArchive(let path, let reference): with("docker-archive", path, reference)
        case .ociArchive(let path, let reference): with("oci-archive", path, reference)
        case .ociLayout(let path, let reference): with("oci", path, reference)
        case .name(let name): "\(name)"
        case .identifier(let digest): "\(digest)"
        }
    }

    private static func named(_ text: String) throws(ImageError) -> ImageReference {
        if let digest = ContentDigest(rawValue: text) { return .identifier(digest) }
        guard let name = ImageName(text) else { throw invalid(text, "is no image name") }
        return .name(name)
    }

    private static func split(_ text: Substring) -> (path: Substring, reference: String?) {
        guard let colon = text.firstIndex(of: ":") else { return (text, nil) }
        return (text[..<colon], String(text[text.index(after: colon)...]))
    }

    private static func path(
        _ path: Substring,
        of text: String,
        _ projectDirectory: String
    ) throws(ImageError) -> String {
        guard !path.isEmpty else { throw invalid(text, "names no path") }
        guard !path.utf8.contains(0) else { throw invalid(text, "has a zero byte in its path") }
        let absolute = path.hasPrefix("/") ? String(path) : "\(projectDirectory)/\(path)"
        let parts = absolute.split(separator: "/").filter { $0 != "." }
        return "/" + parts.joined(separator: "/")
    }

    private static func invalid(_ text: String, _ reason: String) -> ImageError {
        ImageError(
            .invalidReference,
            "image \"\(text.prefix(200))\" \(reason); write a name as in redis:7 or ghcr.io/owner/app@sha256:…, "
                + "docker-archive:FILE[:NAME], oci-archive:FILE[:NAME], oci:DIRECTORY[:NAME], rootfs:DIRECTORY, "
                + "or rootfs:/ for the host's own programs"
        )
    }
}
