import ComposeModel
import Testing
import YAMLComposer

/// Texts of YAML, compared with the trees they were printed from.
struct YAMLFuzzTests {
    private static func read(_ bytes: [UInt8]) throws(Diagnostic) -> [YAMLNode] {
        var limits = YAMLLimits()
        limits.nodes = 20_000
        return try YAMLReader(limits: limits).documents(of: SourceFile(name: "f.yaml", bytes: bytes))
    }

    private struct Document: FuzzInput {
        var bytes: [UInt8]
        var meaning: YAMLNode?
    }

    @Test("a text of YAML is the tree it was made from, or its mistake is told where it stands")
    func texts() throws {
        try PartFuzz(part: "yaml").run { mutation in
            let tree = Self.tree(&mutation, depth: 0)
            var writer = YAMLText(mutation: mutation)
            let text = writer.text(of: tree)
            mutation = writer.mutation
            let bytes = Array(text.utf8)
            guard mutation.once(in: 2) else { return Document(bytes: bytes, meaning: tree) }
            return Document(bytes: mutation.bytes(bytes, other: bytes))
        } problem: { input in
            let documents: [YAMLNode]
            do throws(Diagnostic) { documents = try Self.read(input.bytes) } catch {
                if input.meaning != nil { return "refused: \(error.message)" }
                guard let mark = error.mark else { return "\(error.message): without a place" }
                let shown = DiagnosticRenderer().render([error])
                if shown.utf8.count > 1 << 16 { return "the report is too long" }
                return mark.isInside ? nil : "\(error.message): the place \(mark.location) is not in it"
            }
            if let meaning = input.meaning {
                guard documents.count == 1 else { return "\(documents.count) documents" }
                if let place = Self.difference(documents[0], meaning, "") { return "another value at \(place)" }
            }
            for document in documents {
                if let mark = Self.strayMark(document) { return "the place \(mark.location) is not in it" }
                if let problem = try Self.problem(ofPrinting: document) { return problem }
            }
            return nil
        }
    }

    /// What is printed reads back as the same tree, as YAML and as JSON.
    private static func problem(ofPrinting tree: YAMLNode) throws -> String? {
        let text = YAMLPrinter.print(tree)
        guard let again = try? read(Array(text.utf8)).first else { return "its output is no YAML:\n\(text)" }
        if let place = difference(again, tree, "") { return "its output has another value at \(place):\n\(text)" }
        let json = JSONPrinter.print(tree)
        let source = SourceFile(name: "f.json", bytes: Array(json.utf8))
        guard let other = try? JSONReader.read(source) else { return "its output is no JSON:\n\(json)" }
        return difference(other, tree, "", isJSON: true).map { "its JSON has another value at \($0):\n\(json)" }
    }

    private static func strayMark(_ node: YAMLNode) -> SourceMark? {
        if !node.mark.isInside { return node.mark }
        for entry in node.mapping?.entries ?? [] {
            if !entry.keyMark.isInside { return entry.keyMark }
            if let mark = strayMark(entry.value) { return mark }
        }
        for element in node.sequence ?? [] { if let mark = strayMark(element) { return mark } }
        return nil
    }

    /// Where two trees differ, without regard to places and tags.
    private static func difference(_ left: YAMLNode, _ right: YAMLNode, _ path: String, isJSON: Bool = false) -> String?
    {
        switch (left.content, right.content) {
        case (.mapping(let first), .mapping(let second)):
            guard first.keys == second.keys else { return path + " (keys)" }
            for (one, other) in zip(first.entries, second.entries) {
                let inner = "\(path).\(one.key)"
                if let place = difference(one.value, other.value, inner, isJSON: isJSON) { return place }
            }
            return nil
        case (.sequence(let first), .sequence(let second)):
            guard first.count == second.count else { return path + " (length)" }
            for (index, pair) in zip(first, second).enumerated() {
                if let place = difference(pair.0, pair.1, "\(path)[\(index)]", isJSON: isJSON) { return place }
            }
            return nil
        case (.null, .null): return nil
        case (.bool(let first), .bool(let second)): return first == second ? nil : path
        case (.int(let first), .int(let second)): return first == second ? nil : path
        case (.float(let first), .float(let second)):
            return first == second || first.isNaN && second.isNaN ? nil : path
        // A whole number needs no fraction, and JSON has no word for what is none and no dates.
        case (.int, .float), (.float, .int), (.string, .float), (.string, .timestamp):
            return isJSON || left.int != nil && left.scalarText == right.scalarText ? nil : path
        case (.string(let first), .string(let second)), (.timestamp(let first), .timestamp(let second)):
            return first.unicodeScalars.elementsEqual(second.unicodeScalars) ? nil : path
        default: return path
        }
    }

    // MARK: Trees

    private static let mark = SourceMark(file: SourceFile(name: "", bytes: []), line: 1, column: 1)

    private static func tree(_ mutation: inout Mutation, depth: Int) -> YAMLNode {
        let content: YAMLNode.Content
        switch depth < 5 ? mutation.index(below: depth == 0 ? 4 : 9) : 8 {
        case 0, 1, 2:
            var mapping = YAMLMapping()
            for _ in 0..<mutation.index(below: 6) {
                let value = tree(&mutation, depth: depth + 1)
                mapping.set(.init(key: text(&mutation), keyMark: mark, value: value))
            }
            content = .mapping(mapping)
        case 3, 4:
            var elements: [YAMLNode] = []
            for _ in 0..<mutation.index(below: 5) { elements.append(tree(&mutation, depth: depth + 1)) }
            content = .sequence(elements)
        case 5: content = .int(mutation.one(of: [0, -1, 80, 65536, .max, .min]))
        case 6: content = mutation.one(of: [.bool(true), .bool(false), .null, .float(0.5), .float(-1e300)])
        default: content = .string(text(&mutation))
        }
        return YAMLNode(content, at: mark)
    }

    private static func text(_ mutation: inout Mutation) -> String {
        if mutation.once(in: 4) { return mutation.one(of: words) }
        return mutation.text("ab c01:-#,[]{}&*!|>'\"%@`?~=<\\/é\u{1F600}\u{A0}\t\n", 0...8)
    }

    private static let words = [
        "", "~", "null", "true", "yes", "on", "0", "-1", "0x1f", "0o7", "1e3", ".5", ".inf", "2001-01-01", "1_000",
        "<<", "=", "- a", "a: b", "a #b", "---", "...", "\u{FEFF}", "\u{85}", "\u{2028}", "\u{7}", " a", "a ", "a\n",
        "\r",
    ]
}

/// Writes trees as YAML, each time in another style.
private struct YAMLText {
    var mutation: Mutation

    mutating func text(of node: YAMLNode) -> String {
        let start = mutation.one(of: ["", "", "---\n", "# comment\n", "%YAML 1.1\n---\n", "\u{FEFF}"])
        let isFlow = mutation.once(in: 4)
        return start + (isFlow ? flow(node) + "\n" : block(node, "")) + mutation.one(of: ["", "", "...\n", "# end"])
    }

    private mutating func flow(_ node: YAMLNode) -> String {
        let blank = mutation.one(of: ["", " "])
        if let elements = node.sequence {
            var parts: [String] = []
            for element in elements { parts.append(flow(element)) }
            return "[" + blank + parts.joined(separator: "," + blank) + "]"
        }
        guard let mapping = node.mapping else { return scalar(node) }
        var parts: [String] = []
        for entry in mapping.entries { parts.append(quoted(entry.key) + ": " + flow(entry.value)) }
        return "{" + blank + parts.joined(separator: ", ") + "}"
    }

    private mutating func block(_ node: YAMLNode, _ indent: String) -> String {
        let deeper = indent + mutation.one(of: ["  ", "  ", " ", "    "])
        var lines = ""
        if let elements = node.sequence, !elements.isEmpty {
            for element in elements { lines += indent + "-" + value(element, deeper) }
            return lines
        }
        guard let mapping = node.mapping, !mapping.isEmpty else { return indent + flow(node) + "\n" }
        for entry in mapping.entries { lines += indent + quoted(entry.key) + ":" + value(entry.value, deeper) }
        return lines
    }

    private mutating func value(_ node: YAMLNode, _ indent: String) -> String {
        let isFlow = mutation.once(in: 4)
        let hasMore = node.mapping?.isEmpty == false || node.sequence?.isEmpty == false
        guard hasMore && !isFlow else { return " " + flow(node) + mutation.one(of: ["\n", "\n", " # it's\n", "\r\n"]) }
        return mutation.one(of: ["\n", " # a: b\n", " &anchor\n"]) + block(node, indent)
    }

    private mutating func scalar(_ node: YAMLNode) -> String {
        switch node.content {
        case .string(let text): quoted(text)
        case .null: mutation.one(of: ["~", "null", "Null"])
        case .bool(let value): mutation.one(of: value ? ["true", "True", "TRUE"] : ["false", "FALSE"])
        case .int(let number) where number >= 0:
            mutation.one(of: ["\(number)", "+\(number)", "0x" + String(number, radix: 16)])
        default: node.scalarText ?? "null"
        }
    }

    /// The text between quotes: which texts need none is for what is printed to know.
    private mutating func quoted(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value < 0x7F }
        if isPlain && mutation.once(in: 2) { return "'" + text.replacing("'", with: "''") + "'" }
        if text.utf8.count > 6, text.utf8.allSatisfy({ (0x61...0x7A).contains($0) }) { return text }
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where scalar.value >= 0x20 && scalar.value < 0x7F: result.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                result += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
            }
        }
        return result + "\""
    }
}
