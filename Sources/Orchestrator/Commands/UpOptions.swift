/// How `up` treats what is there already.
package struct UpOptions: Hashable, Codable, Sendable {
    /// When containers are made anew.
    package enum Recreation: String, Codable, Sendable {
        /// Their definition has changed.
        case changed
        /// Always, those of the services that were named.
        case always
        /// Never.
        case never
    }

    /// When containers are made anew.
    package var recreation = Recreation.changed
    /// The services that `recreation` is about when it is `always`; empty for all.
    package var recreated: Set<String> = []
    /// Whether containers of services that the file does not know are removed.
    package var removesOrphans = false
    /// Whether containers are started.
    package var starts = true
    /// How long a container may take to end, instead of what the file says; seconds.
    package var stopTimeout: Int?

    /// `up` without options.
    package init() {}
}
