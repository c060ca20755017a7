/// A value of a JSON document, and where it stands: RFC 8259.
package struct JSONNode: Sendable {
    /// What there is in JSON.
    package enum Value: Sendable {
        case null
        case flag(Bool)
        /// As it is written: no type holds all numbers.
        case number(String)
        case text(String)
        case list([JSONNode])
        /// In the order of the document; a name may occur more than once, and the last one counts.
        case object([Member])
    }

    /// A member of an object.
    package struct Member: Sendable {
        package let name: String
        package let node: JSONNode
    }

    package let value: Value
    /// The first byte, from the beginning of the document.
    package let offset: Int

    /// Reads a document in UTF-8, with or without a byte order mark.
    ///
    /// At most 512 values may be inside each other.
    package init(parsing document: [UInt8]) throws(JSONError) {
        var parser = JSONParser(document)
        self = try parser.document()
    }

    init(_ value: Value, at offset: Int) { (self.value, self.offset) = (value, offset) }

    /// The text.
    package func text() throws(JSONError) -> String {
        guard case .text(let text) = value else { throw mismatch("a text") }
        return text
    }

    /// The truth value.
    package func flag() throws(JSONError) -> Bool {
        guard case .flag(let flag) = value else { throw mismatch("true or false") }
        return flag
    }

    /// The number, which must be whole and within the type.
    package func integer<Number: FixedWidthInteger>() throws(JSONError) -> Number {
        guard case .number(let text) = value else { throw mismatch("a number") }
        if let number = Number(text) { return number }
        // As 1e3 and 2.0.
        if let number = Double(text).flatMap({ Number(exactly: $0) }),
            text.utf8.contains(where: { $0 > 0x39 || $0 == 0x2e })
        {
            return number
        }
        throw JSONError("\(text) is not a whole number from \(Number.min) to \(Number.max)", at: offset)
    }

    /// The values of the list.
    package func list() throws(JSONError) -> [JSONNode] {
        guard case .list(let nodes) = value else { throw mismatch("a list") }
        return nodes
    }

    /// The object.
    package func object() throws(JSONError) -> JSONObject {
        guard case .object(let members) = value else { throw mismatch("an object") }
        return JSONObject(members: members, offset: offset)
    }

    /// Each value of the list, read; an error names its index.
    package func list<Value>(
        _ read: (JSONNode) throws(JSONError) -> Value
    ) throws(JSONError) -> [Value] {
        let nodes = try list()
        var values: [Value] = []
        values.reserveCapacity(nodes.count)
        for (index, node) in nodes.enumerated() {
            do throws(JSONError) { values.append(try read(node)) } catch { throw error.inside("[\(index)]") }
        }
        return values
    }

    /// Each value of the object, read; an error names the member.
    package func dictionary<Value>(
        _ read: (JSONNode) throws(JSONError) -> Value
    ) throws(JSONError) -> [String: Value] {
        var values: [String: Value] = [:]
        for member in try object().members {
            do throws(JSONError) { values[member.name] = try read(member.node) } catch {
                throw error.inside(member.name)
            }
        }
        return values
    }

    private func mismatch(_ wanted: String) -> JSONError {
        let found =
            switch value {
            case .null: "null"
            case .flag(let flag): "\(flag)"
            case .number: "a number"
            case .text: "a text"
            case .list: "a list"
            case .object: "an object"
            }
        return JSONError("\(found) stands where \(wanted) is expected", at: offset)
    }
}

/// What is wrong with a document.
package struct JSONError: Error, Hashable {
    /// The way to the value from the top, as `process.args[0]`; empty for the document itself.
    package private(set) var place = ""
    /// The byte where the mistake is.
    package let offset: Int
    /// What is wrong there.
    package let message: String

    init(_ message: String, at offset: Int) { (self.message, self.offset) = (message, offset) }

    /// The same error, of a value inside another.
    func inside(_ component: String) -> JSONError {
        var error = self
        error.place = component + (place.isEmpty || place.utf8.first == UInt8(ascii: "[") ? place : ".\(place)")
        return error
    }

    /// What is wrong, with the way to the value.
    package var explanation: String { place.isEmpty ? "not valid JSON: \(message)" : "\(place): \(message)" }

    /// Line and column of the mistake, both from 1; a column is a character of Unicode.
    package func position(in document: [UInt8]) -> (line: Int, column: Int) {
        let before = document.prefix(offset)
        let line = before.reduce(1) { $1 == 0x0a ? $0 + 1 : $0 }
        let start = before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
        // Bytes that go on with a character are none of their own.
        return (line, before[start...].reduce(1) { $1 & 0xc0 == 0x80 ? $0 : $0 + 1 })
    }
}
