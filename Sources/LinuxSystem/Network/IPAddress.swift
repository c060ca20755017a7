import Glibc

/// An IPv4 address.
package struct IPv4Address: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The address as a number: 127.0.0.1 is 0x7f000001.
    package var rawValue: UInt32

    /// Wraps the number whose most significant byte comes first in the text.
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// An address from its four bytes in the order they are written.
    package init(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
        rawValue = UInt32(first) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth)
    }

    /// Reads dotted decimal with exactly four parts; nothing else is an address.
    package init?(_ text: some StringProtocol) {
        var parsed = in_addr()
        guard !text.utf8.contains(0), inet_pton(AF_INET, String(text), &parsed) == 1 else { return nil }
        rawValue = UInt32(bigEndian: parsed.s_addr)
    }

    /// Loopback, 127.0.0.1.
    package static let loopback = IPv4Address(127, 0, 0, 1)
    /// The unspecified address, 0.0.0.0.
    package static let any = IPv4Address(rawValue: 0)

    /// The four bytes in network order.
    package var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: rawValue >> (24 - 8 * $0)) } }

    /// Dotted decimal.
    package var description: String { bytes.map(String.init).joined(separator: ".") }

    /// Numeric order.
    package static func < (left: IPv4Address, right: IPv4Address) -> Bool { left.rawValue < right.rawValue }
}

/// An IPv6 address, without a zone.
package struct IPv6Address: Hashable, Sendable, Comparable, CustomStringConvertible {
    // Two words instead of one of 16 bytes: values of that alignment crash in closures that Swift 6.3 compiles without
    // aligning the stack for them.
    private let high: UInt64
    private let low: UInt64

    /// The address as a number: ::1 is 1.
    package var rawValue: UInt128 { UInt128(high) << 64 | UInt128(low) }

    /// Wraps the number whose most significant byte comes first in the text.
    package init(rawValue: UInt128) {
        high = UInt64(truncatingIfNeeded: rawValue >> 64)
        low = UInt64(truncatingIfNeeded: rawValue)
    }

    /// Reads the text forms of RFC 4291; zones ("%eth0") are refused.
    package init?(_ text: some StringProtocol) {
        var parsed = in6_addr()
        guard !text.utf8.contains(0), inet_pton(AF_INET6, String(text), &parsed) == 1 else { return nil }
        self.init(rawValue: withUnsafeBytes(of: parsed) { $0.reduce(0) { $0 << 8 | UInt128($1) } })
    }

    /// Loopback, ::1.
    package static let loopback = IPv6Address(rawValue: 1)
    /// The unspecified address, ::.
    package static let any = IPv6Address(rawValue: 0)

    /// The sixteen bytes in network order.
    package var bytes: [UInt8] { (0..<16).map { UInt8(truncatingIfNeeded: rawValue >> (120 - 8 * $0)) } }

    /// The shortest text form, as RFC 5952 asks for.
    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        _ = bytes.withUnsafeBytes { inet_ntop(AF_INET6, $0.baseAddress, &text, socklen_t(text.count)) }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Numeric order.
    package static func < (left: IPv6Address, right: IPv6Address) -> Bool { left.rawValue < right.rawValue }
}

/// The two versions of the Internet Protocol.
package enum IPFamily: String, Hashable, Sendable, CaseIterable {
    /// Version 4: AF_INET, NFPROTO_IPV4.
    case v4 = "ip"
    /// Version 6: AF_INET6, NFPROTO_IPV6.
    case v6 = "ip6"

    /// The address length in bits.
    package var bitWidth: Int { self == .v4 ? 32 : 128 }
    /// AF_INET or AF_INET6, which are also NFPROTO_IPV4 and NFPROTO_IPV6.
    package var number: UInt8 { self == .v4 ? 2 : 10 }

    /// The family with the given AF_ number, or nil for any other.
    package init?(number: UInt8) {
        switch number {
        case 2: self = .v4
        case 10: self = .v6
        default: return nil
        }
    }
}

/// An address of either version.
package enum IPAddress: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Version 4.
    case v4(IPv4Address)
    /// Version 6.
    case v6(IPv6Address)

    /// Reads either text form.
    package init?(_ text: some StringProtocol) {
        if let address = IPv4Address(text) {
            self = .v4(address)
        } else if let address = IPv6Address(text) {
            self = .v6(address)
        } else {
            return nil
        }
    }

    /// Makes an address from 4 or 16 bytes in network order; any other count is no address.
    package init?(bytes: some Collection<UInt8>) {
        let value = bytes.prefix(16).reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        switch bytes.count {
        case 4: self = .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: value)))
        case 16: self = .v6(IPv6Address(rawValue: value))
        default: return nil
        }
    }

    /// The address whose number is `value`, cut to the family's width.
    package init(family: IPFamily, value: UInt128) {
        switch family {
        case .v4: self = .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: value)))
        case .v6: self = .v6(IPv6Address(rawValue: value))
        }
    }

    /// The version.
    package var family: IPFamily {
        switch self {
        case .v4: .v4
        case .v6: .v6
        }
    }

    /// Whether the address means this machine: 127.0.0.0/8 or ::1.
    package var isLoopback: Bool {
        switch self {
        case .v4(let address): address.rawValue >> 24 == 127
        case .v6(let address): address == .loopback
        }
    }

    /// The address as a number.
    package var value: UInt128 {
        switch self {
        case .v4(let address): UInt128(address.rawValue)
        case .v6(let address): address.rawValue
        }
    }

    /// The bytes in network order.
    package var bytes: [UInt8] {
        switch self {
        case .v4(let address): address.bytes
        case .v6(let address): address.bytes
        }
    }

    /// The usual text form.
    package var description: String {
        switch self {
        case .v4(let address): address.description
        case .v6(let address): address.description
        }
    }

    /// Version 4 before version 6, then numeric order.
    package static func < (left: IPAddress, right: IPAddress) -> Bool {
        left.family == right.family ? left.value < right.value : left.family == .v4
    }
}
