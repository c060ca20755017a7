/// How a service takes part in a network.
package struct NetworkAttachment: Hashable, Sendable {
    /// The network's key in the file.
    package var network: String
    /// Further names of the service there.
    package var aliases: [String] = []
    /// Its own IPv4 address; nil for any.
    package var ipv4Address: InternetAddress?
    /// Its own IPv6 address; nil for any.
    package var ipv6Address: InternetAddress?
    /// Further addresses that are valid on this link only.
    package var linkLocalAddresses: [InternetAddress] = []
    /// The hardware address; nil for any.
    package var macAddress: HardwareAddress?
    /// The order of joining, highest first.
    package var priority = 0
    /// Which network has the way out, highest first.
    package var gatewayPriority = 0
    /// The interface's name inside; nil for the next `ethN`.
    package var interfaceName: String?
    /// Options of the driver.
    package var driverOptions: [String: String] = [:]

    /// An attachment without wishes.
    package init(network: String) { self.network = network }
}

/// A line of the hosts file.
package struct HostEntry: Hashable, Sendable {
    /// What the name stands for.
    package enum Address: Hashable, Sendable {
        /// This address.
        case address(InternetAddress)
        /// `host-gateway`: the address at which the container reaches the host.
        case hostGateway
    }

    /// The name.
    package var name: String
    /// What it stands for.
    package var address: Address

    /// Reads `name=address`.
    init?(text: String) {
        guard let sign = text.firstIndex(of: "="), sign != text.startIndex else { return nil }
        let value = String(text[text.index(after: sign)...])
        name = String(text[..<sign])
        if name.contains(where: \.isWhitespace) { return nil }
        if value == "host-gateway" {
            address = .hostGateway
        } else if let known = InternetAddress(text: value) {
            address = .address(known)
        } else {
            return nil
        }
    }
}

/// Another service under a further name, `service[:alias]`, or a container of others, `container[:alias]`.
package struct ServiceLink: Hashable, Sendable {
    /// The other service, or the container.
    package var service: String
    /// The name it goes by.
    package var alias: String

    /// Reads `service` and `service:alias`.
    init?(text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        service = parts[0]
        alias = parts[parts.count - 1]
    }
}
