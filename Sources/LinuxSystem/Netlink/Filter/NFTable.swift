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
