import Crypto
import Glibc
import ImageStore
import LinuxSystem
import OCISpec

/// Makes what `RUN --mount` asks for.
struct RunMounts {
    let settings: BuildSettings
    let place: WorkPlace
    let snapshots: BuildSnapshots
    /// Where files of other steps and of contexts are.
    let tree: (StepID) throws -> SourceTree
    /// What a step has left; nil for contexts and for an empty one.
    let filesystem: (StepID) -> StepFilesystem?

    /// All mounts of a command, in order; `mark` finds the place of one in the file.
    func make(_ mounts: [RunOperation.Mount]) throws -> StepMounts {
        let result = StepMounts()
        for mount in mounts {
            switch mount.kind {
            case .bind(let bind): try add(bind, at: mount.target ?? "/", to: result)
            case .cache(let cache): try add(cache, at: mount.target ?? "/", to: result)
            case .tmpfs(let size):
                result.add(
                    MountSpec(
                        destination: mount.target ?? "/",
                        type: "tmpfs",
                        source: "tmpfs",
                        options: ["nosuid", "nodev"] + (size.map { ["size=\($0)"] } ?? [])
                    )
                )
            case .secret(let secret): try add(secret, at: mount.target, to: result)
            case .ssh(let agent): try add(agent, at: mount.target, to: result)
            }
        }
        return result
    }

    // MARK: bind

    private func add(_ bind: RunOperation.Bind, at target: String, to mounts: StepMounts) throws {
        let tree = try tree(bind.source)
        let found = try tree.matches(bind.selection)
        guard let match = found.first else { return }
        let isDirectory = match.metadata.kind == .directory
        if bind.isWritable || (tree.isContext && bind.honoursIgnoreFile && !tree.ignored.isEmpty && isDirectory) {
            return try addCopy(bind, match, tree, at: target, to: mounts)
        }
        let path = match.path.isEmpty ? "." : match.path.joined(separator: "/")
        let source = try tree.root.openAt(path: path, O_PATH | O_NOFOLLOW, [.beneath, .noLinks])
        let mount = try DetachedMount.copy(
            of: "/proc/self/fd/\(source.rawValue)",
            recursive: false,
            attributes: .readOnly
        )
        try mounts.add(mount, at: target, isReadOnly: true)
    }

    /// What is written to goes to a directory of its own, and with it.
    private func addCopy(
        _ bind: RunOperation.Bind,
        _ match: SourceTree.Match,
        _ tree: SourceTree,
        at target: String,
        to mounts: StepMounts
    ) throws {
        let step = try place.makeStep()
        mounts.own(step.path)
        let directory = try OwnedDescriptor.directory(step.changes)
        let isDirectory = match.metadata.kind == .directory
        var options = FileCopier.Options()
        if tree.isContext { options.owner = (0, 0) }
        let copier = FileCopier(into: directory.rawValue, as: isDirectory ? nil : "file", options)
        try tree.walk(match, bind.selection, to: copier)
        let path = isDirectory ? step.changes : "\(step.changes)/file"
        let mount = try DetachedMount.copy(of: path, recursive: false, attributes: bind.isWritable ? [] : .readOnly)
        try mounts.add(mount, at: target, isReadOnly: !bind.isWritable)
    }

    // MARK: cache

    private func add(_ cache: RunOperation.Cache, at target: String, to mounts: StepMounts) throws {
        var name = Self.name(of: cache)
        switch cache.sharing {
        case .shared: mounts.hold(try lock(name, LOCK_SH))
        case .locked: mounts.hold(try lock(name, LOCK_EX))
        case .private:
            var number = 1
            while true {
                if let lock = try tryLock(name) {
                    mounts.hold(lock)
                    break
                }
                number += 1
                name = "\(Self.name(of: cache))-\(number)"
            }
        }
        try fill(name, cache)
        let mount = try DetachedMount.copy(of: "data", beneath: "\(snapshots.cachesDirectory)/\(name)")
        try mounts.add(mount, at: target, isReadOnly: cache.isReadOnly)
    }

    /// The id is anybody's text; its digest is a name.
    private static func name(of cache: RunOperation.Cache) -> String {
        var text = CanonicalText()
        text.add("cache", cache.id)
        return String(text.digest.prefix(32))
    }

    private func lock(_ name: String, _ operation: CInt) throws -> HeldDescriptor {
        let file = try lockFile(name)
        while flock(file.descriptor.rawValue, operation) != 0 {
            let reason = Errno.current
            guard reason.rawValue == EINTR else {
                throw SyscallError(call: "flock", subject: "a cache directory", errno: reason)
            }
        }
        return file
    }

    private func tryLock(_ name: String) throws -> HeldDescriptor? {
        let file = try lockFile(name)
        if flock(file.descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 { return file }
        let reason = Errno.current
        guard reason.rawValue == EWOULDBLOCK else {
            throw SyscallError(call: "flock", subject: "a cache directory", errno: reason)
        }
        return nil
    }

    private func lockFile(_ name: String) throws(SyscallError) -> HeldDescriptor {
        let directory = "\(snapshots.cachesDirectory)/\(name)"
        try makeDirectories(directory)
        let raw = open("\(directory)/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        return HeldDescriptor(OwnedDescriptor(adopting: try SyscallError.checkErrno(raw, "open", directory)))
    }

    /// Makes the directory of a new cache, with what it starts with; others see it when it is whole.
    private func fill(_ name: String, _ cache: RunOperation.Cache) throws {
        let directory = "\(snapshots.cachesDirectory)/\(name)"
        _ = utimensat(AT_FDCWD, directory, nil, 0)
        if fileExists("\(directory)/data") { return }
        // One at a time: rename(2) would put a second new directory in the place of an empty one, which the step that made
        // that has mounted already.
        let place = try OwnedDescriptor.directory(directory)
        while flock(place.rawValue, LOCK_EX) != 0 {
            let reason = Errno.current
            guard reason.rawValue == EINTR else {
                throw SyscallError(call: "flock", subject: "a cache directory", errno: reason)
            }
        }
        if fileExists("\(directory)/data") { return }
        // What a killed build has left.
        for name in namesInDirectory(directory) where name.hasPrefix("new") { try place.removeTree(name) }
        try fill("\(directory)/new", with: cache)
        _ = try SyscallError.checkErrno(rename("\(directory)/new", "\(directory)/data"), "rename", directory)
    }

    private func fill(_ path: String, with cache: RunOperation.Cache) throws {
        guard mkdir(path, 0o700) == 0 else {
            throw SyscallError(call: "mkdir", subject: path, errno: .current)
        }
        if let seed = cache.seed, let selection = cache.seedSelection {
            let tree = try tree(seed)
            let target = try OwnedDescriptor.directory(path)
            for match in try tree.matches(selection) {
                try tree.walk(match, selection, to: FileCopier(into: target.rawValue, as: nil, .init()))
            }
        }
        _ = try SyscallError.checkErrno(chown(path, cache.uid, cache.gid), "chown", path)
        _ = try SyscallError.checkErrno(chmod(path, mode_t(cache.mode)), "chmod", path)
    }

    // MARK: secrets and agents

    private func add(_ secret: RunOperation.Secret, at target: String?, to mounts: StepMounts) throws {
        guard let bytes = try settings.secret(secret.id) else {
            guard secret.isRequired else { return }
            throw BuildError(
                .notFound,
                "the build has no secret \"\(secret.id)\"; name it in the service's build.secrets"
            )
        }
        if let variable = secret.variable {
            guard !bytes.contains(0) else {
                throw BuildError(.notFound, "secret \"\(secret.id)\" has a zero byte, which no variable can hold")
            }
            mounts.add(environment: "\(variable)=\(String(decoding: bytes, as: UTF8.self))")
        }
        guard let target else { return }
        let directory = try place.makeMemory()
        mounts.own(directory)
        let path = "\(directory)/secret"
        try writeOwnedFile(path, bytes, owner: secret.uid, group: secret.gid, mode: secret.mode)
        try mounts.add(
            DetachedMount.copy(of: path, recursive: false, attributes: .readOnly),
            at: target,
            isReadOnly: true
        )
    }

    private func add(_ agent: RunOperation.Agent, at target: String?, to mounts: StepMounts) throws {
        guard let path = settings.agents[agent.id] else {
            guard agent.isRequired else { return }
            throw BuildError(
                .notFound,
                "the build has no SSH agent \"\(agent.id)\"; name it in the service's build.ssh or with --ssh"
            )
        }
        let kind: FileMetadata.Kind
        do { kind = try OwnedDescriptor.path(path).metadata().kind } catch {
            throw BuildError(.notFound, "SSH agent \"\(agent.id)\": \(error)")
        }
        guard kind == .socket else {
            throw BuildError(
                .unsupported,
                "SSH agent \"\(agent.id)\": \(path) is no socket; keys in files take an agent"
            )
        }
        let directory = try place.makeMemory()
        mounts.own(directory)
        do throws(SyscallError) {
            let owner = (agent.uid, agent.gid)
            mounts.hold(try AgentRelay(at: "\(directory)/agent", to: path, mode: agent.mode, owner: owner))
        } catch { throw BuildError(.notFound, "SSH agent \"\(agent.id)\": \(error)") }
        let mount = try DetachedMount.copy(of: "\(directory)/agent", recursive: false, attributes: [])
        let target = target ?? "/run/buildkit/ssh_agent.\(mounts.specs.count)"
        try mounts.add(mount, at: target, isReadOnly: false)
        mounts.add(environment: "SSH_AUTH_SOCK=\(target)")
    }
}
