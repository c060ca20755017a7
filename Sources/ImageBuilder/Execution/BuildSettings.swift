package import ImageStore
package import OCISpec

/// What a build is given beside its plan.
package struct BuildSettings: Sendable {
    /// The network of steps that ask for none in particular.
    package enum Network: Hashable, Sendable {
        /// One of the build's own, with a way out.
        case own
        /// The host's.
        case host
        /// Loopback alone.
        case none
    }

    /// Where a secret comes from.
    package enum SecretSource: Hashable, Sendable {
        /// A file of the host, absolute.
        case file(String)
        /// A variable of the caller's, with its value.
        case value([UInt8])
    }

    /// A name in the steps' hosts files.
    package struct ExtraHost: Hashable, Sendable {
        package var name: String
        /// An address, or `host-gateway`.
        package var address: String

        /// A name and where it leads.
        package init(name: String, address: String) {
            self.name = name
            self.address = address
        }
    }

    package var network = Network.own
    /// Bytes of `/dev/shm`; nil for the usual.
    package var sharedMemoryBytes: Int64?
    /// Bytes of memory that one step may use; nil for all.
    package var memoryBytes: Int64?
    package var limits: [ProcessSpec.Rlimit] = []
    package var extraHosts: [ExtraHost] = []
    /// Whether every step has all capabilities.
    package var isPrivileged = false
    /// By id.
    package var secrets: [String: SecretSource] = [:]
    /// Sockets of SSH agents by id; `default` is the usual one.
    package var agents: [String: String] = [:]
    /// No file is younger, in seconds since the epoch: `SOURCE_DATE_EPOCH`.
    package var latestTime: Int64?
    /// The caller's variables, of which git is given those for connections.
    package var environment: [String: String] = [:]
    /// Directories that results are looked for in that are not here.
    package var cacheSources: [String] = []
    /// Directories that results are written to.
    package var cacheTargets: [String] = []
    /// Whether the context keeps its directory `.git` when it is a repository: `BUILDKIT_CONTEXT_KEEP_GIT_DIR`.
    package var keepsGitDirectory = false
    /// How layers are compressed.
    package var compression = LayerCompression.standard

    /// The usual.
    package init() {}
}
