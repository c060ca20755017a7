/// The name of a project: lower case letters, digits, `-` and `_`, starting with a letter or digit.
package struct ProjectName: Hashable, Sendable, CustomStringConvertible {
    /// The name.
    package let description: String

    /// A name that someone chose; nil when it is not a name.
    package init?(_ text: String) {
        guard !text.isEmpty, Self.normalised(text) == text else { return nil }
        description = text
    }

    /// The name that a directory gives its project; nil when nothing of it can stand in a name.
    package init?(directory: String) { self.init(repairing: FilePath.lastPart(of: directory)) }

    /// What is left of `text` without that which can't stand in a name; nil when that is nothing.
    package init?(repairing text: String) {
        let name = Self.normalised(text)
        guard !name.isEmpty else { return nil }
        description = name
    }

    private static func normalised(_ text: String) -> String {
        let allowed = text.lowercased().filter {
            ("a"..."z").contains($0) || ("0"..."9").contains($0) || $0 == "-" || $0 == "_"
        }
        return String(allowed.drop { $0 == "-" || $0 == "_" })
    }
}
