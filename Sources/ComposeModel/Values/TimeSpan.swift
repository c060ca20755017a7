/// A length of time, exact to the nanosecond.
package struct TimeSpan: Hashable, Sendable, CustomStringConvertible {
    /// The length in nanoseconds.
    package var nanoseconds: Int

    /// A length of `nanoseconds`.
    package init(nanoseconds: Int) { self.nanoseconds = nanoseconds }

    private static let units: [(name: String, nanoseconds: Int)] = [
        ("ns", 1), ("us", 1000), ("µs", 1000), ("μs", 1000), ("ms", 1_000_000), ("s", 1_000_000_000),
        ("m", 60_000_000_000), ("h", 3_600_000_000_000), ("d", 86_400_000_000_000), ("w", 604_800_000_000_000),
    ]

    /// Reads `1h30m`, `1.5s`, `300ms`, `2d`, with a sign if need be.
    package init?(text: String) {
        let negative = text.hasPrefix("-")
        var rest = negative || text.hasPrefix("+") ? text.dropFirst() : text[...]
        guard !rest.isEmpty else { return nil }
        var total = 0
        // Nothing else than zero goes without a unit.
        if rest == "0" { rest = "" }
        while !rest.isEmpty {
            guard let part = Self.part(&rest) else { return nil }
            let (sum, isTooLong) = total.addingReportingOverflow(part)
            guard !isTooLong else { return nil }
            total = sum
        }
        nanoseconds = negative ? -total : total
    }

    /// A number with its unit at the start of `text`, in nanoseconds.
    private static func part(_ text: inout Substring) -> Int? {
        func digits() -> Substring {
            let found = text.prefix { ("0"..."9").contains($0) }
            text = text.dropFirst(found.count)
            return found
        }
        let whole = digits()
        var fraction = Substring()
        if text.first == "." {
            text = text.dropFirst()
            fraction = digits()
        }
        guard !whole.isEmpty || !fraction.isEmpty, let value = whole.isEmpty ? 0 : Int(whole) else { return nil }
        let name = text.prefix { !("0"..."9").contains($0) && $0 != "." }
        text = text.dropFirst(name.count)
        guard let unit = units.first(where: { $0.name.utf8.elementsEqual(name.utf8) })?.nanoseconds else { return nil }
        // Digits behind the eighteenth are less than a nanosecond of any unit.
        let kept = fraction.prefix(18)
        var scale = 1.0
        for _ in kept { scale *= 10 }
        let extra = Int(Double(Int(kept) ?? 0) * (Double(unit) / scale))
        let (product, isTooLong) = value.multipliedReportingOverflow(by: unit)
        let (sum, isFurther) = product.addingReportingOverflow(extra)
        return isTooLong || isFurther ? nil : sum
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
