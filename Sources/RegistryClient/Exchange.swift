import NIOHTTP1

/// One request until there is an answer to it, with all it takes to get one.
struct Exchange {
    private let session: RegistrySession
    private let source: ImageSource
    private let server: RegistrySession.Server
    /// What we want to do; nil for a request that says nothing about who we are but what it carries itself.
    private let actions: String?
    /// Whether a server that can't be reached is asked again.
    private let isPatient: Bool
    private var failures = 0
    private var redirects = 0
    private var introductions = 0

    init(
        _ session: RegistrySession,
        _ source: ImageSource,
        _ server: RegistrySession.Server,
        _ actions: String?,
        isPatient: Bool = true
    ) {
        self.session = session
        self.source = source
        self.server = server
        self.actions = actions
        self.isPatient = isPatient
    }

    private var patience: Patience { session.configuration.patience }

    mutating func perform(_ request: WireRequest) async throws(RegistryError) -> WireResponse {
        var request = request
        while true {
            let response: WireResponse
            do throws(TransportFailure) {
                var sent = request
                if let actions, request.url.origin == server.origin,
                    let proof = session.authorization(server.origin, source, actions)
                {
                    sent.headers.replaceOrAdd(name: "Authorization", value: proof)
                }
                // A certificate that proves nothing is fine only where somebody said so.
                let verifies = request.url.origin.host == server.origin.host ? server.verifies : true
                response = try await session.configuration.transport.send(sent, verifies: verifies)
            } catch {
                guard error.isTransient, isPatient else { throw failure(error, request) }
                try await pause(asked: nil, orThrow: failure(error, request))
                continue
            }
            switch response.status {
            case 401:
                guard let actions, request.url.origin == server.origin, introductions < 2 else { return response }
                introductions += 1
                guard try await session.introduce(server, source, actions, to: response, isAgain: introductions > 1)
                else { return response }
            case 301, 302, 303, 307, 308:
                guard let next = try redirected(request, response) else { return response }
                request = next
            case 408, 429, 500, 502, 503, 504:
                let asked = response.headers.first(name: "Retry-After")
                    .flatMap { retryDelay($0, now: session.configuration.now()) }
                let error = await session.refusal(response, source, "\(request.method) \(request.url)")
                try await pause(asked: asked, orThrow: error)
            default: return response
            }
        }
    }

    private mutating func pause(asked: Duration?, orThrow error: RegistryError) async throws(RegistryError) {
        failures += 1
        guard failures < patience.attempts else { throw error }
        do {
            try await session.configuration.sleep(patience.pause(afterFailures: failures, asked: asked))
        } catch { throw RegistryError(.unreachable, "\(source): interrupted") }
    }

    /// The request that a redirection asks for; nil when it is none that we follow.
    private mutating func redirected(
        _ request: WireRequest,
        _ response: WireResponse
    ) throws(RegistryError) -> WireRequest? {
        guard request.method == "GET" || request.method == "HEAD" || [307, 308].contains(response.status),
            let location = response.headers.first(name: "Location")
        else { return nil }
        redirects += 1
        guard redirects <= patience.redirects else {
            throw RegistryError(
                .invalidAnswer,
                "\(source): more than \(patience.redirects) redirections, the last to \(location.printable)"
            )
        }
        guard let url = request.url.resolving(location) else {
            throw RegistryError(.invalidAnswer, "\(source): a redirection to what is no address: \(location.printable)")
        }
        if request.url.origin.isSecure && !url.origin.isSecure && server.verifies {
            throw RegistryError(
                .invalidAnswer,
                "\(source): a redirection from https to http: \(url.description.printable)"
            )
        }
        var next = request
        next.url = url
        // Who we are is nobody's business but the registry's.
        if url.origin != request.url.origin { next.headers.remove(name: "Authorization") }
        return next
    }

    private func failure(_ error: TransportFailure, _ request: WireRequest) -> RegistryError {
        let advice =
            switch error.code {
            case .security:
                "; if \(source.host) has a certificate of its own, put its authority's into "
                    + "/etc/docker/certs.d/\(source.host)/ca.crt"
            default: ""
            }
        let code: RegistryError.Code = error.code == .invalid ? .invalidAnswer : .unreachable
        return RegistryError(code, "\(source) at \(request.url.origin): \(error.message)\(advice)")
    }
}
