/// The part of TOML that settings of registries are written in: tables, lists of tables, and values of one line or
/// lists over several.
struct SettingsText {
    /// A value.
    enum Value: Hashable {
        case text(String)
        case flag(Bool)
        case number(Int)
        case list([Value])
    }

    /// A table with its name's parts and the line it begins at.
    struct Table: Hashable {
        var name: [String]
        var line: Int
        var values: [String: Value] = [:]
    }

    /// The tables in the order of the file; the first is what stands before any name.
    private(set) var tables: [Table] = [Table(name: [], line: 1)]
    private let bytes: [UInt8]
    private let path: String
    private var position = 0
    private var line = 1

    /// Reads a file's text; throws `configuration` with the line of what can't be read.
    init(_ text: String, path: String) throws(RegistryError) {
        bytes = Array(text.utf8)
        self.path = path
        while true {
            skipBlank(lines: true)
            guard let next else { return }
            if next == UInt8(ascii: "[") { try readHeader() } else { try readAssignment() }
            skipBlank(lines: false)
            guard self.next == nil || self.next == newline else {
                throw wrong("there is more on the line than one value")
            }
        }
    }

    private let newline = UInt8(ascii: "\n")
    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func wrong(_ reason: String) -> RegistryError {
        RegistryError(.configuration, "read \(path): line \(line): \(reason)")
    }

    private mutating func skipBlank(lines: Bool) {
        while let byte = next {
            if byte == UInt8(ascii: "#") {
                while let byte = next, byte != newline { position += 1 }
            } else if byte == 0x20 || byte == 0x09 || byte == 0x0d {
                position += 1
            } else if byte == newline, lines {
                position += 1
                line += 1
            } else {
                return
            }
        }
    }

    private mutating func readHeader() throws(RegistryError) {
        let start = line
        var depth = 0
        while next == UInt8(ascii: "["), depth < 2 {
            position += 1
            depth += 1
        }
        let name = try readKey()
        for _ in 0..<depth {
            guard next == UInt8(ascii: "]") else { throw wrong("the name of a table does not end") }
            position += 1
        }
        tables.append(Table(name: name, line: start))
    }

    private mutating func readKey() throws(RegistryError) -> [String] {
        var parts: [String] = []
        while true {
            skipBlank(lines: false)
            if next == UInt8(ascii: "\"") || next == UInt8(ascii: "'") {
                parts.append(try readText())
            } else {
                let start = position
                while let byte = next, isBare(byte) { position += 1 }
                guard position > start else { throw wrong("there is no name") }
                parts.append(String(decoding: bytes[start..<position], as: UTF8.self))
            }
            skipBlank(lines: false)
            guard next == UInt8(ascii: ".") else { return parts }
            position += 1
        }
    }

    private func isBare(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20) || byte == 0x2d || byte == 0x5f
    }

    private mutating func readAssignment() throws(RegistryError) {
        let key = try readKey()
        guard next == UInt8(ascii: "=") else { throw wrong("after \(key.joined(separator: ".")) there is no \"=\"") }
        position += 1
        skipBlank(lines: false)
        let value = try readValue(depth: 0)
        tables[tables.count - 1].values[key.joined(separator: ".")] = value
    }

    private mutating func readValue(depth: Int) throws(RegistryError) -> Value {
        guard let byte = next, depth < 8 else { throw wrong("a value is missing") }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return .text(try readText())
        case UInt8(ascii: "["):
            position += 1
            var values: [Value] = []
            while true {
                skipBlank(lines: true)
                if next == UInt8(ascii: "]") { break }
                values.append(try readValue(depth: depth + 1))
                skipBlank(lines: true)
                guard next == UInt8(ascii: ",") else { break }
                position += 1
            }
            skipBlank(lines: true)
            guard next == UInt8(ascii: "]") else { throw wrong("a list does not end") }
            position += 1
            return .list(values)
        default:
            let start = position
            while let byte = next, isBare(byte) { position += 1 }
            let word = String(decoding: bytes[start..<position], as: UTF8.self)
            if word == "true" || word == "false" { return .flag(word == "true") }
            guard let number = Int(word) else {
                throw wrong("a value is neither text in quotes, nor true, false, or a list")
            }
            return .number(number)
        }
    }

    private mutating func readText() throws(RegistryError) -> String {
        guard let quote = next else { throw wrong("a value is missing") }
        position += 1
        var result: [UInt8] = []
        while let byte = next, byte != newline {
            position += 1
            if byte == quote { return String(decoding: result, as: UTF8.self) }
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                guard let escaped = next, let plain = Self.escapes[escaped] else { throw wrong("an escape is unknown") }
                position += 1
                result.append(plain)
            } else {
                result.append(byte)
            }
        }
        throw wrong("a text does not end on its line")
    }

    private static let escapes: [UInt8: UInt8] = [
        UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "\\"): UInt8(ascii: "\\"),
        UInt8(ascii: "n"): 0x0a, UInt8(ascii: "t"): 0x09, UInt8(ascii: "r"): 0x0d,
    ]
}

extension SettingsText.Table {
    /// The text of a key; nil when there is none.
    func text(_ key: String, _ path: String) throws(RegistryError) -> String? {
        switch values[key] {
        case nil: return nil
        case .text(let text): return text
        default: throw RegistryError(.configuration, "read \(path): line \(line): \(key) is no text in quotes")
        }
    }

    /// The flag of a key; false when there is none.
    func flag(_ key: String, _ path: String) throws(RegistryError) -> Bool {
        switch values[key] {
        case nil: return false
        case .flag(let flag): return flag
        default: throw RegistryError(.configuration, "read \(path): line \(line): \(key) is neither true nor false")
        }
    }
}
