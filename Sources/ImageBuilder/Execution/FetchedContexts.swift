import Glibc
import ImageStore
import LinuxSystem
import Synchronization

/// The context of a build that was fetched from an address, as it lies on this host.
package enum FetchedContext: Hashable, Sendable {
    /// An archive's content.
    case directory(String)
    /// The address has a Dockerfile and nothing else: its file, and a directory with nothing in it.
    case dockerfile(String, context: String)
}

/// Contexts that the builds of one process have fetched, by their addresses.
final class FetchedContexts: Sendable {
    private let contexts = Mutex<[String: FetchedContext]>([:])
    private let files = Mutex<[String: String]>([:])

    func context(_ address: String) -> FetchedContext? { contexts.withLock { $0[address] } }
    func keep(_ context: FetchedContext, of address: String) { contexts.withLock { $0[address] = context } }
    func directory(of address: String) -> String? { files.withLock { $0[address] } }
    func keep(_ directory: String, of address: String) { files.withLock { $0[address] = directory } }
}

extension BuilderResources {
    /// Fetches the context of a build from an address: an archive is unpacked, and anything else is the Dockerfile.
    ///
    /// What it leads to lasts as long as these resources. Blocks. Throws `BuildError`.
    package func fetchContextFile(_ address: String, as settings: BuildSettings) throws -> FetchedContext {
        let fetched = try fetchFile(FileWish(address: address, settings: settings))
        return try alone("context \(address)") {
            if let known = contexts.context(address) { return known }
            let file = try OwnedDescriptor.reading(fetched.path)
            let context: FetchedContext
            if AddedArchive.isArchive(file),
                let path = try AddedArchive(store: store, place: place).unpack(file, called: address)
            {
                context = .directory("\(path)/archive")
            } else {
                context = .dockerfile(fetched.path, context: try place.makeStep().changes)
            }
            contexts.keep(context, of: address)
            return context
        }
    }

    /// The directory with what a named context has that is fetched; nil for all others.
    func fetch(_ context: BuildOptions.NamedContext, as settings: BuildSettings) throws -> String? {
        switch context {
        case .git(let address): try fetchContext(address, as: settings)
        case .file(let address): try fetchNamedContext(address, as: settings)
        case .directory, .image, .target, .other: nil
        }
    }

    /// A directory that holds the one file that an address has, under its own name.
    ///
    /// It lasts as long as these resources. Blocks. Throws `BuildError`.
    func fetchNamedContext(_ address: String, as settings: BuildSettings) throws -> String {
        let fetched = try fetchFile(FileWish(address: address, settings: settings))
        return try alone("context \(address)") {
            if let known = contexts.directory(of: address) { return known }
            guard let name = RemoteFile.name(of: address) else {
                throw BuildError(.notFound, "\(address): the address has no name of a file")
            }
            let directory = try place.makeStep().changes
            let file = try OwnedDescriptor.reading(fetched.path)
            let target = try OwnedDescriptor.directory(directory)
            var options = FileCopier.Options()
            options.owner = (0, 0)
            let copier = FileCopier(into: target.rawValue, as: nil, options)
            try copier.writeFile(file, modified: fetched.modified ?? 0, as: name)
            contexts.keep(directory, of: address)
            return directory
        }
    }
}
