/// What happens to the output of a container.
package struct Logging: Hashable, Sendable {
    /// Who keeps it.
    package enum Driver: Hashable, Sendable {
        /// A file with a line of JSON for each line.
        case jsonFile
        /// Files in a form of our own.
        case local
        /// Nobody.
        case none
        /// A driver that is not here.
        case other(String)
    }

    /// Who keeps it; nil for the usual one.
    package var driver: Driver?
    /// Options of the driver: `max-size`, `max-file`.
    package var options: [String: String] = [:]

    /// The usual way.
    package init() {}
}

extension Logging.Driver {
    /// Reads the name of a driver.
    init(text: String) {
        switch text {
        case "json-file": self = .jsonFile
        case "local": self = .local
        case "none": self = .none
        default: self = .other(text)
        }
    }
}
