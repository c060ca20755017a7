import ContainerRuntime
import Glibc
import ImageStore
import LinuxSystem
import OCISpec

/// Puts files where COPY, ADD and WORKDIR want them.
struct CopyStep {
    /// No file is younger, in seconds since the epoch.
    let latestTime: Int64?
    /// Where files of other steps and of contexts are.
    let tree: (StepID) throws -> SourceTree
    /// Unpacks archives.
    let archives: AddedArchive
    /// Fetches a repository that has to be of a commit, with its directory `.git` or without; where it is then.
    let repository: (_ url: String, _ commit: String?, _ keepsGitDirectory: Bool) throws -> String
    /// Fetches a file that has to have a content.
    let download: (_ address: String, _ checksum: ContentDigest?) throws -> DownloadedFile

    /// Copies what an instruction names; `filesystem` is what it copies onto, nil for nothing.
    ///
    /// `accounts` is the filesystem whose users have names, when it is another one.
    func copy(
        _ operation: CopyOperation,
        onto filesystem: StepFilesystem?,
        accounts: StepFilesystem?,
        in place: StepPlace
    ) throws {
        let overlay = try StepOverlay.make(operation.isLinked ? nil : filesystem, place)
        var options = FileCopier.Options()
        options.mode = operation.mode
        options.latestTime = latestTime
        if let text = operation.owner { options.owner = try owner(text, filesystem ?? accounts) }
        let target = Target(
            root: overlay.root,
            destination: operation.destination,
            isDirectory: operation.isIntoDirectory,
            owner: options.owner ?? (0, 0),
            mode: operation.mode?.directoryMode ?? 0o755
        )
        for source in operation.sources {
            switch source {
            case .files(let selection): try copy(selection, operation, to: target, options)
            case .text(let name, let content):
                let (directory, name) = try target.file(called: name)
                options.owner = options.owner ?? (0, 0)
                let copier = FileCopier(into: directory.descriptor.rawValue, as: nil, options)
                try copier.writeText(Array(content.utf8), as: name)
            case .download(let url, let checksum):
                try add(try download(url, checksum), from: url, operation, to: target, options)
            case .git(let url, let commit, let keepsGitDirectory, let excludes):
                let path = try repository(url, commit, keepsGitDirectory)
                options.owner = options.owner ?? (0, 0)
                try copyAll(of: path, called: url, leavingOut: excludes, to: target, options)
            }
        }
    }

    private func copy(
        _ selection: FileSelection,
        _ operation: CopyOperation,
        to target: Target,
        _ options: FileCopier.Options
    ) throws {
        let tree = try tree(selection.source)
        var options = options
        // Those of a context mean nothing; those of another filesystem are kept.
        if tree.isContext && options.owner == nil { options.owner = (0, 0) }
        let matches = try tree.matches(selection)
        for match in matches {
            let isDirectory = match.metadata.kind == .directory
            if operation.keepsParents {
                let (directory, name) = try target.parents(of: match.written)
                let copier = FileCopier(
                    into: directory.descriptor.rawValue,
                    as: isDirectory && match.written.isEmpty ? nil : name,
                    options
                )
                try tree.walk(match, selection, to: copier)
            } else if isDirectory {
                let directory = try target.directory()
                try tree.walk(match, selection, to: FileCopier(into: directory.rawValue, as: nil, options))
            } else if try unpacked(match, in: tree, operation, to: target, options) {
                continue
            } else {
                let (directory, name) = try target.file(called: match.written.last ?? "")
                try tree.walk(match, selection, to: FileCopier(into: directory.descriptor.rawValue, as: name, options))
            }
        }
    }

    /// Unpacks an archive to the destination; false for what ADD takes as a file.
    private func unpacked(
        _ match: SourceTree.Match,
        in tree: SourceTree,
        _ operation: CopyOperation,
        to target: Target,
        _ options: FileCopier.Options
    ) throws -> Bool {
        guard operation.unpacking != .never, match.metadata.kind == .regular else { return false }
        let flags = O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK
        let file = try tree.root.openAt(path: match.path.joined(separator: "/"), flags, [.beneath, .noLinks])
        return try unpacked(file, called: match.written.joined(separator: "/"), operation, to: target, options)
    }

    private func unpacked(
        _ file: borrowing OwnedDescriptor,
        called name: String,
        _ operation: CopyOperation,
        to target: Target,
        _ options: FileCopier.Options
    ) throws -> Bool {
        guard AddedArchive.isArchive(file), let path = try archives.unpack(file, called: name) else { return false }
        defer { WorkPlace.removeDirectory(path) }
        var options = options
        // Whom its files belong to is what the archive says, unless the instruction does; who may read them is its alone.
        if operation.owner == nil { options.owner = nil }
        options.mode = nil
        try copyAll(of: "\(path)/archive", called: name, to: target, options)
        return true
    }

    /// Puts a file there that was fetched: for its owner alone unless the instruction says more, as old as the server says.
    private func add(
        _ fetched: DownloadedFile,
        from address: String,
        _ operation: CopyOperation,
        to target: Target,
        _ options: FileCopier.Options
    ) throws {
        let file = try OwnedDescriptor.reading(fetched.path)
        let name = RemoteFile.name(of: address)
        if operation.unpacking == .always, try unpacked(file, called: name ?? address, operation, to: target, options) {
            return
        }
        var options = options
        options.owner = options.owner ?? (0, 0)
        let (directory, last) = try target.file(called: name ?? "")
        guard !last.isEmpty else {
            throw BuildError(
                .notFound,
                "ADD \(address): the address has no name of a file; write one behind the directory"
            )
        }
        let copier = FileCopier(into: directory.descriptor.rawValue, as: nil, options)
        try copier.writeFile(file, modified: fetched.modified ?? 0, as: last)
    }

    /// Copies what is in a directory of ours.
    private func copyAll(
        of path: String,
        called subject: String,
        leavingOut excludes: [String] = [],
        to target: Target,
        _ options: FileCopier.Options
    ) throws {
        let content = SourceTree(try OwnedDescriptor.directory(path), isContext: false, subject: subject)
        let all = FileSelection(
            source: StepID(rawValue: 0),
            base: "",
            pattern: "",
            wildcards: .none,
            excludes: excludes,
            honoursIgnoreFile: false
        )
        let directory = try target.directory()
        for match in try content.matches(all) {
            try content.walk(match, all, to: FileCopier(into: directory.rawValue, as: nil, options))
        }
    }

    /// Makes a directory unless it is there.
    func makeDirectory(_ operation: DirectoryOperation, on filesystem: StepFilesystem?, in place: StepPlace) throws {
        let overlay = try StepOverlay.make(filesystem, place)
        let owner = try operation.owner.map { try user($0, overlay.mount) } ?? (0, 0)
        let target = Target(
            root: overlay.root,
            destination: operation.path,
            isDirectory: true,
            owner: owner,
            mode: 0o755
        )
        _ = try target.directory()
    }

    // MARK: owners

    private func owner(_ text: String, _ filesystem: StepFilesystem?) throws -> (user: UInt32, group: UInt32) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        if let user = UInt32(parts[0]), user != .max {
            if parts.count == 1 { return (user, user) }
            if parts.count == 2, let group = UInt32(parts[1]), group != .max { return (user, group) }
        }
        guard let directories = try filesystem?.directories(), !directories.isEmpty else {
            throw BuildError(.notFound, "--chown=\(text): the filesystem has no users with names; use numbers")
        }
        let mount = try BuildOverlay.mount(directories)
        withExtendedLifetime(filesystem) {}
        return try user(text, mount)
    }

    private func user(_ text: String, _ mount: borrowing DetachedMount) throws -> (user: UInt32, group: UInt32) {
        do {
            let found = try UserDatabase(root: mount).resolve(text).user
            return (found.uid, found.gid)
        } catch { throw BuildError(.notFound, "\(error)") }
    }
}

/// Where files go, in the root of a step's filesystem; directories on the way are made when they are not there.
private struct Target {
    let root: CInt
    let destination: String
    let isDirectory: Bool
    /// Whom new directories belong to.
    let owner: (user: UInt32, group: UInt32)
    /// What they may do there.
    let mode: UInt32

    /// The destination as a directory.
    func directory() throws -> OwnedDescriptor { try make(destination) }

    /// The directory and the name of one file.
    func file(called name: String) throws -> (HeldDescriptor, String) {
        let place = try resolved(destination)
        if isDirectory || (place.isThere && place.kind == .directory) {
            return (HeldDescriptor(try make(destination)), name)
        }
        let components = place.present + place.missing
        guard let last = components.last else { return (HeldDescriptor(try make("/")), name) }
        return (HeldDescriptor(try make("/" + components.dropLast().joined(separator: "/"))), last)
    }

    /// The directory and the name of what keeps the directories above it.
    func parents(of written: [String]) throws -> (HeldDescriptor, String) {
        let path = ([destination] + written.dropLast()).joined(separator: "/")
        return (HeldDescriptor(try make(path)), written.last ?? "")
    }

    private func borrowedRoot() throws(SyscallError) -> OwnedDescriptor {
        OwnedDescriptor(adopting: try SyscallError.checkErrno(fcntl(root, F_DUPFD_CLOEXEC, 3), "fcntl", "a root"))
    }

    private func resolved(_ path: String) throws -> RootPath {
        let root = try borrowedRoot()
        do throws(SyscallError) { return try RootPath(path, in: root) } catch {
            throw BuildError(.notFound, "can't copy to \(path): \(error)")
        }
    }

    private func make(_ path: String) throws -> OwnedDescriptor {
        let place = try resolved(path)
        guard place.kind == .directory else {
            throw BuildError(
                .notFound,
                "can't copy to \(path): /\(place.present.joined(separator: "/")) is no directory"
            )
        }
        let root = try borrowedRoot()
        var current = try root.openAt(path: place.presentRelative, O_RDONLY | O_DIRECTORY, [.beneath, .noLinks])
        for name in place.missing {
            _ = try SyscallError.checkErrno(mkdirat(current.rawValue, name, 0o755), "mkdirat", name)
            current = try current.openAt(path: name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, [.beneath, .noLinks])
            _ = try SyscallError.checkErrno(fchown(current.rawValue, owner.user, owner.group), "fchown", name)
            _ = try SyscallError.checkErrno(fchmod(current.rawValue, mode_t(mode)), "fchmod", name)
        }
        return current
    }
}
