package import ImageStore

/// Where Roost keeps things on this machine.
package struct StateRoots: Hashable, Sendable {
    /// What is running, until the next boot: `/run/roost`.
    package var runtime: String
    /// What lasts: `/var/lib/roost`.
    package var storage: String
    /// Changes to what images may cost, as `ImportLimits` reads them: `ROOST_IMAGE_LIMITS`.
    package var imageLimits: String

    /// The places that `ROOST_RUNTIME` and `ROOST_ROOT` name, or the standard ones; XDG directories for others than root.
    package init(environment: [String: String], isRoot: Bool) {
        let home = environment["HOME"] ?? "/"
        runtime =
            environment["ROOST_RUNTIME"]
            ?? (isRoot ? "/run/roost" : "\(environment["XDG_RUNTIME_DIR"] ?? "/tmp")/roost")
        storage =
            environment["ROOST_ROOT"]
            ?? (isRoot ? "/var/lib/roost" : "\(environment["XDG_DATA_HOME"] ?? home + "/.local/share")/roost")
        imageLimits = environment[ImportLimits.variable] ?? ""
    }

    /// The directory of the projects' directories.
    package var projects: String { runtime + "/projects" }

    /// The images.
    ///
    /// Limits that have no meaning are refused where a command begins; here they are the standard ones.
    package var images: ImageStore {
        let limits = (try? ImportLimits(changes: imageLimits)) ?? ImportLimits()
        return ImageStore(root: storage, runtimeDirectory: runtime, limits: limits)
    }
}
