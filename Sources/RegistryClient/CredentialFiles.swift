import FoundationEssentials
import LinuxSystem

/// The files in which docker and podman keep who somebody is to which registry.
///
/// Fields that we don't know stay as they are when a file is written.
package struct CredentialFiles: Sendable {
    /// The name under which Docker Hub's credentials are kept.
    package static let dockerHub = "https://index.docker.io/v1/"
    /// In the order in which they are asked; the first entry counts.
    package let paths: [String]
    /// The file that `login` writes.
    package let written: String
    private let helper: @Sendable (String, String, String) throws(RegistryError) -> CredentialHelper.Answer

    /// Files as the environment names them; `helper` runs a credential helper by name, verb and input.
    package init(
        _ environment: [String: String],
        helper: @escaping @Sendable (String, String, String) throws(RegistryError) -> CredentialHelper.Answer =
            CredentialHelper.run
    ) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let home = value("HOME") ?? "/root"
        let docker = "\(value("DOCKER_CONFIG") ?? "\(home)/.docker")/config.json"
        if let named = value("REGISTRY_AUTH_FILE") {
            paths = [named]
            written = named
        } else {
            let runtime = value("XDG_RUNTIME_DIR").map { ["\($0)/containers/auth.json"] } ?? []
            let personal = "\(value("XDG_CONFIG_HOME") ?? "\(home)/.config")/containers/auth.json"
            // The file that docker's users know comes first: login writes there.
            paths = [docker] + runtime + [personal]
            written = docker
        }
        self.helper = helper
    }

    /// What somebody proves to a registry with; nil when no file has anything.
    ///
    /// `host` is as in names of images; entries for a part of the registry count before the registry's.
    package func credential(for host: String, repository: String) throws(RegistryError) -> Credential? {
        let keys = Self.keys(host, repository)
        for path in paths {
            guard let document = try Document(path) else { continue }
            if let name = document.helpers[Self.registryKey(host)] ?? document.helpers[host] ?? document.store {
                if let found = try ask(name, host) { return found }
            }
            for key in keys {
                guard let entry = document.entry(key) else { continue }
                if let found = try Self.credential(entry, key, path) { return found }
            }
        }
        return nil
    }

    /// Keeps a credential for a registry, where the settings say: with a helper, or in the file itself.
    package func store(_ credential: Credential, for host: String) throws(RegistryError) {
        var document = try Document(written) ?? Document(empty: written)
        let key = Self.registryKey(host)
        if let name = document.helpers[key] ?? document.helpers[host] ?? document.store {
            let input = CredentialHelper.entry(credential, server: key)
            let answer = try helper(name, "store", input)
            guard answer.status == 0 else { throw Self.failed(name, "store", answer) }
            return
        }
        document.set(credential, key)
        try document.write()
    }

    /// Forgets what `login` keeps for a registry; false when there was nothing.
    package func erase(_ host: String) throws(RegistryError) -> Bool {
        guard var document = try Document(written) else { return false }
        let key = Self.registryKey(host)
        var isFound = false
        if let name = document.helpers[key] ?? document.helpers[host] ?? document.store {
            let answer = try helper(name, "erase", key + "\n")
            guard answer.status == 0 else { throw Self.failed(name, "erase", answer) }
            isFound = true
        }
        for key in Set([key, host]) where document.remove(key) { isFound = true }
        if isFound { try document.write() }
        return isFound
    }

    /// The name of a registry in these files.
    private static func registryKey(_ host: String) -> String { host == "docker.io" ? dockerHub : host }

    /// The names under which an entry may be, the most special first.
    static func keys(_ host: String, _ repository: String) -> [String] {
        var keys: [String] = []
        var parts = repository.split(separator: "/")
        while !parts.isEmpty {
            keys.append("\(host)/\(parts.joined(separator: "/"))")
            parts.removeLast()
        }
        keys += host == "docker.io" ? [dockerHub, "docker.io", "index.docker.io"] : [host]
        return keys + ["https://\(host)", "http://\(host)", "https://\(host)/v2/", "https://\(host)/v1/"]
    }

    private func ask(_ name: String, _ host: String) throws(RegistryError) -> Credential? {
        let answer = try helper(name, "get", Self.registryKey(host) + "\n")
        if answer.status != 0 {
            // The word of the protocol for "nothing is kept"; everything else is a failure.
            if answer.text.contains("credentials not found") { return nil }
            throw Self.failed(name, "get", answer)
        }
        return try CredentialHelper.credential(answer.text, name: name)
    }

    private static func failed(_ name: String, _ verb: String, _ answer: CredentialHelper.Answer) -> RegistryError {
        RegistryError(
            .configuration,
            "docker-credential-\(name) \(verb) ended with status \(answer.status): \(answer.text.printable)"
        )
    }

    private static func credential(
        _ entry: [String: JSONValue],
        _ key: String,
        _ path: String
    ) throws(RegistryError) -> Credential? {
        if let token = entry["identitytoken"]?.text, !token.isEmpty { return .identityToken(token) }
        if let encoded = entry["auth"]?.text, !encoded.isEmpty {
            guard let bytes = Base64Text.decoded(encoded), let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
                throw RegistryError(.configuration, "read \(path): auths.\(key).auth is no user and password in base64")
            }
            let password = String(decoding: bytes[(colon + 1)...].filter { $0 != 0 }, as: UTF8.self)
            return .password(user: String(decoding: bytes[..<colon], as: UTF8.self), password: password)
        }
        if let user = entry["username"]?.text, let password = entry["password"]?.text, !user.isEmpty {
            return .password(user: user, password: password)
        }
        return nil
    }
}
