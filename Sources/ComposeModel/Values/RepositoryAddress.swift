/// Tells addresses of git repositories from paths and other addresses.
package enum RepositoryAddress {
    /// Whether a text is one: git and ssh addresses, `git@host:path`, `github.com/…`, and those over http whose path ends
    /// with `.git`.
    package static func isOne(_ text: String) -> Bool {
        if ["git://", "ssh://", "git@", "github.com/"].contains(where: text.hasPrefix) { return true }
        let path = text.prefix { $0 != "#" && $0 != "?" }
        return ["https://", "http://"].contains(where: text.hasPrefix) && path.hasSuffix(".git")
    }
}
