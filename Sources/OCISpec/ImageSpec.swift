/// What an image is made for: OCI Image Specification 1.1, "Image Index", `platform`.
package struct Platform: Codable, Hashable, Sendable, CustomStringConvertible {
    package var os: String
    package var architecture: String
    package var variant: String?

    /// A platform by its parts.
    package init(os: String, architecture: String, variant: String? = nil) {
        self.os = os
        self.architecture = architecture
        self.variant = variant
    }

    /// Reads `os/architecture[/variant]`; nil when it has another form.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count), !parts.contains("") else { return nil }
        self.init(os: parts[0], architecture: parts[1], variant: parts.count == 3 ? parts[2] : nil)
    }

    /// The platform this program was built for.
    package static var host: Platform {
        #if arch(x86_64)
        Platform(os: "linux", architecture: "amd64")
        #elseif arch(arm64)
        Platform(os: "linux", architecture: "arm64", variant: "v8")
        #else
        Platform(os: "linux", architecture: "unknown")
        #endif
    }

    /// Whether what was made for `other` serves a wish for this platform; a variant counts only when both name one.
    package func accepts(_ other: Platform) -> Bool {
        guard os == other.os, architecture == other.architecture else { return false }
        guard let variant, let theirs = other.variant else { return true }
        return variant == theirs
    }

    /// The form `os/architecture[/variant]`.
    package var description: String { ([os, architecture] + (variant.map { [$0] } ?? [])).joined(separator: "/") }
}

/// A reference to content: OCI Image Specification 1.1, "Content Descriptors".
package struct Descriptor: Codable, Hashable, Sendable {
    package var mediaType: String
    package var digest: ContentDigest
    /// In bytes.
    package var size: Int64
    package var platform: Platform?
    package var annotations: [String: String]?

    /// Names content of a type.
    package init(
        mediaType: String,
        digest: ContentDigest,
        size: Int64,
        platform: Platform? = nil,
        annotations: [String: String]? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.platform = platform
        self.annotations = annotations
    }
}

/// The parts of one image: OCI Image Specification 1.1, "Image Manifest".
package struct ImageManifest: Codable, Hashable, Sendable {
    package var schemaVersion = 2
    package var mediaType: String? = MediaType.manifest
    package var config: Descriptor
    /// The layers, lowest first.
    package var layers: [Descriptor]
    package var annotations: [String: String]?

    /// An image of a configuration and layers, lowest first.
    package init(config: Descriptor, layers: [Descriptor]) {
        self.config = config
        self.layers = layers
    }
}

/// A list of images, one for each platform or name: OCI Image Specification 1.1, "Image Index".
package struct ImageIndex: Codable, Hashable, Sendable {
    package var schemaVersion = 2
    package var mediaType: String? = MediaType.index
    package var manifests: [Descriptor]
    package var annotations: [String: String]?

    /// A list of images.
    package init(manifests: [Descriptor] = []) { self.manifests = manifests }
}

/// Types of content that images consist of.
package enum MediaType {
    /// An image's manifest.
    package static let manifest = "application/vnd.oci.image.manifest.v1+json"
    /// A list of manifests.
    package static let index = "application/vnd.oci.image.index.v1+json"
    /// An image's configuration.
    package static let configuration = "application/vnd.oci.image.config.v1+json"
    /// A layer that is a plain archive.
    package static let layer = "application/vnd.oci.image.layer.v1.tar"

    /// Manifests: ours, and Docker's of the same form.
    package static let manifests: Set<String> = [manifest, "application/vnd.docker.distribution.manifest.v2+json"]
    /// Lists of manifests: ours, and Docker's of the same form.
    package static let indexes: Set<String> = [index, "application/vnd.docker.distribution.manifest.list.v2+json"]
}

/// The name of an image within an index: OCI Image Specification 1.1, "Annotations".
package let referenceNameAnnotation = "org.opencontainers.image.ref.name"
