import OCISpec

/// What a command shows of one thing, by the names that docker gives the parts: for JSON and for templates.
package struct OutputRow: Sendable {
    /// The value of one part.
    package enum Value: Hashable, Sendable {
        case text(String)
        case number(Int)
        case bool(Bool)
        /// Text that is JSON already.
        case literal(String)

        /// As a template shows it.
        var text: String {
            switch self {
            case .text(let text), .literal(let text): text
            case .number(let number): String(number)
            case .bool(let bool): String(bool)
            }
        }

        /// As JSON.
        var json: String {
            switch self {
            case .text(let text): JSONText.quoted(text)
            case .number, .bool, .literal: text
            }
        }

        /// Whether `if` takes it for true.
        var isTrue: Bool {
            switch self {
            case .text(let text): !text.isEmpty
            case .number(let number): number != 0
            case .bool(let bool): bool
            case .literal(let text): !["", "[]", "{}", "null"].contains(text)
            }
        }
    }

    private var names: [String] = []
    private var values: [String: Value] = [:]
    /// What `.Label` looks into.
    package var labels: [String: String] = [:]

    /// A row without parts.
    package init() {}

    /// The parts by name.
    package subscript(name: String) -> Value? {
        get { values[name] }
        set {
            if values[name] == nil { names.append(name) }
            values[name] = newValue
        }
    }

    /// All parts as one object, in the order in which they were set.
    package var json: String {
        var object = JSONText()
        for name in names { object.add(name, literal: values[name]?.json ?? "null") }
        return object.text
    }

    /// The rows in the form that `--format` asks for: one object a line, or a template; nil for what is no such form.
    package static func text(
        _ rows: [OutputRow],
        format: String,
        headings: [String: String]
    ) throws(OutputTemplate.Mistake) -> String {
        if format == "json" { return rows.map { $0.json + "\n" }.joined() }
        guard format.hasPrefix("table ") else {
            let template = try OutputTemplate(format)
            var text = ""
            for row in rows { text += try template.text(of: row) + "\n" }
            return text
        }
        let template = try OutputTemplate(String(format.dropFirst("table ".count)))
        var heading = OutputRow()
        for name in Set(rows.flatMap(\.names)).union(headings.keys) {
            heading[name] = .text(headings[name] ?? spaced(name))
        }
        var lines = [try template.text(of: heading)]
        for row in rows { lines.append(try template.text(of: row)) }
        var table = TextTable(heading: [])
        table.rows = lines.flatMap { $0.split(separator: "\n", omittingEmptySubsequences: false) }
            .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
        return table.text
    }

    /// `RunningFor` as a heading: `RUNNING FOR`.
    private static func spaced(_ name: String) -> String {
        var result = ""
        var wasLower = false
        for character in name {
            if character.isUppercase && wasLower { result += " " }
            wasLower = character.isLowercase
            result += character.uppercased()
        }
        return result
    }
}
