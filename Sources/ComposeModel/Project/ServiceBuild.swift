/// How the image of a service is built.
package struct ServiceBuild: Hashable, Sendable {
    /// A directory or image that has a name in the build.
    package struct NamedContext: Hashable, Sendable {
        package var name: String
        /// An absolute directory, an address, `service:` and a service, or `docker-image://` and an image.
        package var value: String
    }

    /// A secret that steps may ask for.
    package struct Secret: Hashable, Sendable {
        /// The key under `secrets` of the file.
        package var source: String
        /// What the build calls it.
        package var id: String
    }

    /// What files are copied from: an absolute directory or an address.
    package var context: String
    /// Where its Dockerfile is, relative to the context.
    package var dockerfile: String?
    /// The text of its Dockerfile.
    package var dockerfileText: String?
    /// Build arguments that have a value.
    package var arguments: [String: String] = [:]
    /// The stage; nil for the last one.
    package var target: String?
    /// Other sources of files and images, in file order.
    package var contexts: [NamedContext] = []
    package var cacheSources: [String] = []
    package var cacheTargets: [String] = []
    package var labels: [String: String] = [:]
    /// The network of steps.
    package var network: String?
    /// Bytes of the steps' `/dev/shm`.
    package var sharedMemoryBytes: Int64?
    package var ulimits: [Ulimit] = []
    package var secrets: [Secret] = []
    /// Sockets of SSH agents by name; an empty path is the caller's own agent.
    package var agents: [String: String] = [:]
    /// Further names of the image.
    package var tags: [String] = []
    package var platforms: [String] = []
    /// Whether base images are fetched although they are there.
    package var refreshesBases = false
    /// Whether no step's result is taken from the cache.
    package var ignoresCache = false
    /// Stages whose steps' results are not taken from the cache.
    package var uncachedStages: [String] = []
    /// Whether steps have every right of the host's root.
    package var isPrivileged = false
    package var extraHosts: [HostEntry] = []
    /// Rights that steps may ask for: `network.host`, `security.insecure`.
    package var entitlements: [String] = []

    /// A build of `context`.
    package init(context: String) { self.context = context }
}
