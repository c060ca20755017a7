/// The members of an object by name; one that is null is as good as absent.
package struct JSONObject: Sendable {
    package let members: [JSONNode.Member]
    /// The first byte of the object, from the beginning of the document.
    package let offset: Int

    /// A member that has a value.
    package func node(_ name: String) -> JSONNode? {
        guard let node = members.last(where: { $0.name == name })?.node else { return nil }
        if case .null = node.value { return nil }
        return node
    }

    /// A member, read; nil when there is none.
    ///
    /// An error names the member.
    package func member<Value>(
        _ name: String,
        _ read: (JSONNode) throws(JSONError) -> Value
    ) throws(JSONError) -> Value? {
        guard let node = node(name) else { return nil }
        do throws(JSONError) { return try read(node) } catch { throw error.inside(name) }
    }

    /// A member that must be there, read.
    package func needed<Value>(
        _ name: String,
        _ read: (JSONNode) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        guard let value = try member(name, read) else { throw JSONError("is missing", at: offset).inside(name) }
        return value
    }

    /// An error about a member.
    package func error(_ message: String, _ name: String) -> JSONError {
        JSONError(message, at: members.last { $0.name == name }?.node.offset ?? offset).inside(name)
    }

    /// A text; nil when there is none.
    package func text(_ name: String) throws(JSONError) -> String? {
        try member(name) { node throws(JSONError) in try node.text() }
    }

    /// A truth value; nil when there is none.
    package func flag(_ name: String) throws(JSONError) -> Bool? {
        try member(name) { node throws(JSONError) in try node.flag() }
    }

    /// A whole number; nil when there is none.
    package func integer<Number: FixedWidthInteger>(_ name: String) throws(JSONError) -> Number? {
        try member(name) { node throws(JSONError) in try node.integer() }
    }

    /// A list of texts; nil when there is none.
    package func texts(_ name: String) throws(JSONError) -> [String]? {
        try member(name) { node throws(JSONError) in
            try node.list { node throws(JSONError) in try node.text() }
        }
    }

    /// A list of whole numbers; nil when there is none.
    package func integers<Number: FixedWidthInteger>(_ name: String) throws(JSONError) -> [Number]? {
        try member(name) { node throws(JSONError) in
            try node.list { node throws(JSONError) in try node.integer() }
        }
    }

    /// Texts by name; nil when there are none.
    package func textsByName(_ name: String) throws(JSONError) -> [String: String]? {
        try member(name) { node throws(JSONError) in
            try node.dictionary { node throws(JSONError) in try node.text() }
        }
    }

    /// An object, read; nil when there is none.
    package func object<Value>(
        _ name: String,
        _ read: (JSONObject) throws(JSONError) -> Value
    ) throws(JSONError) -> Value? {
        try member(name) { node throws(JSONError) in try read(node.object()) }
    }

    /// A list of objects, each read; nil when there is none.
    package func objects<Value>(
        _ name: String,
        _ read: (JSONObject) throws(JSONError) -> Value
    ) throws(JSONError) -> [Value]? {
        try member(name) { node throws(JSONError) in
            try node.list { node throws(JSONError) in try read(node.object()) }
        }
    }

    /// Objects by name, each read; nil when there are none.
    package func objectsByName<Value>(
        _ name: String,
        _ read: (JSONObject) throws(JSONError) -> Value
    ) throws(JSONError) -> [String: Value]? {
        try member(name) { node throws(JSONError) in
            try node.dictionary { node throws(JSONError) in try read(node.object()) }
        }
    }

    /// A text that must be there.
    package func neededText(_ name: String) throws(JSONError) -> String {
        try needed(name) { node throws(JSONError) in try node.text() }
    }

    /// A whole number that must be there.
    package func neededInteger<Number: FixedWidthInteger>(_ name: String) throws(JSONError) -> Number {
        try needed(name) { node throws(JSONError) in try node.integer() }
    }

    /// A truth value that must be there.
    package func neededFlag(_ name: String) throws(JSONError) -> Bool {
        try needed(name) { node throws(JSONError) in try node.flag() }
    }

    /// A list of texts that must be there.
    package func neededTexts(_ name: String) throws(JSONError) -> [String] {
        try needed(name) { node throws(JSONError) in
            try node.list { node throws(JSONError) in try node.text() }
        }
    }
}

/// What a JSON object describes.
package protocol JSONReadable {
    /// Reads the members that it knows, and passes over others.
    init(_ json: JSONObject) throws(JSONError)
}

extension JSONReadable {
    /// Reads a document that is one object.
    package init(document: [UInt8]) throws(JSONError) { try self.init(JSONNode(parsing: document).object()) }
}
