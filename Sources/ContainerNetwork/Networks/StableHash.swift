/// A number derived from text, the same on every run and every machine: FNV-1a with a final mixing step.
///
/// It spreads names; it keeps nobody from finding two that collide, so every use checks for collisions.
struct StableHash {
    let value: UInt64

    init(_ text: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ hash >> 33) &* 0xff51_afd7_ed55_8ccd
        value = hash ^ hash >> 33
    }

    /// `count` lower case hexadecimal digits.
    func digits(_ count: Int) -> String {
        let text = String(value, radix: 16)
        return String((String(repeating: "0", count: 16 - text.count) + text).prefix(count))
    }
}
