/// A template of `--format`: the part of Go's templates that docker's formats use.
///
/// Fields (`.Name`), `.Label "key"`, texts, pipes, parentheses, `if`, `else`, `end`, and the functions json, upper, lower,
/// title, truncate, pad, print, println, len, not, and, or, eq and ne.
package struct OutputTemplate: Sendable {
    /// A template that can't be used, and why.
    package struct Mistake: Error, Hashable, Sendable, CustomStringConvertible {
        /// In words.
        package let description: String
    }

    indirect enum Node: Sendable {
        case text(String)
        case value(Expression)
        case choice(Expression, then: [Node], otherwise: [Node])
    }

    indirect enum Expression: Sendable {
        case row
        case constant(OutputRow.Value)
        case field(String)
        case label(Expression)
        case call(String, [Expression])
    }

    /// How deep parentheses and conditions may lie in each other.
    static let deepest = 64

    private let nodes: [Node]

    /// Reads a template; `\t` and `\n` in it stand for a tabulator and the end of a line.
    package init(_ text: String) throws(Mistake) {
        var parser = TemplateParser(text.replacing("\\t", with: "\t").replacing("\\n", with: "\n"))
        nodes = try parser.template()
    }

    /// The text that the template makes of a row.
    package func text(of row: OutputRow) throws(Mistake) -> String { try Self.text(nodes, row) }

    private static func text(_ nodes: [Node], _ row: OutputRow) throws(Mistake) -> String {
        var result = ""
        for node in nodes {
            switch node {
            case .text(let text): result += text
            case .value(let expression): result += try value(expression, row).text
            case .choice(let condition, let then, let otherwise):
                result += try text(try value(condition, row).isTrue ? then : otherwise, row)
            }
        }
        return result
    }

    private static func value(_ expression: Expression, _ row: OutputRow) throws(Mistake) -> OutputRow.Value {
        switch expression {
        case .row: return .literal(row.json)
        case .constant(let value): return value
        case .field(let name):
            guard let value = row[name] else { throw Mistake(description: "there is no field .\(name)") }
            return value
        case .label(let key): return .text(row.labels[try value(key, row).text] ?? "")
        case .call(let name, let arguments):
            var values: [OutputRow.Value] = []
            for argument in arguments { values.append(try value(argument, row)) }
            return try call(name, values)
        }
    }

    /// The functions, and how many arguments they take.
    static let functions: [String: ClosedRange<Int>] = [
        "json": 1...1, "upper": 1...1, "lower": 1...1, "title": 1...1, "truncate": 2...2, "pad": 3...3,
        "print": 0...64, "println": 0...64, "len": 1...1, "not": 1...1, "and": 1...64, "or": 1...64, "eq": 2...64,
        "ne": 2...2,
    ]

    private static func call(_ name: String, _ values: [OutputRow.Value]) throws(Mistake) -> OutputRow.Value {
        let texts = values.map(\.text)
        switch name {
        case "json": return .literal(values[0].json)
        case "upper": return .text(texts[0].uppercased())
        case "lower": return .text(texts[0].lowercased())
        case "title": return .text(texts[0].prefix(1).uppercased() + texts[0].dropFirst())
        case "truncate": return .text(String(texts[0].prefix(try count(values[1]))))
        case "pad":
            guard !texts[0].isEmpty else { return values[0] }
            let blanks = (
                String(repeating: " ", count: try count(values[1])), String(repeating: " ", count: try count(values[2]))
            )
            return .text(blanks.0 + texts[0] + blanks.1)
        case "print": return .text(texts.joined())
        case "println": return .text(texts.joined(separator: " ") + "\n")
        case "len": return .number(texts[0].utf8.count)
        case "not": return .bool(!values[0].isTrue)
        case "and": return values.first { !$0.isTrue } ?? values[values.count - 1]
        case "or": return values.first(where: \.isTrue) ?? values[values.count - 1]
        case "eq": return .bool(texts.dropFirst().contains(texts[0]))
        default: return .bool(texts[0] != texts[1])
        }
    }

    private static func count(_ value: OutputRow.Value) throws(Mistake) -> Int {
        guard case .number(let number) = value, (0...4096).contains(number) else {
            throw Mistake(description: "\"\(value.text)\" is no number of characters")
        }
        return number
    }
}
