import ComposeModel
import Glibc
import ImageBuilder
import ImageStore
import LinuxSystem
import OCISpec
import Orchestrator
import RegistryClient
import Synchronization

/// Brings projects from other machines to this one: from git repositories and registries.
///
/// Each is asked for once in a process. What was fetched stays, by commit and digest, since mounts of containers lead there.
final class RemoteProjects: Sendable {
    private let environment: [String: String]
    private let roots: StateRoots
    private let known = Mutex<[RemoteReference: RemoteProject]>([:])

    /// How much a repository may hold: what comes over the line, and what lies in files.
    private static let bounds = GitBounds(packBytes: 1 << 30, fileBytes: 2 << 30, files: 200_000)

    init(environment: [String: String], roots: StateRoots) {
        self.environment = environment
        self.roots = roots
    }

    /// The project that a reference means now.
    ///
    /// Blocks: the other machine is asked.
    func project(_ reference: RemoteReference) throws(RemoteFailure) -> RemoteProject {
        if let project = known.withLock({ $0[reference] }) { return project }
        let project: RemoteProject
        do {
            switch reference {
            case .repository(let address): project = try repository(address)
            case .artefact(let name): project = try artefact(name)
            }
        } catch {
            throw error as? RemoteFailure ?? RemoteFailure("\(error)")
        }
        known.withLock { $0[reference] = project }
        return project
    }

    /// Fails where a variable that docker compose knows too says no.
    private func checkSwitch(_ name: String) throws(RemoteFailure) {
        guard let text = environment[name], !text.isEmpty else { return }
        guard let isOn = BooleanWord.setting(text) else {
            throw RemoteFailure("\(name) is true or false, not \"\(text)\"")
        }
        guard isOn else { throw RemoteFailure("\(name) forbids it", hint: "set \(name) to true") }
    }

    // MARK: Repositories

    private func repository(_ written: String) throws -> RemoteProject {
        try checkSwitch("COMPOSE_EXPERIMENTAL_GIT_REMOTE")
        let address: GitAddress
        do throws(GitAddress.Malformed) {
            address = try GitAddress(written.hasPrefix("github.com/") ? "https://\(written)" : written)
        } catch { throw RemoteFailure(error.message) }
        let repository = GitRepository(address, environment: environment)
        let commit = try temporary("commit") { try repository.commit(scratch: $0) }
        // Whoever names a repository gets what came from there, not what another one had under the same commit.
        let root = try kept("git-\(repository.name(of: commit))") { place in
            try repository.checkOut(commit, into: place, within: Self.bounds)
        }
        let label = "\(written.prefix { $0 != "#" })#\(address.reference ?? ""):"
        return RemoteProject(file: try composeFile(address.directory, in: root), root: root, label: label)
    }

    /// The Compose file that a path in a checkout names: itself, or one of a directory.
    private func composeFile(_ path: String, in root: String) throws -> String {
        if !path.isEmpty {
            switch try ContextFile.isFile(path, beneath: root) {
            case true?: return "\(root)/\(path)"
            case false?: break
            case nil: throw RemoteFailure("the repository has no \(path)")
            }
        }
        for name in LoadOptions.fileNames {
            let candidate = path.isEmpty ? name : "\(path)/\(name)"
            if try ContextFile.isFile(candidate, beneath: root) == true { return "\(root)/\(candidate)" }
        }
        let searched = path.isEmpty ? "the repository" : "\(path) of the repository"
        throw RemoteFailure("\(searched) has no Compose file", hint: "name a file or a directory: #ref:path")
    }

    // MARK: Registries

    private func artefact(_ text: String) throws -> RemoteProject {
        try checkSwitch("COMPOSE_EXPERIMENTAL_OCI_REMOTE")
        guard let name = ImageName(text) else {
            throw RemoteFailure("\"\(text)\" names nothing in a registry", hint: "write oci://host/name:tag")
        }
        let place = place
        let found = try RegistryAccess.run(environment: environment, store: roots.images) { access in
            try await access.puller.project(name) { fileExists("\(place)/oci-\($0.hexadecimal)") }
        }
        let root = try kept("oci-\(found.digest.hexadecimal)") { place in
            guard let files = found.files else {
                throw RemoteFailure("its copy has just been removed", hint: "try again")
            }
            try makeDirectories(place)
            for (file, bytes) in files { try replaceFile("\(place)/\(file)", bytes) }
        }
        return RemoteProject(
            file: "\(root)/\(ProjectArtefact.composeFile)",
            root: root,
            label: "oci://\(text)#"
        )
    }

    // MARK: Copies

    /// The directory of what was fetched.
    private var place: String { "\(roots.storage)/remote" }

    /// A copy of this name; `fill` makes the directory that it is given when there is none.
    ///
    /// It gets its name when all of it is on the disk, so that another process and the next command find it whole.
    private func kept(_ name: String, _ fill: (String) throws -> Void) throws -> String {
        let path = "\(place)/\(name)"
        if fileExists(path) { return path }
        try makeDirectories(place)
        let directory = try OwnedDescriptor.directory(place)
        Self.removeLeftovers(in: place, directory)
        let own = Self.temporaryName(name)
        do {
            try fill("\(place)/\(own)")
            try directory.synchroniseFilesystem()
            // Another process may have been faster: its copy is as good.
            if unsafe renameat(directory.rawValue, own, directory.rawValue, name) != 0 {
                let failure = SyscallError(call: "rename", subject: path, errno: .current)
                guard fileExists(path) else { throw failure }
                try directory.removeTree(own)
            }
        } catch {
            // What can't be removed is the next process's to remove.
            if fileExists("\(place)/\(own)") { try? directory.removeTree(own) }
            throw error
        }
        return path
    }

    /// Lends a path that nothing has, and removes what has come there.
    private func temporary<Value>(_ name: String, _ body: (String) throws -> Value) throws -> Value {
        try makeDirectories(place)
        let directory = try OwnedDescriptor.directory(place)
        Self.removeLeftovers(in: place, directory)
        let own = Self.temporaryName(name)
        // What can't be removed is the next process's to remove.
        defer { if fileExists("\(place)/\(own)") { try? directory.removeTree(own) } }
        return try body("\(place)/\(own)")
    }

    private static func temporaryName(_ name: String) -> String {
        ".new-\(getpid()).\(ProcessIdentity(of: getpid())?.start ?? 0)-\(name)"
    }

    /// Removes what processes have begun that are no more.
    private static func removeLeftovers(in path: String, _ directory: borrowing OwnedDescriptor) {
        for name in namesInDirectory(path) where name.hasPrefix(".new-") {
            let owner = name.dropFirst(5).prefix { $0 != "-" }.split(separator: ".")
            guard owner.count == 2, let pid = Int32(owner[0]), let start = UInt64(owner[1]),
                ProcessIdentity(of: pid)?.start != start
            else { continue }
            try? directory.removeTree(name)  // another process may be at it
        }
    }
}
