import FoundationEssentials
import LinuxSystem

/// Who a build is to servers that it takes files from: secrets under the names that BuildKit knows.
///
/// Nothing of it is in a key, a layer or the arguments of a program.
struct RemoteCredentials {
    let settings: BuildSettings

    /// What `Authorization` says to the server of a file; nil when there is no secret for it.
    ///
    /// `HTTP_AUTH_HEADER_<host>` is the whole value, `HTTP_AUTH_TOKEN_<host>` a token. Throws `BuildError`.
    func authorization(forFile address: String) throws -> String? {
        guard let host = Self.authority(of: address).map(Self.withoutPort) else { return nil }
        if let header = try text("HTTP_AUTH_HEADER_\(host)") { return header }
        return try text("HTTP_AUTH_TOKEN_\(host)").map { "Bearer \($0)" }
    }

    /// What `Authorization` says to the server of a repository over http or https; nil when there is no secret for it.
    ///
    /// `GIT_AUTH_HEADER` is the whole value, `GIT_AUTH_TOKEN` a token, each of one host alone with `.<host>` behind it.
    /// Throws `BuildError`.
    func authorization(forRepository remote: String) throws -> String? {
        guard RemoteFile.isAddress(remote), let host = Self.authority(of: remote) else { return nil }
        for suffix in [".\(host)", ""] {
            if let header = try text("GIT_AUTH_HEADER\(suffix)") { return header }
            if let token = try text("GIT_AUTH_TOKEN\(suffix)") {
                return "basic \(Data("x-access-token:\(token)".utf8).base64EncodedString())"
            }
        }
        return nil
    }

    private func text(_ id: String) throws -> String? {
        guard let bytes = try settings.secret(id) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self).trimmingBlanks()
        guard !text.isEmpty, text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw BuildError(.notFound, "secret \"\(id)\" is no single line of text, so it can't be sent to a server")
        }
        return text
    }

    /// Host and port, in lower case; nil for what is no address.
    private static func authority(of address: String) -> String? {
        guard let scheme = address.firstRange(of: "://") else { return nil }
        let authority = address[scheme.upperBound...].prefix { !"/?#".contains($0) }
        return authority.split(separator: "@").last.map { $0.lowercased() }
    }

    private static func withoutPort(_ authority: String) -> String {
        if authority.hasPrefix("[") { return String(authority.dropFirst().prefix { $0 != "]" }) }
        return String(authority.prefix { $0 != ":" })
    }
}

extension BuildSettings {
    /// What a secret says; nil when the build has none of that name.
    ///
    /// Throws `BuildError` when it can't be read, or is larger than a MiB.
    func secret(_ id: String) throws -> [UInt8]? {
        switch secrets[id] {
        case nil: return nil
        case .value(let value)?: return value
        case .file(let path)?:
            do { return try readBytes(path, limit: 1 << 20) } catch {
                throw BuildError(.notFound, "secret \"\(id)\": \(error)")
            }
        }
    }
}
