/// A network in CIDR form whose host bits are zero: 10.1.0.0/24.
package struct IPPrefix: Hashable, Sendable, CustomStringConvertible {
    /// The first address of the network.
    package let network: IPAddress
    /// How many leading bits all members share.
    package let length: Int

    /// The network of `length` bits that `address` lies in; nil if the family has fewer bits.
    package init?(containing address: IPAddress, length: Int) {
        guard (0...address.family.bitWidth).contains(length) else { return nil }
        self.length = length
        let mask = IPPrefix.mask(family: address.family, length: length)
        network = IPAddress(family: address.family, value: address.value & mask)
    }

    /// Reads "10.1.0.0/24"; text with host bits set ("10.1.0.5/24") is an address on a network, not a network.
    package init?(_ text: some StringProtocol) {
        guard let parsed = InterfaceAddress(text), parsed.prefix.network == parsed.address else { return nil }
        self = parsed.prefix
    }

    /// The network of all addresses: 0.0.0.0/0 or ::/0.
    package static func everything(_ family: IPFamily) -> IPPrefix { IPPrefix(everything: family) }

    private init(everything family: IPFamily) {
        network = IPAddress(family: family, value: 0)
        length = 0
    }

    /// The version.
    package var family: IPFamily { network.family }

    /// The last address of the network, which in version 4 is the broadcast address.
    package var last: IPAddress {
        // Cut to the family's width by the address's own initializer.
        IPAddress(family: family, value: network.value | ~IPPrefix.mask(family: family, length: length))
    }

    /// The broadcast address; nil in version 6 and in networks of one or two addresses, which have none.
    package var broadcast: IPAddress? { family == .v4 && length < 31 ? last : nil }

    /// Whether `address` lies in this network.
    package func contains(_ address: IPAddress) -> Bool {
        address.family == family && (network.value...last.value).contains(address.value)
    }

    /// Whether any address lies in both networks.
    package func overlaps(_ other: IPPrefix) -> Bool { contains(other.network) || other.contains(network) }

    /// The address `index` steps after the network address; nil beyond the network's end.
    package func host(_ index: UInt64) -> IPAddress? {
        guard UInt128(index) <= last.value - network.value else { return nil }
        return IPAddress(family: family, value: network.value + UInt128(index))
    }

    /// The mask as an address: 255.255.255.0.
    package var mask: IPAddress { IPAddress(family: family, value: IPPrefix.mask(family: family, length: length)) }

    /// CIDR form.
    package var description: String { "\(network)/\(length)" }

    private static func mask(family: IPFamily, length: Int) -> UInt128 {
        let width = UInt128.max >> UInt128(128 - family.bitWidth)
        return width & ~(width >> UInt128(length))
    }
}

/// An interface's own address together with the length of the network it lies on: 10.1.0.5/24.
package struct InterfaceAddress: Hashable, Sendable, CustomStringConvertible {
    /// The interface's address.
    package let address: IPAddress
    /// The network it lies on.
    package let prefix: IPPrefix

    /// Places `address` on the network formed by its leading `prefixLength` bits; nil if there are not so many.
    package init?(_ address: IPAddress, prefixLength: Int) {
        guard let prefix = IPPrefix(containing: address, length: prefixLength) else { return nil }
        self.address = address
        self.prefix = prefix
    }

    /// Reads "10.1.0.5/24"; the length is required and has no sign or leading zero.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(parts[0]), let length = Int(parts[1]) else { return nil }
        guard String(length) == parts[1] else { return nil }
        self.init(address, prefixLength: length)
    }

    /// Address and length.
    package var description: String { "\(address)/\(prefix.length)" }
}
