import ComposeModel

/// A git repository and what of it is wanted: `https://host/path.git#branch:directory`.
package struct GitAddress: Hashable, Sendable, CustomStringConvertible {
    /// An address that means nothing, or is not fetched from.
    package struct Malformed: Error, Hashable, Sendable {
        /// What is wrong: lower case, no full stop.
        package var message: String
    }

    /// The repository as git takes it.
    package private(set) var remote: String
    /// A branch, a tag, a full name such as `refs/pull/1/head`, or a commit; nil for what the repository shows first.
    package private(set) var reference: String?
    /// A directory of the repository, cleaned; "" for all of it.
    package private(set) var directory = ""
    /// The commit that it has to be, in full.
    package private(set) var commit: String?
    /// What the commit has to begin with, when the address says no more of it.
    package private(set) var commitBeginning: String?
    /// What the address itself says of the directory `.git`.
    package private(set) var keepsGitDirectory: Bool?
    /// Whether repositories within the repository are fetched too.
    package private(set) var hasSubmodules = true
    /// The address as it was given.
    package let description: String

    /// Reads an address over https, http, ssh or git, or `user@host:path`.
    package init(_ text: String) throws(Malformed) {
        description = text
        guard text.utf8.count <= 4096, text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw Malformed(message: "the address has blanks or control characters, or is too long")
        }
        var rest = text[...]
        var fragment: Substring?
        if let hash = rest.firstIndex(of: "#") {
            fragment = rest[rest.index(after: hash)...]
            rest = rest[..<hash]
        }
        var query: Substring?
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        remote = rest.hasPrefix("github.com/") ? "https://\(rest)" : String(rest)
        try Self.checkRemote(remote)
        if let fragment {
            let parts = fragment.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if !parts[0].isEmpty { reference = String(parts[0]) }
            if parts.count > 1 { directory = try Self.directory(parts[1]) }
        }
        for option in (query ?? "").split(separator: "&") { try apply(option) }
        if let reference { try Self.checkReference(reference) }
    }

    /// The repository's server, with the slash that ends it: `https://host/`.
    var server: String {
        guard let scheme = remote.firstRange(of: "://") else { return remote }
        return remote[..<scheme.upperBound] + remote[scheme.upperBound...].prefix { $0 != "/" } + "/"
    }

    /// Whether a text is an address rather than a path.
    package static func isAddress(_ text: String) -> Bool { RepositoryAddress.isOne(text) }

    private static func checkRemote(_ remote: String) throws(Malformed) {
        let host: Substring
        if let scheme = remote.firstRange(of: "://") {
            guard ["https", "http", "ssh", "git"].contains(remote[..<scheme.lowerBound]) else {
                throw Malformed(message: "repositories are fetched over https, http, ssh and git, and by nothing else")
            }
            let authority = remote[scheme.upperBound...].prefix { $0 != "/" }
            host =
                authority[(authority.lastIndex(of: "@").map { authority.index(after: $0) } ?? authority.startIndex)...]
            if authority.hasPrefix("-") { throw Malformed(message: "a host does not begin with -") }
        } else {
            // user@host:path, as ssh has it.
            guard let colon = remote.firstIndex(of: ":"), let at = remote[..<colon].lastIndex(of: "@"),
                !remote[..<colon].contains("/"), !remote[colon...].hasPrefix("::"), at > remote.startIndex
            else { throw Malformed(message: "it is no address of a repository such as https://host/path.git") }
            host = remote[remote.index(after: at)..<colon]
            if remote.hasPrefix("-") { throw Malformed(message: "a user does not begin with -") }
        }
        // What begins with "-" would be an option of ssh.
        guard let first = host.first, first != "-" else { throw Malformed(message: "the address has no host") }
    }

    private static func directory(_ text: Substring) throws(Malformed) -> String {
        guard !text.split(separator: "/").contains("..") else {
            throw Malformed(message: "the directory \(text) leads out of the repository")
        }
        return PathText.belowRoot(String(text))
    }

    private static func checkReference(_ text: String) throws(Malformed) {
        let isName =
            !text.hasPrefix("-") && !text.contains("..") && !text.contains("@{") && !text.hasSuffix("/")
            && text.utf8.allSatisfy { !"~^:?*[\\".utf8.contains($0) }
        guard isName, text.utf8.count <= 250 else {
            throw Malformed(message: "\"\(text)\" is no branch, tag or commit")
        }
    }

    private mutating func apply(_ option: Substring) throws(Malformed) {
        let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let (name, value) = (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        func truth() throws(Malformed) -> Bool {
            switch value {
            case "", "true", "1": return true
            case "false", "0": return false
            default: throw Malformed(message: "\(name) is true or false, not \"\(value)\"")
            }
        }
        switch name {
        case "submodules": hasSubmodules = try truth()
        case "keep-git-dir": keepsGitDirectory = try truth()
        case "ref", "branch", "tag":
            guard reference == nil, !value.isEmpty else {
                throw Malformed(message: "what to fetch is said twice, or not")
            }
            let prefix = name == "tag" ? "refs/tags/" : name == "branch" ? "refs/heads/" : ""
            reference = value.hasPrefix(prefix) ? value : prefix + value
        case "subdir":
            guard directory.isEmpty else { throw Malformed(message: "the directory is said twice") }
            directory = try Self.directory(value[...])
        case "checksum", "commit":
            if Self.isCommit(value) {
                commit = value.lowercased()
            } else if Self.mayBeginCommit(value) {
                commitBeginning = value.lowercased()
            } else {
                throw Malformed(message: "\"\(value)\" is no commit, nor the first seven digits or more of one")
            }
        case "fetch-by-commit":
            // A commit that is named in full is always what is fetched.
            _ = try truth()
        default: throw Malformed(message: "addresses of repositories know no \"\(name)\"")
        }
    }

    /// Whether a text may be the beginning of a commit: 7 digits or more.
    package static func mayBeginCommit(_ text: String) -> Bool {
        (7..<64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
            }
    }

    /// Whether a text is a commit in full: 40 digits, or 64 in newer repositories.
    package static func isCommit(_ text: String) -> Bool {
        [40, 64].contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
            }
    }
}
