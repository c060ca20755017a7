/// How `up` treats what is there already.
package struct UpOptions: Hashable, Codable, Sendable {
    /// When containers are made anew.
    package enum Recreation: String, Codable, Sendable {
        /// Their definition has changed.
        case changed
        /// Always.
        case always
        /// Never.
        case never
    }

    /// When containers are made anew.
    package var recreation = Recreation.changed
    /// The services that `recreation` is about; empty for all.
    package var recreated: Set<String> = []
    /// When containers of other services are made anew: of those that the named ones depend on.
    package var dependencyRecreation = Recreation.changed
    /// Whether the volumes that belong to a container alone are made anew with it, for the services of `recreated`.
    package var renewsAnonymousVolumes = false
    /// Whether containers of services that the file does not know are removed.
    package var removesOrphans = false
    /// Whether containers are started.
    package var starts = true
    /// How long a container may take to end, instead of what the file says; seconds.
    package var stopTimeout: Int?
    /// What stands between the parts of a container's name; nil for `-`.
    package var nameSeparator: String?
    /// How many steps are under way at once at most; nil for no limit.
    package var stepLimit: Int?

    /// `up` without options.
    package init() {}

    /// When containers of `service` are made anew.
    func recreation(of service: String) -> Recreation { isNamed(service) ? recreation : dependencyRecreation }

    /// Whether the command is about `service` itself.
    func isNamed(_ service: String) -> Bool { recreated.isEmpty || recreated.contains(service) }
}
