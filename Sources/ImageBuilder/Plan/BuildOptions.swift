package import OCISpec

/// What somebody wants built from a Dockerfile.
package struct BuildOptions: Sendable {
    /// Which steps run although the cache has them.
    package enum CacheBypass: Hashable, Sendable {
        case nothing
        case everything
        /// The stages with these names or numbers.
        case stages(Set<String>)
    }

    /// What a name stands for in FROM and in `from`, in place of a stage or an image.
    package enum NamedContext: Hashable, Sendable {
        /// A directory of the host, absolute.
        case directory(String)
        /// A reference as `image:` has it: a name, or a transport such as `rootfs:/`.
        case image(String)
        /// A git repository: `https://host/path.git#ref:subdirectory`.
        case git(String)
        /// A file behind `http://` or `https://`: a directory that holds it and nothing else.
        case file(String)
        /// Another target of the same Dockerfile: `target:NAME`.
        case target(String)
        /// A name that something else gives to its result, such as `service:NAME`; the caller resolves it.
        case other(String)
    }

    /// The stage to build; nil for the last one.
    package var target: String?
    /// Values of build arguments by name.
    package var arguments: [String: String] = [:]
    /// What the image is for.
    package var platform: Platform = .host
    /// What the build runs on.
    package var buildPlatform: Platform = .host
    /// Labels that the image gets on top of its own.
    package var labels: [String: String] = [:]
    package var cacheBypass: CacheBypass = .nothing
    /// By name, in lower case.
    package var contexts: [String: NamedContext] = [:]
    /// Whether RUN may ask for the host's network: the entitlement `network.host`.
    package var allowsHostNetwork = false
    /// Whether RUN may ask for all capabilities: the entitlement `security.insecure`.
    package var allowsInsecure = false

    /// The last stage, for the host, without arguments.
    package init() {}
}
