import YAMLComposer

/// Lays one canonical tree over another: the later file wins where both speak.
struct Merge {
    /// Where mistakes go.
    let diagnostics: DiagnosticCollector
    /// Whether short ways of writing are still there.
    var isRaw = false
    /// Whether a service is laid over the one it extends: Compose does that before it spells anything out.
    var isExtending = false

    /// `base` with what `over` says laid over it.
    func apply(_ over: YAMLNode, over base: YAMLNode, _ shape: Shape) -> YAMLNode? {
        if over.directive == .reset { return nil }
        // What an earlier file takes away is not there.
        if base.directive == .reset { return over }
        if over.directive == .override { return replacing(base, over) }
        // An empty later value takes nothing away; where it may not stand, the check of the merged file says so.
        if over.isNull, !base.isNull, !Self.takesNull(shape) { return base }
        switch (shape, base.content, over.content) {
        case (.shorthand(.command, _), _, _), (.shorthand(.limit, _), _, _), (.shorthand(.healthTest, _), _, _):
            return replacing(base, over)
        case (.shorthand(.pairs, let long), _, _), (.shorthand(.assignments, let long), _, _),
            (.shorthand(.hosts, let long), _, _):
            return joined(over, base, shape, long)
        // One word for all of them is no list that could grow.
        case (.shorthand(.gpus, _), _, _) where isExtending && Self.isWord(base): return replacing(base, over)
        case (.shorthand(.gpus, _), .sequence, .sequence) where Self.isWord(over): return refused(over, base)
        case (.shorthand(.single, let long), _, _) where isRaw:
            return apply(Self.listed(over), over: Self.listed(base), long)
        case (.shorthand(_, let long), _, _): return apply(over, over: base, long)
        case (.list(_, .whole), _, _): return replacing(base, over)
        case (.list(_, .subnet), .sequence(let first), .sequence(let second)):
            return over.with(.sequence(subnets(first, second, shape)))
        case (.list(_, let identity), .sequence(let first), .sequence(let second)):
            return over.with(.sequence(KeyedList.joined(first, second, by: identity, replacing: replacing)))
        case (.any, .sequence(let first), .sequence(let second)): return over.with(.sequence(first + second))
        case (.map, .mapping(let first), .mapping(let second)),
            (.object, .mapping(let first), .mapping(let second)),
            (.any, .mapping(let first), .mapping(let second)):
            return over.with(.mapping(merged(first, second, shape)))
        case (.any, .sequence, _), (.any, .mapping, _), (.list, .sequence, _):
            return isRaw && !shape.isAny ? replacing(base, over) : refused(over, base)
        default: return replacing(base, over)
        }
    }

    /// Of what can't be merged the earlier value stays.
    private func refused(_ over: YAMLNode, _ base: YAMLNode) -> YAMLNode {
        diagnostics.error(
            "\(over.kind) can't be merged with \(base.kind) of an earlier file",
            at: over.mark,
            hint: "tag it !override to put it in the other's place",
            notes: [.init("\(base.kind) stands here", at: base.mark)]
        )
        return base
    }

    /// `over`, which takes the place of `base`, and remembers that when someone will ask.
    private func replacing(_ base: YAMLNode, _ over: YAMLNode) -> YAMLNode {
        diagnostics.keepsHistory && !base.isNull ? over.after(.replaced(base)) : over
    }

    private func merged(_ base: YAMLMapping, _ over: YAMLMapping, _ shape: Shape) -> YAMLMapping {
        var result = base
        if case .object(let object) = shape, object.belongsToDriver, !sameDriver(base, over) { result = YAMLMapping() }
        var removed: Set<String> = []
        for entry in over.entries {
            guard let existing = result[entry.key] else {
                if entry.value.directive != .reset { result.set(entry) }
                continue
            }
            if let value = apply(entry.value, over: existing, Self.value(entry.key, shape)) {
                result[entry.key] = value
            } else {
                removed.insert(entry.key)
            }
        }
        return Self.without(removed, result)
    }

    private static func without(_ removed: Set<String>, _ mapping: YAMLMapping) -> YAMLMapping {
        removed.isEmpty ? mapping : mapping.compactMapValues { removed.contains($0.key) ? nil : $0.value }
    }

    /// Whether a list was written as one word: its element stands where it does.
    private static func isWord(_ list: YAMLNode) -> Bool {
        guard let elements = list.sequence, elements.count == 1, let element = elements.first else { return false }
        return element.mark.line == list.mark.line && element.mark.column == list.mark.column
    }

    // MARK: Pairs and lists

    /// Pairs and lines of both; one text is a list of one, and what is neither adds nothing.
    private func joined(_ over: YAMLNode, _ base: YAMLNode, _ shape: Shape, _ long: Shape) -> YAMLNode? {
        if isRaw { return rawJoined(over, base, shape) }
        var over = over
        if over.scalarText != nil {
            guard over.string != nil else { return base }
            let canonical = Canonicalisation(diagnostics: diagnostics)
            guard let list = canonical.apply(Self.listed(over), shape, "") else { return base }
            over = list
        }
        guard case .mapping(let first) = base.content, case .mapping(let second) = over.content else {
            if case .shorthand(.hosts, _) = shape, let first = base.sequence, let second = over.sequence {
                return over.with(.sequence(Self.distinctLines(first, second)))
            }
            return apply(over, over: base, long)
        }
        var result = first
        for var entry in second.entries where entry.value.directive != .reset {
            if let older = result[entry.key] { entry.value = replacing(older, entry.value) }
            result.set(entry)
        }
        let removed = second.entries.filter { $0.value.directive == .reset }.map(\.key)
        return over.with(.mapping(Self.without(Set(removed), result)))
    }

    private func rawJoined(_ over: YAMLNode, _ base: YAMLNode, _ shape: Shape) -> YAMLNode {
        let (first, second) = (Self.lines(base), Self.lines(over))
        if case .shorthand(.hosts, _) = shape { return over.with(.sequence(Self.distinctLines(first, second))) }
        return over.with(.sequence(KeyedList.joined(first, second, by: .name)))
    }

    /// The lines of both; a line that both have stands once.
    private static func distinctLines(_ first: [YAMLNode], _ second: [YAMLNode]) -> [YAMLNode] {
        let known = Set(first.compactMap(\.string))
        return first + second.filter { $0.string.map { !known.contains($0) } ?? true }
    }

    /// The list that raw pairs are in either form.
    private static func lines(_ node: YAMLNode) -> [YAMLNode] {
        guard let mapping = node.mapping else { return node.sequence ?? (node.string == nil ? [] : [node]) }
        let lines = mapping.entries.flatMap { entry -> [YAMLNode] in
            if entry.value.isNull { return [entry.value.with(.string(entry.key))] }
            return (entry.value.sequence ?? [entry.value]).map {
                $0.with(.string("\(entry.key)=\($0.scalarText ?? "")"))
            }
        }
        return lines.sorted { ($0.string ?? "").utf8.lexicographicallyPrecedes(($1.string ?? "").utf8) }
    }

    private static func listed(_ node: YAMLNode) -> YAMLNode {
        node.scalarText == nil ? node : node.with(.sequence([node]))
    }

    /// The later file's subnets, each over the earlier one of the same name; what it does not name goes.
    private func subnets(_ first: [YAMLNode], _ second: [YAMLNode], _ shape: Shape) -> [YAMLNode] {
        guard !second.isEmpty, case .list(let inner, _) = shape else { return second.isEmpty ? first : second }
        var known: [String: YAMLNode] = [:]
        for element in first { known[element["subnet"]?.string ?? ""] = element }
        return second.map { element in
            known[element["subnet"]?.string ?? ""].flatMap { apply(element, over: $0, inner) } ?? element
        }
    }

    // MARK: What goes with what

    /// An empty command is the image's, and an empty limit is a mistake that the check tells.
    private static func takesNull(_ shape: Shape) -> Bool {
        switch shape {
        case .shorthand(.command, _), .shorthand(.limit, _): true
        case .scalar, .list, .map, .object, .shorthand, .any: false
        }
    }

    private func sameDriver(_ base: YAMLMapping, _ over: YAMLMapping) -> Bool {
        guard let first = base["driver"]?.string, let second = over["driver"]?.string else { return true }
        return first == second
    }

    private static func value(_ key: String, _ shape: Shape) -> Shape {
        switch shape {
        case .object(let object): object.attributes[key] ?? .any
        case .map(let inner): inner
        case .scalar, .list, .shorthand, .any: .any
        }
    }

    /// The tree without the values tagged `!reset`, for which nothing was there to take away.
    static func settled(_ node: YAMLNode) -> YAMLNode { cleared(node) ?? node }

    /// The tree without its tags; nil when it has none.
    private static func cleared(_ node: YAMLNode) -> YAMLNode? {
        var content: YAMLNode.Content?
        switch node.content {
        case .mapping(let mapping):
            let isReset = mapping.entries.contains { $0.value.directive == .reset }
            let kept = isReset ? mapping.compactMapValues { $0.value.directive == .reset ? nil : $0.value } : mapping
            let values = kept.replacingValues { value, _ in cleared(value) }
            if isReset || values != nil { content = .mapping(values ?? kept) }
        case .sequence(let elements):
            let isReset = elements.contains { $0.directive == .reset }
            let kept = isReset ? elements.filter { $0.directive != .reset } : elements
            let values = kept.replacingElements(cleared)
            if isReset || values != nil { content = .sequence(values ?? kept) }
        case .null, .bool, .int, .largeInt, .float, .string, .timestamp: return nil
        }
        guard content != nil || node.directive != nil else { return nil }
        return YAMLNode(content ?? node.content, at: node.mark)
    }
}
