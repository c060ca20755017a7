/// A line that a container wrote, in the form of Docker's json-file logs: one JSON object a line.
package struct LogRecord: Hashable, Sendable {
    /// Which of the container's outputs it came from.
    package enum Stream: String, Sendable {
        case stdout, stderr
    }

    /// The text as written, with its line end; without one it goes on in the next record.
    package var text: [UInt8]
    /// Which output it came from.
    package var stream: Stream
    /// When it was read, in RFC 3339 with nanoseconds.
    package var time: String

    /// A line of a container.
    package init(text: [UInt8], stream: Stream, time: String) {
        self.text = text
        self.stream = stream
        self.time = time
    }

    /// Appends the record and a line end to `buffer`.
    ///
    /// What is no UTF-8 becomes U+FFFD, since JSON holds nothing else.
    package static func encode(
        _ text: some Collection<UInt8>,
        stream: Stream,
        time: [UInt8],
        into buffer: inout [UInt8]
    ) {
        buffer += Array(#"{"log":""#.utf8)
        appendEscaped(text, to: &buffer)
        buffer += Array(#"","stream":""#.utf8)
        buffer += Array(stream.rawValue.utf8)
        buffer += Array(#"","time":""#.utf8)
        buffer += time
        buffer += Array("\"}\n".utf8)
    }

    private static func appendEscaped(_ text: some Collection<UInt8>, to buffer: inout [UInt8]) {
        guard text.allSatisfy({ $0 < 0x80 }) else {
            // Repairs what is broken, and is much slower than looking at bytes.
            return appendEscapedValid(Array(String(decoding: text, as: UTF8.self).utf8), to: &buffer)
        }
        appendEscapedValid(text, to: &buffer)
    }

    private static func appendEscapedValid(_ text: some Collection<UInt8>, to buffer: inout [UInt8]) {
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                buffer.append(UInt8(ascii: "\\"))
                buffer.append(byte)
            case 0x09, 0x0A, 0x0D:
                buffer.append(UInt8(ascii: "\\"))
                buffer.append(byte == 0x09 ? UInt8(ascii: "t") : byte == 0x0A ? UInt8(ascii: "n") : UInt8(ascii: "r"))
            case 0..<0x20:
                buffer += Array("\\u00".utf8)
                buffer += [byte >> 4, byte & 15].map { $0 < 10 ? 0x30 + $0 : 0x57 + $0 }
            default: buffer.append(byte)
            }
        }
    }
}

extension LogRecord {
    /// Reads one line of a log file; nil when it is cut short or not of this form.
    package init?(line: some Collection<UInt8>) {
        var reader = FieldReader(rest: Array(line)[...])
        guard reader.skip("{") else { return nil }
        var (text, stream, time): ([UInt8]?, Stream?, String?) = (nil, nil, nil)
        repeat {
            guard let key = reader.string(), reader.skip(":"), let value = reader.string() else { return nil }
            switch String(decoding: key, as: UTF8.self) {
            case "log": text = value
            case "stream": stream = Stream(rawValue: String(decoding: value, as: UTF8.self))
            case "time": time = String(decoding: value, as: UTF8.self)
            default: break
            }
        } while reader.skip(",")
        guard reader.skip("}"), let text, let stream, let time else { return nil }
        self.init(text: text, stream: stream, time: time)
    }

    /// Reads an object whose values are strings.
    private struct FieldReader {
        var rest: ArraySlice<UInt8>

        mutating func skip(_ character: Character) -> Bool {
            guard rest.first == character.asciiValue else { return false }
            rest.removeFirst()
            return true
        }

        mutating func string() -> [UInt8]? {
            guard skip("\"") else { return nil }
            var result: [UInt8] = []
            while let byte = rest.popFirst() {
                switch byte {
                case UInt8(ascii: "\""): return result
                case UInt8(ascii: "\\"):
                    guard let escaped = escape() else { return nil }
                    result += escaped
                default: result.append(byte)
                }
            }
            return nil
        }

        private mutating func escape() -> [UInt8]? {
            switch rest.popFirst() {
            case UInt8(ascii: "n"): return [0x0A]
            case UInt8(ascii: "r"): return [0x0D]
            case UInt8(ascii: "t"): return [0x09]
            case UInt8(ascii: "b"): return [0x08]
            case UInt8(ascii: "f"): return [0x0C]
            case UInt8(ascii: "u"):
                guard let unit = unit() else { return nil }
                return Array(String(scalar(unit)).utf8)
            case let byte?: return [byte]
            case nil: return nil
            }
        }

        /// Four hexadecimal digits.
        private mutating func unit() -> UInt32? {
            let digits = rest.prefix(4).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
            guard digits.count == 4 else { return nil }
            rest.removeFirst(4)
            return digits.reduce(0) { $0 << 4 | UInt32($1) }
        }

        /// The character of a unit of UTF-16, with the second half of a pair when it follows.
        private mutating func scalar(_ high: UInt32) -> Unicode.Scalar {
            if let scalar = Unicode.Scalar(high) { return scalar }
            let before = rest
            if high < 0xDC00, skip("\\"), skip("u"), let low = unit(), (0xDC00...0xDFFF).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
            {
                return scalar
            }
            rest = before
            return "\u{FFFD}"
        }
    }
}
