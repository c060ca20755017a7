package import YAMLComposer

/// Prints a tree as YAML, two blanks a level.
package struct YAMLPrinter {
    private var text: [UInt8] = []

    /// The YAML text of `node`, ended by a line break.
    package static func print(_ node: YAMLNode) -> String {
        var printer = YAMLPrinter()
        printer.write(node, indent: 0)
        return String(decoding: printer.text, as: UTF8.self)
    }

    private mutating func write(_ node: YAMLNode, indent: Int) {
        switch node.content {
        case .mapping(let mapping) where !mapping.isEmpty:
            for entry in mapping.entries {
                text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent))
                writeScalar(entry.key)
                text.append(UInt8(ascii: ":"))
                writeValue(entry.value, indent: indent + 2)
            }
        case .sequence(let elements) where !elements.isEmpty:
            for element in elements { writeElement(element, indent: indent) }
        default:
            text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent))
            writeInline(node)
            text.append(UInt8(ascii: "\n"))
        }
    }

    private mutating func writeValue(_ node: YAMLNode, indent: Int) {
        if node.mapping?.isEmpty == false || node.sequence?.isEmpty == false {
            text.append(UInt8(ascii: "\n"))
            write(node, indent: indent)
        } else {
            text.append(UInt8(ascii: " "))
            writeInline(node)
            text.append(UInt8(ascii: "\n"))
        }
    }

    /// The first line of a collection stands behind the dash.
    private mutating func writeElement(_ node: YAMLNode, indent: Int) {
        let start = text.count
        write(node, indent: indent + 2)
        text[start + indent] = UInt8(ascii: "-")
    }

    private mutating func writeInline(_ node: YAMLNode) {
        switch node.content {
        case .string(let string): writeScalar(string)
        case .float(let number) where !number.isFinite:
            text.append(contentsOf: (number.isNaN ? ".nan" : number > 0 ? ".inf" : "-.inf").utf8)
        case .sequence: text.append(contentsOf: "[]".utf8)
        case .mapping: text.append(contentsOf: "{}".utf8)
        default: text.append(contentsOf: (node.scalarText ?? "null").utf8)
        }
    }

    /// The text as it stands where it reads back as the same text, and in quotes elsewhere.
    private mutating func writeScalar(_ string: String) {
        if Self.isPlain(string) {
            text.append(contentsOf: string.utf8)
        } else {
            text.append(contentsOf: JSONPrinter.quoted(string).utf8)
        }
    }

    private static let words: Set = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"]

    private static func isPlain(_ string: String) -> Bool {
        guard let first = string.utf8.first, !startsOtherwise(first) else { return false }
        var previous: UInt8 = 0
        var isASCII = true
        for byte in string.utf8 {
            switch byte {
            case 0..<0x20, 0x7F: return false
            case 0x80...:
                isASCII = false
                previous = byte
            case UInt8(ascii: " ") where previous == UInt8(ascii: ":"): return false
            case UInt8(ascii: "#") where previous == UInt8(ascii: " "): return false
            default: previous = byte
            }
        }
        guard previous != UInt8(ascii: " ") && previous != UInt8(ascii: ":") else { return false }
        guard isASCII || !string.unicodeScalars.contains(where: JSONPrinter.isEscaped) else { return false }
        return string.utf8.count > 5 || !words.contains(string.lowercased())
    }

    /// Whether a plain text can't start so, or would be read as something else than text.
    private static func startsOtherwise(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "/"),
            UInt8(ascii: "$"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: ";"), UInt8(ascii: "\\"),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "~"), 0x80...:
            false
        default: true
        }
    }
}
