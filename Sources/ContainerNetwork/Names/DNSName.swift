/// A domain name as its labels, lower case and without the root's empty one.
package struct DNSName: Hashable, Sendable, CustomStringConvertible {
    /// The labels' bytes, in the order they are written.
    let labels: [[UInt8]]

    /// Wraps labels that a message held; ASCII letters are lowered, as names are compared without case.
    init(labels: [[UInt8]]) { self.labels = labels.map { $0.map(Self.lowered) } }

    /// Reads dotted text; nil for empty labels, labels over 63 and names over 255 bytes.
    package init?(_ text: String) {
        let trimmed = text.hasSuffix(".") ? String(text.dropLast()) : text
        let parts = trimmed.split(separator: ".", omittingEmptySubsequences: false).map { Array($0.utf8) }
        guard parts.allSatisfy({ (1...63).contains($0.count) }), parts.reduce(1, { $0 + $1.count + 1 }) <= 255
        else { return nil }
        self.init(labels: parts)
    }

    /// The name under which an address's names are asked for: 5.0.1.10.in-addr.arpa.
    package init(reverse bytes: [UInt8]) {
        if bytes.count == 4 {
            labels = bytes.reversed().map { Array(String($0).utf8) } + [Array("in-addr".utf8), Array("arpa".utf8)]
        } else {
            let nibbles = bytes.reversed().flatMap { [$0 & 15, $0 >> 4] }
            labels = nibbles.map { Array(String($0, radix: 16).utf8) } + [Array("ip6".utf8), Array("arpa".utf8)]
        }
    }

    /// Whether this is a name of the reverse tree.
    var isReverse: Bool { labels.last == Array("arpa".utf8) }

    /// The wire form: lengths and labels, ended by a zero.
    var bytes: [UInt8] { labels.flatMap { [UInt8($0.count)] + $0 } + [0] }

    /// Dotted, without a dot at the end; bytes that are no letters of names as "?".
    package var description: String {
        labels.map { label in
            String(decoding: label.map { (0x21...0x7e).contains($0) && $0 != 0x2e ? $0 : 0x3f }, as: UTF8.self)
        }.joined(separator: ".")
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }
}
