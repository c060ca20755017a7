/// A transport protocol number that rules match: IPPROTO_.
package enum TransportProtocol: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// TCP.
    case tcp = 6
    /// UDP.
    case udp = 17
    /// SCTP.
    case sctp = 132

    /// The protocol's name in nft syntax.
    package var description: String {
        switch self {
        case .tcp: "tcp"
        case .udp: "udp"
        case .sctp: "sctp"
        }
    }
}

/// The type of a key or datum, as `nft` names it.
package enum NFType: String, Hashable, Sendable {
    /// An IPv4 address.
    case ipv4Address = "ipv4_addr"
    /// An IPv6 address.
    case ipv6Address = "ipv6_addr"
    /// A port of any transport protocol.
    case port = "inet_service"
    /// A transport protocol.
    case transport = "inet_proto"
    /// An interface's name.
    case interface = "ifname"
    /// A packet or connection mark.
    case mark = "mark"
    /// A plain number of 32 bits, as `numgen` yields.
    case number = "integer"

    /// The number by which `nft` knows the type when it lists a set; the kernel only stores it.
    var identifier: UInt32 {
        switch self {
        case .number: 4
        case .ipv4Address: 7
        case .ipv6Address: 8
        case .transport: 12
        case .port: 13
        case .mark: 19
        case .interface: 41
        }
    }

    /// Bytes of a value of this type.
    var byteCount: Int {
        switch self {
        case .transport: 1
        case .port: 2
        case .ipv4Address, .mark, .number: 4
        case .ipv6Address, .interface: 16
        }
    }

    /// Whether registers hold the value in the machine's byte order rather than the network's.
    var isHostOrder: Bool { self == .mark || self == .number || self == .interface }

    /// Bytes of a value in a concatenation, where each field fills whole registers of four bytes.
    var paddedCount: Int { (byteCount + 3) & ~3 }
}

/// A constant in a rule or a set.
package enum NFValue: Hashable, Sendable, CustomStringConvertible {
    /// An address.
    case address(IPAddress)
    /// A port.
    case port(UInt16)
    /// A transport protocol.
    case transport(TransportProtocol)
    /// An interface's name.
    case interface(InterfaceName)
    /// A mark.
    case mark(UInt32)
    /// A plain number.
    case number(UInt32)

    /// The value's type.
    package var type: NFType {
        switch self {
        case .address(.v4): .ipv4Address
        case .address(.v6): .ipv6Address
        case .port: .port
        case .transport: .transport
        case .interface: .interface
        case .mark: .mark
        case .number: .number
        }
    }

    /// The bytes as a register holds them: network order for what packets carry, else the machine's.
    var bytes: [UInt8] {
        switch self {
        case .address(let address): address.bytes
        case .port(let port): [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)]
        case .transport(let transport): [transport.rawValue]
        case .interface(let name):
            Array(name.description.utf8) + [UInt8](repeating: 0, count: 16 - name.description.utf8.count)
        case .mark(let number), .number(let number): withUnsafeBytes(of: number) { Array($0) }
        }
    }

    /// The bytes filled up to whole registers.
    var paddedBytes: [UInt8] { bytes + [UInt8](repeating: 0, count: type.paddedCount - type.byteCount) }

    /// The value in nft syntax.
    package var description: String {
        switch self {
        case .address(let address): address.description
        case .port(let port): String(port)
        case .transport(let transport): transport.description
        case .interface(let name): "\"\(name)\""
        case .mark(let number): "0x" + String(number, radix: 16)
        case .number(let number): String(number)
        }
    }
}

/// What happens to a packet: NF_ and NFT_ verdicts.
package enum NFVerdict: Hashable, Sendable, CustomStringConvertible {
    /// Let it pass this hook's chain.
    case accept
    /// Discard it.
    case drop
    /// Go on in another chain and come back at its end.
    case jump(String)
    /// Go on in another chain for good.
    case goto(String)
    /// Go back to where this chain was entered.
    case `return`

    var code: Int32 {
        switch self {
        case .drop: 0
        case .accept: 1
        case .jump: -3
        case .goto: -4
        case .return: -5
        }
    }

    /// The chain it leads to.
    var chain: String? {
        switch self {
        case .jump(let chain), .goto(let chain): chain
        case .accept, .drop, .return: nil
        }
    }

    /// The verdict in nft syntax.
    package var description: String {
        switch self {
        case .accept: "accept"
        case .drop: "drop"
        case .jump(let chain): "jump \(chain)"
        case .goto(let chain): "goto \(chain)"
        case .return: "return"
        }
    }
}
