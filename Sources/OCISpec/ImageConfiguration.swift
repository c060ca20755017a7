/// An image's configuration: OCI Image Specification 1.1, "Image Configuration", and what Docker adds.
///
/// Every field that old archives leave out, or write as null, is optional.
package struct ImageConfiguration: Codable, Hashable, Sendable {
    /// The layers' content.
    package struct RootFS: Codable, Hashable, Sendable {
        package var type: String?
        /// Digests of the layers as plain archives, lowest first.
        package var diffIDs: [ContentDigest]?

        /// Layers by their digests as plain archives, lowest first.
        package init(diffIDs: [ContentDigest]) {
            type = "layers"
            self.diffIDs = diffIDs
        }

        private enum CodingKeys: String, CodingKey {
            case type
            case diffIDs = "diff_ids"
        }
    }

    /// What became of one instruction.
    package struct History: Codable, Hashable, Sendable {
        /// When, as RFC 3339 has it.
        package var created: String?
        /// The instruction.
        package var createdBy: String?
        package var author: String?
        package var comment: String?
        /// Whether it made no layer.
        package var emptyLayer: Bool?

        /// An instruction that made a layer, or none.
        package init(createdBy: String, created: String?, isEmptyLayer: Bool, comment: String? = nil) {
            self.createdBy = createdBy
            self.created = created
            self.comment = comment
            emptyLayer = isEmptyLayer ? true : nil
        }

        private enum CodingKeys: String, CodingKey {
            case created, author, comment
            case createdBy = "created_by"
            case emptyLayer = "empty_layer"
        }
    }

    package var os: String?
    package var architecture: String?
    package var variant: String?
    package var created: String?
    /// Who made it: MAINTAINER.
    package var author: String?
    package var config: ProcessDefaults?
    package var rootfs: RootFS?
    /// The instructions, in order.
    package var history: [History]?

    /// A configuration that says nothing.
    package init() {}

    /// What the image was made for; nil when it doesn't say.
    package var platform: Platform? {
        guard let os, let architecture, !os.isEmpty, !architecture.isEmpty else { return nil }
        return Platform(os: os, architecture: architecture, variant: variant.flatMap { $0.isEmpty ? nil : $0 })
    }
}

/// How an image's program runs unless told otherwise: OCI Image Specification 1.1, "config".
package struct ProcessDefaults: Codable, Hashable, Sendable {
    /// Docker's `Healthcheck`; durations in nanoseconds.
    package struct Healthcheck: Codable, Hashable, Sendable {
        /// `NONE`, `CMD` and arguments, or `CMD-SHELL` and a command.
        package var test: [String]?
        package var interval: Int64?
        package var timeout: Int64?
        package var startPeriod: Int64?
        package var startInterval: Int64?
        package var retries: Int?

        /// A check that says nothing.
        package init() {}

        private enum CodingKeys: String, CodingKey {
            case test = "Test"
            case interval = "Interval"
            case timeout = "Timeout"
            case startPeriod = "StartPeriod"
            case startInterval = "StartInterval"
            case retries = "Retries"
        }
    }

    /// An empty object, which the specification uses as the value of a set.
    package struct Member: Codable, Hashable, Sendable {}

    package var user: String?
    /// `NAME=value`.
    package var environment: [String]?
    package var entrypoint: [String]?
    package var command: [String]?
    package var workingDirectory: String?
    package var labels: [String: String]?
    package var stopSignal: String?
    package var healthcheck: Healthcheck?
    /// Docker's `Shell`: what runs `CMD-SHELL`.
    package var shell: [String]?
    /// Docker's `OnBuild`: instructions for those who build on the image.
    package var onBuild: [String]?
    private var exposedPortSet: [String: Member]?
    private var volumeSet: [String: Member]?

    /// Defaults that say nothing.
    package init() {}

    /// Ports as `80/tcp`, sorted.
    package var exposedPorts: [String] {
        get { exposedPortSet.map { $0.keys.sorted() } ?? [] }
        set { exposedPortSet = newValue.isEmpty ? nil : Dictionary(newValue.map { ($0, Member()) }) { $1 } }
    }

    /// Directories that want a volume, sorted.
    package var volumes: [String] {
        get { volumeSet.map { $0.keys.sorted() } ?? [] }
        set { volumeSet = newValue.isEmpty ? nil : Dictionary(newValue.map { ($0, Member()) }) { $1 } }
    }

    private enum CodingKeys: String, CodingKey {
        case user = "User"
        case environment = "Env"
        case entrypoint = "Entrypoint"
        case command = "Cmd"
        case workingDirectory = "WorkingDir"
        case labels = "Labels"
        case stopSignal = "StopSignal"
        case healthcheck = "Healthcheck"
        case shell = "Shell"
        case onBuild = "OnBuild"
        case exposedPortSet = "ExposedPorts"
        case volumeSet = "Volumes"
    }
}
