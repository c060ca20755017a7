import YAMLComposer

extension Explanation {
    /// Explanations for people: a paragraph each.
    package static func text(_ all: [Explanation]) -> String {
        all.map { one in
            var lines = ["\(one.path): \(JSONPrinter.line(one.value))"]
            for (index, source) in one.sources.enumerated() {
                let place = source.mark.map { "\($0.location): \(source.text)" } ?? source.origin
                lines.append("  " + (index > 0 ? "overrides " : "") + place)
                lines += source.details.map { "    " + $0 }
            }
            return lines.map { $0 + "\n" }.joined()
        }.joined()
    }

    /// Explanations for programs: a JSON array.
    package static func json(_ all: [Explanation]) -> String {
        JSONPrinter.print(RecordBuilder.list(all.map(\.record))) + "\n"
    }

    private var record: YAMLNode {
        RecordBuilder.object([
            ("path", .string(path)), ("value", value.content),
            ("sources", RecordBuilder.list(sources.map(\.record)).content),
        ])
    }
}

extension Explanation.Source {
    /// What stands for the place of what stands in no file.
    fileprivate var origin: String {
        let reasons = remarks.joined(separator: ", ")
        return kind == .implied ? "implied: \(reasons)" : "\(kind.rawValue) \(reasons): \(text)"
    }

    fileprivate var details: [String] {
        let shown = mark == nil ? [] : remarks
        return variables.flatMap(\.lines)
            + ways.map { note in
                note.message + (note.mark.map { ": \($0.location)" } ?? "")
            } + shown
    }

    fileprivate var record: YAMLNode {
        RecordBuilder.object(
            [("kind", .string(kind.rawValue))] + RecordBuilder.place(mark) + [
                ("text", .string(text)),
                ("variables", RecordBuilder.list(variables.map(\.record)).content),
                (
                    "via",
                    RecordBuilder.list(
                        ways.map {
                            RecordBuilder.object([("message", .string($0.message))] + RecordBuilder.place($0.mark))
                        }
                    ).content
                ),
                ("remarks", RecordBuilder.list(remarks.map { RecordBuilder.node(.string($0)) }).content),
            ]
        )
    }
}

extension SourceVariable {
    /// What stood in for the variable, and what the values were that did not count.
    fileprivate var lines: [String] {
        let first: String
        switch outcome {
        case .value:
            first = values.first.map { "\(name) is \(JSONPrinter.quoted($0.text)), from \($0.place)" } ?? name
        case .standIn(let text):
            let state = values.isEmpty ? "not set" : "empty"
            first = "\(name) is \(state): its default \(JSONPrinter.quoted(text)) stands in"
        case .alternate(let text): first = "\(name) is set: \(JSONPrinter.quoted(text)) stands in"
        case .nothing: first = "\(name) is not set and stands for nothing"
        }
        let hidden = values.dropFirst().map { "overrides \(JSONPrinter.quoted($0.text)), from \($0.place)" }
        let within = outcome == .value ? values.first?.variables ?? [] : []
        return [first] + within.flatMap(\.lines).map { "  " + $0 } + hidden
    }

    fileprivate var record: YAMLNode {
        let (word, text): (String, String?) =
            switch outcome {
            case .value: ("value", nil)
            case .standIn(let text): ("default", text)
            case .alternate(let text): ("alternate", text)
            case .nothing: ("nothing", nil)
            }
        return RecordBuilder.object([
            ("name", .string(name)), ("outcome", .string(word)), ("text", text.map { .string($0) } ?? .null),
            ("values", RecordBuilder.list(values.map(\.record)).content),
        ])
    }
}

extension SourceVariable.Value {
    /// The variables that the line of the value refers to.
    fileprivate var variables: [SourceVariable] {
        guard case .line(let mark) = origin else { return [] }
        return mark.file.steps.flatMap { step -> [SourceVariable] in
            if case .interpolated(_, let used) = step { return used }
            return []
        }
    }

    fileprivate var place: String {
        switch origin {
        case .process: "the environment of this process"
        case .line(let mark): "\(mark.location)"
        case .projectName: "the name of the project"
        }
    }

    fileprivate var record: YAMLNode {
        let (word, mark): (String, SourceMark?) =
            switch origin {
            case .process: ("process", nil)
            case .line(let mark): ("file", mark)
            case .projectName: ("project name", nil)
            }
        return RecordBuilder.object(
            [("value", .string(text)), ("from", .string(word))] + RecordBuilder.place(mark)
        )
    }
}

/// Makes trees that were written nowhere.
private enum RecordBuilder {
    static func node(_ content: YAMLNode.Content) -> YAMLNode {
        YAMLNode(content, at: SourceMark(file: SourceFile(name: "", bytes: []), line: 1, column: 1))
    }

    static func list(_ elements: [YAMLNode]) -> YAMLNode { node(.sequence(elements)) }

    static func object(_ members: [(String, YAMLNode.Content)]) -> YAMLNode {
        node(
            .mapping(
                YAMLMapping(
                    members.map { name, content in
                        let value = node(content)
                        return .init(key: name, keyMark: value.mark, value: value)
                    }
                )
            )
        )
    }

    static func place(_ mark: SourceMark?) -> [(String, YAMLNode.Content)] {
        [
            ("file", mark.map { .string($0.file.name) } ?? .null), ("line", mark.map { .int($0.line) } ?? .null),
            ("column", mark.map { .int($0.column) } ?? .null),
        ]
    }
}
