/// Something about a packet that rules compare, look up and in part rewrite.
package enum NFField: Hashable, Sendable, CustomStringConvertible {
    /// The interface it came in by.
    case inputInterface
    /// The interface it leaves by.
    case outputInterface
    /// Its IP version, NFPROTO_.
    case networkFamily
    /// Its transport protocol.
    case transport
    /// Its mark.
    case mark
    /// Its connection's state, a set of `NFConnectionState`.
    case connectionState
    /// Its connection's status, a set of `NFConnectionStatus`.
    case connectionStatus
    /// Its connection's mark.
    case connectionMark
    /// Source address.
    case source(IPFamily)
    /// Destination address.
    case destination(IPFamily)
    /// Source port of packets of this protocol.
    case sourcePort(TransportProtocol)
    /// Destination port of packets of this protocol.
    case destinationPort(TransportProtocol)
    /// Destination port, whatever the protocol: only after `.transport` has been compared or looked up.
    case anyDestinationPort
    /// RTN_ type of the route to the destination, as `NFAddressType`.
    case destinationType
    /// RTN_ type of the route to the source.
    case sourceType
    /// 0, 1, …, modulus - 1 and again, one step for each packet seen.
    case counter(modulus: UInt32)
    /// A random number below the modulus.
    case random(modulus: UInt32)

    /// Bytes of the field.
    var byteCount: Int {
        switch self {
        case .networkFamily, .transport: 1
        case .sourcePort, .destinationPort, .anyDestinationPort: 2
        case .source(.v4), .destination(.v4): 4
        case .inputInterface, .outputInterface, .source(.v6), .destination(.v6): 16
        case .mark, .connectionState, .connectionStatus, .connectionMark, .destinationType, .sourceType, .counter,
            .random:
            4
        }
    }

    /// The IP version that packets must have to have the field.
    var requiredFamily: IPFamily? {
        switch self {
        case .source(let family), .destination(let family): family
        default: nil
        }
    }

    /// The protocol that packets must have to have the field.
    var requiredTransport: TransportProtocol? {
        switch self {
        case .sourcePort(let transport), .destinationPort(let transport): transport
        default: nil
        }
    }

    /// The field in nft syntax.
    package var description: String {
        switch self {
        case .inputInterface: "iifname"
        case .outputInterface: "oifname"
        case .networkFamily: "meta nfproto"
        case .transport: "meta l4proto"
        case .mark: "meta mark"
        case .connectionState: "ct state"
        case .connectionStatus: "ct status"
        case .connectionMark: "ct mark"
        case .source(let family): "\(family.rawValue) saddr"
        case .destination(let family): "\(family.rawValue) daddr"
        case .sourcePort(let transport): "\(transport) sport"
        case .destinationPort(let transport): "\(transport) dport"
        case .anyDestinationPort: "th dport"
        case .destinationType: "fib daddr type"
        case .sourceType: "fib saddr type"
        case .counter(let modulus): "numgen inc mod \(modulus)"
        case .random(let modulus): "numgen random mod \(modulus)"
        }
    }
}

/// States of a packet's connection: NF_CT_STATE_ bits.
package struct NFConnectionState: OptionSet, Hashable, Sendable, CustomStringConvertible {
    /// The bits.
    package let rawValue: UInt32
    /// Wraps the bits.
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Belongs to no connection that could be.
    package static let invalid = NFConnectionState(rawValue: 1)
    /// Both sides have been heard.
    package static let established = NFConnectionState(rawValue: 2)
    /// Started by another connection, as ICMP errors are.
    package static let related = NFConnectionState(rawValue: 4)
    /// The first packet.
    package static let new = NFConnectionState(rawValue: 8)
    /// Not followed at all.
    package static let untracked = NFConnectionState(rawValue: 64)

    /// The states in nft syntax.
    package var description: String {
        let names: [(NFConnectionState, String)] = [
            (.invalid, "invalid"), (.established, "established"), (.related, "related"), (.new, "new"),
            (.untracked, "untracked"),
        ]
        return names.filter { contains($0.0) }.map(\.1).joined(separator: ",")
    }
}

/// How a packet's connection has been translated: IPS_SRC_NAT and IPS_DST_NAT.
package enum NFConnectionStatus: UInt32, Hashable, Sendable {
    /// The source was rewritten.
    case snat = 0x10
    /// The destination was rewritten.
    case dnat = 0x20
}

/// What the routing table says about an address: RTN_.
package enum NFAddressType: UInt32, Hashable, Sendable {
    /// Reached through a neighbour.
    case unicast = 1
    /// This machine's own.
    case local = 2
    /// Broadcast.
    case broadcast = 3
}
