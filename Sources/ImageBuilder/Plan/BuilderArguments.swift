/// Build arguments that say how a build is done rather than what: `BUILDKIT_…`, under the names that BuildKit knows.
///
/// What has no meaning here (the name of a build, metadata of caches in the image) is passed over.
package struct BuilderArguments: Hashable, Sendable {
    /// What steps are called; nil for the usual.
    package let hostname: String?
    /// What stands before the ids of cache directories, so that others have caches of their own; "" for nothing.
    package let cacheNamespace: String
    /// Whether a context that is a repository keeps its directory `.git`.
    package let keepsGitDirectory: Bool
    /// What reads the Dockerfile in place of what its `syntax` says; nil for that.
    package let syntax: String?

    /// Those among all arguments.
    package init(_ arguments: [String: String]) {
        func text(_ name: String) -> String? { arguments[name].flatMap { $0.isEmpty ? nil : $0 } }
        hostname = text("BUILDKIT_SANDBOX_HOSTNAME")
        cacheNamespace = text("BUILDKIT_CACHE_MOUNT_NS") ?? ""
        keepsGitDirectory = ["1", "t", "true"].contains(text("BUILDKIT_CONTEXT_KEEP_GIT_DIR")?.lowercased() ?? "")
        syntax = text("BUILDKIT_SYNTAX")
    }
}
