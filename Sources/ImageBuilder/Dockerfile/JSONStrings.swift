/// Reads the exec form of an instruction: a JSON list of strings.
struct JSONStrings {
    enum Result {
        /// The strings, and where each one starts.
        case strings([(text: String, offset: Int)])
        /// A list in which something else stands, and where.
        case otherValue(offset: Int)
        /// No JSON list.
        case none
    }

    private let scalars: [Unicode.Scalar]
    private var index: Int
    private let end: Int
    private var depth = 0

    private init(_ scalars: [Unicode.Scalar], _ range: Range<Int>) {
        self.scalars = scalars
        index = range.lowerBound
        end = range.upperBound
    }

    /// Reads a part of a line.
    static func read(_ scalars: [Unicode.Scalar], _ range: Range<Int>) -> Result {
        var reader = JSONStrings(scalars, range)
        return reader.list()
    }

    private var next: Unicode.Scalar? { index < end ? scalars[index] : nil }

    private mutating func skipBlanks() {
        while let scalar = next, scalar == " " || scalar == "\t" || scalar == "\r" || scalar == "\n" { index += 1 }
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard next == scalar else { return false }
        index += 1
        return true
    }

    private mutating func list() -> Result {
        guard take("[") else { return .none }
        var strings: [(text: String, offset: Int)] = []
        var other: Int?
        if !take("]") {
            repeat {
                skipBlanks()
                let start = index
                if next == "\"" {
                    guard let text = string() else { return .none }
                    strings.append((text, start))
                } else {
                    guard value() else { return .none }
                    other = other ?? start
                }
            } while take(",")
            guard take("]") else { return .none }
        }
        skipBlanks()
        guard index == end else { return .none }
        return other.map { .otherValue(offset: $0) } ?? .strings(strings)
    }

    /// Passes over any value; false when there is none.
    private mutating func value() -> Bool {
        skipBlanks()
        depth += 1
        defer { depth -= 1 }
        guard depth < 100, let first = next else { return false }
        switch first {
        case "\"": return string() != nil
        case "[":
            index += 1
            if take("]") { return true }
            repeat { if !value() { return false } } while take(",")
            return take("]")
        case "{":
            index += 1
            if take("}") { return true }
            repeat {
                skipBlanks()
                guard next == "\"", string() != nil, take(":"), value() else { return false }
            } while take(",")
            return take("}")
        default:
            let start = index
            while let scalar = next, scalar.isASCII,
                scalar.properties.isAlphabetic || "0123456789+-.".unicodeScalars.contains(scalar)
            {
                index += 1
            }
            let word = String(String.UnicodeScalarView(scalars[start..<index]))
            return ["null", "true", "false"].contains(word) || Double(word) != nil
        }
    }

    private mutating func string() -> String? {
        index += 1
        var units: [UInt16] = []
        while let scalar = next {
            index += 1
            switch scalar {
            case "\"": return String(decoding: units, as: UTF16.self)
            case "\\":
                guard let unit = escape() else { return nil }
                units.append(unit)
            case _ where scalar.value < 0x20: return nil
            default: units.append(contentsOf: UTF16.encode(scalar).map { Array($0) } ?? [])
            }
        }
        return nil
    }

    private mutating func escape() -> UInt16? {
        guard let scalar = next else { return nil }
        index += 1
        switch scalar {
        case "\"", "\\", "/": return UInt16(scalar.value)
        case "b": return 8
        case "f": return 12
        case "n": return 10
        case "r": return 13
        case "t": return 9
        case "u":
            guard index + 4 <= end else { return nil }
            let digits = String(String.UnicodeScalarView(scalars[index..<(index + 4)]))
            guard digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }) else { return nil }
            index += 4
            return UInt16(digits, radix: 16)
        default: return nil
        }
    }
}
