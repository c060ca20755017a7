import YAMLComposer

/// Replaces variables in the values of a file, and turns the text that comes out into the type its place wants.
struct Interpolation {
    /// The value of a variable.
    let lookup: (String) -> String?
    /// Where mistakes go.
    let diagnostics: DiagnosticCollector
    /// Nobody looks at more variables of one value.
    private static let useLimit = 100
    /// How much text variables may still bring in.
    private var allowance = Template.totalLimit
    /// The keys from the top to the value at hand.
    private var path: [String] = []

    init(lookup: @escaping (String) -> String?, diagnostics: DiagnosticCollector) {
        self.lookup = lookup
        self.diagnostics = diagnostics
    }

    /// The tree with all values replaced; keys stay as they are, and what can't be replaced is told and taken out.
    mutating func apply(_ node: YAMLNode, _ shape: Shape) -> YAMLNode? {
        // What is taken away may be anything.
        if node.directive == .reset { return node }
        switch node.content {
        case .string(let text):
            guard text.utf8.contains(UInt8(ascii: "$")) else {
                return typed(text, shape, at: node.mark).map { node.with($0) }
            }
            var used: [SourceVariable] = []
            let replaced = replaced(text, at: node.mark, &used)
            let mark = used.isEmpty ? node.mark : node.mark.after(.interpolated(template: text, used))
            guard let replaced, let content = typed(replaced, shape, at: mark) else { return nil }
            return YAMLNode(content, at: mark, directive: node.directive)
        case .sequence(let elements):
            let inner = Self.element(shape)
            var result: [YAMLNode] = []
            result.reserveCapacity(elements.count)
            for element in elements {
                if let value = apply(element, inner) { result.append(value) }
            }
            if result.count < elements.count { diagnostics.markDamaged(path.joined(separator: ".")) }
            return node.with(.sequence(result))
        case .mapping(let mapping):
            var isDamaged = false
            let result = mapping.compactMapValues { entry in
                path.append(entry.key)
                defer { path.removeLast() }
                let value = apply(entry.value, Self.value(entry.key, shape))
                isDamaged = isDamaged || value == nil
                return value
            }
            if isDamaged { diagnostics.markDamaged(path.joined(separator: ".")) }
            return node.with(.mapping(result))
        case .null, .bool, .int, .largeInt, .float, .timestamp: return node
        }
    }

    private mutating func replaced(_ text: String, at mark: SourceMark, _ used: inout [SourceVariable]) -> String? {
        var found: [SourceVariable] = []
        var template = Template(lookup: lookup) { [diagnostics] in diagnostics.missing($0, at: mark) }
        template.observe = { [diagnostics] name, value, outcome in
            guard found.count < Self.useLimit else { return }
            found.append(SourceVariable(name, outcome, values: diagnostics.variables.values(of: name, being: value)))
        }
        defer { used = found }
        do throws(Template.Failure) {
            let result = try template.substitute(text)
            allowance -= result.utf8.count
            if allowance >= 0 { return result }
            diagnostics.error("variables bring more text into the file than can be read", at: mark)
        } catch {
            tell(error, text, at: mark)
        }
        return nil
    }

    private func tell(_ failure: Template.Failure, _ text: String, at mark: SourceMark) {
        switch failure {
        case .malformed:
            diagnostics.error(
                "\"\(text.replacing("\n", with: "\\n"))\" holds a malformed variable",
                at: mark,
                hint: "write ${NAME}, or $$ for a dollar sign"
            )
        case .nested:
            diagnostics.error(
                "variables stand in one another more than \(Template.nestingLimit) levels deep",
                at: mark,
                hint: "give the inner value a variable of its own"
            )
        case .tooLong:
            diagnostics.error("variables make this value longer than \(Template.lengthLimit) bytes", at: mark)
        case .required(let name, let message):
            diagnostics.required(name, because: message, at: mark)
        }
    }

    /// Text in the place of a number or truth value becomes one; nil when it can't.
    private func typed(_ text: String, _ shape: Shape, at mark: SourceMark) -> YAMLNode.Content? {
        guard case .scalar(let scalar) = Self.long(shape), scalar.accepts.contains(.string), scalar.accepts != .string
        else { return .string(text) }
        switch scalar.reading {
        case .boolean:
            if let value = BooleanWord.value(of: text) { return .bool(value) }
        case .integer:
            if let number = Int(text) { return .int(number) }
        case .decimal:
            if let number = DecimalText.value(of: text) { return .float(number) }
        case .count: return Int(text).map { .int($0) } ?? .string(text)
        case .text, .emptiableText, .wholeText, .literalInteger, .bytes, .duration, .fileMode: return .string(text)
        }
        let place = path.joined(separator: ".")
        let wanted = scalar.reading == .boolean ? "true or false" : "a number"
        diagnostics.error("\(place) must be \(wanted), not \"\(text)\"", at: mark)
        return nil
    }

    private static func long(_ shape: Shape) -> Shape {
        switch shape {
        case .shorthand(.limit(takesText: true), _): .scalar(Scalar([.integer, .string], .integer))
        case .shorthand(.external, _): .scalar(Scalar([.boolean, .string], .boolean))
        case .shorthand(_, let inner): inner
        case .scalar, .list, .map, .object, .any: shape
        }
    }

    private static func element(_ shape: Shape) -> Shape {
        if case .list(let inner, _) = unfolded(shape) { inner } else { .any }
    }

    private static func value(_ key: String, _ shape: Shape) -> Shape {
        switch unfolded(shape) {
        case .object(let object): object.attributes[key] ?? .any
        case .map(let inner): inner
        case .scalar, .list, .shorthand, .any: .any
        }
    }

    private static func unfolded(_ shape: Shape) -> Shape {
        if case .shorthand(_, let inner) = shape { inner } else { shape }
    }
}
