/// A set, a map or a verdict map of a table.
package struct NFSet: Hashable, Sendable {
    /// What an element stands for.
    package enum Content: Hashable, Sendable {
        /// Only that it is there.
        case membership
        /// Values of these types.
        case values([NFType])
        /// A verdict.
        case verdicts
    }

    /// Its name in the table.
    package var name: String
    /// The types of the key's fields; more than one is a concatenation.
    package var key: [NFType]
    /// What a key leads to.
    package var content: Content
    /// Whether keys may be ranges and networks.
    package var hasIntervals: Bool
    /// What is in it.
    package var elements: [NFElement]

    /// Describes a set.
    package init(
        name: String,
        key: [NFType],
        content: Content = .membership,
        hasIntervals: Bool = false,
        elements: [NFElement] = []
    ) {
        self.name = name
        self.key = key
        self.content = content
        self.hasIntervals = hasIntervals
        self.elements = elements
    }

    /// A map from 0, 1, … to endpoints of one IP version, for `NFField.counter` or `.random` to choose from.
    package static func choice(_ endpoints: [NFEndpoint]) -> NFSet {
        let type: NFType = endpoints.first?.address.family == .v6 ? .ipv6Address : .ipv4Address
        let elements = endpoints.enumerated().map { index, endpoint in
            NFElement([.number(UInt32(index))], .values([.address(endpoint.address), .port(endpoint.port)]))
        }
        return NFSet(name: "__map%d", key: [.number], content: .values([type, .port]), elements: elements)
    }
}

/// An address and a port.
package struct NFEndpoint: Hashable, Sendable {
    /// The address.
    package var address: IPAddress
    /// The port.
    package var port: UInt16

    /// Describes an endpoint.
    package init(_ address: IPAddress, _ port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// An element of a set or map.
package struct NFElement: Hashable, Sendable, CustomStringConvertible {
    /// What an element leads to.
    package enum Content: Hashable, Sendable {
        /// Nothing: it is there.
        case membership
        /// Values.
        case values([NFValue])
        /// A verdict.
        case verdict(NFVerdict)
    }

    /// The key's fields, or the lower bounds of them.
    package var key: [NFValue]
    /// The upper bounds of the key's fields, inclusive, in sets with intervals; nil for a single key.
    package var keyEnd: [NFValue]?
    /// What it leads to.
    package var content: Content

    /// Describes an element.
    package init(_ key: [NFValue], to keyEnd: [NFValue]? = nil, _ content: Content = .membership) {
        self.key = key
        self.keyEnd = keyEnd
        self.content = content
    }

    /// All addresses of a network.
    package init(_ prefix: IPPrefix, _ content: Content = .membership) {
        self.init([.address(prefix.network)], to: [.address(prefix.last)], content)
    }

    /// The element in nft syntax.
    package var description: String {
        let fields = key.enumerated().map { index, value in
            guard let end = keyEnd?[index], end != value else { return value.description }
            return "\(value)-\(end)"
        }
        let text = fields.joined(separator: " . ")
        return switch content {
        case .membership: text
        case .values(let values): "\(text) : \(values.map(\.description).joined(separator: " . "))"
        case .verdict(let verdict): "\(text) : \(verdict)"
        }
    }
}
