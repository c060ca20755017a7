/// A length of time, exact to the nanosecond.
package struct TimeSpan: Hashable, Sendable, CustomStringConvertible {
    /// The length in nanoseconds.
    package var nanoseconds: Int

    /// A length of `nanoseconds`.
    package init(nanoseconds: Int) { self.nanoseconds = nanoseconds }

    private static let units: [(name: String, nanoseconds: Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9), ("d", 86400e9),
        ("w", 604_800e9),
    ]

    /// Reads `1h30m`, `1.5s`, `300ms`, `2d`, with a sign if need be.
    package init?(text: String) {
        let negative = text.hasPrefix("-")
        var rest = negative || text.hasPrefix("+") ? text.dropFirst() : text[...]
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        if rest != "0" {
            while !rest.isEmpty {
                let number = rest.prefix { ("0"..."9").contains($0) || $0 == "." }
                rest = rest.dropFirst(number.count)
                let name = rest.prefix { !("0"..."9").contains($0) && $0 != "." }
                rest = rest.dropFirst(name.count)
                guard let value = Double(number), let unit = Self.units.first(where: { $0.name == name }) else {
                    return nil
                }
                total += value * unit.nanoseconds
            }
        }
        guard total < 9.2e18 else { return nil }
        nanoseconds = Int((negative ? -total : total).rounded())
    }

    /// The form that reads back: `1h30m0s`, `1.5s`, `300ms`.
    package var description: String {
        guard nanoseconds != 0 else { return "0s" }
        let sign = nanoseconds < 0 ? "-" : ""
        let length = nanoseconds.magnitude
        if length < 1000 { return "\(sign)\(length)ns" }
        if length < 1_000_000 { return sign + Self.decimal(length, 1000) + "µs" }
        if length < 1_000_000_000 { return sign + Self.decimal(length, 1_000_000) + "ms" }
        let minutes = length / 60_000_000_000
        let seconds = Self.decimal(length % 60_000_000_000, 1_000_000_000) + "s"
        if minutes == 0 { return sign + seconds }
        return sign + (minutes >= 60 ? "\(minutes / 60)h" : "") + "\(minutes % 60)m" + seconds
    }

    private static func decimal(_ value: UInt, _ unit: UInt) -> String {
        let fraction = value % unit
        guard fraction > 0 else { return String(value / unit) }
        var digits = String(String(unit + fraction).dropFirst())
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(value / unit).\(digits)"
    }
}
