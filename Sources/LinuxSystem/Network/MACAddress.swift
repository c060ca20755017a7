/// A 48-bit hardware address.
package struct MACAddress: Hashable, Sendable, CustomStringConvertible {
    /// The six bytes in the order they are written.
    package let bytes: [UInt8]

    /// Takes exactly six bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 6 else { return nil }
        self.bytes = Array(bytes)
    }

    /// Reads six pairs of hexadecimal digits with colons or dashes between them.
    package init?(_ text: some StringProtocol) {
        let separator: Character = text.contains("-") ? "-" : ":"
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.allSatisfy({ $0.utf8.count == 2 && $0.allSatisfy(\.isHexDigit) }) else { return nil }
        self.init(bytes: parts.compactMap { UInt8($0, radix: 16) })
    }

    /// The locally administered unicast address 02:42 followed by an IPv4 address, so that equal addresses give
    /// equal hardware addresses and neighbours' caches stay valid when a container is replaced.
    package init(derivedFrom address: IPv4Address) { bytes = [0x02, 0x42] + address.bytes }

    /// Whether the address may be given to an interface: not a group address and not all zero.
    package var isUnicast: Bool { bytes[0] & 1 == 0 && bytes.contains { $0 != 0 } }

    /// Lower case with colons.
    package var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
