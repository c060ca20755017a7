package import YAMLComposer

/// Reads JSON into the nodes that `JSONPrinter` prints.
///
/// A YAML reader takes JSON too, but no keys of more than 1024 characters.
package struct JSONReader {
    private let file: SourceFile
    private var offset = 0
    private var line = 1
    private var lineStart = 0
    private var depth = 0
    /// Deeper values than a project has would only fill the stack.
    private static let depthLimit = 200

    private init(_ file: SourceFile) { self.file = file }

    /// The one value that `file` holds; throws at the first place that is not JSON.
    package static func read(_ file: SourceFile) throws(Diagnostic) -> YAMLNode {
        var reader = JSONReader(file)
        let node = try reader.value()
        reader.skipBlanks()
        if reader.offset < file.bytes.count { throw reader.failure("more than one value") }
        return node
    }

    private var mark: SourceMark { SourceMark(file: file, line: line, column: offset - lineStart + 1) }
    private var next: UInt8? { offset < file.bytes.count ? file.bytes[offset] : nil }

    private func failure(_ message: String) -> Diagnostic { Diagnostic("no JSON: \(message)", at: mark) }

    private mutating func skipBlanks() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            offset += 1
            if byte == 0x0A { (line, lineStart) = (line + 1, offset) }
        }
    }

    /// Takes `character` if it comes next.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard next == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private mutating func value() throws(Diagnostic) -> YAMLNode {
        skipBlanks()
        let start = mark
        depth += 1
        defer { depth -= 1 }
        if depth > Self.depthLimit { throw failure("values lie deeper than \(Self.depthLimit) levels") }
        switch next {
        case UInt8(ascii: "{"): return YAMLNode(.mapping(try mapping()), at: start)
        case UInt8(ascii: "["): return YAMLNode(.sequence(try sequence()), at: start)
        case UInt8(ascii: "\""): return YAMLNode(.string(try string()), at: start)
        default: return YAMLNode(try word(), at: start)
        }
    }

    private mutating func mapping() throws(Diagnostic) -> YAMLMapping {
        var result = YAMLMapping()
        offset += 1
        if take("}") { return result }
        repeat {
            skipBlanks()
            let start = mark
            guard next == UInt8(ascii: "\"") else { throw failure("a key is missing") }
            let key = try string()
            guard take(":") else { throw failure("a colon is missing") }
            result.set(.init(key: key, keyMark: start, value: try value()))
        } while take(",")
        guard take("}") else { throw failure("a brace is not closed") }
        return result
    }

    private mutating func sequence() throws(Diagnostic) -> [YAMLNode] {
        var result: [YAMLNode] = []
        offset += 1
        if take("]") { return result }
        repeat { result.append(try value()) } while take(",")
        guard take("]") else { throw failure("a bracket is not closed") }
        return result
    }

    private mutating func word() throws(Diagnostic) -> YAMLNode.Content {
        let rest = file.bytes[offset...].prefix { byte in
            byte == 0x2B || byte == 0x2D || byte == 0x2E || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte)
        }
        let text = String(decoding: rest, as: UTF8.self)
        let content: YAMLNode.Content? =
            switch text {
            case "null": .null
            case "true": .bool(true)
            case "false": .bool(false)
            default: Self.number(text)
            }
        guard let content else { throw failure(text.isEmpty ? "a value is missing" : "an unknown word") }
        offset += rest.count
        return content
    }

    private static func number(_ text: String) -> YAMLNode.Content? {
        guard let first = text.utf8.first, first == 0x2D || (0x30...0x39).contains(first) else { return nil }
        if let whole = Int(text) { return .int(whole) }
        if let whole = UInt64(text) { return .largeInt(whole) }
        // Double also reads hexadecimal numbers and words.
        let isDecimal = text.utf8.allSatisfy { (0x2B...0x39).contains($0) || $0 == 0x45 || $0 == 0x65 }
        return isDecimal ? Double(text).flatMap { $0.isFinite ? .float($0) : nil } : nil
    }

    private mutating func string() throws(Diagnostic) -> String {
        offset += 1
        var bytes: [UInt8] = []
        while let byte = next {
            offset += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"): bytes += try escape()
            case 0..<0x20: throw failure("a line break or control character in a text")
            default: bytes.append(byte)
            }
        }
        throw failure("a text is not closed")
    }

    private mutating func escape() throws(Diagnostic) -> [UInt8] {
        let letter = next
        offset += 1
        switch letter {
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [letter ?? 0]
        case UInt8(ascii: "u"):
            var unit = try hexadecimal()
            if (0xD800..<0xDC00).contains(unit) {
                guard next == UInt8(ascii: "\\"), file.bytes[offset...].dropFirst().first == UInt8(ascii: "u") else {
                    throw failure("half a character")
                }
                offset += 2
                let low = try hexadecimal()
                guard (0xDC00..<0xE000).contains(low) else { throw failure("half a character") }
                unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(unit) else { throw failure("half a character") }
            return Array(String(Character(scalar)).utf8)
        default: throw failure("an unknown escape")
        }
    }

    private mutating func hexadecimal() throws(Diagnostic) -> UInt32 {
        let digits = file.bytes[offset...].prefix(4)
        let text = String(decoding: digits, as: UTF8.self)
        guard digits.count == 4, !text.hasPrefix("+"), let value = UInt32(text, radix: 16) else {
            throw failure("four hexadecimal digits are missing")
        }
        offset += 4
        return value
    }
}
