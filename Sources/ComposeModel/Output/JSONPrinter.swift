package import YAMLComposer

/// Prints a tree as JSON, two blanks a level.
package struct JSONPrinter {
    private var text = ""

    /// The JSON text of `node`.
    package static func print(_ node: YAMLNode) -> String {
        var printer = JSONPrinter()
        printer.write(node, indent: "")
        return printer.text
    }

    /// The JSON text of `node` on one line.
    static func line(_ node: YAMLNode) -> String {
        switch node.content {
        case .null: "null"
        case .string(let text), .timestamp(let text): quoted(text)
        case .bool, .int, .largeInt, .float: node.scalarText ?? "null"
        case .sequence(let elements): "[" + elements.map(line).joined(separator: ", ") + "]"
        case .mapping(let mapping):
            "{" + mapping.entries.map { quoted($0.key) + ": " + line($0.value) }.joined(separator: ", ") + "}"
        }
    }

    private mutating func write(_ node: YAMLNode, indent: String) {
        switch node.content {
        case .null: text += "null"
        case .string(let string), .timestamp(let string): text += Self.quoted(string)
        // JSON has no word for these; only extensions can hold them.
        case .float(let number) where !number.isFinite: text += Self.quoted(YAMLNode.text(of: number))
        case .bool, .int, .largeInt, .float: text += node.scalarText ?? "null"
        case .sequence(let elements):
            guard !elements.isEmpty else { return text += "[]" }
            text += "["
            for (index, element) in elements.enumerated() {
                text += index == 0 ? "\n\(indent)  " : ",\n\(indent)  "
                write(element, indent: indent + "  ")
            }
            text += "\n\(indent)]"
        case .mapping(let mapping):
            guard !mapping.isEmpty else { return text += "{}" }
            text += "{"
            for (index, entry) in mapping.entries.enumerated() {
                text += (index == 0 ? "\n\(indent)  " : ",\n\(indent)  ") + Self.quoted(entry.key) + ": "
                write(entry.value, indent: indent + "  ")
            }
            text += "\n\(indent)}"
        }
    }

    /// Besides what JSON wants escaped, what YAML takes for a line break or refuses: the output is read as YAML, too.
    static func isEscaped(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: true
        default: false
        }
    }

    /// The text in quotes, with what JSON does not allow escaped.
    static func quoted(_ string: String) -> String {
        let isSimple = string.utf8.allSatisfy { byte in
            (0x20..<0x7F).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
        }
        if isSimple { return "\"\(string)\"" }
        var result = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where isEscaped(scalar):
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
