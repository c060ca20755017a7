package import YAMLComposer

/// A variable that the values of a project refer to.
package struct VariableUse: Hashable, Sendable {
    /// The name.
    package var name: String
    /// Whether the project can't be loaded without it.
    package var isRequired = false
    /// What stands in for it when it is missing.
    package var defaultValue = ""
    /// What stands in for it when it is there.
    package var alternateValue = ""

    /// The variables of all values below `node`, those in defaults included, each name once.
    package static func all(in nodes: [YAMLNode]) -> [VariableUse] {
        var found: [String: VariableUse] = [:]
        for node in nodes { collect(node, &found) }
        return found.values.sorted { $0.name < $1.name }
    }

    private static func collect(_ node: YAMLNode, _ found: inout [String: VariableUse]) {
        switch node.content {
        case .string(let text): collect(text, &found)
        case .sequence(let elements): for element in elements { collect(element, &found) }
        case .mapping(let mapping): for entry in mapping.entries { collect(entry.value, &found) }
        case .null, .bool, .int, .largeInt, .float, .timestamp: return
        }
    }

    private static func collect(_ text: String, _ found: inout [String: VariableUse], depth: Int = 0) {
        guard depth <= Template.nestingLimit else { return }
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "$", let next = rest.first else { continue }
            if next == "$" {
                rest.removeFirst()
            } else if Template.startsName(next) {
                add(VariableUse(name: Template.name(&rest)), &found)
            } else if next == "{" {
                rest.removeFirst()
                // A malformed variable is reported where values are replaced; there is no name to show for it here.
                guard let body = try? Template.body(&rest) else { return }
                collect(braced: body, &found, depth: depth)
            }
        }
    }

    private static func collect(
        braced body: Substring.UnicodeScalarView,
        _ found: inout [String: VariableUse],
        depth: Int
    ) {
        var rest = body
        guard let first = rest.first, Template.startsName(first) else { return }
        var use = VariableUse(name: Template.name(&rest))
        if rest.first == ":" { rest.removeFirst() }
        let sign = rest.popFirst()
        let text = String(rest)
        switch sign {
        case "-": use.defaultValue = text
        case "+": use.alternateValue = text
        case "?": use.isRequired = true
        default: break
        }
        add(use, &found)
        if sign != "?" { collect(text, &found, depth: depth + 1) }
    }

    /// The first use that says most about a variable stays.
    private static func add(_ use: VariableUse, _ found: inout [String: VariableUse]) {
        guard let known = found[use.name] else { return found[use.name] = use }
        let saysNothing = known.defaultValue.isEmpty && known.alternateValue.isEmpty && !known.isRequired
        if saysNothing { found[use.name] = use }
    }
}

extension VariableUse {
    /// Uses of variables as a tree for printing; Docker Compose has the names of its members in lower case in YAML.
    package static func tree(of uses: [VariableUse], isLowercase: Bool) -> YAMLNode {
        let mark = SourceMark(file: SourceFile(name: "", bytes: []), line: 1, column: 1)
        func mapping(_ members: [(String, YAMLNode.Content)]) -> YAMLNode.Content {
            .mapping(YAMLMapping(members.map { .init(key: $0, keyMark: mark, value: YAMLNode($1, at: mark)) }))
        }
        let entries = uses.map { use in
            let members: [(String, YAMLNode.Content)] = [
                ("Name", .string(use.name)), ("DefaultValue", .string(use.defaultValue)),
                ("PresenceValue", .string(use.alternateValue)), ("Required", .bool(use.isRequired)),
            ]
            return (use.name, mapping(members.map { (isLowercase ? $0.0.lowercased() : $0.0, $0.1) }))
        }
        return YAMLNode(mapping(entries), at: mark)
    }
}
