/// How somebody proves to a registry who they are.
package enum Credential: Hashable, Sendable {
    case password(user: String, password: String)
    /// A token that is good for getting others: OAuth 2, `refresh_token`.
    case identityToken(String)

    /// The value of `Authorization` for Basic; nil for a token.
    var basic: String? {
        guard case .password(let user, let password) = self else { return nil }
        return "Basic " + Base64Text.encoded(Array("\(user):\(password)".utf8))
    }
}

/// Base64: RFC 4648, section 4.
package enum Base64Text {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    package static func encoded(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for offset in 0..<3 { bits = bits << 8 | UInt32(offset < group.count ? group[start + offset] : 0) }
            for offset in 0..<4 {
                let digit = alphabet[Int(bits >> (18 - 6 * UInt32(offset)) & 63)]
                result.append(offset <= group.count ? digit : UInt8(ascii: "="))
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Nil for what is no base64.
    package static func decoded(_ text: String) -> [UInt8]? {
        var result: [UInt8] = []
        var (bits, count): (UInt32, Int) = (0, 0)
        for byte in text.utf8 {
            if byte == UInt8(ascii: "=") || byte == 0x0a || byte == 0x0d { continue }
            guard let digit = alphabet.firstIndex(of: byte) else { return nil }
            bits = bits << 6 | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return result
    }
}
