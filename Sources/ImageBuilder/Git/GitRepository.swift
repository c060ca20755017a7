import Crypto
import Glibc
import LinuxSystem

/// How much of a repository is taken, when nobody knows it yet.
package struct GitBounds: Hashable, Sendable {
    /// The most bytes that are fetched, as git packs them.
    package var packBytes: Int
    /// The most bytes of the files of a commit together, and how many there may be.
    package var fileBytes: Int
    package var files: Int

    package init(packBytes: Int, fileBytes: Int, files: Int) {
        self.packBytes = packBytes
        self.fileBytes = fileBytes
        self.files = files
    }
}

/// Fetches commits of repositories with the host's git, which runs nothing that a repository holds.
///
/// No hooks, no filters, no transports but https, http, ssh and git, no questions; submodules of a repository are held to
/// the same. Credentials are those that the user's git has: helpers, keys of ssh.
package struct GitRepository: Sendable {
    private let address: GitAddress
    private let environment: [String: String]
    /// What `Authorization` says to the repository's server.
    private let authorization: String?
    private var bounds: GitBounds?
    /// How long one command may take, in seconds.
    private static let patience = 1800

    /// A repository; of `environment` only what git needs for connections is passed on.
    ///
    /// `authorization` is what `Authorization` says to its server, over http and https.
    package init(_ address: GitAddress, environment: [String: String], authorization: String? = nil) {
        self.address = address
        self.environment = environment
        self.authorization = authorization
    }

    /// The commit that the address means now; asks the repository unless the address names it.
    ///
    /// The beginning of a commit is looked for among all that there are, which are fetched to `scratch`, a path that nothing
    /// has yet; the caller removes it. Blocks. Throws `BuildError`.
    package func commit(scratch: String) throws -> String {
        if let commit = address.commit { return commit }
        let found = try namedCommit(scratch)
        guard found.hasPrefix(address.commitBeginning ?? "") else {
            throw BuildError(
                .wrongContent,
                "\(address) is the commit \(found), not \(address.commitBeginning ?? "")"
            )
        }
        return found
    }

    /// The commit that the address's reference means now.
    private func namedCommit(_ scratch: String) throws -> String {
        let wanted = address.reference ?? "HEAD"
        if GitAddress.isCommit(wanted) { return wanted.lowercased() }
        let names =
            wanted == "HEAD" || wanted.hasPrefix("refs/") ? [wanted] : ["refs/tags/\(wanted)", "refs/heads/\(wanted)"]
        // With "^{}" a tag is followed to its commit.
        let answer = try git(nil, ["ls-remote", "--", address.remote] + names.flatMap { [$0, "\($0)^{}"] })
        var found: [String: String] = [:]
        for line in answer.split(separator: "\n") {
            let parts = line.split(separator: "\t", maxSplits: 1)
            if parts.count == 2, GitAddress.isCommit(String(parts[0])) { found[String(parts[1])] = String(parts[0]) }
        }
        for name in names { if let commit = found["\(name)^{}"] ?? found[name] { return commit } }
        let failure = BuildError(.notFound, "\(address.remote) has no branch, no tag and no commit \"\(wanted)\"")
        guard GitAddress.mayBeginCommit(wanted) else { throw failure }
        _ = try git(nil, ["init", "-q", "--bare", "--template=", "--", scratch])
        // No content of files is needed to know commits, where a server can leave it out.
        func fetch(_ options: [String]) throws {
            _ = try git(scratch, ["fetch", "-q", "--force"] + options + ["--", address.remote] + Self.everything)
        }
        if (try? fetch(["--filter=tree:0"])) == nil { try fetch([]) }
        guard let found = try? git(scratch, ["rev-parse", "--verify", "-q", "\(wanted)^{commit}"], isLocal: true),
            GitAddress.isCommit(found.trimmingBlanks())
        else { throw failure }
        return found.trimmingBlanks()
    }

    private static let everything = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]

    /// Puts the files of a commit into `directory`, which must not be there.
    ///
    /// Blocks. Throws `BuildError`; the caller removes the directory then too.
    package func checkOut(_ commit: String, into directory: String, keepsGitDirectory: Bool) throws {
        _ = try git(nil, ["init", "-q", "--template=", "--", directory])
        try fetch(commit, into: directory)
        _ = try git(directory, ["checkout", "-q", "--force", "--detach", commit], isLocal: true)
        let found = try git(directory, ["rev-parse", "HEAD"], isLocal: true).trimmingBlanks()
        guard found == commit else {
            throw BuildError(.wrongContent, "\(address.remote) gave the commit \(found), not \(commit)")
        }
        if address.hasSubmodules, fileExists("\(directory)/.gitmodules") {
            _ = try git(directory, ["submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"])
        }
        if !keepsGitDirectory { try removeGitDirectories(in: directory) }
    }

    /// Puts the files of a commit into `directory`, which must not be there: no more than `bounds` allow, and nothing of
    /// other repositories, or of git.
    ///
    /// Blocks. Throws `BuildError`; the caller removes the directory then too.
    package func checkOut(_ commit: String, into directory: String, within bounds: GitBounds) throws {
        var own = self
        own.bounds = bounds
        _ = try own.git(nil, ["init", "-q", "--template=", "--", directory])
        try own.fetch(commit, into: directory)
        try own.checkSize(of: commit, in: directory, bounds)
        _ = try own.git(directory, ["checkout", "-q", "--force", "--detach", commit], isLocal: true)
        try OwnedDescriptor.directory(directory).removeTree(".git")
    }

    /// A small pack may hold large files.
    private func checkSize(of commit: String, in directory: String, _ bounds: GitBounds) throws {
        let list = try git(directory, ["ls-tree", "-r", "-l", "-z", "--full-tree", commit], isLocal: true)
        var (files, bytes) = (0, 0)
        for entry in list.split(separator: "\0") {
            // Mode, kind, object, size, and after a tab the path.
            let fields = entry.prefix { $0 != "\t" }.split(separator: " ")
            files += 1
            bytes = min(bytes, bounds.fileBytes) + (fields.count == 4 ? Int(fields[3]) ?? 0 : 0)
        }
        guard files <= bounds.files, bytes <= bounds.fileBytes, list.utf8.count < HostCommand.limit else {
            throw BuildError(
                .tooLarge,
                "\(address.remote) has more than \(bounds.files) files or \(bounds.fileBytes >> 20) MiB of them"
            )
        }
    }

    /// A name for what a commit of this repository holds, fit for a file.
    package func name(of commit: String) -> String {
        SHA256.hash(data: Array("\(address.remote)\n\(commit)".utf8)).prefix(16)
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Opens the directory of the repository that the address names, following no link.
    func openDirectory(in directory: String) throws -> OwnedDescriptor {
        let root = try OwnedDescriptor.directory(directory)
        guard !address.directory.isEmpty else { return root }
        do throws(SyscallError) {
            return try root.openAt(path: address.directory, O_RDONLY | O_DIRECTORY, [.beneath, .noLinks])
        } catch {
            throw BuildError(.notFound, "\(address.remote) has no directory \(address.directory): \(error)")
        }
    }

    /// Fetches as little as the server lets us.
    private func fetch(_ commit: String, into directory: String) throws {
        let fetch = ["fetch", "-q", "--no-tags", "--force", "--depth=1", "--", address.remote]
        if (try? git(directory, fetch + [commit])) != nil { return }
        // A server that gives no commits by their names gives branches and tags.
        if let reference = address.reference, !GitAddress.isCommit(reference) {
            let names =
                reference.hasPrefix("refs/") ? [reference] : ["refs/tags/\(reference)", "refs/heads/\(reference)"]
            for name in names {
                guard (try? git(directory, fetch + [name])) != nil else { continue }
                let found = try? git(directory, ["rev-parse", "FETCH_HEAD^{commit}"], isLocal: true)
                if found?.trimmingBlanks() == commit { return }
            }
        }
        _ = try git(directory, ["fetch", "-q", "--force", "--", address.remote] + Self.everything)
        do { _ = try git(directory, ["rev-parse", "--verify", "-q", "\(commit)^{commit}"], isLocal: true) } catch {
            throw BuildError(.notFound, "\(address.remote) has no commit \(commit) on a branch or tag")
        }
    }

    /// Submodules have a file `.git` where the repository has a directory.
    private func removeGitDirectories(in directory: String) throws {
        let modules =
            (try? git(directory, ["submodule", "--quiet", "foreach", "--recursive", "pwd"], isLocal: true)) ?? ""
        for path in modules.split(separator: "\n") where path.hasPrefix("\(directory)/") {
            let inner = path.dropFirst(directory.utf8.count + 1)
            let place = try OwnedDescriptor.directory(directory)
                .openAt(path: String(inner), O_RDONLY | O_DIRECTORY, [.beneath, .noLinks])
            try place.removeTree(".git")
        }
        try OwnedDescriptor.directory(directory).removeTree(".git")
    }

    // MARK: git

    private static let settings = [
        "core.hooksPath=/dev/null", "core.fsmonitor=false", "protocol.file.allow=never", "protocol.ext.allow=never",
        "filter.lfs.smudge=", "filter.lfs.process=", "filter.lfs.required=false", "gc.auto=0", "maintenance.auto=false",
        "advice.detachedHead=false", "credential.interactive=false", "submodule.recurse=false",
        "init.defaultBranch=main",
    ]

    /// Runs one command of git; `isLocal` for those that need no connection, and so nothing of the user's settings.
    private func git(_ directory: String?, _ arguments: [String], isLocal: Bool = false) throws -> String {
        var variables = [
            "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "https:http:ssh:git", "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_LFS_SKIP_SMUDGE": "1", "LC_ALL": "C",
            "GIT_SSH_COMMAND": environment["GIT_SSH_COMMAND"] ?? "ssh -o BatchMode=yes",
        ]
        for (name, value) in environment where Self.isForConnections(name) { variables[name] = value }
        if let authorization, !isLocal {
            // Arguments can be read by everybody on the host.
            variables["GIT_CONFIG_COUNT"] = "1"
            variables["GIT_CONFIG_KEY_0"] = "http.\(address.server).extraHeader"
            variables["GIT_CONFIG_VALUE_0"] = "Authorization: \(authorization)"
        }
        if isLocal {
            variables["GIT_CONFIG_GLOBAL"] = "/dev/null"
            variables["HOME"] = "/nonexistent"
        }
        let path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        variables["PATH"] = path
        let place = directory.map { ["-C", $0] } ?? []
        let command = HostCommand(
            name: "git",
            arguments: place + Self.settings.flatMap { ["-c", $0] } + arguments,
            environment: variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" },
            searchPath: path,
            fileLimit: bounds?.packBytes
        )
        let result = try command.run(seconds: Self.patience)
        guard result.status == 0 else {
            throw BuildError(.notFound, "git \(arguments[0]) of \(address.remote): \(result.lastError)")
        }
        return result.output
    }

    private static func isForConnections(_ name: String) -> Bool {
        let names = ["HOME", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"]
        return names.contains(name) || name.lowercased().hasSuffix("_proxy")
    }
}
