/// An interface as the kernel lists it.
package struct Link: Hashable, Sendable {
    /// Its index.
    package var index: InterfaceIndex
    /// Its name; not an `InterfaceName`, as older tools could set odd ones.
    package var name: String
    /// "bridge", "veth", …; nil for loopback and hardware.
    package var kind: String?
    /// Its hardware address; nil where it has none of six bytes.
    package var mac: MACAddress?
    /// Bytes per frame.
    package var mtu: UInt32
    /// IFF_UP.
    package var isUp: Bool
    /// IFF_LOWER_UP: the other end is up too.
    package var hasCarrier: Bool
    /// The bridge that it is a port of.
    package var master: InterfaceIndex?
    /// What the bridge does with it, if it is a bridge's port.
    package var portFlags: BridgePortFlags?

    /// Reads RTM_NEWLINK; nil for anything else.
    init?(_ message: NetlinkMessage) {
        guard message.type == RouteMessage.newLink, let index = message.body.number(at: 4, as: UInt32.self),
            let flags = message.body.number(at: 8, as: UInt32.self)
        else { return nil }
        let attributes = message.attributes(after: 16)
        guard let name = attributes.string(LinkAttribute.name) else { return nil }
        let info = attributes.nested(LinkAttribute.info)
        self.index = InterfaceIndex(rawValue: index)
        self.name = name
        kind = info?.string(LinkAttribute.infoKind)
        mac = attributes[LinkAttribute.address].flatMap { MACAddress(bytes: $0) }
        mtu = attributes.number(LinkAttribute.mtu) ?? 0
        isUp = flags & 1 != 0
        hasCarrier = flags & 0x10000 != 0
        master = attributes.number(LinkAttribute.master).map(InterfaceIndex.init(rawValue:))
        if info?.string(LinkAttribute.infoPortKind) == "bridge" {
            let port = info?.nested(LinkAttribute.infoPortData)
            portFlags = BridgePortFlags(
                isIsolated: port?.number(LinkAttribute.Port.isolated, as: UInt8.self) == 1,
                isHairpin: port?.number(LinkAttribute.Port.hairpin, as: UInt8.self) == 1
            )
        }
    }
}

/// An interface's address as the kernel lists it.
package struct AssignedAddress: Hashable, Sendable {
    /// The interface.
    package var interface: InterfaceIndex
    /// The address and its network.
    package var address: InterfaceAddress
    /// How it was added.
    package var flags: AddressFlags
    /// How far it is valid: RT_SCOPE_, 0 for everywhere.
    package var scope: UInt8
    /// The other side of a link between two; nil elsewhere.
    package var peer: IPAddress?
    /// Where packets for all go; nil without.
    package var broadcast: IPAddress?

    /// Whether it was given by somebody, for good and for the whole world.
    package var isLasting: Bool { scope == 0 && flags.contains(.permanent) }

    /// Reads RTM_NEWADDR; nil for anything else.
    init?(_ message: NetlinkMessage) {
        guard message.type == RouteMessage.newAddress, let length = message.body.number(at: 1, as: UInt8.self),
            let shortFlags = message.body.number(at: 2, as: UInt8.self),
            let scope = message.body.number(at: 3, as: UInt8.self),
            let index = message.body.number(at: 4, as: UInt32.self)
        else { return nil }
        let attributes = message.attributes(after: 8)
        // On point-to-point links IFA_ADDRESS is the other side, and IFA_LOCAL this one.
        guard let bytes = attributes[AddressAttribute.local] ?? attributes[AddressAttribute.address],
            let address = IPAddress(bytes: bytes), let whole = InterfaceAddress(address, prefixLength: Int(length))
        else { return nil }
        interface = InterfaceIndex(rawValue: index)
        self.address = whole
        flags = AddressFlags(rawValue: attributes.number(AddressAttribute.flags) ?? UInt32(shortFlags))
        self.scope = scope
        peer = attributes[AddressAttribute.address].flatMap { IPAddress(bytes: $0) }.flatMap {
            $0 == address ? nil : $0
        }
        broadcast = attributes[AddressAttribute.broadcast].flatMap { IPAddress(bytes: $0) }
    }
}

extension Route {
    /// Reads RTM_NEWROUTE of a unicast route in the main table; nil for anything else.
    init?(_ message: NetlinkMessage) {
        guard message.type == RouteMessage.newRoute, message.body.count >= 12,
            let family = message.body.number(at: 0, as: UInt8.self).flatMap(IPFamily.init(number:)),
            let length = message.body.number(at: 1, as: UInt8.self), message.body.number(at: 7, as: UInt8.self) == 1
        else { return nil }
        let attributes = message.attributes(after: 12)
        guard attributes.number(RouteAttribute.table) ?? UInt32(message.body.number(at: 4, as: UInt8.self) ?? 0) == 254
        else { return nil }
        let everything = IPAddress(family: family, value: 0)
        let network = attributes[RouteAttribute.destination].map { IPAddress(bytes: $0) } ?? everything
        guard let network, network.family == family,
            let destination = IPPrefix(containing: network, length: Int(length))
        else { return nil }
        self.init(
            to: destination,
            via: attributes[RouteAttribute.gateway].flatMap { IPAddress(bytes: $0) },
            interface: attributes.number(RouteAttribute.outputInterface).map(InterfaceIndex.init(rawValue:)),
            metric: attributes.number(RouteAttribute.priority),
            source: attributes[RouteAttribute.preferredSource].flatMap { IPAddress(bytes: $0) }
        )
    }
}

extension NetlinkSession where Transport: ~Copyable {
    /// All interfaces of the session's namespace.
    package mutating func links() throws(NetlinkError) -> [Link] {
        try dump(NetlinkRequest("list interfaces", type: RouteMessage.getLink) { $0.interfaceMessage(index: nil) })
            .compactMap(Link.init)
    }

    /// One interface; fails with `.notFound` if there is none of this name or index.
    package mutating func link(_ reference: InterfaceReference) throws(NetlinkError) -> Link {
        let request = NetlinkRequest("look up \(reference)", type: RouteMessage.getLink) {
            switch reference {
            case .index(let index): $0.interfaceMessage(index: index)
            case .name(let name):
                $0.interfaceMessage(index: nil)
                $0.attribute(LinkAttribute.name, string: name.description)
            }
        }
        guard let link = Link(try query(request)) else {
            throw NetlinkError(code: .unreadable, subject: request.subject, explanation: "unexpected answer")
        }
        return link
    }

    /// All addresses of the session's namespace.
    package mutating func addresses() throws(NetlinkError) -> [AssignedAddress] {
        try dump(NetlinkRequest("list addresses", type: RouteMessage.getAddress) { $0.append(UInt64(0)) })
            .compactMap(AssignedAddress.init)
    }

    /// All unicast routes of the main table of the session's namespace, of both families.
    package mutating func routes() throws(NetlinkError) -> [Route] {
        let request = NetlinkRequest("list routes", type: RouteMessage.getRoute) {
            $0.append(UInt64(0))
            $0.append(UInt32(0))
        }
        return try dump(request).compactMap(Route.init)
    }
}
