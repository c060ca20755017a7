/// Whom a process runs as: `user[:group]`.
package struct UserReference: Hashable, Sendable {
    /// A user or group, as the file names it.
    package enum Account: Hashable, Sendable {
        /// By number.
        case id(UInt32)
        /// By its name in the image.
        case name(String)
    }

    /// The user; nil for the image's.
    package var user: Account?
    /// The group; nil for the user's own.
    package var group: Account?

    /// A user and a group.
    package init(user: Account?, group: Account? = nil) {
        self.user = user
        self.group = group
    }

    /// Reads `user`, `user:group` or `:group`, each a number or a name.
    init?(text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, text != ":" else { return nil }
        for (index, part) in parts.enumerated() where !part.isEmpty {
            guard let account = Account(text: part) else { return nil }
            if index == 0 { user = account } else { group = account }
        }
    }
}

extension UserReference.Account {
    /// Reads a number or a name; the kernel keeps the number 4294967295 for "nobody named".
    init?(text: String) {
        if !text.isEmpty && text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            guard let id = UInt32(text), id < .max else { return nil }
            self = .id(id)
            return
        }
        let isName = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != 0x3A && $0 != 0x2C && $0 != 0x2F }
        guard isName, !text.isEmpty, !text.hasPrefix("-") else { return nil }
        self = .name(text)
    }
}
