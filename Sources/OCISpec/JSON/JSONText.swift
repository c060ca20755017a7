/// A JSON object on one line, written in the order of its members.
package struct JSONText: Sendable {
    private var members = ""

    /// An object without members.
    package init() {}

    /// Adds a text.
    package mutating func add(_ name: String, _ value: String) { add(name, literal: Self.quoted(value)) }

    /// Adds a number.
    package mutating func add(_ name: String, _ value: some BinaryInteger) { add(name, literal: String(value)) }

    /// Adds what is JSON already.
    package mutating func add(_ name: String, literal: String) {
        members += (members.isEmpty ? "" : ",") + Self.quoted(name) + ":" + literal
    }

    /// The object.
    package var text: String { "{\(members)}" }

    /// The objects as an array.
    package static func array(_ objects: [JSONText]) -> String {
        "[" + objects.map(\.text).joined(separator: ",") + "]"
    }

    /// The text in quotes, control characters escaped, so that it stays on one line.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\0"..<" ", "\u{7F}"..<"\u{A0}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
