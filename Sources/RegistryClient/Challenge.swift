/// What a server wants to know of who asks: RFC 9110, section 11.6.1, `WWW-Authenticate`.
package struct Challenge: Hashable, Sendable {
    /// The scheme in lower case: `bearer`, `basic`.
    package var scheme: String
    /// The parameters by their names in lower case.
    package var parameters: [String: String]

    package init(scheme: String, parameters: [String: String] = [:]) {
        self.scheme = scheme
        self.parameters = parameters
    }

    /// Reads a header's value, which may hold several challenges; what can't be read ends the list.
    package static func all(in text: String) -> [Challenge] {
        var reader = Reader(text)
        return reader.challenges()
    }

    private struct Reader {
        private let bytes: [UInt8]
        private var position = 0

        init(_ text: String) { bytes = Array(text.utf8.prefix(16384)) }

        mutating func challenges() -> [Challenge] {
            var result: [Challenge] = []
            while true {
                skip(" \t,")
                guard let word = token() else { return result }
                let afterWord = position
                skip(" \t")
                // A name before "=" is another parameter of the challenge before.
                if next == UInt8(ascii: "="), !result.isEmpty {
                    position += 1
                    skip(" \t")
                    guard let value = value() else { return result }
                    result[result.count - 1].parameters[word.lowercased()] = value
                    continue
                }
                position = afterWord
                result.append(Challenge(scheme: word.lowercased()))
                skip(" \t")
            }
        }

        private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

        private mutating func skip(_ characters: String) {
            while let next, characters.utf8.contains(next) { position += 1 }
        }

        private mutating func token() -> String? {
            let start = position
            while let next, next > 0x20, next < 0x7f, !"=,\"".utf8.contains(next) { position += 1 }
            return start == position ? nil : String(decoding: bytes[start..<position], as: UTF8.self)
        }

        private mutating func value() -> String? {
            guard next == UInt8(ascii: "\"") else { return token() ?? "" }
            position += 1
            var result: [UInt8] = []
            while let byte = next {
                position += 1
                if byte == UInt8(ascii: "\"") { return String(decoding: result, as: UTF8.self) }
                if byte == UInt8(ascii: "\\"), let escaped = next {
                    position += 1
                    result.append(escaped)
                } else {
                    result.append(byte)
                }
            }
            return nil
        }
    }
}
