import NIOCore
package import NIOHTTP1
import Synchronization

/// Speaks to registries: knows who we are there, waits and tries again, follows redirections.
package final class RegistrySession: Sendable {
    /// What a session works with.
    package struct Configuration: Sendable {
        package var transport: any RegistryTransport
        package var registries: RegistryConfiguration
        /// What somebody proves to a host with; asked once for each repository.
        package var credential: @Sendable (_ host: String, _ repository: String) throws(RegistryError) -> Credential?
        /// Whether a host has certificates of its own, so that it speaks TLS even on this machine.
        package var hasCertificates: @Sendable (_ host: String) -> Bool
        package var patience: Patience
        /// Waits.
        package var sleep: @Sendable (Duration) async throws -> Void
        /// Seconds since the epoch.
        package var now: @Sendable () -> Int

        package init(
            transport: any RegistryTransport,
            registries: RegistryConfiguration = RegistryConfiguration(),
            credential:
                @escaping @Sendable (_ host: String, _ repository: String) throws(RegistryError) -> Credential? = {
                    (_, _) throws(RegistryError) in nil
                },
            hasCertificates: @escaping @Sendable (_ host: String) -> Bool = { _ in false },
            patience: Patience = Patience(),
            sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
            now: @escaping @Sendable () -> Int
        ) {
            self.transport = transport
            self.registries = registries
            self.credential = credential
            self.hasCertificates = hasCertificates
            self.patience = patience
            self.sleep = sleep
            self.now = now
        }
    }

    struct State {
        /// How each host is spoken to, once that is known.
        var servers: [String: Server] = [:]
        var tokens: [TokenKey: Token] = [:]
        /// Hosts where a user's name and password go along with every request.
        var basic: [String: String] = [:]
    }

    /// A way to speak to a host.
    struct Server: Hashable {
        var origin: WireURL.Origin
        var verifies: Bool
    }

    let configuration: Configuration
    let state = Mutex(State())

    /// A session that knows nobody yet.
    package init(_ configuration: Configuration) { self.configuration = configuration }

    /// Sends a request about a repository, and returns an answer that is neither a redirection, nor a wish to know who we
    /// are that we can fulfil, nor worth another try.
    ///
    /// `target` follows the host, or is a whole address that the registry gave. `actions` is what we want to do there:
    /// `pull`, or `pull,push`. Without `isPatient` a host that can't be reached is asked only once.
    package func send(
        _ method: String,
        _ target: Target,
        of source: ImageSource,
        actions: String = "pull",
        headers: HTTPHeaders = [:],
        body: WireRequest.Body = .none,
        isPatient: Bool = true
    ) async throws(RegistryError) -> WireResponse {
        var first: RegistryError?
        let servers = try servers(of: source)
        for server in servers {
            do throws(RegistryError) {
                let url: WireURL? =
                    switch target {
                    case .path(let path): WireURL(origin: server.origin, target: path)
                    case .address(let address): address
                    }
                guard let url else { continue }
                var exchange = Exchange(self, source, server, actions, isPatient: isPatient && servers.count == 1)
                let request = WireRequest(method, url, headers: headers, body: body)
                let response = try await exchange.perform(request)
                if !server.origin.isSecure, try await wantsTLS(response) { continue }
                state.withLock { $0.servers[source.host] = server }
                return response
            } catch {
                guard error.code == .unreachable else { throw error }
                first = first ?? error
            }
        }
        throw first ?? RegistryError(.unreachable, "\(source.host) speaks neither HTTP nor HTTPS")
    }

    /// Where a request goes.
    package enum Target: Hashable, Sendable {
        case path(String)
        case address(WireURL)
    }

    /// The ways to speak to a host, in the order to try them.
    private func servers(of source: ImageSource) throws(RegistryError) -> [Server] {
        if let known = state.withLock({ $0.servers[source.host] }) { return [known] }
        // Docker Hub's images have another name than its registry.
        let host = source.host == "docker.io" ? "registry-1.docker.io" : source.host
        guard let secure = WireURL.Origin(authority: host, isSecure: true),
            let plain = WireURL.Origin(authority: host, isSecure: false)
        else { throw RegistryError(.configuration, "\"\(host.printable)\" is no host of a registry") }
        if source.isInsecure || configuration.registries.isInsecure(source.host) {
            return [Server(origin: secure, verifies: false), Server(origin: plain, verifies: false)]
        }
        if secure.isLoopback && !configuration.hasCertificates(source.host) {
            return [Server(origin: plain, verifies: true), Server(origin: secure, verifies: true)]
        }
        return [Server(origin: secure, verifies: true)]
    }

    /// Whom a source is asked by, once somebody has answered.
    func origin(of source: ImageSource) -> WireURL.Origin? {
        state.withLock { $0.servers[source.host]?.origin }
    }

    /// What a server with TLS answers to somebody without.
    private func wantsTLS(_ response: WireResponse) async throws(RegistryError) -> Bool {
        guard response.status == 400, response.headers.first(name: "Docker-Distribution-Api-Version") == nil else {
            return false
        }
        // An answer that breaks off is one that makes no sense.
        let text = (try? await response.body.collect(upTo: 4096)) ?? []
        return String(decoding: text, as: UTF8.self).contains("HTTPS")
    }
}
