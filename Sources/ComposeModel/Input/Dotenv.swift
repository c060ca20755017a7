import YAMLComposer

/// Reads the `KEY=value` files that variables come from.
struct Dotenv {
    /// The value of a variable that a file refers to and does not set itself.
    let lookup: (String) -> String?
    /// Where mistakes go.
    let diagnostics: DiagnosticCollector

    /// The variables of `source`, a later line over an earlier one.
    func variables(of source: SourceFile) -> [(name: String, value: String, mark: SourceMark)] {
        var text = String(decoding: source.bytes, as: UTF8.self).replacingLineBreaks()[...]
        if text.first == "\u{FEFF}" { text = text.dropFirst() }
        var values: [String: String] = [:]
        var names: [String] = []
        var marks: [String: SourceMark] = [:]
        var line = 1
        while let first = text.first {
            let mark = SourceMark(file: source, line: line, column: 1)
            let before = text
            if first == "\n" {
                text = text.dropFirst()
            } else if first == "#" {
                text = text.drop { $0 != "\n" }
            } else if first.isWhitespace {
                text = text.dropFirst()
            } else if let (name, value) = statement(&text, values, mark) {
                if values[name] == nil { names.append(name) }
                values[name] = value
                marks[name] = mark
            }
            line += before[..<text.startIndex].count { $0 == "\n" }
        }
        let start = SourceMark(file: source, line: 1, column: 1)
        return names.map { ($0, values[$0] ?? "", marks[$0] ?? start) }
    }

    private func statement(
        _ text: inout Substring,
        _ values: [String: String],
        _ mark: SourceMark
    ) -> (String, String)? {
        if text.hasPrefix("export"), let next = text.dropFirst(6).first, next == " " || next == "\t" {
            text = text.dropFirst(6).drop { $0 == " " || $0 == "\t" }
        }
        let name = text.prefix { $0.isLetter || $0.isNumber || "_.-[]".contains($0) }
        text = text.dropFirst(name.count).drop { $0 == " " || $0 == "\t" }
        switch text.first {
        case "=", ":":
            text = text.dropFirst().drop { $0 == " " || $0 == "\t" }
            let value = value(&text, values, mark)
            return name.isEmpty || name.first?.isNumber == true ? nil : (String(name), value)
        case nil, "\n":
            return lookup(String(name)).map { (String(name), $0) }
        default:
            let unexpected = text.first.map(String.init) ?? ""
            diagnostics.error("\"\(unexpected)\" can't stand in the name of a variable", at: mark)
            text = text.drop { $0 != "\n" }
            return nil
        }
    }

    private func value(_ text: inout Substring, _ values: [String: String], _ mark: SourceMark) -> String {
        if let quote = text.first, quote == "\"" || quote == "'" { return quoted(&text, quote, values, mark) }
        let line = text.prefix { $0 != "\n" }
        text = text.dropFirst(line.count)
        var end = line.endIndex
        var previous: Character = "="
        for index in line.indices {
            if line[index] == "#" && previous == " " {
                end = index
                break
            }
            previous = line[index]
        }
        let kept = line[..<end].reversed().drop { $0.isWhitespace }.reversed()
        return expanded(String(kept), values, mark)
    }

    private func quoted(
        _ text: inout Substring,
        _ quote: Character,
        _ values: [String: String],
        _ mark: SourceMark
    ) -> String {
        text = text.dropFirst()
        var result = ""
        var escaped = false
        while let character = text.popFirst() {
            if escaped {
                result += quote == "\"" ? Self.escape(character) : character == quote ? "'" : "\\\(character)"
                escaped = false
            } else if character == "\\" {
                escaped = true
            } else if character == quote {
                return quote == "\"" ? expanded(result, values, mark) : result
            } else {
                result.append(character)
            }
        }
        diagnostics.error("a quote opened here is never closed", at: mark)
        return result
    }

    private static func escape(_ character: Character) -> String {
        switch character {
        case "a": "\u{7}"
        case "b": "\u{8}"
        case "c": "\\c"
        case "f": "\u{C}"
        case "n": "\n"
        case "r": "\r"
        case "t": "\t"
        case "v": "\u{B}"
        case "\\", "\"": String(character)
        case "$": "$$"
        default: "\\\(character)"
        }
    }

    private func expanded(_ text: String, _ values: [String: String], _ mark: SourceMark) -> String {
        let template = Template(lookup: { lookup($0) ?? values[$0] }, missing: { _ in })
        do {
            return try template.substitute(text)
        } catch {
            diagnostics.error("\"\(text)\" holds a malformed variable", at: mark)
            return text
        }
    }
}

extension String {
    /// The text with `\r\n` as `\n`.
    fileprivate func replacingLineBreaks() -> String {
        guard utf8.contains(0x0D) else { return self }
        return String(String.UnicodeScalarView(unicodeScalars.filter { $0 != "\r" }))
    }
}
