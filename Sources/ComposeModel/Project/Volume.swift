/// A volume of a project.
package struct Volume: Hashable, Sendable {
    /// The key in the file.
    package var key: String
    /// The real name.
    package var name: String
    /// The driver; nil for the usual one, `local`.
    package var driver: String?
    /// Options of the driver: `type`, `o` and `device` for `local`.
    package var driverOptions: [String: String] = [:]
    /// Whether it was made by someone else and must be there already.
    package var isExternal = false
    /// Labels.
    package var labels: [String: String] = [:]

    /// A volume of the usual kind.
    package init(key: String, name: String) {
        self.key = key
        self.name = name
    }
}
