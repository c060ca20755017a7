import NIOHTTP1
import Synchronization

/// What a token is good for.
struct TokenKey: Hashable {
    var host: String
    var repository: String
    var actions: String
}

/// A token, and until when it is good: seconds since the epoch.
struct Token: Hashable {
    var text: String
    var expires: Int
}

extension RegistrySession {
    /// What goes along with a request; nil when nobody has asked yet.
    func authorization(_ origin: WireURL.Origin, _ source: ImageSource, _ actions: String) -> String? {
        let now = configuration.now()
        return state.withLock { state in
            let key = TokenKey(host: source.host, repository: source.repository, actions: actions)
            if let token = state.tokens[key], token.expires > now { return "Bearer \(token.text)" }
            return state.basic[source.host]
        }
    }

    /// Finds out how to answer the question who we are; false when there is nothing to say to it.
    func introduce(
        _ server: Server,
        _ source: ImageSource,
        _ actions: String,
        to response: WireResponse,
        isAgain: Bool
    ) async throws(RegistryError) -> Bool {
        let challenges = response.headers["WWW-Authenticate"].flatMap { Challenge.all(in: $0) }
        // What is left of the answer; a failure shows with the next request.
        _ = try? await response.body.collect(upTo: 64 << 10)
        let credential = try configuration.credential(source.host, source.repository)
        let key = TokenKey(host: source.host, repository: source.repository, actions: actions)
        state.withLock { _ = $0.tokens.removeValue(forKey: key) }
        if let bearer = challenges.first(where: { $0.scheme == "bearer" }) {
            // A token that was given just now and does not do will not do the next time.
            guard !isAgain else { return false }
            let token = try await fetchToken(bearer, server, source, actions, credential)
            state.withLock { $0.tokens[key] = token }
            return true
        }
        guard challenges.contains(where: { $0.scheme == "basic" }), !isAgain, let proof = credential?.basic else {
            return false
        }
        state.withLock { $0.basic[source.host] = proof }
        return true
    }

    /// Asks for a token: the Docker Registry v2 authentication, "Token Authentication Specification".
    private func fetchToken(
        _ challenge: Challenge,
        _ server: Server,
        _ source: ImageSource,
        _ actions: String,
        _ credential: Credential?
    ) async throws(RegistryError) -> Token {
        guard let realm = challenge.parameters["realm"], let url = WireURL(realm) else {
            throw RegistryError(.invalidAnswer, "\(source.host): it asks for a token and does not say where to get one")
        }
        guard url.origin.isSecure || !server.origin.isSecure || url.origin.isLoopback || !server.verifies else {
            throw RegistryError(
                .invalidAnswer,
                "\(source.host): it wants a password sent to \(url.origin) without encryption"
            )
        }
        let request = tokenRequest(url, challenge, source, actions, credential)
        let verifies = url.origin.host == server.origin.host ? server.verifies : true
        // Whoever gives tokens is not asked for one to get one.
        var exchange = Exchange(self, source, .init(origin: url.origin, verifies: verifies), nil)
        let response = try await exchange.perform(request)
        guard response.status == 200 else { throw await refusal(response, source, "get a token from \(url.origin)") }
        guard let bytes = try await document(response, limit: 1 << 20, source),
            let object = JSONValue.read(bytes)?.object,
            let text = object["token"]?.text ?? object["access_token"]?.text,
            !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { throw RegistryError(.invalidAnswer, "\(url.origin): its answer is no token") }
        var seconds: Int64 = 60
        if case .integer(let given) = object["expires_in"] { seconds = min(max(given, 60), 86400) }
        return Token(text: text, expires: configuration.now() + Int(seconds) - 10)
    }

    /// What is sent for a token.
    func tokenRequest(
        _ url: WireURL,
        _ challenge: Challenge,
        _ source: ImageSource,
        _ actions: String,
        _ credential: Credential?
    ) -> WireRequest {
        let service = challenge.parameters["service"]
        let scope =
            source.repository.isEmpty
            ? challenge.parameters["scope"] : "repository:\(source.repository):\(actions)"
        if case .identityToken(let token) = credential {
            var fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "roost")]
            if let service { fields.append(("service", service)) }
            if let scope { fields.append(("scope", scope)) }
            let text = fields.map { "\($0.0)=\($0.1.percentEncoded)" }.joined(separator: "&")
            return WireRequest(
                "POST",
                url,
                headers: ["Content-Type": "application/x-www-form-urlencoded"],
                body: .bytes(Array(text.utf8))
            )
        }
        var url = url
        if let service { url = url.adding("service", service) }
        if let scope { url = url.adding("scope", scope) }
        var request = WireRequest("GET", url)
        if let proof = credential?.basic { request.headers.add(name: "Authorization", value: proof) }
        return request
    }

    /// The body of an answer; nil when it is longer than `limit`.
    func document(
        _ response: WireResponse,
        limit: Int,
        _ source: ImageSource
    ) async throws(RegistryError) -> [UInt8]? {
        do throws(TransportFailure) { return try await response.body.collect(upTo: limit) } catch {
            throw RegistryError(.unreachable, "\(source.host): \(error.message)")
        }
    }

    /// What a registry's refusal means: OCI Distribution Specification, "Error Codes".
    func refusal(_ response: WireResponse, _ source: ImageSource, _ what: String) async -> RegistryError {
        // Whatever can't be read of the reason is no part of it.
        let bytes = ((try? await response.body.collect(upTo: 64 << 10)) ?? nil) ?? []
        let errors = JSONValue.read(bytes)?.object?["errors"]?.list ?? []
        let reasons = errors.compactMap { error -> String? in
            guard let object = error.object else { return nil }
            let words = [object["code"]?.text, object["message"]?.text].compactMap { $0 }
            return words.isEmpty ? nil : words.joined(separator: ": ")
        }
        let reason = reasons.isEmpty ? "" : " (\(reasons.joined(separator: "; ").printable))"
        let answer = "\(what.printable): the answer is \(response.status)\(reason)"
        switch response.status {
        case 401, 403:
            return RegistryError(
                .unauthorised,
                "\(answer); there is no such repository, or it is not for everybody: \"roost login \(source.host)\" tells who you are"
            )
        case 404: return RegistryError(.notFound, answer)
        case 429: return RegistryError(.refused, "\(answer); it is asked too often, try again later")
        default: return RegistryError(.refused, answer)
        }
    }
}
