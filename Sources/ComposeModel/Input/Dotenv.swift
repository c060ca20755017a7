import YAMLComposer

/// Reads the `KEY=value` files that variables come from.
struct Dotenv {
    /// The value of a variable that counts more than what the file itself says.
    let lookup: (String) -> String?
    /// What was said before the file, which its own lines take the place of.
    var earlier: [String: String] = [:]
    /// Where mistakes go.
    let diagnostics: DiagnosticCollector
    /// Where a value of `lookup` stands that is no variable of the project.
    var place: (String) -> SourceMark? = { _ in nil }

    /// The variables of `source`, a later line over an earlier one.
    func variables(of source: SourceFile) -> [(name: String, value: String, mark: SourceMark)] {
        var text = String(decoding: source.bytes, as: UTF8.self).unicodeScalars[...]
        if text.first == "\u{FEFF}" { text.removeFirst() }
        var values = earlier
        var names: [String] = []
        var marks: [String: SourceMark] = [:]
        var line = 1
        var allowance = Template.totalLimit
        let uses = diagnostics.keepsHistory ? UsedVariables(diagnostics.variables, place) : nil
        while let first = text.first {
            let before = text
            if first == "#" {
                text = text.drop { $0 != "\n" }
            } else if first.properties.isWhitespace {
                text.removeFirst()
            } else if let (name, value) = statement(
                &text,
                values,
                SourceMark(file: source, line: line, column: 1),
                uses
            ) {
                if marks[name] == nil { names.append(name) }
                values[name] = value
                let mark = SourceMark(file: source, line: line, column: 1)
                marks[name] = uses?.mark(of: name, value, at: mark) ?? mark
                allowance -= value.utf8.count
            }
            line += before[..<text.startIndex].count { $0 == "\n" }
            if allowance < 0 {
                diagnostics.error(
                    "variables bring more text into the file than can be read",
                    at: SourceMark(file: source, line: line, column: 1)
                )
                break
            }
        }
        let start = SourceMark(file: source, line: 1, column: 1)
        return names.map { ($0, values[$0] ?? "", marks[$0] ?? start) }
    }

    private func statement(
        _ text: inout Substring.UnicodeScalarView,
        _ values: [String: String],
        _ mark: SourceMark,
        _ uses: UsedVariables?
    ) -> (String, String)? {
        if text.starts(with: "export".unicodeScalars), let next = text.dropFirst(6).first, Self.isBlank(next) {
            text = text.dropFirst(6).drop(while: Self.isBlank)
        }
        let written = text.prefix { Self.standsInName($0) || Self.isBlank($0) }
        let name = String(String.UnicodeScalarView(written.reversed().drop(while: Self.isBlank).reversed()))
        text = text.dropFirst(written.count)
        if let next = text.first, next != "=", next != ":", next != "\n" {
            diagnostics.error("\"\(next)\" can't stand in the name of a variable", at: mark)
            text = text.drop { $0 != "\n" }
            return nil
        }
        guard !name.contains(" ") else {
            diagnostics.error("the name of a variable has a blank: \"\(name)\"", at: mark)
            text = text.drop { $0 != "\n" }
            return nil
        }
        guard let sign = text.first, sign != "\n" else { return (lookup(name) ?? values[name]).map { (name, $0) } }
        text = text.dropFirst().drop(while: Self.isBlank)
        return (name, value(&text, values, mark, uses))
    }

    private static func standsInName(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber:
            true
        default: "_.-[]".unicodeScalars.contains(scalar)
        }
    }

    /// A blank that ends no line.
    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0B, 0x0C, 0x0D, 0x20, 0x85, 0xA0: true
        default: false
        }
    }

    private func value(
        _ text: inout Substring.UnicodeScalarView,
        _ values: [String: String],
        _ mark: SourceMark,
        _ uses: UsedVariables?
    ) -> String {
        if let quote = text.first, quote == "\"" || quote == "'" { return quoted(&text, quote, values, mark, uses) }
        var line = text.prefix { $0 != "\n" }
        text = text.dropFirst(line.count)
        if let comment = line.indices.first(where: { line[$0] == "#" && line[..<$0].last == " " }) {
            line = line[..<comment]
        }
        while line.last?.properties.isWhitespace ?? false { line.removeLast() }
        return expanded(String(line), values, mark, uses)
    }

    private func quoted(
        _ text: inout Substring.UnicodeScalarView,
        _ quote: Unicode.Scalar,
        _ values: [String: String],
        _ mark: SourceMark,
        _ uses: UsedVariables?
    ) -> String {
        text.removeFirst()
        var result = String.UnicodeScalarView()
        var isEscaped = false
        while let scalar = text.popFirst() {
            if isEscaped {
                // The quote loses its backslash; any other escape is looked at afterwards.
                if scalar != quote { result.append("\\") }
                result.append(scalar)
                isEscaped = false
            } else if scalar == "\\" {
                isEscaped = true
            } else if scalar == quote {
                return quote == "\"" ? expanded(Self.unescaped(result), values, mark, uses) : String(result)
            } else {
                result.append(scalar)
            }
        }
        diagnostics.error("a quote opened here is never closed", at: mark)
        return String(result)
    }

    private static func unescaped(_ text: String.UnicodeScalarView) -> String {
        var rest = text[...]
        var result = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            guard scalar == "\\", let letter = rest.first else {
                result.append(scalar)
                continue
            }
            rest.removeFirst()
            if letter == "0", let octal = octal(&rest) {
                result.append(octal)
            } else if let replacement = escape(letter) {
                result.append(contentsOf: replacement.unicodeScalars)
            } else {
                result.append(scalar)
                result.append(letter)
            }
        }
        return String(result)
    }

    /// Three octal digits behind `\0`.
    private static func octal(_ rest: inout Substring.UnicodeScalarView) -> Unicode.Scalar? {
        let digits = rest.prefix(3)
        guard digits.count == 3, let value = UInt8(String(digits), radix: 8) else { return nil }
        rest = rest.dropFirst(3)
        return Unicode.Scalar(value)
    }

    private static func escape(_ letter: Unicode.Scalar) -> String? {
        switch letter {
        case "a": "\u{7}"
        case "b": "\u{8}"
        case "f": "\u{C}"
        case "n": "\n"
        case "r": "\r"
        case "t": "\t"
        case "v": "\u{B}"
        case "\\", "\"": String(Character(letter))
        // The dollar sign must survive the replacing of variables.
        case "$": "$$"
        default: nil
        }
    }

    private func expanded(
        _ text: String,
        _ values: [String: String],
        _ mark: SourceMark,
        _ uses: UsedVariables?
    ) -> String {
        var template = Template(lookup: { lookup($0) ?? values[$0] }, missing: { _ in })
        if let uses { template.observe = { uses.add($0, $1, $2) } }
        do throws(Template.Failure) {
            return try template.substitute(text)
        } catch {
            switch error {
            case .required(let name, let message):
                let reason = message.isEmpty ? "" : ": \(message)"
                diagnostics.error("the variable \(name) needs a value\(reason)", at: mark)
            case .malformed, .nested, .tooLong:
                diagnostics.error("\"\(text)\" holds a malformed variable", at: mark)
            }
            return text
        }
    }
}

/// The variables that the line at hand refers to, for those who ask how a value came about.
private final class UsedVariables {
    private let origins: VariableOrigins
    private let place: (String) -> SourceMark?
    private var lines: [String: SourceVariable.Value] = [:]
    private var found: [SourceVariable] = []

    init(_ origins: VariableOrigins, _ place: @escaping (String) -> SourceMark?) {
        self.origins = origins
        self.place = place
    }

    /// Takes note of a use; an earlier line of the same file counts only when nothing outside has the value.
    func add(_ name: String, _ value: String?, _ outcome: SourceVariable.Outcome) {
        var values = origins.values(of: name, being: value)
        if let value, values.first?.text != value {
            let line = lines[name].flatMap { $0.text == value ? $0 : nil }
            let outer = place(name).map { SourceVariable.Value(value, from: .line($0)) }
            if let known = line ?? outer { values.insert(known, at: 0) }
        }
        found.append(SourceVariable(name, outcome, values: values))
    }

    /// The mark of the line that sets `name`, with what the line refers to.
    func mark(of name: String, _ value: String, at mark: SourceMark) -> SourceMark {
        let result = found.isEmpty ? mark : mark.after(.interpolated(template: mark.excerpt ?? value, found))
        found = []
        // Without what that line refers to: a long file would become a long chain.
        lines[name] = SourceVariable.Value(value, from: .line(mark))
        return result
    }
}
