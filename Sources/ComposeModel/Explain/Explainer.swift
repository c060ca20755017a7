import YAMLComposer

/// Reads the history of values from their marks, and what passes did from the trees between them.
struct Explainer {
    let stages: [(stage: LoadStage, tree: YAMLNode)]
    let variables: VariableOrigins

    /// The explanations of the value at `path`, or of all single values below it.
    func explanations(of path: ValuePath, in tree: YAMLNode) -> [Explanation] {
        guard let nodes = path.nodes(from: tree), let node = nodes.last else { return [] }
        if !isOneValue(node, path) {
            switch node.content {
            case .mapping(let mapping):
                return mapping.entries.flatMap { explanations(of: path.appending(.key($0.key)), in: tree) }
            case .sequence(let elements):
                return elements.indices.flatMap { explanations(of: path.appending(.index($0)), in: tree) }
            case .null, .bool, .int, .largeInt, .float, .string, .timestamp: break
            }
        }
        return [Explanation(path: "\(path)", value: node, sources: sources(of: nodes, path))]
    }

    /// Where the name of the project comes from, which more than files can give.
    func sourcesOfName(option: String?) -> [Explanation.Source] {
        var result: [Explanation.Source] = []
        if let option, !option.isEmpty {
            result.append(.init(kind: .option, mark: nil, text: JSONPrinter.quoted(option), remarks: ["-p"]))
        }
        let name = "COMPOSE_PROJECT_NAME"
        let values = variables.values(of: name).filter { !$0.text.isEmpty }
        if let value = values.first {
            let variable = SourceVariable(name, .value, values: values)
            let text = JSONPrinter.quoted(value.text)
            result.append(.init(kind: .variable, mark: nil, text: text, variables: [variable], remarks: [name]))
        }
        if let node = stages.first?.tree["name"], node.string?.isEmpty == false { result += Self.written(node) }
        if result.isEmpty {
            result.append(.init(kind: .implied, mark: nil, text: "", remarks: ["the name of the directory"]))
        }
        return result
    }

    /// A command line is one value: a later one replaces all of it.
    private func isOneValue(_ node: YAMLNode, _ path: ValuePath) -> Bool {
        if node.mapping?.isEmpty ?? true && node.sequence?.isEmpty ?? true { return true }
        if case .list(_, .whole) = Schema.shape(at: path) { return true }
        return false
    }

    private func sources(of nodes: [YAMLNode], _ path: ValuePath) -> [Explanation.Source] {
        guard let node = nodes.last else { return [] }
        let seen = stages.map { stage in (stage.stage, path.nodes(from: stage.tree)?.last) }
        let first = seen.first { $0.1 != nil }?.0 ?? .environment
        if first == .defaults || first == .normalisation {
            let reason = first == .defaults ? "a default" : "it follows from the rest of the project"
            return [Explanation.Source(kind: .implied, mark: nil, text: Self.text(node), remarks: [reason])]
        }
        var result = Self.written(node)
        if let winner = result.indices.first { addChanges(seen, path, to: &result[winner]) }
        // What took the place of all of a mapping or list took the place of each value in it.
        for (depth, outer) in nodes.enumerated().dropLast() {
            for case .replaced(let older) in outer.mark.file.steps.reversed() where older.isCollection {
                guard let inner = path.nodes(from: older, skipping: depth)?.last else { continue }
                result += Self.written(inner)
            }
        }
        return result
    }

    /// What the passes between the trees did to a value.
    private func addChanges(
        _ seen: [(LoadStage, YAMLNode?)],
        _ path: ValuePath,
        to source: inout Explanation.Source
    ) {
        for (before, after) in zip(seen, seen.dropFirst()) {
            guard let old = before.1, let new = after.1, Self.text(old) != Self.text(new) else { continue }
            switch (after.0, path.steps.last) {
            case (.paths, _): source.remarks.append("made an absolute path: \(Self.text(new))")
            case (.normalisation, .key(let name)?) where old.isNull:
                let values = variables.values(of: name, being: new.scalarText)
                source.variables.append(SourceVariable(name, .value, values: values))
            case (.normalisation, _): source.remarks.append("spelled \(Self.text(new))")
            case (.merged, _), (.defaults, _), (.environment, _): break
            }
        }
    }

    /// Where a value was written, and what it took the place of.
    private static func written(_ node: YAMLNode, later: [SourceStep] = []) -> [Explanation.Source] {
        var source = Explanation.Source(kind: .written, mark: node.mark, text: "")
        var template: String?
        var older: [Explanation.Source] = []
        let steps = node.mark.file.steps
        for (index, step) in steps.enumerated() {
            switch step {
            case .interpolated(let text, let used):
                template = text
                source.variables += used
            case .replaced(let other):
                // What happened to the newer value afterwards would have happened to the older one.
                let following = steps[(index + 1)...].filter(\.isWay)
                // What was replaced first counted more than what was replaced after it.
                older += written(other, later: following + later)
            case .included, .extended, .listed: break
            }
        }
        source.text = template.map(JSONPrinter.quoted) ?? node.mark.excerpt ?? text(node)
        source.ways = SourceHistory.notes(of: steps.filter(\.isWay) + later)
        return [source] + older
    }

    /// A value on one line.
    static func text(_ node: YAMLNode) -> String { JSONPrinter.line(node) }
}

extension YAMLNode {
    fileprivate var isCollection: Bool { mapping != nil || sequence != nil }
}

extension SourceStep {
    /// Whether it is how a file or service came in.
    fileprivate var isWay: Bool {
        switch self {
        case .included, .extended, .listed: true
        case .interpolated, .replaced: false
        }
    }
}

extension Schema {
    /// The shape of the value at a path.
    static func shape(at path: ValuePath) -> Shape {
        var shape = Shape.object(project)
        for step in path.steps {
            if case .shorthand(_, let long) = shape { shape = long }
            switch (shape, step) {
            case (.object(let object), .key(let key)): shape = object.attributes[key] ?? .any
            case (.map(let inner), .key), (.list(let inner, _), .index): shape = inner
            default: return .any
            }
        }
        if case .shorthand(_, let long) = shape { return long }
        return shape
    }
}
