/// An address of HTTP: scheme, host, port, and what follows.
package struct WireURL: Hashable, Sendable, CustomStringConvertible {
    /// Who is asked: what a credential is for.
    package struct Origin: Hashable, Sendable, CustomStringConvertible {
        package var isSecure: Bool
        /// In lower case; without the brackets of an address of version 6.
        package var host: String
        package var port: Int

        package init(isSecure: Bool, host: String, port: Int) {
            self.isSecure = isSecure
            self.host = host.lowercased()
            self.port = port
        }

        /// Whether the host is this machine itself: `localhost`, 127.0.0.0/8, ::1.
        package var isLoopback: Bool { WireURL.isLoopback(host) }

        /// The form `host[:port]`, as the header `Host` has it.
        package var authority: String {
            let name = host.contains(":") ? "[\(host)]" : host
            return name + (port == (isSecure ? 443 : 80) ? "" : ":\(port)")
        }

        /// The form `https://host[:port]`.
        package var description: String { "\(isSecure ? "https" : "http")://\(authority)" }
    }

    package var origin: Origin
    /// Path and query, beginning with a slash.
    package var target: String

    package init(origin: Origin, target: String) {
        self.origin = origin
        self.target = target
    }

    /// Reads an absolute address; nil for other schemes, for user names in it, and for what is none.
    package init?(_ text: String) {
        let rest: Substring
        let isSecure: Bool
        if text.lowercased().hasPrefix("https://") {
            (rest, isSecure) = (text.dropFirst(8), true)
        } else if text.lowercased().hasPrefix("http://") {
            (rest, isSecure) = (text.dropFirst(7), false)
        } else {
            return nil
        }
        // A fragment is nothing for a server; what is no visible ASCII could end a line of the request.
        let visible = rest.prefix { $0 != "#" }
        guard text.utf8.count <= 8192, visible.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
        let authority = visible.prefix { $0 != "/" && $0 != "?" }
        guard let origin = Origin(authority: authority, isSecure: isSecure) else { return nil }
        let target = visible.dropFirst(authority.count)
        self.init(origin: origin, target: target.hasPrefix("/") ? String(target) : "/\(target)")
    }

    /// The address that a `Location` means to somebody who asked for this one: RFC 3986, section 5.
    package func resolving(_ location: String) -> WireURL? {
        if location.lowercased().hasPrefix("http://") || location.lowercased().hasPrefix("https://") {
            return WireURL(location)
        }
        if location.hasPrefix("//") { return WireURL((origin.isSecure ? "https:" : "http:") + location) }
        if location.hasPrefix("/") { return WireURL("\(origin)\(location)") }
        let path = target.prefix { $0 != "?" }
        if location.hasPrefix("?") { return WireURL("\(origin)\(path)\(location)") }
        guard !location.isEmpty, !location.prefix(while: { $0 != "/" && $0 != "?" }).contains(":") else { return nil }
        return WireURL("\(origin)\(path.prefix(through: path.lastIndex(of: "/") ?? path.startIndex))\(location)")
    }

    /// The address with another parameter at its end.
    package func adding(_ name: String, _ value: String) -> WireURL {
        var result = self
        result.target += (target.contains("?") ? "&" : "?") + "\(name)=\(value.percentEncoded)"
        return result
    }

    /// The whole address.
    package var description: String { "\(origin)\(target)" }

    /// Whether a host is this machine itself.
    package static func isLoopback(_ host: String) -> Bool {
        if ["localhost", "::1", "0:0:0:0:0:0:0:1"].contains(host) || host.hasSuffix(".localhost") { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

extension WireURL.Origin {
    /// Reads `host[:port]`, the host a name, an address, or an address of version 6 in brackets; nil for all else.
    package init?(authority: some StringProtocol, isSecure: Bool) {
        var host = String(authority)
        var port = isSecure ? 443 : 80
        let afterBrackets = host.lastIndex(of: "]") ?? host.startIndex
        if let colon = host[afterBrackets...].lastIndex(of: ":") {
            guard let number = UInt16(host[host.index(after: colon)...]), number > 0 else { return nil }
            port = Int(number)
            host = String(host[..<colon])
        }
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            host = String(host.dropFirst().dropLast())
            guard host.contains(":"), host.utf8.allSatisfy({ $0.isHexadecimal || $0 == 0x3a || $0 == 0x2e }) else {
                return nil
            }
        } else {
            guard !host.isEmpty, host.utf8.allSatisfy({ $0.isHostCharacter }) else { return nil }
        }
        self.init(isSecure: isSecure, host: host, port: port)
    }
}

extension UInt8 {
    fileprivate var isHexadecimal: Bool {
        (0x30...0x39).contains(self) || (0x61...0x66).contains(self | 0x20)
    }

    fileprivate var isHostCharacter: Bool {
        (0x30...0x39).contains(self) || (0x61...0x7a).contains(self | 0x20) || self == 0x2d || self == 0x2e
            || self == 0x5f
    }
}

extension String {
    /// With everything but letters, digits and `-._~` as `%XX`.
    package var percentEncoded: String {
        var result = ""
        for byte in utf8 {
            if (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20) || "-._~".utf8.contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }

    /// Fit for a terminal: control characters are replaced, and it is cut after 300 characters.
    package var printable: String {
        String(
            unicodeScalars.prefix(300).map {
                $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) ? "?" : Character($0)
            }
        )
    }
}
