/// Finds the type of a plain scalar as Compose files mean it: YAML 1.2 words, with the number forms of YAML 1.1.
enum ScalarResolver {
    /// The value of a plain scalar.
    static func resolve(_ text: String) -> YAMLNode.Content {
        guard let first = text.utf8.first else { return .null }
        switch text {
        case "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        case ".nan", ".NaN", ".NAN": return .float(.nan)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .float(.infinity)
        case "-.inf", "-.Inf", "-.INF": return .float(-.infinity)
        default: break
        }
        let digit = first >= 0x30 && first <= 0x39
        guard digit || first == 0x2B || first == 0x2D || first == 0x2E else { return .string(text) }
        if digit && isTimestamp(text) { return .timestamp(moment(text)) }
        let plain = text.filter { $0 != "_" }
        if let number = number(plain, as: Int.self) { return .int(number) }
        if digit, let number = number(plain, as: UInt64.self) { return .largeInt(number) }
        if isFloat(text), let number = Double(plain), number.isFinite { return .float(number) }
        return .string(text)
    }

    /// A whole number in decimal, or with the prefixes `0b`, `0o`, `0x` and the octal `0`.
    private static func number<Number: FixedWidthInteger>(_ text: String, as type: Number.Type) -> Number? {
        let negative = text.hasPrefix("-")
        let digits = negative || text.hasPrefix("+") ? text.dropFirst() : text[...]
        guard let first = digits.utf8.first, first >= 0x30 && first <= 0x39 else { return nil }
        let sign = negative ? "-" : ""
        let prefixes: [(String, Int)] = [("0b", 2), ("0o", 8), ("0x", 16), ("0B", 2), ("0O", 8), ("0X", 16)]
        for (prefix, radix) in prefixes where digits.hasPrefix(prefix) {
            return Number(sign + digits.dropFirst(2), radix: radix)
        }
        return digits.count > 1 && first == 0x30 ? Number(sign + digits, radix: 8) : Number(sign + digits)
    }

    private static func isFloat(_ text: String) -> Bool {
        var rest = text.utf8[...]
        if rest.first == 0x2B || rest.first == 0x2D { rest.removeFirst() }
        func digits() -> Int {
            let count = rest.prefix { ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x5F }.count
            rest.removeFirst(count)
            return count
        }
        let whole = digits()
        var fraction = 0
        if rest.first == 0x2E {
            rest.removeFirst()
            fraction = digits()
        }
        guard whole + fraction > 0 else { return false }
        if rest.first == 0x65 || rest.first == 0x45 {
            rest.removeFirst()
            if rest.first == 0x2B || rest.first == 0x2D { rest.removeFirst() }
            guard digits() > 0 else { return false }
        }
        return rest.isEmpty
    }

    /// The moment that a date means, as Compose shows it: midnight.
    private static func moment(_ text: String) -> String {
        let parts = text.split(separator: "-")
        guard parts.count == 3, parts[2].utf8.count <= 2 else { return text }
        let padded = parts.map { ($0.utf8.count < 2 ? "0" : "") + $0 }
        return padded.joined(separator: "-") + "T00:00:00Z"
    }

    private static func isTimestamp(_ text: String) -> Bool {
        let date = text.prefix { $0 != "T" && $0 != "t" && $0 != " " }
        let parts = date.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 4, Int(parts[0]) != nil,
            let month = Int(parts[1]), let day = Int(parts[2])
        else { return false }
        guard (1...12).contains(month) && (1...31).contains(day) else { return false }
        let time = text.dropFirst(date.count + 1)
        return date.count == text.count || time.split(separator: ":").count >= 3
    }
}
