/// Reads the text form of bytes that YAML tags `!!binary`.
enum Base64 {
    /// The bytes that `text` stands for, blanks left out; nil when it is none: RFC 4648, with padding.
    static func bytes(of text: String) -> [UInt8]? {
        var result: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        var padding = 0
        for byte in text.utf8 where byte != 0x0A && byte != 0x0D && byte != 0x20 {
            if byte == UInt8(ascii: "=") {
                padding += 1
                bits <<= 6
            } else if let value = value(of: byte), padding == 0 {
                bits = bits << 6 | value
            } else {
                return nil
            }
            count += 1
            if count.isMultiple(of: 4) {
                result += [UInt8(bits >> 16 & 0xFF), UInt8(bits >> 8 & 0xFF), UInt8(bits & 0xFF)]
                bits = 0
            }
        }
        guard count.isMultiple(of: 4), padding <= 2 else { return nil }
        return Array(result.dropLast(padding))
    }

    private static func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
