package import OCISpec

/// A registry's name for an image, in full: `redis` is `docker.io/library/redis:latest`.
package struct ImageName: Hashable, Sendable, CustomStringConvertible {
    /// The registry: a host, with a port where it has one.
    package let domain: String
    /// The path within the registry.
    package let repository: String
    /// The tag; nil only when there is a digest.
    package let tag: String?
    /// The manifest's digest.
    package let digest: ContentDigest?

    /// Reads a name as Docker does; nil when it is none.
    package init?(_ text: String) {
        guard text.utf8.count <= 512 else { return nil }
        var rest = Substring(text)
        var digest: ContentDigest?
        if let at = rest.lastIndex(of: "@") {
            guard let parsed = ContentDigest(rawValue: String(rest[rest.index(after: at)...])) else { return nil }
            digest = parsed
            rest = rest[..<at]
        }
        var tag: String?
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
            guard let tag, Self.isTag(tag) else { return nil }
        }
        let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2, Self.namesHost(parts[0]) {
            guard Self.isHost(parts[0]) else { return nil }
            domain = parts[0] == "index.docker.io" ? "docker.io" : parts[0]
            repository = domain == "docker.io" && !parts[1].contains("/") ? "library/\(parts[1])" : parts[1]
        } else {
            domain = "docker.io"
            repository = parts.count == 1 ? "library/\(rest)" : String(rest)
        }
        guard Self.isRepository(repository) else { return nil }
        self.tag = tag ?? (digest == nil ? "latest" : nil)
        self.digest = digest
    }

    /// The full name, with tag and digest.
    package var description: String {
        "\(domain)/\(repository)" + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
    }

    /// The full name without the digest, as the store keeps it; nil when there is no tag.
    package var tagged: String? { tag.map { "\(domain)/\(repository):\($0)" } }

    private static func namesHost(_ part: String) -> Bool {
        part == "localhost" || part.contains { ".:".contains($0) || $0.isUppercase }
    }

    private static func isHost(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.count == 1 || (!parts[1].isEmpty && parts[1].utf8.allSatisfy(isDigit)) else {
            return false
        }
        return parts[0].split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
        }
    }

    private static func isTag(_ text: String) -> Bool {
        guard let first = text.utf8.first, first != UInt8(ascii: "."), first != UInt8(ascii: "-") else { return false }
        return text.utf8.count <= 128 && text.utf8.allSatisfy { isLetter($0) || isDigit($0) || "_.-".utf8.contains($0) }
    }

    private static func isRepository(_ text: String) -> Bool {
        text.utf8.count <= 255
            && text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { isComponent($0.utf8) }
    }

    // Letters and digits, with one dot, one or two underscores, or any number of hyphens between them.
    private static func isComponent(_ text: Substring.UTF8View) -> Bool {
        var separators: [UInt8] = []
        var isFirst = true
        for byte in text {
            if isDigit(byte) || (0x61...0x7a).contains(byte) {
                guard separators.isEmpty || (!isFirst && isSeparator(separators)) else { return false }
                separators = []
                isFirst = false
            } else {
                separators.append(byte)
            }
        }
        return !isFirst && separators.isEmpty
    }

    private static func isSeparator(_ bytes: [UInt8]) -> Bool {
        bytes == Array(".".utf8) || bytes == Array("_".utf8) || bytes == Array("__".utf8)
            || bytes.allSatisfy { $0 == UInt8(ascii: "-") }
    }
}

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

private func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte | 0x20) }
