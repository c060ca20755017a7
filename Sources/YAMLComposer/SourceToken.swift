extension SourceMark {
    /// The column behind the key or single value that starts here, when it ends on the same line and is not empty.
    package var endColumn: Int? {
        guard let line = file.line(line) else { return nil }
        let rest = Array(line.unicodeScalars.dropFirst(column - 1))
        guard let first = rest.first else { return nil }
        let length =
            switch first {
            case "\"", "'": Self.quotedLength(rest, first)
            case "[", "{", "|", ">", "&", "*", "!", "#", " ": Int?.none
            default:
                Self.plainLength(
                    rest,
                    isVariable: file.kind == .variables,
                    isInFlow: Self.isInFlow(line.unicodeScalars.prefix(column - 1))
                )
            }
        return length.flatMap { $0 > 0 ? column + $0 : nil }
    }

    /// The key or single value that starts here, as it is written; in a file of variables the whole line.
    package var excerpt: String? {
        guard let line = file.line(line) else { return nil }
        if file.kind == .variables { return String(line.prefix(200)) }
        guard let end = endColumn else { return nil }
        return String(String.UnicodeScalarView(line.unicodeScalars.dropFirst(column - 1).prefix(end - column)))
    }

    private static func quotedLength(_ text: [Unicode.Scalar], _ quote: Unicode.Scalar) -> Int? {
        var index = 1
        while index < text.count {
            if text[index] == "\\" && quote == "\"" {
                index += 2
            } else if text[index] == quote {
                let isDoubled = quote == "'" && index + 1 < text.count && text[index + 1] == "'"
                if !isDoubled { return index + 1 }
                index += 2
            } else {
                index += 1
            }
        }
        return nil
    }

    private static func plainLength(_ text: [Unicode.Scalar], isVariable: Bool, isInFlow: Bool) -> Int {
        var length = text.count
        for index in text.indices {
            let next = index + 1 < text.count ? text[index + 1] : " "
            let ends =
                switch text[index] {
                case "=": isVariable
                case ":": next == " " || next == "\t"
                case "#": index > 0 && text[index - 1] == " "
                case ",", "]", "}": isInFlow
                default: false
                }
            if ends {
                length = index
                break
            }
        }
        // A comma at the end goes on with a list that began on a line above.
        while length > 0, " \t,".unicodeScalars.contains(text[length - 1]) { length -= 1 }
        return length
    }

    /// Whether a bracket is open behind a part of a line.
    private static func isInFlow(_ text: some Sequence<Unicode.Scalar>) -> Bool {
        var depth = 0
        for scalar in text {
            if scalar == "[" || scalar == "{" { depth += 1 }
            if scalar == "]" || scalar == "}" { depth -= 1 }
        }
        return depth > 0
    }
}
