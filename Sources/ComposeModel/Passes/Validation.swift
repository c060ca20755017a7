import YAMLComposer

/// Checks one file against the schema: which keys there are, and what kinds of values they hold.
///
/// What can't be used is told once and taken out, so that the passes that follow find only values they know.
struct Validation {
    /// Where mistakes go.
    let diagnostics: DiagnosticCollector
    /// Whether values may be missing, or be such that only together with an earlier file they make sense.
    let allowsEmpty: Bool
    /// Where the value at hand is.
    private let trail: Trail

    /// A check that reports to `diagnostics`.
    init(diagnostics: DiagnosticCollector, allowsEmpty: Bool) {
        self.init(diagnostics, allowsEmpty: allowsEmpty, trail: Trail())
    }

    private init(_ diagnostics: DiagnosticCollector, allowsEmpty: Bool, trail: Trail) {
        self.diagnostics = diagnostics
        self.allowsEmpty = allowsEmpty
        self.trail = trail
    }

    /// The way to the value at hand; almost none of them is ever written down.
    private final class Trail {
        enum Part {
            case key(String)
            case index(Int)
        }

        var parts: [Part] = []

        /// The way as messages have it: `services.web.ports[0]`.
        var text: String {
            var result = ""
            for part in parts {
                switch part {
                case .key(let key): result += result.isEmpty ? key : "." + key
                case .index(let index): result += "[\(index)]"
                }
            }
            return result
        }
    }

    /// What became of a value.
    private enum Outcome {
        /// It is right as it is.
        case same
        /// Something in it was wrong, and is gone.
        case changed(YAMLNode)
        /// Nothing of it is right.
        case wrong

        /// What is left of the value that was `node`.
        func value(of node: YAMLNode) -> YAMLNode? {
            switch self {
            case .same: node
            case .changed(let other): other
            case .wrong: nil
            }
        }
    }

    private var path: String { trail.text }
    /// The check of what no earlier file can complete.
    private var strict: Validation { Validation(diagnostics, allowsEmpty: false, trail: trail) }

    /// Checks what stands at `part` of the value at hand.
    private func at<Result>(_ part: Trail.Part, _ check: () -> Result) -> Result {
        trail.parts.append(part)
        defer { trail.parts.removeLast() }
        return check()
    }

    /// The file without what is wrong in it.
    func checked(_ node: YAMLNode) -> YAMLNode {
        checked(node, .object(Schema.project), nil).value(of: node) ?? node.with(.mapping(YAMLMapping()))
    }

    /// The merged tree without what is wrong in it; only what `written`, the file laid over it last, speaks of is
    /// looked at, since the rest was checked before.
    func checked(_ merged: YAMLNode, after written: YAMLNode) -> YAMLNode {
        checked(merged, .object(Schema.project), written).value(of: merged) ?? merged.with(.mapping(YAMLMapping()))
    }

    private func checked(_ node: YAMLNode, _ shape: Shape, _ written: YAMLNode?) -> Outcome {
        if node.directive == .reset || (allowsEmpty && node.isNull) { return .same }
        switch shape {
        case .any: return .same
        case .scalar(let scalar): return isRight(node, scalar) ? .same : .wrong
        case .list(let inner, let identity):
            guard let elements = node.sequence else { return wrong(node, "a list") }
            if case .unique = identity { checkRepetition(elements) }
            return kept(node, elements, inner)
        case .map(let inner):
            guard let mapping = node.mapping else { return wrong(node, "a mapping") }
            return kept(node, mapping, written) { entry, written in checked(entry.value, inner, written) }
        case .object(let object): return checked(node, object, written)
        case .shorthand(let shorthand, let long):
            switch short(shorthand, node, long) {
            case .accepted: return .same
            case .refused: return .wrong
            case .longForm: return checked(node, long, written)
            }
        }
    }

    private func checked(_ node: YAMLNode, _ object: ObjectShape, _ written: YAMLNode?) -> Outcome {
        if node.isNull && object.nullable { return .same }
        guard let mapping = node.mapping else { return wrong(node, "a mapping") }
        let result = kept(node, mapping, written) { entry, written in
            if object.extensible && entry.key.hasPrefix("x-") { return .same }
            if let shape = object.attributes[entry.key] { return checked(entry.value, shape, written) }
            if entry.value.directive == .reset { return .same }
            tellUnknown(entry, object)
            return object.isLenient ? .same : .wrong
        }
        guard !allowsEmpty else { return result }
        for key in object.required {
            if let value = mapping[key], value.directive != .reset { continue }
            let path = path
            if diagnostics.damaged.contains(path) { break }
            diagnostics.error("\(path) needs \"\(key)\"", at: node.mark, path: path)
            diagnostics.markDamaged(path)
        }
        return result
    }

    /// Tells of a key of the mapping that holds the value at hand.
    private func tellUnknown(_ entry: YAMLMapping.Entry, _ object: ObjectShape) {
        let last = trail.parts.removeLast()
        defer { trail.parts.append(last) }
        let path = path
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

    private func kept(_ node: YAMLNode, _ elements: [YAMLNode], _ inner: Shape) -> Outcome {
        // Nothing is copied as long as everything is right.
        var result: [YAMLNode]?
        for (index, element) in elements.enumerated() {
            let outcome = at(.index(index)) { checked(element, inner, nil) }
            if case .same = outcome {
                result?.append(element)
                continue
            }
            var others = result ?? Array(elements[..<index])
            if let value = outcome.value(of: element) { others.append(value) }
            result = others
        }
        guard let result else { return .same }
        if result.count < elements.count { diagnostics.markDamaged(path) }
        return .changed(node.with(.sequence(result)))
    }

    private func kept(
        _ node: YAMLNode,
        _ mapping: YAMLMapping,
        _ written: YAMLNode?,
        _ check: (YAMLMapping.Entry, YAMLNode?) -> Outcome
    ) -> Outcome {
        var changes: [(key: String, value: YAMLNode?)] = []
        func take(_ entry: YAMLMapping.Entry, _ written: YAMLNode?) {
            let outcome = at(.key(entry.key)) { kept(entry, written, check) }
            if case .same = outcome { return }
            changes.append((entry.key, outcome.value(of: entry.value)))
        }
        let written = written?.mapping
        if let written, written.entries.count < mapping.entries.count {
            for other in written.entries {
                if let entry = mapping.entry(other.key) { take(entry, other.value) }
            }
        } else {
            for entry in mapping.entries { take(entry, written?[entry.key]) }
        }
        guard !changes.isEmpty else { return .same }
        let changed = Dictionary(uniqueKeysWithValues: changes.map { ($0.key, $0.value) })
        return .changed(
            node.with(
                .mapping(mapping.compactMapValues { entry in changed[entry.key, default: entry.value] })
            )
        )
    }

    /// What is left of an entry, whose key ends the trail; a section keeps the names of what was wrong.
    private func kept(
        _ entry: YAMLMapping.Entry,
        _ written: YAMLNode?,
        _ check: (YAMLMapping.Entry, YAMLNode?) -> Outcome
    ) -> Outcome {
        let section = section
        if let section { checkName(entry, section) }
        let outcome = check(entry, written)
        guard case .wrong = outcome else { return outcome }
        let isTop = trail.parts.count == 1
        if section != nil || isTop { diagnostics.markDamaged(path) }
        let last = trail.parts.removeLast()
        diagnostics.markDamaged(path)
        trail.parts.append(last)
        // What refers to it by name is no mistake.
        return section == nil ? .wrong : .changed(entry.value.with(.mapping(YAMLMapping())))
    }

    /// The section that the value at hand is an entry of.
    private var section: String? {
        guard trail.parts.count == 2, case .key(let name) = trail.parts[0] else { return nil }
        return Self.sections.contains(name) ? name : nil
    }

    private func checkRepetition(_ elements: [YAMLNode]) {
        var seen: Set<String> = []
        for element in elements {
            guard let text = element.scalarText, !seen.insert(text).inserted else { continue }
            diagnostics.error("\(path) names \"\(text)\" twice", at: element.mark)
        }
    }

    // MARK: Scalars

    private func isRight(_ node: YAMLNode, _ scalar: Scalar) -> Bool {
        guard let kind = node.valueKind, scalar.accepts.contains(kind) else {
            let text = scalar.accepts == .string ? node.scalarText : nil
            let hint = scalar.reading == .duration ? text.map { "give it a unit: \($0)s" } : nil
            _ = wrong(node, scalar.accepts.description, hint: hint ?? text.map { "put it in quotes: \"\($0)\"" })
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
    private func short(_ shorthand: Shorthand, _ node: YAMLNode, _ long: Shape) -> Verdict {
        switch shorthand {
        case .single, .lateSingle:
            return node.sequence == nil && node.scalarText != nil ? checkedSingle(node, long) : .longForm
        case .pairs, .assignments, .sshKeys: return pairs(shorthand, node)
        case .hosts: return hosts(node)
        case .names:
            guard node.sequence != nil else {
                if node.mapping?.entries.contains(where: { !Self.isName($0.key) }) ?? false, !path.hasSuffix("models") {
                    for entry in node.mapping?.entries ?? [] { checkSpelling(entry, under: path) }
                }
                return .longForm
            }
            _ = strict.checked(node, .uniqueTexts, nil)
            return .accepted
        case .command: return node.isNull || node.string != nil ? .accepted : .longForm
        case .healthTest, .attribute, .mount, .device: return node.string != nil ? .accepted : .longForm
        case .port:
            let isPort = node.valueKind.map { ValueKinds([.string, .number]).contains($0) } ?? false
            return isPort ? .accepted : .longForm
        case .environmentFiles: return environmentFiles(node, long)
        case .gpus: return node.string == "all" ? .accepted : .longForm
        case .limit: return node.int != nil || node.string != nil ? .accepted : .longForm
        case .external: return node.bool != nil || node.string != nil ? .accepted : .longForm
        }
    }

    /// One value for a list is what an element may be.
    private func checkedSingle(_ node: YAMLNode, _ long: Shape) -> Verdict {
        guard case .list(let inner, _) = long else { return .accepted }
        if case .wrong = checked(node, inner, nil) { return .refused }
        return .accepted
    }

    private func pairs(_ shorthand: Shorthand, _ node: YAMLNode) -> Verdict {
        // One text joins what an earlier file has; without one, the merged tree shows it.
        if allowsEmpty && node.scalarText != nil { return .accepted }
        guard let elements = node.sequence else { return .longForm }
        for element in elements where element.string == nil { _ = wrong(element, "a list of KEY=value") }
        if case .pairs(let isUnique) = shorthand, isUnique { checkRepetition(elements) }
        return .accepted
    }

    private func hosts(_ node: YAMLNode) -> Verdict {
        if allowsEmpty && node.string != nil { return .accepted }
        if allowsEmpty, let elements = node.sequence { checkRepetition(elements) }
        guard let mapping = node.mapping else { return .longForm }
        for entry in mapping.entries {
            at(.key(entry.key)) {
                if entry.value.isNull { _ = wrong(entry.value, "an address") }
                _ = strict.checked(entry.value, .shorthand(.single(isSpelledOut: false), for: .texts), nil)
            }
        }
        return .accepted
    }

    private func environmentFiles(_ node: YAMLNode, _ long: Shape) -> Verdict {
        if node.string != nil { return .accepted }
        guard let elements = node.sequence, elements.contains(where: { $0.string != nil }),
            case .list(let inner, _) = long
        else { return .longForm }
        for (index, element) in elements.enumerated() where element.string == nil {
            _ = at(.index(index)) { checked(element, inner, nil) }
        }
        return .accepted
    }

    // MARK: Names

    /// Services, volumes and the like have names that can stand in host names and paths.
    private func checkName(_ entry: YAMLMapping.Entry, _ section: String) {
        if !Self.openSections.contains(section) { checkSpelling(entry, under: section) }
    }

    private func checkSpelling(_ entry: YAMLMapping.Entry, under path: String) {
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

    private func wrong(_ node: YAMLNode, _ wanted: String, hint: String? = nil) -> Outcome {
        let path = path
        let place = path.isEmpty ? "a Compose file" : path
        let parts = path.split(separator: ".")
        if parts.count == 2, parts[0] == "services", Schema.service.attributes[String(parts[1])] != nil {
            let hint = "\"\(parts[1])\" says something of a service: indent it as the other keys of its service"
            diagnostics.error("there is no service in \(path)", at: node.mark, hint: hint, path: path)
            return .wrong
        }
        diagnostics.error("\(place) must be \(wanted), not \(node.kind)", at: node.mark, hint: hint, path: path)
        return .wrong
    }
}

extension YAMLNode {
    /// The kind of a scalar; nil for collections and dates.
    var valueKind: ValueKinds? {
        switch content {
        case .null: .null
        case .bool: .boolean
        case .int, .largeInt: .integer
        case .float(let number): number == number.rounded(.towardZero) && number.isFinite ? .integer : .number
        case .string: .string
        case .timestamp, .sequence, .mapping: nil
        }
    }

    /// The value of a number.
    var number: Double? {
        switch content {
        case .int(let number): Double(number)
        case .largeInt(let number): Double(number)
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
