package import LinuxSystem

/// A network with everything decided, as it is recorded and made.
package struct BridgeNetwork: Hashable, Sendable, Codable {
    /// The addresses of one IP version.
    package struct Subnet: Hashable, Sendable, Codable {
        /// The network.
        package var prefix: IPPrefix
        /// The host's address on it, the router of its containers.
        package var gateway: IPAddress
        /// Where automatic addresses come from; the whole subnet if nil.
        package var range: IPPrefix?
        /// Addresses that nobody is given.
        package var reserved: [IPAddress]
    }

    /// The network's real name, unique on the host.
    package var name: String
    /// The project that it belongs to.
    package var project: String
    /// The bridge.
    package var bridge: InterfaceName
    /// The number that all links of the project share, so that one request deletes them.
    package var group: UInt32
    /// Its addresses.
    package var subnets: [Subnet]
    /// Whether its containers are cut off from everything but each other and the host.
    package var isInternal: Bool
    /// Bytes per packet; the kernel's default if nil.
    package var mtu: UInt32?
    /// Whether its containers reach each other.
    package var connectsContainers: Bool
    /// Whether containers go out under the host's address.
    package var masquerades: Bool
    /// What its maker wrote on it; nil for nothing.
    package var labels: [String: String]?

    /// The subnet of a version.
    package func subnet(_ family: IPFamily) -> Subnet? { subnets.first { $0.prefix.family == family } }
}
