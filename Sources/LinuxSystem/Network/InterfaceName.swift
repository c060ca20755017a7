/// A network interface's name that the kernel accepts: 1 to 15 bytes, no slash, colon, space or control character.
package struct InterfaceName: Hashable, Sendable, CustomStringConvertible {
    /// The name.
    package let description: String

    /// Checks `text` against the kernel's rules; "%" is refused too, as the kernel would fill in a number.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard (1...15).contains(bytes.count), text != ".", text != ".." else { return nil }
        let refused: [UInt8] = [UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "%")]
        guard bytes.allSatisfy({ (0x21...0x7e).contains($0) && !refused.contains($0) }) else { return nil }
        description = String(text)
    }

    private init(known: String) { description = known }

    /// The loopback interface.
    package static let loopback = InterfaceName(known: "lo")
}

/// An interface's name to be, which may have one `%d` for the first number that is free.
package struct InterfaceNameTemplate: Hashable, Sendable, CustomStringConvertible {
    /// The name as the kernel takes it.
    package let description: String
    /// The name itself, where no number is left to the kernel.
    package let name: InterfaceName?

    /// Checks `text` against the kernel's rules for both.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 {
            // A digit in the place of the `%d` has to make a name, and leaves room for one more byte.
            guard parts[1].hasPrefix("d"), InterfaceName("\(parts[0])00\(parts[1].dropFirst())") != nil else {
                return nil
            }
            name = nil
        } else {
            guard let name = InterfaceName(text) else { return nil }
            self.name = name
        }
        description = String(text)
    }

    /// A name with nothing left open.
    package init(_ name: InterfaceName) { (self.name, description) = (name, name.description) }
}

/// The index the kernel gave an interface; unique within one network namespace.
package struct InterfaceIndex: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    /// The number, as in if_nametoindex(3).
    package var rawValue: UInt32

    /// Wraps a number.
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The loopback interface, which is the first of every namespace.
    package static let loopback = InterfaceIndex(rawValue: 1)

    /// The number.
    package var description: String { String(rawValue) }
}

/// An interface named by either of its two identities.
package enum InterfaceReference: Hashable, Sendable, CustomStringConvertible {
    /// By name.
    case name(InterfaceName)
    /// By index.
    case index(InterfaceIndex)

    /// The name, or "interface 7".
    package var description: String {
        switch self {
        case .name(let name): name.description
        case .index(let index): "interface \(index)"
        }
    }
}
