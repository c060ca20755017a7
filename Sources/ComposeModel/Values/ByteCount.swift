/// An amount of memory or storage in bytes.
package struct ByteCount: Hashable, Sendable, CustomStringConvertible {
    /// The number of bytes; −1 is "without limit".
    package var bytes: Int

    /// An amount of `bytes`.
    package init(_ bytes: Int) { self.bytes = bytes }

    /// Reads `512`, `64k`, `1.5g`, `2GiB`, `1 m` and `-1`: units are powers of 1024, in either case.
    package init?(text: String) {
        guard let last = text.utf8.lastIndex(where: { (0x30...0x39).contains($0) || $0 == 0x2E || $0 == 0x20 }) else {
            return nil
        }
        let end = text.utf8.index(after: last)
        // One blank may stand before the unit.
        let number = text.utf8[last] == 0x20 ? text[..<last] : text[..<end]
        guard let value = DecimalText.value(of: number), value.isFinite,
            let power = Self.power(of: text[end...].lowercased())
        else {
            return nil
        }
        let scaled = value * Double(1 << (10 * power))
        guard scaled.magnitude < 9.2e18, value >= 0 || text == "-1" else { return nil }
        bytes = Int(scaled)
    }

    /// How many times 1024 is in a unit; nil when there is no such unit.
    private static func power(of unit: String) -> Int? {
        if unit.isEmpty || unit == "b" { return 0 }
        guard let letter = unit.first, let power = "kmgtp".firstIndex(of: letter) else { return nil }
        guard ["", "b", "ib"].contains(unit.dropFirst()) else { return nil }
        return "kmgtp".distance(from: "kmgtp".startIndex, to: power) + 1
    }

    package var description: String { String(bytes) }
}
