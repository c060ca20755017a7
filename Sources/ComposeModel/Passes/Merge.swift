import YAMLComposer

/// Lays one canonical tree over another: the later file wins where both speak.
struct Merge {
    /// Where mistakes go.
    let diagnostics: DiagnosticCollector

    /// `base` with what `over` says laid over it.
    func apply(_ over: YAMLNode, over base: YAMLNode, _ shape: Shape) -> YAMLNode? {
        if over.directive == .reset { return nil }
        if over.directive == .override { return replacing(base, over) }
        // An empty later value takes nothing away; where it may not stand, the check of the merged file says so.
        if over.isNull, !base.isNull, !Self.takesNull(shape) { return base }
        switch (shape, base.content, over.content) {
        case (.shorthand(.command, _), _, .null): return replacing(base, over)
        case (.shorthand(_, let long), _, _): return apply(over, over: base, long)
        case (.list(_, .whole), _, _): return replacing(base, over)
        case (.list(_, let identity), .sequence(let first), .sequence(let second)):
            return over.with(.sequence(KeyedList.joined(first, second, by: identity, replacing: replacing)))
        case (.any, .sequence(let first), .sequence(let second)): return over.with(.sequence(first + second))
        case (.map, .mapping(let first), .mapping(let second)),
            (.object, .mapping(let first), .mapping(let second)),
            (.any, .mapping(let first), .mapping(let second)):
            return over.with(.mapping(merged(first, second, shape)))
        default: return replacing(base, over)
        }
    }

    /// `over`, which takes the place of `base`, and remembers that when someone will ask.
    private func replacing(_ base: YAMLNode, _ over: YAMLNode) -> YAMLNode {
        diagnostics.keepsHistory && !base.isNull ? over.after(.replaced(base)) : over
    }

    private func merged(_ base: YAMLMapping, _ over: YAMLMapping, _ shape: Shape) -> YAMLMapping {
        var result = base
        if case .object(let object) = shape, object.attributes.keys.contains("driver"),
            object.attributes.keys.contains("options"), !sameDriver(base, over)
        {
            result["options"] = nil
        }
        for entry in over.entries {
            guard let existing = result[entry.key] else {
                if entry.value.directive != .reset { result.set(entry) }
                continue
            }
            result[entry.key] = apply(entry.value, over: existing, Self.value(entry.key, shape))
        }
        return result
    }

    /// A variable without a value is a kind of its own, and an empty command is the image's.
    private static func takesNull(_ shape: Shape) -> Bool {
        switch shape {
        case .scalar(let scalar): scalar.accepts.contains([.null, .number])
        case .shorthand(.command, _): true
        case .list, .map, .object, .shorthand, .any: false
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
        case .null, .bool, .int, .float, .string, .timestamp: return nil
        }
        guard content != nil || node.directive != nil else { return nil }
        return YAMLNode(content ?? node.content, at: node.mark)
    }
}
