/// Reads the text of a JSON document: RFC 8259, and nothing beside it.
struct JSONParser {
    /// How many values may be inside each other; more would use up the stack.
    private static let deepest = 512

    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0

    init(_ document: [UInt8]) { bytes = document }

    /// The one value of the document.
    mutating func document() throws(JSONError) -> JSONNode {
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { index = 3 }
        skipSpace()
        let node = try value()
        skipSpace()
        guard index == bytes.count else { throw error("there is more than one value") }
        return node
    }

    private var byte: UInt8? { index < bytes.count ? bytes[index] : nil }

    private func error(_ message: String) -> JSONError { JSONError(message, at: index) }

    private func unexpected(_ wanted: String) -> JSONError {
        guard let byte else { return error("the document ends where \(wanted) is expected") }
        let found = (0x21..<0x7f).contains(byte) ? "'\(Character(UnicodeScalar(byte)))'" : "byte \(byte)"
        return error("\(found) stands where \(wanted) is expected")
    }

    private mutating func skipSpace() {
        while let byte, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { index += 1 }
    }

    private mutating func take(_ wanted: UInt8) -> Bool {
        guard byte == wanted else { return false }
        index += 1
        return true
    }

    private mutating func value() throws(JSONError) -> JSONNode {
        let start = index
        switch byte {
        case UInt8(ascii: "{"): return JSONNode(.object(try members()), at: start)
        case UInt8(ascii: "["): return JSONNode(.list(try elements()), at: start)
        case UInt8(ascii: "\""): return JSONNode(.text(try text()), at: start)
        case UInt8(ascii: "t"): return JSONNode(.flag(try word("true", true)), at: start)
        case UInt8(ascii: "f"): return JSONNode(.flag(try word("false", false)), at: start)
        case UInt8(ascii: "n"): return JSONNode(try word("null", .null), at: start)
        case let byte? where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte):
            return JSONNode(.number(try number()), at: start)
        default: throw unexpected("a value")
        }
    }

    private mutating func word<Meaning>(_ word: StaticString, _ meaning: Meaning) throws(JSONError) -> Meaning {
        let end = index + word.utf8CodeUnitCount
        guard end <= bytes.count, bytes[index..<end].elementsEqual("\(word)".utf8) else {
            throw error("this is neither a word of JSON nor a text: write true, false, null, or quotes around it")
        }
        index = end
        return meaning
    }

    private mutating func enter() throws(JSONError) {
        depth += 1
        guard depth <= Self.deepest else { throw error("more than \(Self.deepest) values are inside each other") }
        index += 1
        skipSpace()
    }

    private mutating func members() throws(JSONError) -> [JSONNode.Member] {
        try enter()
        defer { depth -= 1 }
        var members: [JSONNode.Member] = []
        if take(UInt8(ascii: "}")) { return members }
        while true {
            guard byte == UInt8(ascii: "\"") else { throw unexpected("a name in quotes") }
            let name = try text()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw unexpected("':'") }
            skipSpace()
            members.append(JSONNode.Member(name: name, node: try value()))
            skipSpace()
            if take(UInt8(ascii: "}")) { return members }
            guard take(UInt8(ascii: ",")) else { throw unexpected("',' or '}'") }
            skipSpace()
        }
    }

    private mutating func elements() throws(JSONError) -> [JSONNode] {
        try enter()
        defer { depth -= 1 }
        var nodes: [JSONNode] = []
        if take(UInt8(ascii: "]")) { return nodes }
        while true {
            nodes.append(try value())
            skipSpace()
            if take(UInt8(ascii: "]")) { return nodes }
            guard take(UInt8(ascii: ",")) else { throw unexpected("',' or ']'") }
            skipSpace()
        }
    }

    // MARK: numbers

    private mutating func number() throws(JSONError) -> String {
        let start = index
        _ = take(UInt8(ascii: "-"))
        // A zero stands alone before the point.
        if !take(UInt8(ascii: "0")) { try digits() }
        if take(UInt8(ascii: ".")) { try digits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "-")) { _ = take(UInt8(ascii: "+")) }
            try digits()
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func digits() throws(JSONError) {
        let start = index
        while let byte, (0x30...0x39).contains(byte) { index += 1 }
        guard index > start else { throw unexpected("a digit") }
    }

    // MARK: texts

    private mutating func text() throws(JSONError) -> String {
        let opening = index
        index += 1
        let start = index
        while let byte {
            switch byte {
            case UInt8(ascii: "\""):
                defer { index += 1 }
                return try decoded(bytes[start..<index])
            case UInt8(ascii: "\\"): return try textWithEscapes(from: start)
            case 0..<0x20: throw error("a control character stands in a text: write it as an escape")
            default: index += 1
            }
        }
        throw JSONError("the text that begins here has no end", at: opening)
    }

    private func decoded(_ part: ArraySlice<UInt8>) throws(JSONError) -> String {
        if part.allSatisfy({ $0 < 0x80 }) { return String(decoding: part, as: UTF8.self) }
        guard let text = String(validating: part, as: UTF8.self) else {
            throw JSONError("the text is not valid UTF-8", at: part.startIndex)
        }
        return text
    }

    /// The rest of a text, from its first escape on.
    private mutating func textWithEscapes(from start: Int) throws(JSONError) -> String {
        var content = Array(bytes[start..<index])
        while let byte {
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return try decoded(content[...])
            case UInt8(ascii: "\\"): content += Array(String(try escape()).utf8)
            case 0..<0x20: throw error("a control character stands in a text: write it as an escape")
            default:
                content.append(byte)
                index += 1
            }
        }
        throw JSONError("the text that begins here has no end", at: start - 1)
    }

    private mutating func escape() throws(JSONError) -> Character {
        index += 1
        let kind = byte
        index += 1
        switch kind {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try codePoint()
        default:
            index -= 2
            throw error("there is no such escape in JSON")
        }
    }

    /// Four hexadecimal digits, or twice four that are one character: RFC 8259, section 7.
    private mutating func codePoint() throws(JSONError) -> Character {
        let start = index - 2
        let first = try unit()
        if let scalar = UnicodeScalar(first) { return Character(scalar) }
        if first < 0xdc00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
            let second = try unit()
            if (0xdc00...0xdfff).contains(second),
                let scalar = UnicodeScalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
            {
                return Character(scalar)
            }
        }
        throw JSONError("half of a character stands alone", at: start)
    }

    private mutating func unit() throws(JSONError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte, let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
                throw unexpected("a hexadecimal digit")
            }
            unit = unit << 4 + UInt32(digit)
            index += 1
        }
        return unit
    }
}
