package import YAMLComposer

/// Prints a tree as YAML, two blanks a level.
package struct YAMLPrinter {
    private var text = ""

    /// The YAML text of `node`, ended by a line break.
    package static func print(_ node: YAMLNode) -> String {
        var printer = YAMLPrinter()
        printer.write(node, indent: "")
        return printer.text
    }

    private mutating func write(_ node: YAMLNode, indent: String) {
        switch node.content {
        case .mapping(let mapping) where !mapping.isEmpty:
            for entry in mapping.entries {
                text += indent + Self.scalar(entry.key) + ":"
                writeValue(entry.value, indent: indent + "  ")
            }
        case .sequence(let elements) where !elements.isEmpty:
            for element in elements { writeElement(element, indent: indent) }
        default: text += indent + Self.inline(node) + "\n"
        }
    }

    private mutating func writeValue(_ node: YAMLNode, indent: String) {
        if node.mapping?.isEmpty == false || node.sequence?.isEmpty == false {
            text += "\n"
            write(node, indent: indent)
        } else {
            text += " " + Self.inline(node) + "\n"
        }
    }

    /// The first line of a collection stands behind the dash.
    private mutating func writeElement(_ node: YAMLNode, indent: String) {
        let start = text.utf8.count
        write(node, indent: indent + "  ")
        let dash = text.utf8.index(text.startIndex, offsetBy: start + indent.utf8.count)
        text.replaceSubrange(dash..<text.utf8.index(after: dash), with: "-")
    }

    private static func inline(_ node: YAMLNode) -> String {
        switch node.content {
        case .string(let string): scalar(string)
        case .sequence: "[]"
        case .mapping: "{}"
        default: node.scalarText ?? "null"
        }
    }

    /// The text as it stands where it reads back as the same text, and in quotes elsewhere.
    private static func scalar(_ string: String) -> String {
        let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"]
        guard let first = string.unicodeScalars.first, let last = string.unicodeScalars.last else { return "\"\"" }
        let safeStart = !"-?:,[]{}#&*!|>'\"%@` .+0123456789=<".unicodeScalars.contains(first)
        let plain =
            safeStart && last != " " && last != ":" && !words.contains(string.lowercased())
            && !string.contains(": ") && !string.contains(" #")
            && !string.unicodeScalars.contains(where: JSONPrinter.isEscaped)
        return plain ? string : JSONPrinter.quoted(string)
    }
}
