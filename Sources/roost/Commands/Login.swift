import ArgumentParser
import ImageStore
import RegistryClient

/// `roost login`.
struct Login: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell a registry who you are, and remember it.",
        discussion: "What is remembered goes where docker keeps it: $REGISTRY_AUTH_FILE, or ~/.docker/config.json."
    )

    @Option(name: .shortAndLong, help: "The user.") var username: String?
    @Option(name: .shortAndLong, help: "The password; others can see it in the list of processes.") var password:
        String?
    @Flag(help: "Read the password from standard input.") var passwordStdin = false
    @Option(parsing: .singleValue, help: "A registry that may speak plain HTTP, or prove nothing: HOST[:PORT].")
    var insecureRegistry: [String] = []
    @Argument(help: "The registry: HOST[:PORT] (default: docker.io).") var server: String?

    func validate() throws {
        if password != nil && passwordStdin {
            throw ValidationError("--password and --password-stdin exclude each other")
        }
        if passwordStdin && username == nil { throw ValidationError("--password-stdin needs --username") }
    }

    func run() throws {
        try ProjectReading.reporting {
            let host = try Self.host(server)
            if password != nil {
                ProcessContext.writeError("warning: --password shows it to all users; use --password-stdin\n")
            }
            let user = try username ?? Self.question("Username for \(host): ")
            let secret =
                try password
                ?? (passwordStdin
                    ? PasswordPrompt.standardInput() : PasswordPrompt.ask("Password for \(user) at \(host): "))
            guard !user.isEmpty, !secret.isEmpty, !user.contains(":") else {
                throw UserError("a user's name without a colon, and a password are needed")
            }
            let credential = Credential.password(user: user, password: secret)
            let insecure = insecureRegistry
            try RegistryAccess.run(
                environment: ProcessContext.environment,
                store: ImageStore(),
                insecureHosts: insecure,
                credential: credential
            ) { access in try await access.session.logIn(to: host, isInsecure: insecure.contains(host)) }
            let files = CredentialFiles(ProcessContext.environment)
            try files.store(credential, for: host)
            ProcessContext.writeError("logged in to \(host) as \(user); remembered in \(files.written)\n")
        }
    }

    private static func question(_ text: String) throws -> String {
        ProcessContext.writeError(text)
        guard let answer = readLine() else { throw UserError("there is no user's name; give it with --username") }
        return answer
    }

    /// The registry's name as images have it.
    static func host(_ text: String?) throws -> String {
        guard var host = text, !host.isEmpty else { return "docker.io" }
        for prefix in ["https://", "http://"] where host.hasPrefix(prefix) { host.removeFirst(prefix.count) }
        while host.hasSuffix("/") { host.removeLast() }
        if ["index.docker.io/v1", "index.docker.io", "registry-1.docker.io"].contains(host) { return "docker.io" }
        guard ImageName("\(host)/x")?.domain == host else {
            throw UserError("\"\(host)\" is no registry; write HOST or HOST:PORT")
        }
        return host
    }
}

/// `roost logout`.
struct Logout: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Forget who you are at a registry.")

    @Argument(help: "The registry: HOST[:PORT] (default: docker.io).") var server: String?

    func run() throws {
        try ProjectReading.reporting {
            let host = try Login.host(server)
            let wasThere = try CredentialFiles(ProcessContext.environment).erase(host)
            ProcessContext.writeError(wasThere ? "forgot who you are at \(host)\n" : "not logged in to \(host)\n")
        }
    }
}
