/// Attributes that every new interface may be given.
///
/// New interfaces are up, but for the far ends of veth pairs.
package struct LinkOptions: Hashable, Sendable {
    /// The hardware address; the kernel picks one when nil.
    package var mac: MACAddress?
    /// Bytes per frame without the link header; the kind's default when nil.
    package var mtu: UInt32?
    /// The index to give it, which lets later requests of the same batch refer to it; the kernel picks one when nil.
    package var index: InterfaceIndex?
    /// A number shared by interfaces that are deleted together, see `deleteLinks(group:)`; 0, the default, if nil.
    package var group: UInt32?

    /// Describes a new interface.
    package init(
        mac: MACAddress? = nil,
        mtu: UInt32? = nil,
        index: InterfaceIndex? = nil,
        group: UInt32? = nil
    ) {
        self.mac = mac
        self.mtu = mtu
        self.index = index
        self.group = group
    }
}

/// A bridge to create.
package struct BridgeConfiguration: Hashable, Sendable {
    /// Its name.
    package var name: InterfaceName
    /// What every interface has.
    package var options: LinkOptions
    /// IFLA_BR_MCAST_SNOOPING.
    ///
    /// Off lets IPv6 neighbour discovery work without a multicast querier.
    package var snoopsMulticast: Bool

    /// Describes a bridge without spanning tree and without forwarding delay, so that new ports carry traffic at once.
    package init(name: InterfaceName, options: LinkOptions = LinkOptions(), snoopsMulticast: Bool = false) {
        self.name = name
        self.options = options
        self.snoopsMulticast = snoopsMulticast
    }
}

/// A veth pair to create: one end here, the other in a second namespace.
package struct VethConfiguration: Hashable, Sendable {
    /// The name of the end that stays.
    package var name: InterfaceName
    /// The end that stays.
    package var options: LinkOptions
    /// The bridge that the staying end becomes a port of.
    package var bridge: InterfaceIndex?
    /// The name of the far end.
    package var peerName: InterfaceName
    /// The far end, whose index is one of the far namespace.
    ///
    /// The kernel cannot create it up: its own namespace
    /// brings it up, together with its addresses.
    package var peerOptions: LinkOptions
    /// A descriptor of the far namespace, borrowed until the request has been performed; nil keeps both ends here.
    package var peerNamespace: CInt?

    /// Describes a pair.
    package init(
        name: InterfaceName,
        options: LinkOptions = LinkOptions(),
        bridge: InterfaceIndex? = nil,
        peerName: InterfaceName,
        peerOptions: LinkOptions = LinkOptions(),
        peerNamespace: CInt? = nil
    ) {
        self.name = name
        self.options = options
        self.bridge = bridge
        self.peerName = peerName
        self.peerOptions = peerOptions
        self.peerNamespace = peerNamespace
    }
}

/// How the macvlan interfaces of one parent see each other: MACVLAN_MODE_.
package enum MacvlanMode: UInt32, Hashable, Sendable {
    /// Not at all.
    case `private` = 1
    /// Through the switch outside.
    case vepa = 2
    /// Directly.
    case bridge = 4
    /// One interface takes the parent over.
    case passthrough = 8
}

/// What a bridge does with one of its ports: IFLA_BRPORT_.
package struct BridgePortFlags: Hashable, Sendable {
    /// Isolated ports reach other ports only if those are not isolated.
    ///
    /// Linux 4.18.
    package var isIsolated: Bool
    /// Whether frames may leave by the port they came in at.
    package var isHairpin: Bool

    /// Describes a port.
    package init(isIsolated: Bool = false, isHairpin: Bool = false) {
        self.isIsolated = isIsolated
        self.isHairpin = isHairpin
    }
}

extension NetlinkRequest {
    private static let creating: Flags = [.create, .exclusive]

    /// Creates a bridge.
    ///
    /// The name must be free.
    package static func create(_ bridge: BridgeConfiguration) -> NetlinkRequest {
        NetlinkRequest("create bridge \(bridge.name)", type: RouteMessage.newLink, flags: creating) {
            $0.link(bridge.name, bridge.options, kind: "bridge") {
                $0.attribute(LinkAttribute.Bridge.forwardDelay, number: UInt32(0))
                $0.attribute(LinkAttribute.Bridge.spanningTree, number: UInt32(0))
                $0.attribute(LinkAttribute.Bridge.multicastSnooping, number: UInt8(bridge.snoopsMulticast ? 1 : 0))
            }
        }
    }

    /// Creates both ends of a veth pair, attaches one to its bridge and brings that one up, in one request.
    package static func create(_ veth: VethConfiguration) -> NetlinkRequest {
        let subject = "create veth pair \(veth.name)/\(veth.peerName)"
        return NetlinkRequest(subject, type: RouteMessage.newLink, flags: creating) {
            $0.link(veth.name, veth.options, kind: "veth") {
                $0.nested(LinkAttribute.vethPeer) {
                    $0.interfaceMessage(index: veth.peerOptions.index)
                    $0.linkOptions(veth.peerName, veth.peerOptions)
                    $0.singleQueue()
                    if let namespace = veth.peerNamespace {
                        $0.attribute(LinkAttribute.namespaceDescriptor, number: UInt32(bitPattern: namespace))
                    }
                }
            }
            $0.singleQueue()
            if let bridge = veth.bridge { $0.attribute(LinkAttribute.master, number: bridge.rawValue) }
        }
    }

    /// Creates a dummy interface, which swallows what is sent to it.
    package static func createDummy(_ name: InterfaceName, _ options: LinkOptions = LinkOptions()) -> NetlinkRequest {
        NetlinkRequest("create dummy \(name)", type: RouteMessage.newLink, flags: creating) {
            $0.link(name, options, kind: "dummy") { _ in }
        }
    }

    /// Creates a macvlan interface on `parent`, in the namespace that `namespace` refers to if it is given.
    package static func createMacvlan(
        _ name: InterfaceName,
        on parent: InterfaceIndex,
        mode: MacvlanMode,
        _ options: LinkOptions = LinkOptions(),
        namespace: CInt? = nil
    ) -> NetlinkRequest {
        NetlinkRequest("create macvlan \(name)", type: RouteMessage.newLink, flags: creating) {
            $0.link(name, options, kind: "macvlan") {
                $0.attribute(LinkAttribute.macvlanMode, number: mode.rawValue)
            }
            $0.attribute(LinkAttribute.parent, number: parent.rawValue)
            if let namespace {
                $0.attribute(LinkAttribute.namespaceDescriptor, number: UInt32(bitPattern: namespace))
            }
        }
    }

    /// Brings an interface up or down.
    package static func setUp(_ link: InterfaceReference, _ isUp: Bool = true) -> NetlinkRequest {
        change(link, "set \(link) \(isUp ? "up" : "down")", flags: isUp ? 1 : 0, mask: 1) { _ in }
    }

    /// Renames an interface, which before Linux 6.2 must be down.
    package static func rename(_ index: InterfaceIndex, to name: InterfaceName) -> NetlinkRequest {
        change(.index(index), "rename interface \(index) to \(name)") {
            $0.attribute(LinkAttribute.name, string: name.description)
        }
    }

    /// Makes an interface a port of a bridge, or of none.
    package static func setMaster(_ link: InterfaceReference, _ bridge: InterfaceIndex?) -> NetlinkRequest {
        change(link, bridge.map { "attach \(link) to bridge \($0)" } ?? "detach \(link) from its bridge") {
            $0.attribute(LinkAttribute.master, number: bridge?.rawValue ?? 0)
        }
    }

    /// Sets an interface's MTU.
    package static func setMTU(_ link: InterfaceReference, _ mtu: UInt32) -> NetlinkRequest {
        change(link, "set mtu of \(link) to \(mtu)") { $0.attribute(LinkAttribute.mtu, number: mtu) }
    }

    /// Moves an interface to the namespace that `namespace` refers to; the descriptor is borrowed.
    package static func move(_ link: InterfaceReference, toNamespace namespace: CInt) -> NetlinkRequest {
        change(link, "move \(link) to another namespace") {
            $0.attribute(LinkAttribute.namespaceDescriptor, number: UInt32(bitPattern: namespace))
        }
    }

    /// Moves an interface to the namespace that `namespace` refers to, under another name; the descriptor is borrowed.
    ///
    /// The name may have a `%d` for a number that the kernel picks. `newIndex` has to be free there, and is the only way to
    /// know what became of an interface whose move was done and whose new name was refused: Linux 5.13.
    package static func move(
        _ index: InterfaceIndex,
        toNamespace namespace: CInt,
        as name: InterfaceNameTemplate,
        newIndex: InterfaceIndex? = nil
    ) -> NetlinkRequest {
        change(.index(index), "move interface \(index) to another namespace as \(name)") {
            $0.attribute(LinkAttribute.name, string: name.description)
            $0.attribute(LinkAttribute.namespaceDescriptor, number: UInt32(bitPattern: namespace))
            if let newIndex { $0.attribute(LinkAttribute.newIndex, number: newIndex.rawValue) }
        }
    }

    /// Sets what the bridge does with a port.
    ///
    /// May follow the port's creation in one batch.
    package static func setPortFlags(_ port: InterfaceReference, _ flags: BridgePortFlags) -> NetlinkRequest {
        NetlinkRequest("set bridge port flags of \(port)", type: RouteMessage.newLink) {
            $0.linkHeader(port)
            $0.nested(LinkAttribute.info) {
                $0.attribute(LinkAttribute.infoPortKind, string: "bridge")
                $0.nested(LinkAttribute.infoPortData) {
                    $0.attribute(LinkAttribute.Port.hairpin, number: UInt8(flags.isHairpin ? 1 : 0))
                    $0.attribute(LinkAttribute.Port.isolated, number: UInt8(flags.isIsolated ? 1 : 0))
                }
            }
        }
    }

    /// Deletes an interface; of a veth pair both ends go.
    package static func deleteLink(_ link: InterfaceReference) -> NetlinkRequest {
        NetlinkRequest("delete \(link)", type: RouteMessage.deleteLink) { $0.linkHeader(link) }
    }

    /// Deletes all interfaces of a group at once.
    ///
    /// Deleting one takes the kernel some 15 ms, most of it waiting for
    /// readers to finish, and a group waits but once. Fails with `.notFound` if there are none.
    package static func deleteLinks(group: UInt32) -> NetlinkRequest {
        NetlinkRequest("delete interfaces of group \(group)", type: RouteMessage.deleteLink) {
            $0.interfaceMessage(index: nil)
            $0.attribute(LinkAttribute.group, number: group)
        }
    }

    private static func change(
        _ link: InterfaceReference,
        _ subject: String,
        flags: UInt32 = 0,
        mask: UInt32 = 0,
        _ body: (inout NetlinkWriter) -> Void
    ) -> NetlinkRequest {
        NetlinkRequest(subject, type: RouteMessage.setLink) {
            $0.linkHeader(link, flags: flags, mask: mask)
            body(&$0)
        }
    }
}

extension NetlinkWriter {
    /// ifinfomsg for an existing interface, and its name where that is what we know.
    fileprivate mutating func linkHeader(_ link: InterfaceReference, flags: UInt32 = 0, mask: UInt32 = 0) {
        switch link {
        case .index(let index): interfaceMessage(index: index, flags: flags, mask: mask)
        case .name(let name):
            interfaceMessage(index: nil, flags: flags, mask: mask)
            attribute(LinkAttribute.name, string: name.description)
        }
    }

    fileprivate mutating func linkOptions(_ name: InterfaceName, _ options: LinkOptions) {
        attribute(LinkAttribute.name, string: name.description)
        if let mac = options.mac { attribute(LinkAttribute.address, bytes: mac.bytes) }
        if let mtu = options.mtu { attribute(LinkAttribute.mtu, number: mtu) }
        if let group = options.group { attribute(LinkAttribute.group, number: group) }
    }

    /// One queue each way.
    ///
    /// By default veth makes one per processor, which costs a quarter of the pair's creation and
    /// serves none but XDP programs.
    fileprivate mutating func singleQueue() {
        attribute(LinkAttribute.transmitQueues, number: UInt32(1))
        attribute(LinkAttribute.receiveQueues, number: UInt32(1))
    }

    fileprivate mutating func link(
        _ name: InterfaceName,
        _ options: LinkOptions,
        kind: String,
        data: (inout NetlinkWriter) -> Void
    ) {
        interfaceMessage(index: options.index, flags: 1, mask: 1)
        linkOptions(name, options)
        nested(LinkAttribute.info) {
            $0.attribute(LinkAttribute.infoKind, string: kind)
            $0.nested(LinkAttribute.infoData, data)
        }
    }

    /// struct ifinfomsg.
    mutating func interfaceMessage(index: InterfaceIndex?, flags: UInt32 = 0, mask: UInt32 = 0) {
        append(UInt32(0))
        append(index?.rawValue ?? 0)
        append(flags)
        append(mask)
    }
}
