package import YAMLComposer

/// The canonical tree as `config` shows it: keys in order, values that say nothing left out.
package struct ConfigTree {
    private let escapesDollars: Bool

    /// A maker of such trees; dollar signs are doubled if asked, so that the output reads back as the same values.
    package init(escapesDollars: Bool) { self.escapesDollars = escapesDollars }

    /// The tree of `project` for printing.
    package func tree(of project: YAMLNode) -> YAMLNode {
        var project = project
        project.remove("version")
        project.remove("include")
        project.edit("services") { services in
            services.editEntries { _, service in
                service.setDefault("command", .null)
                service.setDefault("entrypoint", .null)
                service.edit("build") { build in build.edit("ssh", Self.listKeys) }
                service.edit("develop") { develop in
                    develop.edit("watch") { rules in
                        rules.editElements { rule in
                            rule.setDefault("exec", .mapping(.init()))
                            rule.edit("exec") { $0.setDefault("command", .null) }
                        }
                    }
                }
            }
        }
        var tree = shown(project, .object(Schema.project)) ?? project
        if tree["services"] == nil { tree.set("services", .mapping(.init())) }
        return escapesDollars ? escaped(tree) : tree
    }

    /// Compose shows SSH keys as a list.
    private static func listKeys(_ keys: inout YAMLNode) {
        let lines = (keys.mapping?.entries ?? []).map { entry in
            let path = entry.value.string ?? ""
            return YAMLNode(.string(path.isEmpty ? entry.key : "\(entry.key)=\(path)"), at: entry.keyMark)
        }
        keys.content = .sequence(lines)
    }

    private func escaped(_ node: YAMLNode) -> YAMLNode {
        switch node.content {
        case .string(let text):
            guard text.utf8.contains(0x24) else { return node }
            return node.with(.string(text.split(separator: "$", omittingEmptySubsequences: false).joined(separator: "$$")))
        case .sequence(let elements): return node.with(.sequence(elements.map(escaped)))
        case .mapping(let mapping): return node.with(.mapping(mapping.compactMapValues { escaped($0.value) }))
        case .null, .bool, .int, .float, .timestamp: return node
        }
    }

    /// The node without what says nothing; nil when nothing is left.
    private func shown(_ node: YAMLNode, _ shape: Shape) -> YAMLNode? {
        switch (shape, node.content) {
        case (.shorthand(_, .list(_, .whole)), _): return node
        case (.shorthand(_, let long), _): return shown(node, long)
        case (.scalar(let scalar), _): return !scalar.keepsZero && (node.saysNothing || scalar.reading == .bytes && node.string == "0") ? nil : node
        case (.list(let inner, _), .sequence(let elements)):
            return elements.isEmpty ? nil : node.with(.sequence(elements.map { element(of: $0, inner) }))
        case (.map(let inner), .mapping(let mapping)):
            let values = sorted(mapping).compactMapValues { shown($0.value, kept(inner)) ?? $0.value }
            return values.isEmpty ? nil : node.with(.mapping(values))
        case (.object(let object), .mapping(let mapping)):
            return node.with(
                .mapping(
                    sorted(mapping).compactMapValues { entry in
                        object.attributes[entry.key].map { shown(entry.value, $0) } ?? entry.value
                    }))
        default: return node
        }
    }

    private func element(of node: YAMLNode, _ shape: Shape) -> YAMLNode {
        if case .scalar = shape { return node }
        return shown(node, shape) ?? node
    }

    /// The values of a mapping with free keys stay, whatever they are.
    private func kept(_ shape: Shape) -> Shape { if case .scalar = shape { .any } else { shape } }

    private func sorted(_ mapping: YAMLMapping) -> YAMLMapping {
        YAMLMapping(mapping.entries.sorted { $0.key < $1.key })
    }
}

extension YAMLNode {
    /// Whether the value is the one that leaving it out means.
    fileprivate var saysNothing: Bool {
        switch content {
        case .null, .bool(false), .int(0): true
        case .string(let text): text.isEmpty
        case .float(let number): number == 0
        case .bool, .int, .timestamp, .sequence, .mapping: false
        }
    }
}
