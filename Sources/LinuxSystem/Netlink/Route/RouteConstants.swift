/// Message types of rtnetlink(7): RTM_.
enum RouteMessage {
    static let newLink: UInt16 = 16
    static let deleteLink: UInt16 = 17
    static let getLink: UInt16 = 18
    static let setLink: UInt16 = 19
    static let newAddress: UInt16 = 20
    static let deleteAddress: UInt16 = 21
    static let getAddress: UInt16 = 22
    static let newRoute: UInt16 = 24
    static let deleteRoute: UInt16 = 25
    static let getRoute: UInt16 = 26
    static let newNeighbour: UInt16 = 28
    static let deleteNeighbour: UInt16 = 29
}

/// Attributes of links: IFLA_, <linux/if_link.h>.
enum LinkAttribute {
    static let address: UInt16 = 1
    static let name: UInt16 = 3
    static let mtu: UInt16 = 4
    static let parent: UInt16 = 5
    static let master: UInt16 = 10
    static let info: UInt16 = 18
    static let group: UInt16 = 27
    static let namespaceDescriptor: UInt16 = 28
    static let transmitQueues: UInt16 = 31
    static let receiveQueues: UInt16 = 32
    static let newIndex: UInt16 = 49
    /// IFLA_INFO_.
    static let infoKind: UInt16 = 1
    static let infoData: UInt16 = 2
    static let infoPortKind: UInt16 = 4
    static let infoPortData: UInt16 = 5
    /// VETH_INFO_PEER.
    static let vethPeer: UInt16 = 1
    /// IFLA_MACVLAN_MODE.
    static let macvlanMode: UInt16 = 1

    /// IFLA_BR_.
    enum Bridge {
        static let forwardDelay: UInt16 = 1
        static let spanningTree: UInt16 = 5
        static let multicastSnooping: UInt16 = 23
    }

    /// IFLA_BRPORT_.
    enum Port {
        static let hairpin: UInt16 = 4
        static let isolated: UInt16 = 33
    }
}

/// Attributes of interface addresses: IFA_, <linux/if_addr.h>.
enum AddressAttribute {
    static let address: UInt16 = 1
    static let local: UInt16 = 2
    static let broadcast: UInt16 = 4
    static let flags: UInt16 = 8
}

/// Attributes of routes: RTA_, <linux/rtnetlink.h>.
enum RouteAttribute {
    static let destination: UInt16 = 1
    static let outputInterface: UInt16 = 4
    static let gateway: UInt16 = 5
    static let priority: UInt16 = 6
    static let preferredSource: UInt16 = 7
    static let table: UInt16 = 15
}
