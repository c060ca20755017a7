import YAMLComposer

/// One mapping of the canonical tree on its way into a typed value; what can't be read is reported and left out.
struct Fields {
    /// The mapping; nil when the value is empty.
    let mapping: YAMLMapping?
    /// Where the mapping stands: for what concerns all of it.
    let mark: SourceMark
    /// The way to it from the top: `services.web`.
    let path: String
    let diagnostics: DiagnosticCollector

    /// The mapping in `node`; anything but a mapping or nothing is a mistake.
    init(_ node: YAMLNode, path: String, diagnostics: DiagnosticCollector) {
        mapping = node.mapping
        mark = node.mark
        self.path = path
        self.diagnostics = diagnostics
        if mapping == nil && !node.isNull { diagnostics.error("\(path) must be a mapping", at: mark) }
    }

    /// The value under `key`, unless there is none or it is empty.
    func node(_ key: String) -> YAMLNode? {
        guard let node = mapping?[key], !node.isNull else { return nil }
        return node
    }

    /// Reports that the value under `key` is not what its place wants.
    func wrong(_ key: String, _ message: String, hint: String? = nil) {
        diagnostics.error(
            "\(path).\(key) \(message)",
            at: (node(key)?.mark ?? mark),
            hint: hint,
            path: "\(path).\(key)"
        )
    }

    /// The text under `key`; nil when it is empty.
    func text(_ key: String) -> String? {
        guard let node = node(key) else { return nil }
        guard let text = node.scalarText else {
            wrong(key, "must be text")
            return nil
        }
        return text.isEmpty ? nil : text
    }

    /// What the text under `key` means; `hint` says what would mean something.
    func value<Value>(_ key: String, hint: String, _ read: (String) -> Value?) -> Value? {
        guard let text = text(key) else { return nil }
        if let value = read(text) { return value }
        wrong(key, "can't be \"\(text)\"", hint: hint)
        return nil
    }

    /// One of the words of an enumeration.
    func word<Value: RawRepresentable & CaseIterable>(_ key: String, _: Value.Type) -> Value?
    where Value.RawValue == String {
        let words = Value.allCases.map(\.rawValue)
        return value(key, hint: "use " + Self.alternatives(words)) { Value(rawValue: $0) }
    }

    /// The truth value under `key`.
    func flag(_ key: String) -> Bool? {
        guard let node = node(key) else { return nil }
        if let value = node.bool { return value }
        wrong(key, "must be true or false")
        return nil
    }

    /// The whole number under `key`, within `range`.
    func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let node = node(key) else { return nil }
        if let number = node.int ?? node.string.flatMap(Int.init), range.contains(number) { return number }
        let bounds =
            range.upperBound == .max ? "\(range.lowerBound) or more" : "from \(range.lowerBound) to \(range.upperBound)"
        wrong(key, "can't be \(node.scalarText ?? "a collection")", hint: "use a whole number, \(bounds)")
        return nil
    }

    /// The number under `key`, from `least` on.
    func decimal(_ key: String, atLeast least: Double, atMost most: Double) -> Double? {
        guard let node = node(key) else { return nil }
        if let number = node.scalarText.flatMap(Double.init), (least...most).contains(number) { return number }
        let bounds = "from \(YAMLNode.text(of: least)) to \(YAMLNode.text(of: most))"
        wrong(key, "can't be \(node.scalarText ?? "a collection")", hint: "use a number \(bounds)")
        return nil
    }

    /// The number of bytes under `key`; zero says nothing.
    func bytes(_ key: String, atLeast least: Int = 0) -> Int64? {
        guard let count = integer(key, in: least...Int.max), count != 0 else { return nil }
        return Int64(count)
    }

    /// The length of time under `key`.
    func duration(_ key: String) -> Duration? {
        value(key, hint: "use a length of time such as 1m30s") { text in
            guard let span = TimeSpan(text: text), span.nanoseconds >= 0 else { return nil }
            return .nanoseconds(span.nanoseconds)
        }
    }

    /// The elements under `key`.
    func elements(_ key: String) -> [YAMLNode] {
        guard let node = node(key) else { return [] }
        if let elements = node.sequence { return elements }
        wrong(key, "must be a list")
        return []
    }

    /// The texts of a list; empty ones stay.
    func texts(_ key: String) -> [String] {
        elements(key).enumerated().compactMap { index, element in
            if let text = element.scalarText { return text }
            diagnostics.error("\(path).\(key)[\(index)] must be text", at: element.mark)
            return nil
        }
    }

    /// What the texts of a list mean; empty ones say nothing.
    func values<Value>(_ key: String, hint: String, _ read: (String) -> Value?) -> [Value] {
        zip(elements(key), texts(key)).enumerated().compactMap { index, element in
            if element.1.isEmpty { return nil }
            if let value = read(element.1) { return value }
            diagnostics.error("\(path).\(key)[\(index)] can't be \"\(element.1)\"", at: element.0.mark, hint: hint)
            return nil
        }
    }

    /// The command line under `key`; nil when there is none, empty when it says so.
    func command(_ key: String) -> [String]? { node(key) == nil ? nil : texts(key) }

    /// The entries under `key`.
    func entries(_ key: String) -> [YAMLMapping.Entry] {
        guard let node = node(key) else { return [] }
        if let mapping = node.mapping { return mapping.entries }
        wrong(key, "must be a mapping")
        return []
    }

    /// A mapping of texts; entries without a value are left out.
    func pairs(_ key: String) -> [String: String] {
        var result: [String: String] = [:]
        for entry in entries(key) where !entry.value.isNull {
            if let text = entry.value.scalarText {
                result[entry.key] = text
            } else {
                wrong(key, "has no text under \"\(entry.key)\"")
            }
        }
        return result
    }

    /// The mapping under `key`, when there is one.
    func fields(_ key: String) -> Fields? {
        node(key).map { Fields($0, path: "\(path).\(key)", diagnostics: diagnostics) }
    }

    /// The mappings of a list.
    func list(_ key: String) -> [Fields] {
        elements(key).enumerated().map { index, element in
            Fields(element, path: "\(path).\(key)[\(index)]", diagnostics: diagnostics)
        }
    }

    /// The mappings of a mapping, by their keys.
    func named(_ key: String) -> [(name: String, fields: Fields)] {
        entries(key).filter { !$0.key.hasPrefix("x-") }.map { entry in
            // An empty value stands nowhere of its own.
            let node = entry.value.isNull ? YAMLNode(.null, at: entry.keyMark) : entry.value
            let inner = Fields(
                node,
                path: (path.isEmpty ? "" : path + ".") + "\(key).\(entry.key)",
                diagnostics: diagnostics
            )
            return (entry.key, inner)
        }
    }

    private static func alternatives(_ words: [String]) -> String {
        words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " or " + words[words.count - 1]
    }
}
