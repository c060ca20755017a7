import YAMLComposer

/// Replaces variables in the values of a file, and turns the text that comes out into the type its place wants.
struct Interpolation {
    /// The value of a variable.
    let lookup: (String) -> String?
    /// Where mistakes go.
    let diagnostics: DiagnosticCollector

    /// The tree with all values replaced; keys stay as they are.
    func apply(_ node: YAMLNode, _ shape: Shape) -> YAMLNode { changed(node, shape) ?? node }

    /// The node with what changes; nil when that is nothing, as in most of a file.
    private func changed(_ node: YAMLNode, _ shape: Shape) -> YAMLNode? {
        switch node.content {
        case .string(let text):
            guard text.utf8.contains(0x24) else {
                let content = typed(text, shape)
                if case .string = content { return nil }
                return node.with(content)
            }
            var used: [SourceVariable] = []
            let result = node.with(typed(replaced(text, at: node.mark, &used), shape))
            return used.isEmpty ? result : result.after(.interpolated(template: text, used))
        case .sequence(let elements):
            let inner = Self.element(shape)
            return elements.replacingElements { changed($0, inner) }.map { node.with(.sequence($0)) }
        case .mapping(let mapping):
            return mapping.replacingValues { changed($0, Self.value($1, shape)) }.map { node.with(.mapping($0)) }
        case .null, .bool, .int, .float, .timestamp: return nil
        }
    }

    private func replaced(_ text: String, at mark: SourceMark, _ used: inout [SourceVariable]) -> String {
        var found: [SourceVariable] = []
        var template = Template(lookup: lookup) { diagnostics.missing($0, at: mark) }
        template.observe = { name, value, outcome in
            found.append(SourceVariable(name, outcome, values: diagnostics.variables.values(of: name, being: value)))
        }
        defer { used = found }
        do throws(Template.Failure) {
            return try template.substitute(text)
        } catch {
            switch error {
            case .malformed:
                diagnostics.error(
                    "\"\(text)\" holds a malformed variable",
                    at: mark,
                    hint: "write ${NAME}, or $$ for a dollar sign"
                )
            case .nested:
                diagnostics.error(
                    "variables stand in one another more than \(Template.nestingLimit) levels deep",
                    at: mark,
                    hint: "give the inner value a variable of its own"
                )
            case .required(let name, let message):
                diagnostics.error(
                    "the variable \(name) needs a value" + (message.isEmpty ? "" : ": \(message)"),
                    at: mark,
                    hint: "set \(name) in the environment or in .env"
                )
            }
        }
        return text
    }

    /// Text in the place of a number or truth value becomes one, if it can.
    private func typed(_ text: String, _ shape: Shape) -> YAMLNode.Content {
        guard case .scalar(let scalar) = Self.long(shape) else { return .string(text) }
        switch scalar.reading {
        case .boolean: return BooleanWord.value(of: text).map { .bool($0) } ?? .string(text)
        case .integer: return Int(text).map { .int($0) } ?? .string(text)
        case .decimal: return Double(text).map { .float($0) } ?? .string(text)
        case .text, .emptiableText, .bytes, .bytesOrUnlimited, .duration, .fileMode: return .string(text)
        }
    }

    private static func long(_ shape: Shape) -> Shape {
        if case .shorthand(_, let inner) = shape { inner } else { shape }
    }

    private static func element(_ shape: Shape) -> Shape {
        if case .list(let inner, _) = long(shape) { inner } else { .any }
    }

    private static func value(_ key: String, _ shape: Shape) -> Shape {
        switch long(shape) {
        case .object(let object): object.attributes[key] ?? .any
        case .map(let inner): inner
        case .scalar, .list, .shorthand, .any: .any
        }
    }
}
