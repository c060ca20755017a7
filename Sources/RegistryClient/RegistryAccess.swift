import Glibc
package import ImageStore
import NIOCore
import NIOPosix

/// Registries, as the environment of a command says that they are spoken to.
package struct RegistryAccess: Sendable {
    package let session: RegistrySession
    package let puller: ImagePuller
    package let pusher: ImagePusher

    /// Runs `body` with access to registries, and waits for its end; blocks.
    ///
    /// Threads and connections are there no longer than that. `insecureHosts` are those of the command line.
    /// With `credential` no file of credentials is looked into.
    package static func run<R: Sendable>(
        environment: [String: String],
        store: ImageStore,
        insecureHosts: [String] = [],
        patience: Patience = Patience(),
        credential: Credential? = nil,
        _ body: @escaping @Sendable (RegistryAccess) async throws -> R
    ) throws -> R {
        var registries = try RegistryConfiguration.reading(environment)
        registries.insecureHosts.formUnion(insecureHosts)
        let certificates = HostCertificates(environment)
        let credentials = CredentialFiles(environment)
        let policy = try SignaturePolicy.reading(environment)
        let group = EventLoops.group
        let threads = NIOThreadPool(numberOfThreads: 2 * ImagePuller.transfers + 2)
        threads.start()
        // They end with the process when they don't end now.
        defer { try? threads.syncShutdownGracefully() }
        let transport = HTTPTransport(
            proxies: try Proxies(environment),
            certificates: certificates,
            patience: patience,
            group: group,
            threads: threads
        )
        let session = RegistrySession(
            RegistrySession.Configuration(
                transport: transport,
                registries: registries,
                credential: { (host, repository) throws(RegistryError) in
                    if let credential { return credential }
                    return try credentials.credential(for: host, repository: repository)
                },
                hasCertificates: { certificates.files(for: $0) != nil },
                patience: patience,
                now: { time(nil) }
            )
        )
        let access = RegistryAccess(
            session: session,
            puller: ImagePuller(session: session, store: store, threads: threads, policy: policy),
            pusher: ImagePusher(session: session, store: store)
        )
        return try group.any().makeFutureWithTask {
            do {
                let result = try await body(access)
                await transport.close()
                return result
            } catch {
                await transport.close()
                throw error
            }
        }.wait()
    }
}
