package import YAMLComposer

/// Tells which attributes of a project have no effect when it runs: nothing that was asked for is dropped in silence.
///
/// What would change what a program sees is a mistake, the rest a warning. `Rule.services` and its neighbours are the
/// whole list; what they don't name is honoured.
package struct UnsupportedAttributes {
    /// Where warnings and mistakes go.
    private let diagnostics: DiagnosticCollector

    /// A check that reports to `diagnostics`.
    package init(diagnostics: DiagnosticCollector) { self.diagnostics = diagnostics }

    /// Checks a canonical tree.
    package func check(_ project: YAMLNode) {
        let sections = [
            ("services", Rule.services), ("networks", Rule.networks), ("volumes", Rule.volumes),
            ("secrets", Rule.secrets), ("configs", Rule.configs),
        ]
        var found: [Diagnostic] = []
        for (section, rules) in sections {
            for entry in project[section]?.mapping?.entries ?? [] {
                let whole = Found(node: entry.value, mark: entry.keyMark, path: "\(section).\(entry.key)")
                found += rules.flatMap { check(whole, $0) }
            }
        }
        diagnostics.addInFileOrder(found)
    }

    private func check(_ whole: Found, _ rule: Rule) -> [Diagnostic] {
        let places = whole.descendants(rule.path[...])
        return places.filter { !$0.node.isEmptyOrOff && rule.applies($0.node, whole.node) }.map { found in
            let verb = rule.severity == .error ? "can't be honoured" : "is not honoured"
            return Diagnostic(
                "\(found.path) \(verb): \(rule.reason)",
                at: found.mark,
                severity: rule.severity,
                hint: rule.hint,
                path: found.path
            )
        }
    }

    /// A value on the way down a path.
    private struct Found {
        let node: YAMLNode
        let mark: SourceMark
        let path: String

        /// The values at the end of a path, on which `*` is every element or entry.
        func descendants(_ path: ArraySlice<String>) -> [Found] {
            guard let key = path.first else { return [self] }
            var next: [Found] = []
            if let mapping = node.mapping {
                for entry in mapping.entries where key == "*" || entry.key == key {
                    next.append(Found(node: entry.value, mark: entry.keyMark, path: "\(self.path).\(entry.key)"))
                }
            } else if key == "*" {
                for (index, element) in (node.sequence ?? []).enumerated() {
                    next.append(Found(node: element, mark: element.mark, path: "\(self.path)[\(index)]"))
                }
            }
            return next.flatMap { $0.descendants(path.dropFirst()) }
        }
    }

    /// One attribute that has no effect.
    struct Rule: Sendable {
        /// The keys to it; `*` is every element or entry.
        let path: [String]
        let severity: Diagnostic.Severity
        /// Why, in words that follow a colon.
        let reason: String
        /// What to do instead.
        let hint: String?
        /// Whether only some values of the attribute have no effect.
        let isConditional: Bool
        /// Whether a value of the attribute matters; the second node is the service or resource it belongs to.
        let applies: @Sendable (YAMLNode, YAMLNode) -> Bool

        /// A rule for an attribute whose loss changes what a program sees.
        static func refuse(
            _ path: String,
            _ reason: String,
            hint: String? = nil,
            when applies: (@Sendable (YAMLNode, YAMLNode) -> Bool)? = nil
        ) -> Rule {
            Rule(path, .error, reason, hint, applies)
        }

        /// A rule for an attribute whose loss a program does not notice.
        static func warn(
            _ path: String,
            _ reason: String,
            hint: String? = nil,
            when applies: (@Sendable (YAMLNode, YAMLNode) -> Bool)? = nil
        ) -> Rule {
            Rule(path, .warning, reason, hint, applies)
        }

        private init(
            _ path: String,
            _ severity: Diagnostic.Severity,
            _ reason: String,
            _ hint: String?,
            _ applies: (@Sendable (YAMLNode, YAMLNode) -> Bool)?
        ) {
            self.path = path.split(separator: "/").map(String.init)
            self.severity = severity
            self.reason = reason
            self.hint = hint
            isConditional = applies != nil
            self.applies = applies ?? { _, _ in true }
        }
    }
}

extension YAMLNode {
    /// Whether the value is what leaving it out means.
    fileprivate var isEmptyOrOff: Bool {
        switch content {
        case .null, .bool(false), .int(0): true
        case .string(let text): text.isEmpty
        case .float(let number): number == 0
        case .sequence(let elements): elements.isEmpty
        case .mapping(let mapping): mapping.isEmpty
        case .bool, .int, .largeInt, .timestamp: false
        }
    }
}
