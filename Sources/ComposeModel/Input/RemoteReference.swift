import YAMLComposer

/// Names of projects that lie on another machine.
enum RemoteReference {
    /// Whether a file's name stands for a repository or an image; these are told apart as git and Compose do.
    static func isOne(_ name: String) -> Bool {
        if name.hasPrefix("oci://") { return true }
        if ["git://", "ssh://", "git@", "github.com/"].contains(where: name.hasPrefix) { return true }
        guard name.hasPrefix("https://") || name.hasPrefix("http://") else { return false }
        let path = name.prefix { $0 != "#" && $0 != "?" }
        return path.hasSuffix(".git") || path.contains(".git/")
    }

    /// What is said about such a name.
    static func refusal(_ name: String, at mark: SourceMark?) -> Diagnostic {
        let kind = name.hasPrefix("oci://") ? "from a registry" : "from a git repository"
        return Diagnostic(
            "\"\(name)\" can't be read: projects \(kind) are not supported yet",
            at: mark,
            hint: "fetch it, and name the file of the copy"
        )
    }
}
