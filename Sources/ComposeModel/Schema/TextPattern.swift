/// What a text must look like that the schema describes by a pattern.
enum TextPattern: Sendable {
    /// Two characters of a container name stand somewhere in the text; running a project asks for more.
    case containerName
    /// When an image is pulled.
    case pullPolicy

    /// Whether `text` has the pattern.
    func matches(_ text: String) -> Bool {
        switch self {
        case .containerName:
            zip(text.utf8, text.utf8.dropFirst()).contains { first, second in
                Self.isAlphanumeric(first) && (Self.isAlphanumeric(second) || "_.-".utf8.contains(second))
            }
        case .pullPolicy:
            ["always", "never", "build", "if_not_present", "missing", "refresh", "daily", "weekly"].contains(text)
                || text.hasPrefix("every_") && Self.isAge(text.dropFirst("every_".count))
        }
    }

    /// What the text should be.
    var hint: String {
        switch self {
        case .containerName:
            "use two or more letters, digits, \".\", \"-\" and \"_\", starting with a letter or digit"
        case .pullPolicy: "use always, never, missing, build, daily, weekly or every_ with a length of time"
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// Numbers with units, such as `1d12h`.
    private static func isAge(_ text: Substring) -> Bool {
        var rest = text.utf8
        guard !rest.isEmpty else { return false }
        while !rest.isEmpty {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(digits.count)
            guard !digits.isEmpty, let unit = rest.popFirst(), "wdhms".utf8.contains(unit) else { return false }
        }
        return true
    }
}
