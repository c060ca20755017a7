package import LinuxSystem

/// One container's place on one network.
package struct NetworkAttachment: Hashable, Sendable {
    /// The network.
    package var network: BridgeNetwork
    /// The container's addresses on it.
    package var addresses: [InterfaceAddress]
    /// The interface's name: `interface_name`; eth0, eth1, … if nil.
    package var interface: InterfaceName?
    /// The hardware address: `mac_address`; derived from the first address if nil.
    package var mac: MACAddress?
    /// Higher ones come first among the interfaces: `priority`.
    package var priority: Int
    /// The highest provides the default routes: `gw_priority`.
    package var gatewayPriority: Int
    /// Further addresses, valid on this link alone: `link_local_ips`.
    package var linkLocal: [InterfaceAddress]

    /// Describes a place on a network.
    package init(
        _ network: BridgeNetwork,
        addresses: [InterfaceAddress],
        interface: InterfaceName? = nil,
        mac: MACAddress? = nil,
        priority: Int = 0,
        gatewayPriority: Int = 0,
        linkLocal: [InterfaceAddress] = []
    ) {
        self.network = network
        self.addresses = addresses
        self.interface = interface
        self.mac = mac
        self.priority = priority
        self.gatewayPriority = gatewayPriority
        self.linkLocal = linkLocal
    }
}

/// What a container's namespace is to hold: decided here, made by `HostNetwork`.
package struct NamespacePlan: Hashable, Sendable, CustomStringConvertible {
    /// One interface.
    package struct Interface: Hashable, Sendable {
        /// Its name in the container.
        package var name: InterfaceName
        /// Its index in the container, which no other interface there can have yet.
        package var index: InterfaceIndex
        /// Its hardware address.
        package var mac: MACAddress?
        /// The network behind it.
        package var network: BridgeNetwork
        /// The container's addresses on it.
        package var addresses: [InterfaceAddress]
        /// Further addresses, valid on this link alone.
        package var linkLocal: [InterfaceAddress]
    }

    /// The interfaces, in order.
    package var interfaces: [Interface]
    /// The default routes, at most one of each version.
    package var defaults: [Route]

    /// A namespace with nothing but loopback: `network_mode: none`.
    package static let loopbackOnly = NamespacePlan([])

    /// Orders the attachments and chooses names and default routes.
    ///
    /// Interfaces are ordered by falling priority, then by the network's name. Of the networks with a way out, the one
    /// with the highest gateway priority provides the default route, then the first by name.
    package init(_ attachments: [NetworkAttachment]) {
        let ordered = attachments.sorted {
            ($1.priority, $0.network.name) < ($0.priority, $1.network.name)
        }
        var used = Set(ordered.compactMap(\.interface))
        var number = 0
        interfaces = ordered.enumerated().compactMap { position, attachment in
            var name = attachment.interface
            while name == nil {
                if let candidate = InterfaceName("eth\(number)"), used.insert(candidate).inserted { name = candidate }
                number += 1
            }
            return name.map {
                Interface(
                    name: $0,
                    // Loopback is 1.
                    index: InterfaceIndex(rawValue: UInt32(position + 2)),
                    mac: attachment.mac ?? Self.mac(of: attachment.addresses),
                    network: attachment.network,
                    addresses: attachment.addresses,
                    linkLocal: attachment.linkLocal
                )
            }
        }
        let exits = zip(ordered, interfaces).filter { !$0.0.network.isInternal }.sorted {
            ($1.0.gatewayPriority, $0.0.network.name) < ($0.0.gatewayPriority, $1.0.network.name)
        }
        defaults = IPFamily.allCases.compactMap { family in
            for (attachment, interface) in exits
            where attachment.addresses.contains(where: { $0.address.family == family }) {
                guard let gateway = attachment.network.subnet(family)?.gateway else { continue }
                return Route(defaultVia: gateway, interface: interface.index)
            }
            return nil
        }
    }

    /// Whether any interface has a version 6 address.
    var hasIPv6: Bool { interfaces.contains { ($0.addresses + $0.linkLocal).contains { $0.address.family == .v6 } } }

    /// The requests that configure the namespace from inside, once the interfaces are there.
    var insideRequests: [NetlinkRequest] {
        var requests: [NetlinkRequest] = [.setUp(.index(.loopback))]
        for interface in interfaces {
            // An address on an interface that is down brings its route when the interface comes up, and up comes first
            // all the same: version 6 routes need a device that is up.
            requests.append(.setUp(.index(interface.index)))
            for address in interface.addresses + interface.linkLocal {
                requests.append(.addAddress(address, to: interface.index, flags: .skipDuplicateDetection))
            }
        }
        return requests + defaults.map { .addRoute($0) }
    }

    /// One line for each interface, with its network, and one for each step inside.
    package var description: String {
        let links = interfaces.map { interface in
            "\(interface.name) on \(interface.network.bridge) (\(interface.network.name))"
                + (interface.mac.map { " mac \($0)" } ?? "")
        }
        return (links + insideRequests.map(\.subject)).joined(separator: "\n")
    }

    private static func mac(of addresses: [InterfaceAddress]) -> MACAddress? {
        for address in addresses {
            if case .v4(let address) = address.address { return MACAddress(derivedFrom: address) }
        }
        return nil
    }
}
