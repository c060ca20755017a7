import YAMLComposer

/// Rewrites a checked file so that each value stands in its longest form and each scalar has its own type.
struct Canonicalisation {
    /// Where mistakes go.
    let diagnostics: DiagnosticCollector

    /// The file in canonical form.
    func apply(_ node: YAMLNode) -> YAMLNode { apply(node, .object(Schema.project), "") }

    func apply(_ node: YAMLNode, _ shape: Shape, _ path: String) -> YAMLNode {
        if node.directive == .reset { return node }
        switch shape {
        case .any: return node
        case .scalar(let scalar): return read(node, scalar, path)
        case .list(let inner, let identity):
            guard let written = node.sequence else { return node }
            let elements = written.flatMap { expanded($0, inner, path) }
            return node.with(.sequence(distinct(elements, by: identity)))
        case .map(let inner):
            guard let mapping = node.mapping else { return node }
            return node.with(.mapping(mapping.compactMapValues { apply($0.value, inner, join(path, $0.key)) }))
        case .object(let object):
            guard let mapping = node.mapping else { return node }
            return node.with(
                .mapping(
                    mapping.compactMapValues { entry in
                        if let inner = object.attributes[entry.key] {
                            return apply(entry.value, inner, join(path, entry.key))
                        }
                        // The check has told about any other key.
                        return object.extensible && entry.key.hasPrefix("x-") ? entry.value : nil
                    }
                )
            )
        case .shorthand(let shorthand, let long):
            return apply(longForm(node, shorthand, path), long, path)
        }
    }

    /// The elements that one written element stands for: a port range is many.
    private func expanded(_ node: YAMLNode, _ shape: Shape, _ path: String) -> [YAMLNode] {
        if case .shorthand(.port, let long) = shape, node.mapping == nil {
            return ports(node, path).map { apply($0, long, path) }
        }
        return [apply(node, shape, path)]
    }

    private func distinct(_ elements: [YAMLNode], by identity: Identity) -> [YAMLNode] {
        if case .none = identity { return elements }
        if case .whole = identity { return elements }
        return KeyedList.joined(elements, [], by: identity)
    }

    /// The value of a scalar in the type that its place wants.
    private func read(_ node: YAMLNode, _ scalar: Scalar, _ path: String) -> YAMLNode {
        guard let text = node.scalarText else {
            return node.isNull && scalar.reading == .emptiableText ? node.with(.string("")) : node
        }
        switch scalar.reading {
        case .text, .emptiableText: return node.with(.string(text))
        case .boolean:
            guard let value = BooleanWord.value(of: text) else {
                return wrong(node, "\(path) must be true or false, not \"\(text)\"")
            }
            return node.with(.bool(value))
        case .integer:
            if let number = node.int ?? Int(text) { return node.with(.int(number)) }
            if case .float(let number) = node.content, let whole = Int(exactly: number.rounded(.towardZero)) {
                return node.with(.int(whole))
            }
            if text == "all" { return node.with(.int(-1)) }
            return wrong(node, "\(path) must be a whole number, not \"\(text)\"")
        case .decimal:
            guard let number = Double(text) else { return wrong(node, "\(path) must be a number, not \"\(text)\"") }
            return node.with(.float(number))
        case .bytes, .bytesOrUnlimited:
            // Compose takes the number -1 for memory limits, but not the text.
            let takesMinusOne = scalar.accepts.contains(.number) && node.int != nil
            let lowest = scalar.reading == .bytes && !takesMinusOne ? 0 : -1
            guard let count = ByteCount(text: text), count.bytes >= lowest else {
                return wrong(node, "\(path) must be an amount such as 512m or 2g, not \"\(text)\"")
            }
            return node.with(.string(count.description))
        case .duration:
            guard let length = TimeSpan(text: text) else {
                return wrong(node, "\(path) must be a length of time such as 1m30s, not \"\(text)\"")
            }
            return node.with(.string(length.description))
        case .fileMode:
            guard let mode = node.int ?? Int(text, radix: 8) else {
                return wrong(node, "\(path) must be an octal file mode such as 0440, not \"\(text)\"")
            }
            return node.with(.string("0" + String(mode, radix: 8)))
        }
    }

    func wrong(_ node: YAMLNode, _ message: String) -> YAMLNode {
        diagnostics.error(message, at: node.mark)
        return node
    }

    private func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}
