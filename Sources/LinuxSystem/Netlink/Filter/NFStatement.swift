/// Where a translated packet goes to or seems to come from.
package enum NFTranslation: Hashable, Sendable, CustomStringConvertible {
    /// An address; the port is kept.
    case address(IPAddress)
    /// An address and a port.
    case endpoint(IPAddress, UInt16)
    /// An address, and ports shifted by a constant.
    case shifted(IPAddress, NFPortShift)
    /// What a map gives for the fields: addresses of the family, each with a port if `withPort`.
    case map(IPFamily, [NFField], NFMapReference, withPort: Bool)

    var family: IPFamily {
        switch self {
        case .address(let address), .endpoint(let address, _), .shifted(let address, _): address.family
        case .map(let family, _, _, _): family
        }
    }

    /// The translation in nft syntax; a shift, which nft cannot write, as the range that the kernel is given.
    package var description: String {
        switch self {
        case .address(let address): "\(family.rawValue) to \(address)"
        case .endpoint(let address, let port): "\(family.rawValue) to \(bracketed(address)):\(port)"
        case .shifted(let address, let shift):
            "\(family.rawValue) to \(bracketed(address)):\(shift.base)-\(shift.end) offset"
        case .map(let family, let fields, let map, _):
            "\(family.rawValue) to \(fields.map(\.description).joined(separator: " . ")) map \(map)"
        }
    }

    private func bracketed(_ address: IPAddress) -> String { address.family == .v4 ? "\(address)" : "[\(address)]" }
}

/// A constant distance between a range of published ports and the range they lead to.
///
/// The kernel computes `base + (port mod size)` when NF_NAT_RANGE_PROTO_OFFSET (Linux 4.18) is set and no base port
/// is, as nf_tables leaves it; `base` and `size` are chosen so that this is the wanted port for every port of the range.
package struct NFPortShift: Hashable, Sendable {
    /// The kernel's lower bound.
    let base: UInt16
    /// The kernel's upper bound; base + size - 1.
    let end: UInt16

    /// The shift that takes `ports` to as many ports from `target` on.
    ///
    /// Nil where the target range would pass 65535, and where a range is moved down that reaches to twice its start
    /// or more (8000-16000 to 80-8080): one needs a map then.
    package init?(_ ports: ClosedRange<UInt16>, to target: UInt16) {
        guard Int(target) + ports.count - 1 <= 65535 else { return nil }
        if target >= ports.lowerBound {
            base = target - ports.lowerBound
            end = 65535
        } else {
            guard Int(ports.upperBound) < 2 * Int(ports.lowerBound) else { return nil }
            guard Int(target) + Int(ports.lowerBound) - 1 <= 65535 else { return nil }
            base = target
            end = target + ports.lowerBound - 1
        }
    }

    /// The port that the kernel makes of `port`.
    package func applied(to port: UInt16) -> UInt16 {
        UInt16(truncatingIfNeeded: Int(base) + Int(port) % (Int(end) - Int(base) + 1))
    }
}

/// A map that a rule looks into.
package enum NFMapReference: Hashable, Sendable, CustomStringConvertible {
    /// A map of the table.
    case named(String)
    /// A map that is part of the rule.
    case inline(NFSet)

    /// The reference in nft syntax.
    package var description: String {
        switch self {
        case .named(let name): "@\(name)"
        case .inline(let set): "{ \(set.elements.map(\.description).joined(separator: ", ")) }"
        }
    }
}

/// One step of a rule: a condition that ends the rule when it does not hold, or something done.
package enum NFStatement: Hashable, Sendable {
    /// The field has, or has not, this value.
    case compare(NFField, NFComparison, NFValue)
    /// The port or address lies in a range.
    case range(NFField, NFValue, NFValue)
    /// The address lies, or does not lie, in a network.
    case inPrefix(NFField, NFComparison, IPPrefix)
    /// The packet's IP version.
    case family(IPFamily)
    /// The connection has one of these states.
    case state(NFConnectionState)
    /// The connection was translated in this way.
    case status(NFConnectionStatus)
    /// The destination's type.
    case destinationType(NFAddressType)
    /// The source's type.
    case sourceType(NFAddressType)
    /// The fields are, or are not, in a set of the table.
    case inSet([NFField], NFComparison, String)
    /// Do what a verdict map says about the fields; go on where it says nothing.
    case verdictMap([NFField], NFMapReference)
    /// End the rule with a verdict.
    case verdict(NFVerdict)
    /// Count packets and bytes.
    case count
    /// Mark the packet.
    case setMark(UInt32)
    /// Mark the connection.
    case setConnectionMark(UInt32)
    /// Copy the connection's mark to the packet.
    case restoreMark
    /// Overwrite a port or address of the packet, with checksums put right, without connection tracking.
    case rewrite(NFField, NFValue)
    /// Keep the packet out of connection tracking; only before priority -200.
    case noTrack
    /// Rewrite the connection's destination.
    case dnat(NFTranslation)
    /// Rewrite the connection's source.
    case snat(NFTranslation)
    /// Rewrite the connection's source to the leaving interface's address.
    case masquerade
    /// Send the connection to a port of this machine.
    case redirect(port: UInt16)
    /// Refuse with a TCP reset.
    case rejectWithReset
    /// Refuse with "port unreachable".
    case reject
}

/// How a field is compared.
package enum NFComparison: UInt32, Hashable, Sendable {
    /// NFT_CMP_EQ.
    case equal = 0
    /// NFT_CMP_NEQ.
    case notEqual = 1

    fileprivate var prefix: String { self == .equal ? "" : "!= " }
}

extension NFStatement: CustomStringConvertible {
    /// The statement in nft syntax.
    package var description: String {
        switch self {
        case .compare(let field, let comparison, let value): "\(field) \(comparison.prefix)\(value)"
        case .range(let field, let first, let last): "\(field) \(first)-\(last)"
        case .inPrefix(let field, let comparison, let prefix): "\(field) \(comparison.prefix)\(prefix)"
        case .family(let family): "meta nfproto \(family == .v4 ? "ipv4" : "ipv6")"
        case .state(let states): "ct state \(states)"
        case .status(let status): "ct status \(status)"
        case .destinationType(let type): "fib daddr type \(type)"
        case .sourceType(let type): "fib saddr type \(type)"
        case .inSet(let fields, let comparison, let set): "\(concatenated(fields)) \(comparison.prefix)@\(set)"
        case .verdictMap(let fields, let map): "\(concatenated(fields)) vmap \(map)"
        case .verdict(let verdict): verdict.description
        case .count: "counter"
        case .setMark(let mark): "meta mark set \(NFValue.mark(mark))"
        case .setConnectionMark(let mark): "ct mark set \(NFValue.mark(mark))"
        case .restoreMark: "meta mark set ct mark"
        case .rewrite(let field, let value): "\(field) set \(value)"
        case .noTrack: "notrack"
        case .dnat(let target): "dnat \(target)"
        case .snat(let target): "snat \(target)"
        case .masquerade: "masquerade"
        case .redirect(let port): "redirect to :\(port)"
        case .rejectWithReset: "reject with tcp reset"
        case .reject: "reject"
        }
    }

    private func concatenated(_ fields: [NFField]) -> String { fields.map(\.description).joined(separator: " . ") }
}
