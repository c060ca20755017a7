package import LinuxSystem

// Addresses and names are written to records as the text that people use.

extension IPAddress: Codable {
    /// Reads the text form.
    package init(from decoder: any Decoder) throws {
        self = try decoder.value("an address") { IPAddress($0) }
    }

    /// Writes the text form.
    package func encode(to encoder: any Encoder) throws { try encoder.write(description) }
}

extension IPPrefix: Codable {
    /// Reads CIDR form.
    package init(from decoder: any Decoder) throws {
        self = try decoder.value("a network in CIDR form") { IPPrefix($0) }
    }

    /// Writes CIDR form.
    package func encode(to encoder: any Encoder) throws { try encoder.write(description) }
}

extension MacvlanMode: Codable {
    /// Reads the mode as ip-link(8) writes it.
    package init(from decoder: any Decoder) throws {
        self = try decoder.value("a mode of macvlan") { MacvlanMode(word: $0) }
    }

    /// Writes the mode as ip-link(8) does.
    package func encode(to encoder: any Encoder) throws { try encoder.write(word) }

    private static let words: [(MacvlanMode, String)] = [
        (.private, "private"), (.vepa, "vepa"), (.bridge, "bridge"), (.passthrough, "passthru"),
    ]

    /// The mode as ip-link(8) writes it.
    package var word: String { Self.words.first { $0.0 == self }?.1 ?? "" }

    /// Reads the mode as ip-link(8) writes it.
    package init?(word: String) {
        guard let known = Self.words.first(where: { $0.1 == word }) else { return nil }
        self = known.0
    }
}

extension InterfaceName: Codable {
    /// Reads a name.
    package init(from decoder: any Decoder) throws {
        self = try decoder.value("an interface's name") { InterfaceName($0) }
    }

    /// Writes the name.
    package func encode(to encoder: any Encoder) throws { try encoder.write(description) }
}

extension Decoder {
    fileprivate func value<Value>(_ kind: String, _ parse: (String) -> Value?) throws -> Value {
        let container = try singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = parse(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(text)\" is not \(kind)")
        }
        return value
    }
}

extension Encoder {
    fileprivate func write(_ text: String) throws {
        var container = singleValueContainer()
        try container.encode(text)
    }
}
