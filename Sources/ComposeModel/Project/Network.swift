/// A network of a project.
package struct Network: Hashable, Sendable {
    /// A range of addresses that a network hands out.
    package struct Pool: Hashable, Sendable {
        /// All addresses of the network.
        package var subnet: AddressPrefix?
        /// The part of them that is handed out.
        package var range: AddressPrefix?
        /// The gateway's address.
        package var gateway: InternetAddress?
        /// Addresses that are never handed out, by what has them.
        package var reserved: [String: InternetAddress] = [:]

        /// A pool of `subnet`.
        package init(subnet: AddressPrefix? = nil) { self.subnet = subnet }
    }

    /// The key in the file.
    package var key: String
    /// The real name.
    package var name: String
    /// The driver; nil for the usual one, `bridge`.
    package var driver: String?
    /// Options of the driver.
    package var driverOptions: [String: String] = [:]
    /// Whether there is no way out.
    package var isInternal = false
    /// Whether containers of others may join.
    package var isAttachable = false
    /// Whether containers get IPv4 addresses; nil for the driver's choice.
    package var enablesIPv4: Bool?
    /// Whether containers get IPv6 addresses; nil for the driver's choice.
    package var enablesIPv6: Bool?
    /// What hands out addresses; nil for the usual way.
    package var addressDriver: String?
    /// Options of what hands out addresses.
    package var addressOptions: [String: String] = [:]
    /// The ranges of addresses; empty to choose some.
    package var pools: [Pool] = []
    /// Whether it was made by someone else and must be there already.
    package var isExternal = false
    /// Labels.
    package var labels: [String: String] = [:]

    /// A network of the usual kind.
    package init(key: String, name: String) {
        self.key = key
        self.name = name
    }
}
