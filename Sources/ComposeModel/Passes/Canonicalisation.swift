import YAMLComposer

/// Rewrites a checked file so that each value stands in its longest form and each scalar has its own type.
///
/// What can't be read is told once and taken out, so that the passes that follow find only values they know.
struct Canonicalisation {
    /// Where mistakes go.
    let diagnostics: DiagnosticCollector
    /// Whether values stay as written, variables included, and only what later passes look into gets its long form.
    var isRaw = false
    /// How many ports short forms stand for: a few characters can mean thousands.
    let expansion = Expansion()

    /// A count that copies share.
    final class Expansion {
        /// The ports so far.
        var ports = 0
        /// More than any project publishes.
        static let limit = 131_072
    }

    /// The file in canonical form.
    func apply(_ node: YAMLNode) -> YAMLNode { apply(node, .object(Schema.project), "") ?? node }

    func apply(_ node: YAMLNode, _ shape: Shape, _ path: String) -> YAMLNode? {
        if node.directive == .reset { return node }
        switch shape {
        case .any: return node
        case .scalar(let scalar): return isRaw ? node : read(node, scalar, path)
        case .list(let inner, let identity):
            guard let written = node.sequence else { return node }
            return node.with(.sequence(distinct(elements(written, inner, path), by: identity)))
        case .map(let inner):
            guard let mapping = node.mapping else { return node }
            return mapped(node, mapping, path) { apply($0.value, inner, $1) }
        case .object(let object):
            guard let mapping = node.mapping else { return node }
            return mapped(node, mapping, path) { entry, path in
                guard let inner = object.attributes[entry.key] else {
                    // The check has told about any other key.
                    return object.extensible && entry.key.hasPrefix("x-") ? entry.value : nil
                }
                return apply(entry.value, inner, path)
            }
        case .shorthand(let shorthand, let long):
            if isRaw && shorthand.staysRaw { return rawForm(node, shorthand, path) }
            return longForm(node, shorthand, path).flatMap { apply($0, long, path) }
        }
    }

    private func mapped(
        _ node: YAMLNode,
        _ mapping: YAMLMapping,
        _ path: String,
        _ change: (YAMLMapping.Entry, String) -> YAMLNode?
    ) -> YAMLNode {
        let result = mapping.compactMapValues { change($0, join(path, $0.key)) }
        if result.entries.count < mapping.entries.count { diagnostics.markDamaged(path) }
        return node.with(.mapping(result))
    }

    private func elements(_ written: [YAMLNode], _ inner: Shape, _ path: String) -> [YAMLNode] {
        guard case .shorthand(.port, let long) = inner else { return written.compactMap { apply($0, inner, path) } }
        if isRaw { return rawPorts(written, path) }
        return written.flatMap { node in
            // A port range is many.
            (node.mapping == nil ? ports(node, path) : [node]).compactMap { apply($0, long, path) }
        }
    }

    /// The ports in their long form; when one holds a variable in a place that matters, all of them stay as written.
    private func rawPorts(_ written: [YAMLNode], _ path: String) -> [YAMLNode] {
        let silent = Canonicalisation(diagnostics: DiagnosticCollector(), isRaw: true)
        let result = written.flatMap { $0.mapping == nil ? silent.ports($0, path) : [$0] }
        return silent.diagnostics.hasErrors ? written : result
    }

    private func distinct(_ elements: [YAMLNode], by identity: Identity) -> [YAMLNode] {
        switch identity {
        case .none, .whole, .unique, .subnet: elements
        case .value, .name, .key, .mountTarget, .port, .fileReference: KeyedList.joined(elements, [], by: identity)
        }
    }

    /// Raw pairs stay a list or a mapping; the later one of the same name wins.
    private func rawForm(_ node: YAMLNode, _ shorthand: Shorthand, _ path: String) -> YAMLNode? {
        if case .limit = shorthand, let text = node.string {
            // As in Compose, which casts a short form only while it replaces variables.
            return wrong(
                node,
                "\(path) must be a number or have \"soft\" and \"hard\", not be \"\(text)\", as it stands"
            )
        }
        guard case .pairs = shorthand, let elements = node.sequence else { return node }
        return node.with(.sequence(KeyedList.joined(elements, [], by: .name)))
    }

    /// The value of a scalar in the type that its place wants.
    private func read(_ node: YAMLNode, _ scalar: Scalar, _ path: String) -> YAMLNode? {
        guard let text = node.scalarText else {
            let mayBeEmpty = scalar.reading == .wholeText && scalar.accepts.contains(.null)
            return node.isNull && (mayBeEmpty || scalar.reading == .emptiableText) ? node.with(.string("")) : node
        }
        switch scalar.reading {
        case .text, .emptiableText: return node.with(.string(text))
        case .wholeText:
            if case .float = node.content { return wrong(node, "\(path) must be text or a whole number, not \(text)") }
            return node.with(.string(text))
        case .boolean:
            guard let value = node.bool ?? BooleanWord.value(of: text) else {
                return wrong(node, "\(path) must be true or false, not \"\(text)\"")
            }
            return node.with(.bool(value))
        case .integer, .count: return integer(node, text, scalar, path)
        case .literalInteger:
            guard node.string == nil else {
                return wrong(node, "\(path) must be a number without quotes and variables, not \"\(text)\"")
            }
            return integer(node, text, scalar, path)
        case .decimal:
            guard let number = DecimalText.value(of: text) else {
                return wrong(node, "\(path) must be a number, not \"\(text)\"")
            }
            // Compose keeps no more digits than this, and shows those.
            return node.with(.float(Double(Float(number).description) ?? number))
        case .bytes:
            // Compose takes the number -1 for limits, but not the text.
            let lowest = scalar.bounds?.lowerBound ?? (node.int != nil ? -1 : 0)
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
            guard let mode = node.int ?? Int(text, radix: 8), mode >= 0 else {
                return wrong(node, "\(path) must be an octal file mode such as 0440, not \"\(text)\"")
            }
            return node.with(.string("0" + String(mode, radix: 8)))
        }
    }

    private func integer(_ node: YAMLNode, _ text: String, _ scalar: Scalar, _ path: String) -> YAMLNode? {
        var number = node.int ?? Int(text)
        if case .float(let value) = node.content {
            number = scalar.reading == .count ? nil : Int(exactly: value.rounded(.towardZero))
        }
        if scalar.reading == .count && text.lowercased() == "all" { number = -1 }
        guard let number else { return wrong(node, "\(path) must be a whole number, not \"\(text)\"") }
        if let bounds = scalar.bounds, !bounds.contains(number) {
            return wrong(node, "\(path) must lie \(bounds.inWords), not be \(text)")
        }
        return node.with(.int(number))
    }

    func wrong(_ node: YAMLNode, _ message: String) -> YAMLNode? {
        diagnostics.error(message, at: node.mark)
        return nil
    }

    private func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}

extension Shorthand {
    /// Whether the short way stays as it is when nothing is replaced: nothing looks into it before it is run.
    fileprivate var staysRaw: Bool {
        switch self {
        case .pairs, .hosts, .command, .healthTest, .limit, .single(isSpelledOut: false), .lateSingle: true
        case .single, .assignments, .sshKeys, .names, .attribute, .port, .mount, .device, .environmentFiles, .gpus,
            .external:
            false
        }
    }
}
