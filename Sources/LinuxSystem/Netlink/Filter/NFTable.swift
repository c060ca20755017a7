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

/// A rule: statements in order, and a comment that `nft list` shows.
package struct NFRule: Hashable, Sendable, CustomStringConvertible {
    /// The steps.
    package var statements: [NFStatement]
    /// At most 120 bytes are kept.
    package var comment: String?

    /// Describes a rule.
    package init(_ statements: NFStatement..., comment: String? = nil) {
        self.statements = statements
        self.comment = comment
    }

    /// The rule in nft syntax.
    package var description: String {
        let text = statements.map(\.description).joined(separator: " ")
        return comment.map { "\(text) comment \"\($0)\"" } ?? text
    }
}

/// Where in the kernel a base chain sits.
package struct NFHook: Hashable, Sendable {
    /// What the chain may do.
    package enum Kind: String, Hashable, Sendable {
        /// Judge and rewrite single packets.
        case filter
        /// Translate connections.
        case nat
        /// Rewrite packets of this machine, which are then routed anew.
        case route
    }

    /// NF_INET_ hooks.
    package enum Point: UInt32, Hashable, Sendable {
        /// All that comes in, before routing.
        case prerouting = 0
        /// What is for this machine.
        case input = 1
        /// What passes through.
        case forward = 2
        /// What this machine sends.
        case output = 3
        /// All that goes out.
        case postrouting = 4
    }

    /// What the chain may do.
    package var kind: Kind
    /// Where it is called.
    package var point: Point
    /// The smaller are called first: -300 raw, -200 connection tracking, -100 dnat, 0 filter, 100 snat.
    package var priority: Int32
    /// Whether a packet that no rule judged is dropped.
    package var dropsByDefault: Bool

    /// Describes a hook.
    package init(_ kind: Kind, _ point: Point, priority: Int32, dropsByDefault: Bool = false) {
        self.kind = kind
        self.point = point
        self.priority = priority
        self.dropsByDefault = dropsByDefault
    }
}

/// A chain of rules.
package struct NFChain: Hashable, Sendable {
    /// Its name in the table.
    package var name: String
    /// Where the kernel calls it; nil for a chain that others jump to.
    package var hook: NFHook?
    /// Its rules.
    package var rules: [NFRule]

    /// Describes a chain.
    package init(_ name: String, _ hook: NFHook? = nil, rules: [NFRule] = []) {
        self.name = name
        self.hook = hook
        self.rules = rules
    }
}

/// A table of family inet, with all that is in it.
package struct NFTable: Hashable, Sendable {
    /// Its name, unique in the namespace.
    package var name: String
    /// Its sets and maps.
    package var sets: [NFSet]
    /// Its chains.
    package var chains: [NFChain]

    /// Describes a table.
    package init(_ name: String, sets: [NFSet] = [], chains: [NFChain] = []) {
        self.name = name
        self.sets = sets
        self.chains = chains
    }
}

extension NFTable: CustomStringConvertible {
    /// The table as `nft list table` would print it.
    package var description: String {
        let parts = sets.map(\.lines) + chains.map(\.lines)
        let body = parts.map { $0.map { "    \($0)\n" }.joined() }.joined(separator: "\n")
        return "table inet \(name) {\n\(body)}"
    }
}

extension NFSet {
    fileprivate var lines: [String] {
        let keyword = content == .membership ? "set" : "map"
        var type = key.map(\.rawValue).joined(separator: " . ")
        switch content {
        case .membership: break
        case .values(let types): type += " : " + types.map(\.rawValue).joined(separator: " . ")
        case .verdicts: type += " : verdict"
        }
        var lines = ["\(keyword) \(name) {", "    type \(type)"]
        if hasIntervals { lines.append("    flags interval") }
        if !elements.isEmpty {
            lines.append("    elements = { \(elements.map(\.description).joined(separator: ", ")) }")
        }
        return lines + ["}"]
    }
}

extension NFChain {
    fileprivate var lines: [String] {
        var lines = ["chain \(name) {"]
        if let hook {
            let policy = hook.dropsByDefault ? "drop" : "accept"
            lines.append(
                "    type \(hook.kind) hook \(hook.point) priority \(hook.priority); policy \(policy);"
            )
        }
        return lines + rules.map { "    \($0)" } + ["}"]
    }
}
