import YAMLComposer

/// The name of a project that lies on another machine.
package enum RemoteReference: Hashable, Sendable {
    /// In a git repository: `https://host/path.git#ref:directory`, as it was written.
    case repository(String)
    /// In a registry: the name after `oci://`.
    case artefact(String)

    /// What a file's name stands for; nil for a path.
    ///
    /// Compose tells them apart in the same way.
    package init?(_ name: String) {
        if name.hasPrefix("oci://") {
            self = .artefact(String(name.dropFirst(6)))
        } else if RepositoryAddress.isOne(name) || name.hasPrefix("github.com/") || Self.isSecureShell(name) {
            self = .repository(name)
        } else {
            return nil
        }
    }

    /// As it was written.
    package var name: String {
        switch self {
        case .repository(let address): address
        case .artefact(let name): "oci://\(name)"
        }
    }

    /// What may be wrong with a name of which there is no file.
    static func hint(_ name: String) -> String? {
        guard name.contains("://") else { return nil }
        return "of other machines there are repositories, https://host/path.git#ref:directory, and oci://host/name:tag"
    }

    /// `user@host:path`, as ssh has it.
    private static func isSecureShell(_ name: String) -> Bool {
        let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let names = parts[0].split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, names.count == 2 else { return false }
        return isWord(names[0], and: "-_") && isWord(names[1], and: "-.")
    }

    private static func isWord(_ text: Substring, and further: String) -> Bool {
        !text.isEmpty
            && text.unicodeScalars.allSatisfy {
                $0.isASCII && $0.properties.isAlphabetic || ("0"..."9").contains($0)
                    || further.unicodeScalars.contains($0)
            }
    }
}

/// A project that was fetched, as it lies on this machine.
package struct RemoteProject: Hashable, Sendable {
    /// The absolute path of its Compose file.
    package var file: String
    /// The absolute path of the directory that holds all that was fetched, `file` too.
    package var root: String
    /// What stands before a path in that directory where it is shown: `https://host/app.git#v1:`.
    package var label: String

    /// A project whose `file` lies in `root`.
    package init(file: String, root: String, label: String) {
        self.file = file
        self.root = root
        self.label = label
    }
}

/// Why a project was not fetched.
package struct RemoteFailure: Error, Hashable, Sendable {
    /// Names the cause: lower case, no full stop.
    package var message: String
    /// What to do.
    package var hint: String?

    /// What is said about a name at `mark`.
    func diagnostic(_ name: String, at mark: SourceMark?) -> Diagnostic {
        Diagnostic("\(name) can't be read: \(message)", at: mark, hint: hint)
    }

    /// A failure.
    package init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }
}
