import YAMLComposer

/// Checks one file against the schema: which keys there are, and what kinds of values they hold.
struct Validation {
    /// Where mistakes go.
    let diagnostics: DiagnosticCollector
    /// Whether empty values pass: an earlier file may fill them.
    let allowsEmpty: Bool

    /// Checks a whole file.
    func check(_ node: YAMLNode) { check(node, .object(Schema.project), "") }

    private func check(_ node: YAMLNode, _ shape: Shape, _ path: String) {
        if node.directive == .reset || (allowsEmpty && node.isNull) { return }
        switch shape {
        case .any: return
        case .scalar(let scalar): check(node, scalar, path)
        case .list(let inner, _):
            guard let elements = node.sequence else { return wrong(node, path, "a list") }
            for (index, element) in elements.enumerated() { check(element, inner, "\(path)[\(index)]") }
        case .map(let inner):
            guard let mapping = node.mapping else { return wrong(node, path, "a mapping") }
            for entry in mapping.entries where !isExtension(entry.key, path) {
                checkName(entry, path)
                check(entry.value, inner, join(path, entry.key))
            }
        case .object(let object): check(node, object, path)
        case .shorthand(let shorthand, let long):
            if !accepts(shorthand, node, path) { check(node, long, path) }
        }
    }

    private func check(_ node: YAMLNode, _ object: ObjectShape, _ path: String) {
        if node.isNull && object.nullable { return }
        guard let mapping = node.mapping else { return wrong(node, path, "a mapping") }
        for entry in mapping.entries {
            if object.extensible && entry.key.hasPrefix("x-") { continue }
            if let shape = object.attributes[entry.key] {
                check(entry.value, shape, join(path, entry.key))
                continue
            }
            let nearest = NearestKey.match(entry.key, among: object.attributes.keys)
            let place = path.isEmpty ? "at the top of a Compose file" : "in \(path)"
            diagnostics.addUnknownKey(
                Diagnostic(
                    "there is no key \"\(entry.key)\" \(place)",
                    at: entry.keyMark,
                    hint: nearest.map { "did you mean \"\($0)\"?" }
                ),
                in: path
            )
        }
        for key in object.required where mapping[key] == nil && !diagnostics.damaged.contains(path) {
            diagnostics.error("\(path) needs \"\(key)\"", at: node.mark, path: path)
        }
    }

    private func check(_ node: YAMLNode, _ scalar: Scalar, _ path: String) {
        guard let kind = node.valueKind, scalar.accepts.contains(kind) else {
            let hint = scalar.accepts == .string ? node.scalarText.map { "put it in quotes: \"\($0)\"" } : nil
            return wrong(node, path, scalar.accepts.description, hint: hint)
        }
        if !scalar.words.isEmpty, let text = node.string, !scalar.words.contains(text) {
            let choices = scalar.words.joined(separator: ", ")
            let nearest = NearestKey.match(text, among: scalar.words).map { "did you mean \"\($0)\"?" }
            diagnostics.error("\(path) is one of \(choices), not \"\(text)\"", at: node.mark, hint: nearest)
        }
    }

    /// Whether `node` is written in the shorter way; its parts are checked when they are read.
    private func accepts(_ shorthand: Shorthand, _ node: YAMLNode, _ path: String) -> Bool {
        switch shorthand {
        case .single: return node.sequence == nil && node.scalarText != nil
        case .pairs:
            guard let elements = node.sequence else { return false }
            for element in elements where element.string == nil { wrong(element, path, "a list of KEY=value") }
            return true
        case .hosts:
            guard let mapping = node.mapping else { return false }
            for entry in mapping.entries {
                if entry.value.isNull { wrong(entry.value, join(path, entry.key), "an address") }
                check(entry.value, .shorthand(.single, for: .texts), join(path, entry.key))
            }
            return true
        case .names:
            guard node.sequence != nil else { return false }
            check(node, .texts, path)
            return true
        case .command: return node.isNull || node.string != nil
        case .healthTest, .attribute, .mount, .device: return node.string != nil
        case .port: return node.valueKind.map { ValueKinds([.string, .number]).contains($0) } ?? false
        case .environmentFiles: return acceptsEnvironmentFiles(node, path)
        case .gpus: return node.string == "all"
        case .limit: return node.int != nil || node.string != nil
        case .external: return node.bool != nil || node.string != nil
        }
    }

    private func acceptsEnvironmentFiles(_ node: YAMLNode, _ path: String) -> Bool {
        if node.string != nil { return true }
        guard let elements = node.sequence, elements.contains(where: { $0.string != nil }) else { return false }
        guard case .shorthand(_, .list(let inner, _))? = Schema.service.attributes["env_file"] else { return false }
        for element in elements where element.string == nil { check(element, inner, path) }
        return true
    }

    /// Services, networks and the like have names that can stand in host names and paths.
    private func checkName(_ entry: YAMLMapping.Entry, _ path: String) {
        guard Self.sections.contains(path), !Self.isName(entry.key) else { return }
        diagnostics.error(
            "\"\(entry.key)\" is no name under \"\(path)\"",
            at: entry.keyMark,
            hint: "use letters, digits, \".\", \"-\" and \"_\""
        )
    }

    static func isName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x41 && $0 <= 0x5A) || ($0 >= 0x61 && $0 <= 0x7A) || $0 == 0x2E
                    || $0 == 0x2D || $0 == 0x5F
            }
    }

    private static let sections: Set<String> = ["services", "networks", "volumes", "secrets", "configs", "models"]

    private func wrong(_ node: YAMLNode, _ path: String, _ wanted: String, hint: String? = nil) {
        let place = path.isEmpty ? "a Compose file" : path
        diagnostics.error("\(place) must be \(wanted), not \(node.kind)", at: node.mark, hint: hint, path: path)
    }

    private func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// Sections of the file may hold extensions beside their entries.
    private func isExtension(_ key: String, _ path: String) -> Bool {
        key.hasPrefix("x-") && Self.sections.contains(path)
    }
}

extension YAMLNode {
    /// The kind of a scalar; nil for collections and dates.
    var valueKind: ValueKinds? {
        switch content {
        case .null: .null
        case .bool: .boolean
        case .int: .integer
        case .float: .number
        case .string: .string
        case .timestamp, .sequence, .mapping: nil
        }
    }
}
