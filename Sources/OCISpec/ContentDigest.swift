/// The name of some bytes by their content: `sha256:` and 64 hexadecimal digits.
package struct ContentDigest: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The whole digest, with its algorithm.
    package let rawValue: String

    /// Takes a digest over; nil unless it is exactly `sha256:` and 64 lower-case hexadecimal digits.
    package init?(rawValue: String) {
        guard rawValue.hasPrefix("sha256:"), Self.isHexadecimal(rawValue.utf8.dropFirst(7)) else { return nil }
        self.rawValue = rawValue
    }

    /// Takes the digits alone; nil unless they are exactly 64 lower-case hexadecimal ones.
    package init?(hexadecimal: some StringProtocol) { self.init(rawValue: "sha256:\(hexadecimal)") }

    /// Writes out the bytes of a SHA-256.
    package init?(bytes: some Sequence<UInt8>) {
        let digits = Array("0123456789abcdef".utf8)
        let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        self.init(hexadecimal: String(decoding: text, as: UTF8.self))
    }

    /// The 64 digits, which are safe as a file name.
    package var hexadecimal: Substring { rawValue.dropFirst(7) }

    /// The whole digest.
    package var description: String { rawValue }

    private static func isHexadecimal(_ digits: Substring.UTF8View) -> Bool {
        digits.count == 64 && digits.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
