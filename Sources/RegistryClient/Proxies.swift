import OCISpec

/// Which proxy stands before which host: what `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say.
package struct Proxies: Hashable, Sendable {
    /// A proxy for requests.
    package struct Proxy: Hashable, Sendable {
        package var host: String
        package var port: Int
        /// For `Proxy-Authorization`: user and password.
        package var user: String?
        package var password: String?
    }

    private var plain: Proxy?
    private var secure: Proxy?
    private var exceptions: [String] = []

    /// No proxies.
    package init() {}

    /// Reads the variables, in lower or upper case; throws `configuration` for a proxy that makes no sense.
    package init(_ environment: [String: String]) throws(RegistryError) {
        func value(_ name: String) -> String? {
            [name.lowercased(), name].compactMap { environment[$0] }.first { !$0.isEmpty }
        }
        for (name, isSecure) in [("HTTP_PROXY", false), ("HTTPS_PROXY", true)] {
            guard let text = value(name) else { continue }
            guard let proxy = Proxy(text) else {
                throw RegistryError(
                    .configuration,
                    "\(name) is no address of an HTTP proxy; write it as in http://proxy.example.com:3128"
                )
            }
            if isSecure { secure = proxy } else { plain = proxy }
        }
        exceptions = (value("NO_PROXY") ?? "").split { $0 == "," || $0 == " " }.map { $0.lowercased() }
    }

    /// The proxy for a server; nil for none.
    ///
    /// This machine itself is never asked for by way of another.
    package func proxy(for origin: WireURL.Origin) -> Proxy? {
        guard let proxy = origin.isSecure ? secure : plain, !origin.isLoopback else { return nil }
        return exceptions.contains { Self.matches($0, origin) } ? nil : proxy
    }

    /// An exception is `*`, a host, a domain with all that is in it, an address, or a network; a port narrows it down.
    private static func matches(_ exception: String, _ origin: WireURL.Origin) -> Bool {
        if exception == "*" { return true }
        if let slash = exception.firstIndex(of: "/") {
            guard let network = IPv4(exception[..<slash]), let address = IPv4(origin.host),
                let length = UInt32(exception[exception.index(after: slash)...]), length <= 32
            else { return false }
            let mask: UInt32 = length == 0 ? 0 : ~0 << (32 - length)
            return network.bits & mask == address.bits & mask
        }
        var name = Substring(exception)
        if let colon = name.lastIndex(of: ":"), let port = Int(name[name.index(after: colon)...]), !name.hasSuffix("]"),
            name.firstIndex(of: ":") == colon || name.contains("]")
        {
            guard port == origin.port else { return false }
            name = name[..<colon]
        }
        if name.hasPrefix("[") { name = name.dropFirst().dropLast() }
        if name.hasPrefix("*.") { name = name.dropFirst(2) }
        if name.hasPrefix(".") { name = name.dropFirst() }
        return !name.isEmpty && (origin.host == name || origin.host.hasSuffix(".\(name)"))
    }
}

extension Proxies.Proxy {
    /// Reads `[http://][user:password@]host[:port]`; nil for other schemes and other forms.
    init?(_ text: String) {
        var rest = Substring(text)
        if let scheme = rest.range(of: "://") {
            guard rest[..<scheme.lowerBound].lowercased() == "http" else { return nil }
            rest = rest[scheme.upperBound...]
        }
        rest = rest.prefix { $0 != "/" }
        if let at = rest.lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts[0].percentDecoded else { return nil }
            user = name
            password = parts.count == 2 ? parts[1].percentDecoded : ""
            rest = rest[rest.index(after: at)...]
        }
        guard let origin = WireURL.Origin(authority: rest, isSecure: false) else { return nil }
        host = origin.host
        port = origin.port
    }
}

/// An address of version 4 as a number.
private struct IPv4 {
    let bits: UInt32

    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard parts.count == 4, !parts.contains(nil) else { return nil }
        bits = parts.reduce(0) { $0 << 8 | UInt32($1 ?? 0) }
    }
}

extension Substring {
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
