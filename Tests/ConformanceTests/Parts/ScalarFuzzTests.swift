@testable import ComposeModel
import Testing

/// Lengths of time and amounts of memory, compared with whole numbers of any length.
struct ScalarFuzzTests {
    private static let units: [(name: String, nanoseconds: Int128)] = [
        ("ns", 1), ("us", 1000), ("µs", 1000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
        ("h", 3_600_000_000_000), ("d", 86_400_000_000_000), ("w", 604_800_000_000_000),
    ]

    @Test("a length of time is the sum of its parts, or refused, and reads back as it is shown")
    func durations() throws {
        try PartFuzz(part: "durations", count: 10_000).run { mutation in
            var text = mutation.one(of: ["", "", "", "-", "+"])
            let sign: Int128 = text == "-" ? -1 : 1
            var sum: Int128 = 0
            for _ in 0...mutation.index(below: 4) {
                let unit = mutation.one(of: Self.units)
                // A quarter of them is too long for 64 bits.
                let digits = mutation.text("0123456789", 1...mutation.one(of: [1, 2, 4, 19]))
                sum += (Int128(digits) ?? 0) * unit.nanoseconds
                text += digits + unit.name
            }
            let meaning = FuzzText(text: text, meaning: sign * sum)
            return mutation.once(in: 2) ? mutation.damaged(meaning) : meaning
        } problem: { input in
            guard let found = TimeSpan(text: input.text) else {
                // The part that is refused may be one of several: too long is what does not fit as a whole.
                guard let meaning = input.meaning, meaning.magnitude <= UInt128(Int.max) else { return nil }
                return "refused, though it is \(meaning) ns"
            }
            if let meaning = input.meaning, Int128(found.nanoseconds) != meaning {
                return "read as \(found.nanoseconds) ns, not \(meaning)"
            }
            let shown = found.description
            return TimeSpan(text: shown) == found ? nil : "shown as \(shown), which is another one"
        }
    }

    @Test("an amount is its number times its unit, or refused, and reads back as it is shown")
    func amounts() throws {
        try PartFuzz(part: "amounts", count: 10_000).run { mutation in
            let power = mutation.index(below: 6)
            let letter = ["", "k", "m", "g", "t", "p"][power]
            let ending = power == 0 ? mutation.one(of: ["", "b", "B"]) : mutation.one(of: ["", "b", "ib", "B", "iB"])
            let digits = mutation.text("0123456789", 1...mutation.one(of: [1, 3, 6, 18]))
            // Eighths are exact in any reading.
            let eighths = mutation.once(in: 3) ? mutation.index(below: 8) : 0
            let fraction = eighths == 0 ? "" : "." + ["0", "125", "25", "375", "5", "625", "75", "875"][eighths]
            let unit = (mutation.once(in: 2) ? letter.uppercased() : letter) + ending
            let text = digits + fraction + (unit.isEmpty ? "" : mutation.one(of: ["", "", " "])) + unit
            let number = (Int128(digits) ?? 0) * 8 + Int128(eighths)
            let meaning = FuzzText(text: text, meaning: (number << (10 * power)) / 8)
            return mutation.once(in: 2) ? mutation.damaged(meaning) : meaning
        } problem: { input in
            guard let found = ByteCount(text: input.text) else {
                guard let meaning = input.meaning, meaning < Int128(9_100_000_000_000_000_000) else { return nil }
                return "refused, though it is \(meaning) bytes"
            }
            if found.bytes < -1 { return "read as \(found.bytes) bytes" }
            // A Double has 53 bits, three of which the eighths may take: longer numbers are read as the nearest that it holds.
            if let meaning = input.meaning, (Int128(found.bytes) - meaning).magnitude > meaning.magnitude >> 50 {
                return "read as \(found.bytes) bytes, not \(meaning)"
            }
            guard found.bytes < 1 << 53 else { return nil }
            let shown = found.description
            return ByteCount(text: shown) == found ? nil : "shown as \(shown), which is another one"
        }
    }
}
