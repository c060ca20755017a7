/// Turns a YAML text into nodes: one tree for each document.
package struct YAMLReader: Sendable {
    private let limits: YAMLLimits

    /// A reader that keeps to `limits`.
    package init(limits: YAMLLimits = YAMLLimits()) { self.limits = limits }

    /// The documents of `source`; throws at the first place that is not YAML or goes beyond the limits.
    package func documents(of source: SourceFile) throws(Diagnostic) -> [YAMLNode] {
        let start = SourceMark(file: source, line: 1, column: 1)
        guard source.bytes.count <= limits.bytes else {
            throw Diagnostic("the file has more than the \(limits.bytes) bytes that are read at most", at: start)
        }
        var composition = Composition(source, limits: limits)
        return try composition.documents()
    }
}

/// The state of reading one text.
private struct Composition: ~Copyable {
    private struct Anchored {
        var node: YAMLNode
        var size: Int
    }

    private let reader: EventReader
    private let limits: YAMLLimits
    private var anchors: [String: Anchored] = [:]
    private var openAnchors: Set<String> = []
    private var nodes = 0
    private var depth = 0

    init(_ source: SourceFile, limits: YAMLLimits) {
        reader = EventReader(source)
        self.limits = limits
    }

    mutating func documents() throws(Diagnostic) -> [YAMLNode] {
        var result: [YAMLNode] = []
        while true {
            let (event, _) = try reader.next()
            switch event {
            case .streamEnd: return result
            case .documentStart:
                anchors = [:]
                let (first, mark) = try reader.next()
                result.append(try node(first, mark))
            default: continue
            }
        }
    }

    private mutating func node(_ event: EventReader.Event, _ mark: SourceMark) throws(Diagnostic) -> YAMLNode {
        try count(1, at: mark)
        let before = nodes
        let result: YAMLNode
        let anchor: String?
        switch event {
        case .alias(let name): return try alias(name, mark)
        case .scalar(let text, let tag, let plain, let name):
            anchor = name
            result = try scalar(text, tag: tag, plain: plain, mark)
        case .sequenceStart(let tag, let name):
            anchor = name
            result = try nested(name, mark) { composition throws(Diagnostic) in
                .sequence(try composition.elements())
            }.tagged(tag)
        case .mappingStart(let tag, let name):
            anchor = name
            result = try nested(name, mark) { composition throws(Diagnostic) in
                .mapping(try composition.entries())
            }.tagged(tag)
        case .streamEnd, .documentStart, .documentEnd, .collectionEnd:
            throw Diagnostic("the document ends before its value", at: mark)
        }
        if let anchor { anchors[anchor] = Anchored(node: result, size: nodes - before + 1) }
        return result
    }

    private mutating func nested(
        _ anchor: String?,
        _ mark: SourceMark,
        _ body: (inout Composition) throws(Diagnostic) -> YAMLNode.Content
    ) throws(Diagnostic) -> YAMLNode {
        guard depth < limits.depth else {
            throw Diagnostic("collections nest deeper than \(limits.depth) levels", at: mark)
        }
        if let anchor { openAnchors.insert(anchor) }
        depth += 1
        let content = try body(&self)
        depth -= 1
        if let anchor { openAnchors.remove(anchor) }
        return YAMLNode(content, at: mark)
    }

    private mutating func elements() throws(Diagnostic) -> [YAMLNode] {
        var result: [YAMLNode] = []
        while true {
            let (event, mark) = try reader.next()
            if case .collectionEnd = event { return result }
            let element = try node(event, mark)
            // There is no element of an earlier list that it could take away.
            if element.directive != .reset { result.append(element) }
        }
    }

    private mutating func entries() throws(Diagnostic) -> YAMLMapping {
        var result = YAMLMapping()
        var merged: [YAMLNode] = []
        var mergeMark: SourceMark?
        while true {
            let (event, mark) = try reader.next()
            if case .collectionEnd = event { break }
            let key = try node(event, mark)
            let (valueEvent, valueMark) = try reader.next()
            let value = try node(valueEvent, valueMark)
            if case .scalar("<<", nil, true, _) = event {
                if let mergeMark {
                    throw Diagnostic(
                        "the key \"<<\" is here twice",
                        at: mark,
                        hint: "merge a list: <<: [*a, *b]",
                        notes: [.init("first here", at: mergeMark)]
                    )
                }
                mergeMark = mark
                merged = try mergeSources(value)
                continue
            }
            guard let text = key.string else {
                throw Diagnostic(
                    "a key must be text, not \(key.kind)",
                    at: mark,
                    hint: key.scalarText.map { "write \"\($0)\"" }
                )
            }
            if let first = result.entry(text) {
                throw Diagnostic(
                    "the key \"\(text)\" is here twice",
                    at: mark,
                    notes: [.init("first here", at: first.keyMark)]
                )
            }
            result.set(.init(key: text, keyMark: mark, value: value))
        }
        for source in merged {
            for entry in source.mapping?.entries ?? [] where result.entry(entry.key) == nil { result.set(entry) }
        }
        return result
    }

    private func mergeSources(_ value: YAMLNode) throws(Diagnostic) -> [YAMLNode] {
        let sources = value.sequence ?? [value]
        for source in sources where source.mapping == nil {
            throw Diagnostic("\"<<\" merges a mapping or a list of mappings, not \(source.kind)", at: source.mark)
        }
        return sources
    }

    private mutating func alias(_ name: String, _ mark: SourceMark) throws(Diagnostic) -> YAMLNode {
        guard !openAnchors.contains(name) else {
            throw Diagnostic("the alias *\(name) stands inside its own anchor", at: mark)
        }
        guard let anchored = anchors[name] else {
            throw Diagnostic("nothing above is anchored as &\(name)", at: mark)
        }
        try count(anchored.size, at: mark)
        return anchored.node
    }

    private mutating func count(_ added: Int, at mark: SourceMark) throws(Diagnostic) {
        nodes += added
        guard nodes <= limits.nodes else {
            throw Diagnostic("the aliases of this file expand to more than \(limits.nodes) values", at: mark)
        }
    }

    private func scalar(
        _ text: String,
        tag: String?,
        plain: Bool,
        _ mark: SourceMark
    ) throws(Diagnostic) -> YAMLNode {
        switch tag {
        case nil, "!reset":
            YAMLNode(plain ? ScalarResolver.resolve(text) : .string(text), at: mark).tagged(tag)
        // As in Compose, a tag that YAML does not know makes text of what it stands before.
        case "!override": YAMLNode(.string(text), at: mark).tagged(tag)
        case "tag:yaml.org,2002:str", "!": YAMLNode(.string(text), at: mark)
        default: YAMLNode(try typed(text, tag: tag ?? "", mark), at: mark)
        }
    }

    private func typed(_ text: String, tag: String, _ mark: SourceMark) throws(Diagnostic) -> YAMLNode.Content {
        let value = ScalarResolver.resolve(text)
        if tag == "tag:yaml.org,2002:binary" {
            guard let bytes = Base64.bytes(of: text) else {
                throw Diagnostic("\"\(text)\" is not what its tag says", at: mark)
            }
            return .string(String(decoding: bytes, as: UTF8.self))
        }
        switch (tag, value) {
        case ("tag:yaml.org,2002:float", .int(let number)): return .float(Double(number))
        case ("tag:yaml.org,2002:float", .largeInt(let number)): return .float(Double(number))
        case ("tag:yaml.org,2002:int", .int), ("tag:yaml.org,2002:int", .largeInt), ("tag:yaml.org,2002:float", .float),
            ("tag:yaml.org,2002:bool", .bool),
            ("tag:yaml.org,2002:null", .null):
            return value
        case ("tag:yaml.org,2002:int", _), ("tag:yaml.org,2002:float", _), ("tag:yaml.org,2002:bool", _),
            ("tag:yaml.org,2002:null", _):
            throw Diagnostic("\"\(text)\" is not what its tag says", at: mark)
        default: return value
        }
    }
}

extension YAMLNode {
    /// What the node is, for messages: "a list", "a number".
    package var kind: String {
        switch content {
        case .null: "nothing"
        case .bool: "true or false"
        case .int, .largeInt, .float: "a number"
        case .string: "text"
        case .timestamp: "a date"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    fileprivate func tagged(_ tag: String?) -> YAMLNode {
        switch tag {
        case "!reset": YAMLNode(content, at: mark, directive: .reset)
        case "!override": YAMLNode(content, at: mark, directive: .override)
        default: self
        }
    }
}
