/// Amounts of bytes as docker writes them.
package enum Amount {
    /// In powers of 1024 with four digits: `1.5GiB`.
    package static func binary(_ bytes: UInt64) -> String {
        text(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], digits: 4)
    }

    /// In powers of 1000 with `digits` digits: `1.5GB`.
    package static func decimal(_ bytes: UInt64, digits: Int = 3) -> String {
        text(bytes, 1000, ["B", "kB", "MB", "GB", "TB", "PB", "EB"], digits: digits)
    }

    /// A part of a whole as a percentage with two decimals: `12.34%`.
    package static func percentage(_ part: Double, of whole: Double) -> String {
        guard whole > 0, part.isFinite else { return "0.00%" }
        let hundredths = Int64((part / whole * 10_000).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)%"
    }

    private static func text(_ bytes: UInt64, _ base: Double, _ units: [String], digits: Int) -> String {
        var value = Double(bytes)
        var unit = 0
        while value >= base && unit < units.count - 1 {
            value /= base
            unit += 1
        }
        // As Go's %.4g: so many digits in all, without zeros at the end.
        var decimals = digits - String(Int64(value)).count
        var scaled = value
        var factor: Int64 = 1
        while decimals > 0 {
            scaled *= 10
            factor *= 10
            decimals -= 1
        }
        let rounded = Int64(scaled.rounded())
        var fraction = String(rounded % factor)
        while fraction.count < String(factor).count - 1 { fraction = "0" + fraction }
        while fraction.last == "0" { fraction.removeLast() }
        return "\(rounded / factor)\(fraction.isEmpty || factor == 1 ? "" : ".\(fraction)")\(units[unit])"
    }
}
