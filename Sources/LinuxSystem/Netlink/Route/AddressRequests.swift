/// How an address is added: IFA_F_.
package struct AddressFlags: OptionSet, Hashable, Sendable {
    /// The bits.
    package let rawValue: UInt32
    /// Wraps the bits.
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    /// IFA_F_NODAD: usable at once, without looking for duplicates; IPv6 only.
    package static let skipDuplicateDetection = AddressFlags(rawValue: 0x02)
    /// IFA_F_PERMANENT: without an end, as those that are not from router advertisements or DHCP.
    package static let permanent = AddressFlags(rawValue: 0x80)
    /// IFA_F_NOPREFIXROUTE: adds no route to the network.
    package static let noPrefixRoute = AddressFlags(rawValue: 0x200)
}

/// A route of the main table.
package struct Route: Hashable, Sendable {
    /// Where packets go by this route.
    package var destination: IPPrefix
    /// The next router; nil for neighbours on the link.
    package var gateway: IPAddress?
    /// The interface they leave by; nil if it follows from the gateway.
    package var interface: InterfaceIndex?
    /// The smaller wins: RTA_PRIORITY.
    package var metric: UInt32?
    /// The source address for packets that have none yet: RTA_PREFSRC.
    package var source: IPAddress?

    /// Describes a route.
    package init(
        to destination: IPPrefix,
        via gateway: IPAddress? = nil,
        interface: InterfaceIndex? = nil,
        metric: UInt32? = nil,
        source: IPAddress? = nil
    ) {
        self.destination = destination
        self.gateway = gateway
        self.interface = interface
        self.metric = metric
        self.source = source
    }

    /// The default route through `gateway`.
    package init(defaultVia gateway: IPAddress, interface: InterfaceIndex? = nil, metric: UInt32? = nil) {
        self.init(to: .everything(gateway.family), via: gateway, interface: interface, metric: metric)
    }

    fileprivate var words: String {
        let target = destination.length == 0 ? "default" : destination.description
        return target + (gateway.map { " via \($0)" } ?? "") + (interface.map { " dev \($0)" } ?? "")
    }
}

extension NetlinkRequest {
    /// Adds an address, with the broadcast address that belongs to it; fails if it is there.
    package static func addAddress(
        _ address: InterfaceAddress,
        to interface: InterfaceIndex,
        flags: AddressFlags = []
    ) -> NetlinkRequest {
        let subject = "add address \(address) to interface \(interface)"
        return NetlinkRequest(subject, type: RouteMessage.newAddress, flags: [.create, .exclusive]) {
            $0.address(address, interface)
            if let broadcast = address.prefix.broadcast {
                $0.attribute(AddressAttribute.broadcast, bytes: broadcast.bytes)
            }
            if !flags.isEmpty { $0.attribute(AddressAttribute.flags, number: flags.rawValue) }
        }
    }

    /// Gives an interface an address that this or another had, in whatever namespace, as it had it.
    package static func restoreAddress(_ assigned: AssignedAddress, on interface: InterfaceIndex) -> NetlinkRequest {
        let subject = "add address \(assigned.address) to interface \(interface)"
        return NetlinkRequest(subject, type: RouteMessage.newAddress, flags: [.create, .exclusive]) {
            let address = assigned.address
            for byte in [address.address.family.number, UInt8(address.prefix.length), 0, assigned.scope] {
                $0.append(byte)
            }
            $0.append(interface.rawValue)
            $0.attribute(AddressAttribute.local, bytes: address.address.bytes)
            $0.attribute(AddressAttribute.address, bytes: (assigned.peer ?? address.address).bytes)
            if let broadcast = assigned.broadcast {
                $0.attribute(AddressAttribute.broadcast, bytes: broadcast.bytes)
            }
            let flags = assigned.flags.intersection([.skipDuplicateDetection, .noPrefixRoute])
            if !flags.isEmpty { $0.attribute(AddressAttribute.flags, number: flags.rawValue) }
        }
    }

    /// Removes an address.
    package static func deleteAddress(_ address: InterfaceAddress, from interface: InterfaceIndex) -> NetlinkRequest {
        let subject = "delete address \(address) from interface \(interface)"
        return NetlinkRequest(subject, type: RouteMessage.deleteAddress) { $0.address(address, interface) }
    }

    /// Adds a route; fails if it is there.
    package static func addRoute(_ route: Route) -> NetlinkRequest {
        NetlinkRequest("add route \(route.words)", type: RouteMessage.newRoute, flags: [.create, .exclusive]) {
            $0.route(route)
        }
    }

    /// Removes a route.
    package static func deleteRoute(_ route: Route) -> NetlinkRequest {
        NetlinkRequest("delete route \(route.words)", type: RouteMessage.deleteRoute) { $0.route(route) }
    }

    /// Records a neighbour's hardware address for good, or overwrites the one recorded.
    package static func setNeighbour(
        _ address: IPAddress,
        _ mac: MACAddress,
        on interface: InterfaceIndex
    ) -> NetlinkRequest {
        NetlinkRequest(
            "set neighbour \(address) on interface \(interface)",
            type: RouteMessage.newNeighbour,
            flags: [.create, .replace]
        ) {
            $0.neighbour(address, interface)
            $0.attribute(2, bytes: mac.bytes)
        }
    }

    /// Forgets a neighbour.
    package static func deleteNeighbour(_ address: IPAddress, on interface: InterfaceIndex) -> NetlinkRequest {
        let subject = "delete neighbour \(address) on interface \(interface)"
        return NetlinkRequest(subject, type: RouteMessage.deleteNeighbour) { $0.neighbour(address, interface) }
    }
}

extension NetlinkWriter {
    /// struct ifaddrmsg and the address.
    fileprivate mutating func address(_ address: InterfaceAddress, _ interface: InterfaceIndex) {
        // Scope: a loopback address is of the host (254), the others of the world (0).
        for byte in [
            address.address.family.number, UInt8(address.prefix.length), 0, address.address.isLoopback ? 254 : 0,
        ] {
            append(byte)
        }
        append(interface.rawValue)
        attribute(AddressAttribute.local, bytes: address.address.bytes)
        attribute(AddressAttribute.address, bytes: address.address.bytes)
    }

    /// struct rtmsg and the route.
    fileprivate mutating func route(_ route: Route) {
        // Scope link (253) is for version 4 routes without a gateway; table main (254), protocol static (4), unicast (1).
        let scope: UInt8 = route.gateway == nil && route.destination.family == .v4 ? 253 : 0
        for byte in [route.destination.family.number, UInt8(route.destination.length), 0, 0, 254, 4, scope, 1] {
            append(byte)
        }
        append(UInt32(0))
        if route.destination.length > 0 {
            attribute(RouteAttribute.destination, bytes: route.destination.network.bytes)
        }
        if let gateway = route.gateway { attribute(RouteAttribute.gateway, bytes: gateway.bytes) }
        if let interface = route.interface { attribute(RouteAttribute.outputInterface, number: interface.rawValue) }
        if let metric = route.metric { attribute(RouteAttribute.priority, number: metric) }
        if let source = route.source { attribute(RouteAttribute.preferredSource, bytes: source.bytes) }
    }

    /// struct ndmsg (NUD_PERMANENT) and NDA_DST.
    fileprivate mutating func neighbour(_ address: IPAddress, _ interface: InterfaceIndex) {
        for byte in [address.family.number, 0, 0, 0] { append(byte) }
        append(interface.rawValue)
        append(UInt16(0x80))
        append(UInt16(0))
        attribute(1, bytes: address.bytes)
    }
}
