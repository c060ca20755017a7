/// Brings a project from another machine to this one; it is asked once for each reference.
package typealias RemoteFetch = @Sendable (RemoteReference) throws(RemoteFailure) -> RemoteProject

/// What to load and how: everything that comes from the command line and the process, as values.
package struct LoadOptions: Sendable {
    /// The names of Compose files that a directory is searched for, the best first.
    package static let fileNames = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]

    /// The files of `-f`, in order; empty to look for them.
    package var files: [String] = []
    /// The name of `-p`.
    package var projectName: String?
    /// The directory of `--project-directory`.
    package var projectDirectory: String?
    /// The files of `--env-file`, in order.
    package var environmentFiles: [String] = []
    /// The profiles of `--profile`.
    package var profiles: [String] = []
    /// The services that are asked for; empty for all.
    package var services: [String] = []
    /// The variables of the process.
    package var environment: [String: String]
    /// The directory of the process.
    package var workingDirectory: String
    /// Whether variables are replaced.
    package var interpolates = true
    /// Whether implied values are filled in.
    package var normalises = true
    /// Whether paths become absolute.
    package var resolvesPaths = true
    /// Whether the parts of the project must fit together.
    package var checksConsistency = true
    /// Whether networks, volumes, configs and secrets stay that no service uses.
    package var keepsUnusedResources = false
    /// Whether environment files of services are read.
    package var resolvesEnvironment = true
    /// Whether only the names of what the project has are wanted.
    ///
    /// Environment files stay unread then, containers may have one name, and services are selected also where variables
    /// are not replaced.
    package var wantsNamesOnly = false
    /// Fetches what `-f`, `include` and `extends` name on other machines; nil to refuse it.
    package var fetch: RemoteFetch?

    /// Options for a process with these variables in this directory.
    package init(environment: [String: String], workingDirectory: String) {
        self.environment = environment
        self.workingDirectory = workingDirectory
    }
}
