/// An amount of memory or storage in bytes.
package struct ByteCount: Hashable, Sendable, CustomStringConvertible {
    /// The number of bytes; −1 is "without limit".
    package var bytes: Int

    /// An amount of `bytes`.
    package init(_ bytes: Int) { self.bytes = bytes }

    /// Reads `512`, `64k`, `1.5g`, `2GiB`: units are powers of 1024, in either case.
    package init?(text: String) {
        let number = text.prefix { ("0"..."9").contains($0) || $0 == "." || $0 == "-" }
        let unit = text.dropFirst(number.count).drop { $0 == " " }.lowercased()
        let powers = ["": 0, "b": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5]
        var letter = unit
        if letter.count > 1 && letter.hasSuffix("b") { letter.removeLast() }
        if letter.count > 1 && letter.hasSuffix("i") { letter.removeLast() }
        guard let power = powers[letter], let value = Double(number), number.first != "." else { return nil }
        let scaled = value * Double(1 << (10 * power))
        guard scaled.magnitude < 9.2e18, value >= 0 || text == "-1" else { return nil }
        bytes = Int(scaled)
    }

    package var description: String { String(bytes) }
}
