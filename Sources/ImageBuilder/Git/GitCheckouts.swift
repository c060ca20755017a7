import LinuxSystem
import Synchronization

/// What a repository was found to be.
struct GitCheckout: Hashable, Sendable {
    var address: GitAddress
    /// In full.
    var commit: String
}

/// Repositories that the builds of one process fetch: each is asked once, and each commit fetched once.
final class GitCheckouts: Sendable {
    private struct Place: Hashable {
        var checkout: GitCheckout
        var keepsGitDirectory: Bool
    }

    private let commits = Mutex<[String: GitCheckout]>([:])
    private let places = Mutex<[Place: String]>([:])

    func known(_ address: String) -> GitCheckout? { commits.withLock { $0[address] } }

    func keep(_ checkout: GitCheckout, for address: String) { commits.withLock { $0[address] = checkout } }

    func directory(of checkout: GitCheckout, keepsGitDirectory: Bool) -> String? {
        places.withLock { $0[Place(checkout: checkout, keepsGitDirectory: keepsGitDirectory)] }
    }

    func keep(_ directory: String, of checkout: GitCheckout, keepsGitDirectory: Bool) {
        places.withLock { $0[Place(checkout: checkout, keepsGitDirectory: keepsGitDirectory)] = directory }
    }
}

extension BuilderResources {
    /// Finds what an address means; `commit` is what its commit has to begin with.
    ///
    /// Blocks. Throws `BuildError`.
    func findRepository(_ text: String, as settings: BuildSettings, commit: String?) throws -> GitCheckout {
        try alone("git \(text)") {
            let found: GitCheckout
            if let known = repositories.known(text) {
                found = known
            } else {
                let address: GitAddress
                do throws(GitAddress.Malformed) { address = try GitAddress(text) } catch {
                    throw BuildError(.notFound, "\(text.prefix(200)): \(error.message)")
                }
                let repository = try Self.repository(address, as: settings)
                let scratch = try place.makePath("git")
                defer { WorkPlace.removeDirectory(scratch) }
                found = GitCheckout(address: address, commit: try repository.commit(scratch: scratch))
                repositories.keep(found, for: text)
            }
            if let commit, !found.commit.hasPrefix(commit) {
                throw BuildError(.wrongContent, "\(text) is the commit \(found.commit), not \(commit)")
            }
            return found
        }
    }

    /// The directory of the host that holds what an address names, fetched unless it was before.
    ///
    /// It lasts as long as these resources. Blocks. Throws `BuildError`.
    func fetchRepository(
        _ checkout: GitCheckout,
        as settings: BuildSettings,
        keepsGitDirectory: Bool
    ) throws -> String {
        let keeps = checkout.address.keepsGitDirectory ?? keepsGitDirectory
        return try alone("git \(checkout.address) \(checkout.commit) \(keeps)") {
            let repository = try Self.repository(checkout.address, as: settings)
            let root: String
            if let known = repositories.directory(of: checkout, keepsGitDirectory: keeps) {
                root = known
            } else {
                root = try place.makePath("git")
                do { try repository.checkOut(checkout.commit, into: root, keepsGitDirectory: keeps) } catch {
                    WorkPlace.removeDirectory(root)
                    throw error
                }
                repositories.keep(root, of: checkout, keepsGitDirectory: keeps)
            }
            // The way there has no links, and nobody changes it any more.
            _ = try repository.openDirectory(in: root)
            return checkout.address.directory.isEmpty ? root : "\(root)/\(checkout.address.directory)"
        }
    }

    /// Fetches the repository that is the context of a build; a directory of the host that lasts as long as these resources.
    ///
    /// Blocks. Throws `BuildError`.
    package func fetchContext(_ address: String, as settings: BuildSettings) throws -> String {
        let checkout = try findRepository(address, as: settings, commit: nil)
        return try fetchRepository(checkout, as: settings, keepsGitDirectory: settings.keepsGitDirectory)
    }

    private static func repository(_ address: GitAddress, as settings: BuildSettings) throws -> GitRepository {
        let authorization = try RemoteCredentials(settings: settings).authorization(forRepository: address.remote)
        var environment = settings.environment
        // The agent of the build is for what it fetches too.
        if let agent = settings.agents["default"] { environment["SSH_AUTH_SOCK"] = agent }
        return GitRepository(address, environment: environment, authorization: authorization)
    }
}
