import YAMLComposer

/// Checks one file against the schema: which keys there are, and what kinds of values they hold.
///
/// What can't be used is told once and taken out, so that the passes that follow find only values they know.
struct Validation {
    /// Where mistakes go.
    let diagnostics: DiagnosticCollector
    /// Whether values may be missing, or be such that only together with an earlier file they make sense.
    let allowsEmpty: Bool

    /// The check of what no earlier file can complete.
    private var strict: Validation { Validation(diagnostics: diagnostics, allowsEmpty: false) }

    /// The file without what is wrong in it.
    func checked(_ node: YAMLNode) -> YAMLNode {
        checked(node, .object(Schema.project), "", nil) ?? node.with(.mapping(YAMLMapping()))
    }

    /// The merged tree without what is wrong in it; only what `written`, the file laid over it last, speaks of is
    /// looked at, since the rest was checked before.
    func checked(_ merged: YAMLNode, after written: YAMLNode) -> YAMLNode {
        checked(merged, .object(Schema.project), "", written) ?? merged.with(.mapping(YAMLMapping()))
    }

    /// The value without what is wrong in it; nil when nothing is left.
    private func checked(_ node: YAMLNode, _ shape: Shape, _ path: String, _ written: YAMLNode?) -> YAMLNode? {
        if node.directive == .reset || (allowsEmpty && node.isNull) { return node }
        switch shape {
        case .any: return node
        case .scalar(let scalar): return isRight(node, scalar, path) ? node : nil
        case .list(let inner, let identity):
            guard let elements = node.sequence else { return wrong(node, path, "a list") }
            if case .unique = identity { checkRepetition(elements, path) }
            return kept(node, elements, path) { checked($0, inner, $1, nil) }
        case .map(let inner):
            guard let mapping = node.mapping else { return wrong(node, path, "a mapping") }
            return kept(node, mapping, path, written) { entry, path, written in
                checked(entry.value, inner, path, written)
            }
        case .object(let object): return checked(node, object, path, written)
        case .shorthand(let shorthand, let long):
            switch short(shorthand, node, long, path) {
            case .accepted: return node
            case .refused: return nil
            case .longForm: return checked(node, long, path, written)
            }
        }
    }

    private func checked(
        _ node: YAMLNode,
        _ object: ObjectShape,
        _ path: String,
        _ written: YAMLNode?
    ) -> YAMLNode? {
        if node.isNull && object.nullable { return node }
        guard let mapping = node.mapping else { return wrong(node, path, "a mapping") }
        let result = kept(node, mapping, path, written) { entry, inner, written in
            if object.extensible && entry.key.hasPrefix("x-") { return entry.value }
            if let shape = object.attributes[entry.key] { return checked(entry.value, shape, inner, written) }
            if entry.value.directive == .reset { return entry.value }
            tellUnknown(entry, object, path)
            return object.isLenient ? entry.value : nil
        }
        guard !allowsEmpty else { return result }
        for key in object.required where !diagnostics.damaged.contains(path) {
            if let value = mapping[key], value.directive != .reset { continue }
            diagnostics.error("\(path) needs \"\(key)\"", at: node.mark, path: path)
            diagnostics.markDamaged(path)
        }
        return result
    }

    private func tellUnknown(_ entry: YAMLMapping.Entry, _ object: ObjectShape, _ path: String) {
        let place = path.isEmpty ? "at the top of a Compose file" : "in \(path)"
        let nearest = diagnostics.nearest(entry.key, among: object.attributes.keys)
        // A section under a misspelled name is not a missing one.
        if path.isEmpty, let nearest { diagnostics.markDamaged(nearest) }
        diagnostics.addUnknownKey(
            Diagnostic(
                "there is no key \"\(entry.key)\" \(place)",
                at: entry.keyMark,
                severity: object.isLenient ? .warning : .error,
                hint: nearest.map { "did you mean \"\($0)\"?" }
            ),
            in: path
        )
    }

    // MARK: Collections

    private func kept(
        _ node: YAMLNode,
        _ elements: [YAMLNode],
        _ path: String,
        _ check: (YAMLNode, String) -> YAMLNode?
    ) -> YAMLNode {
        var result: [YAMLNode] = []
        result.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            if let value = check(element, "\(path)[\(index)]") { result.append(value) }
        }
        if result.count < elements.count { diagnostics.markDamaged(path) }
        return node.with(.sequence(result))
    }

    private func kept(
        _ node: YAMLNode,
        _ mapping: YAMLMapping,
        _ path: String,
        _ written: YAMLNode?,
        _ check: (YAMLMapping.Entry, String, YAMLNode?) -> YAMLNode?
    ) -> YAMLNode {
        let isSection = Self.sections.contains(path)
        func result(_ entry: YAMLMapping.Entry, _ written: YAMLNode?) -> YAMLNode? {
            if isSection { checkName(entry, path) }
            let inner = join(path, entry.key)
            if let value = check(entry, inner, written) { return value }
            diagnostics.markDamaged(path)
            if isSection || path.isEmpty { diagnostics.markDamaged(inner) }
            guard isSection else { return nil }
            // What refers to it by name is no mistake.
            return entry.value.with(.mapping(YAMLMapping()))
        }
        if let written = written?.mapping, written.entries.count < mapping.entries.count {
            var changed = mapping
            for other in written.entries {
                guard let entry = mapping.entry(other.key) else { continue }
                changed[other.key] = result(entry, other.value)
            }
            return node.with(.mapping(changed))
        }
        return node.with(.mapping(mapping.compactMapValues { result($0, written?[$0.key]) }))
    }

    private func checkRepetition(_ elements: [YAMLNode], _ path: String) {
        var seen: Set<String> = []
        for element in elements {
            guard let text = element.scalarText, !seen.insert(text).inserted else { continue }
            diagnostics.error("\(path) names \"\(text)\" twice", at: element.mark)
        }
    }

    // MARK: Scalars

    private func isRight(_ node: YAMLNode, _ scalar: Scalar, _ path: String) -> Bool {
        guard let kind = node.valueKind, scalar.accepts.contains(kind) else {
            let text = scalar.accepts == .string ? node.scalarText : nil
            let hint = scalar.reading == .duration ? text.map { "give it a unit: \($0)s" } : nil
            _ = wrong(node, path, scalar.accepts.description, hint: hint ?? text.map { "put it in quotes: \"\($0)\"" })
            return false
        }
        if let bounds = scalar.bounds, let number = node.number,
            number < Double(bounds.lowerBound) || number > Double(bounds.upperBound)
        {
            diagnostics.error("\(path) must lie \(bounds.inWords), not be \(node.scalarText ?? "")", at: node.mark)
            return false
        }
        guard let text = node.string else { return true }
        if let pattern = scalar.pattern, !pattern.matches(text) {
            diagnostics.error("\(path) can't be \"\(text)\"", at: node.mark, hint: pattern.hint)
            return false
        }
        guard !scalar.words.isEmpty, !scalar.words.contains(text) else { return true }
        let choices = scalar.words.joined(separator: ", ")
        let nearest = diagnostics.hint(text, among: scalar.words)
        diagnostics.error("\(path) is one of \(choices), not \"\(text)\"", at: node.mark, hint: nearest)
        return false
    }

    // MARK: Short forms

    private enum Verdict { case accepted, refused, longForm }

    /// Whether `node` is written in the shorter way; its parts are checked when they are read.
    private func short(_ shorthand: Shorthand, _ node: YAMLNode, _ long: Shape, _ path: String) -> Verdict {
        switch shorthand {
        case .single, .lateSingle:
            return node.sequence == nil && node.scalarText != nil ? checkedSingle(node, long, path) : .longForm
        case .pairs, .assignments, .sshKeys: return pairs(shorthand, node, path)
        case .hosts: return hosts(node, path)
        case .names:
            guard node.sequence != nil else {
                if node.mapping?.entries.contains(where: { !Self.isName($0.key) }) ?? false, !path.hasSuffix("models") {
                    for entry in node.mapping?.entries ?? [] { checkSpelling(entry, path) }
                }
                return .longForm
            }
            _ = strict.checked(node, .uniqueTexts, path, nil)
            return .accepted
        case .command: return node.isNull || node.string != nil ? .accepted : .longForm
        case .healthTest, .attribute, .mount, .device: return node.string != nil ? .accepted : .longForm
        case .port:
            let isPort = node.valueKind.map { ValueKinds([.string, .number]).contains($0) } ?? false
            return isPort ? .accepted : .longForm
        case .environmentFiles: return environmentFiles(node, long, path)
        case .gpus: return node.string == "all" ? .accepted : .longForm
        case .limit: return node.int != nil || node.string != nil ? .accepted : .longForm
        case .external: return node.bool != nil || node.string != nil ? .accepted : .longForm
        }
    }

    /// One value for a list is what an element may be.
    private func checkedSingle(_ node: YAMLNode, _ long: Shape, _ path: String) -> Verdict {
        guard case .list(let inner, _) = long else { return .accepted }
        return checked(node, inner, path, nil) == nil ? .refused : .accepted
    }

    private func pairs(_ shorthand: Shorthand, _ node: YAMLNode, _ path: String) -> Verdict {
        // One text joins what an earlier file has; without one, the merged tree shows it.
        if allowsEmpty && node.scalarText != nil { return .accepted }
        guard let elements = node.sequence else { return .longForm }
        for element in elements where element.string == nil { _ = wrong(element, path, "a list of KEY=value") }
        if case .pairs(let isUnique) = shorthand, isUnique { checkRepetition(elements, path) }
        return .accepted
    }

    private func hosts(_ node: YAMLNode, _ path: String) -> Verdict {
        if allowsEmpty && node.string != nil { return .accepted }
        if allowsEmpty, let elements = node.sequence { checkRepetition(elements, path) }
        guard let mapping = node.mapping else { return .longForm }
        for entry in mapping.entries {
            if entry.value.isNull { _ = wrong(entry.value, join(path, entry.key), "an address") }
            _ = strict.checked(
                entry.value,
                .shorthand(.single(isSpelledOut: false), for: .texts),
                join(path, entry.key),
                nil
            )
        }
        return .accepted
    }

    private func environmentFiles(_ node: YAMLNode, _ long: Shape, _ path: String) -> Verdict {
        if node.string != nil { return .accepted }
        guard let elements = node.sequence, elements.contains(where: { $0.string != nil }),
            case .list(let inner, _) = long
        else { return .longForm }
        for (index, element) in elements.enumerated() where element.string == nil {
            _ = checked(element, inner, "\(path)[\(index)]", nil)
        }
        return .accepted
    }

    // MARK: Names

    /// Services, volumes and the like have names that can stand in host names and paths.
    private func checkName(_ entry: YAMLMapping.Entry, _ path: String) {
        if !Self.openSections.contains(path) { checkSpelling(entry, path) }
    }

    private func checkSpelling(_ entry: YAMLMapping.Entry, _ path: String) {
        guard !Self.isName(entry.key) else { return }
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
    /// Here any name will do.
    private static let openSections: Set<String> = ["networks", "models"]

    private func wrong(_ node: YAMLNode, _ path: String, _ wanted: String, hint: String? = nil) -> YAMLNode? {
        let place = path.isEmpty ? "a Compose file" : path
        let parts = path.split(separator: ".")
        if parts.count == 2, parts[0] == "services", Schema.service.attributes[String(parts[1])] != nil {
            let hint = "\"\(parts[1])\" says something of a service: indent it as the other keys of its service"
            diagnostics.error("there is no service in \(path)", at: node.mark, hint: hint, path: path)
            return nil
        }
        diagnostics.error("\(place) must be \(wanted), not \(node.kind)", at: node.mark, hint: hint, path: path)
        return nil
    }

    private func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}

extension YAMLNode {
    /// The kind of a scalar; nil for collections and dates.
    var valueKind: ValueKinds? {
        switch content {
        case .null: .null
        case .bool: .boolean
        case .int: .integer
        case .float(let number): number == number.rounded(.towardZero) && number.isFinite ? .integer : .number
        case .string: .string
        case .timestamp, .sequence, .mapping: nil
        }
    }

    /// The value of a number.
    var number: Double? {
        switch content {
        case .int(let number): Double(number)
        case .float(let number): number
        case .null, .bool, .string, .timestamp, .sequence, .mapping: nil
        }
    }
}

extension ClosedRange<Int> {
    /// The range as a message says it.
    var inWords: String {
        if upperBound == .max { return "at \(lowerBound) or above" }
        return "between \(lowerBound) and \(upperBound)"
    }
}
