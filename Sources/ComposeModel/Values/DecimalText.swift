/// Numbers as text.
enum DecimalText {
    /// Reads a number as Compose does: like `Double`, but a hexadecimal one needs an exponent, `0x1p4`.
    static func value(of text: some StringProtocol) -> Double? {
        let isHexadecimal = text.utf8.contains { $0 | 0x20 == UInt8(ascii: "x") }
        if isHexadecimal && !text.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "p") }) { return nil }
        return Double(String(text))
    }
}
