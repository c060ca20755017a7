import Glibc

/// An IPv4 or IPv6 address.
package struct InternetAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address in network order: 4 or 16 bytes.
    package let bytes: [UInt8]
    /// The address as text: inet_ntop(3).
    package let description: String

    /// Whether it is an IPv6 address.
    package var isIPv6: Bool { bytes.count == 16 }

    /// Whether it is valid on one link only: 169.254.0.0/16 or fe80::/10.
    package var isLinkLocal: Bool {
        isIPv6 ? bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80 : bytes[0] == 169 && bytes[1] == 254
    }

    /// Reads an address without brackets, zone or port: inet_pton(3).
    package init?(text: String) {
        let family = text.utf8.contains(0x3A) ? AF_INET6 : AF_INET
        var bytes = [UInt8](repeating: 0, count: family == AF_INET6 ? 16 : 4)
        guard unsafe inet_pton(family, text, &bytes) == 1 else { return nil }
        var shown = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard unsafe inet_ntop(family, bytes, &shown, socklen_t(shown.count)) != nil else { return nil }
        self.bytes = bytes
        description = String(decoding: shown.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// A range of addresses: `10.1.0.0/16`.
package struct AddressPrefix: Hashable, Sendable, CustomStringConvertible {
    /// The first address, or any in the range.
    package let address: InternetAddress
    /// How many leading bits all its addresses share.
    package let length: Int

    /// Reads an address and a length.
    package init?(text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = InternetAddress(text: String(parts[0])), let length = UInt8(parts[1]),
            Int(length) <= address.bytes.count * 8
        else { return nil }
        self.address = address
        self.length = Int(length)
    }

    package var description: String { "\(address)/\(length)" }

    /// Whether `other` is in the range.
    package func contains(_ other: InternetAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        for (index, pair) in zip(address.bytes, other.bytes).enumerated() {
            let bits = min(max(length - index * 8, 0), 8)
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> bits)
            if (pair.0 ^ pair.1) & mask != 0 { return false }
        }
        return true
    }
}

/// An Ethernet address.
package struct HardwareAddress: Hashable, Sendable, CustomStringConvertible {
    /// The six bytes.
    package let bytes: [UInt8]

    /// Reads six bytes in hexadecimal with colons or dashes between them.
    package init?(text: String) {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
        let bytes = parts.compactMap { $0.utf8.count == 2 && $0.first?.isHexDigit == true ? UInt8($0, radix: 16) : nil }
        guard parts.count == 6, bytes.count == 6, bytes[0] & 1 == 0 else { return nil }
        self.bytes = bytes
    }

    package var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
