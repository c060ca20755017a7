import Glibc
package import LinuxSystem
import OCISpec

/// A container of `roost runtime`, of which nothing but its files and its processes stays between two commands.
package struct RuntimeContainer: Sendable {
    package let store: RuntimeStore
    package let id: ContainerID
    package internal(set) var record: RuntimeRecord

    /// How long a killed process may take to end.
    private static let patience: Int32 = 10_000

    /// Finds a container.
    package init(_ id: ContainerID, in store: RuntimeStore) throws(ContainerError) {
        try self.init(id, in: store, record: store.record(id))
    }

    init(_ id: ContainerID, in store: RuntimeStore, record: RuntimeRecord) {
        (self.store, self.id, self.record) = (store, id, record)
    }

    /// Where it is in its life, from what is there now.
    package var status: RuntimeStatus {
        guard let process = record.process else { return .creating }
        if process.hasEnded { return .stopped }
        if (try? group)?.group.isFrozen == true { return .paused }  // without a group nothing is
        return fileExists(store.gate(of: id)) ? .created : .running
    }

    /// What `state` prints.
    package var state: RuntimeState { state(status) }

    func state(_ status: RuntimeStatus) -> RuntimeState {
        RuntimeState(record, status, owner: record.owner == 0 ? "root" : "\(record.owner)")
    }

    /// Its control group.
    package var group: ContainerCgroup {
        get throws(ContainerError) { ContainerCgroup(record.cgroup, in: try RuntimeContainer.hierarchies()) }
    }

    /// The host's, which a command looks for once.
    static func hierarchies() throws(ContainerError) -> CgroupHierarchies { try found.get() }

    private static let found = Result { () throws(SyscallError) in try CgroupHierarchies.ofHost() }
        .mapError { ContainerError.kernel("control groups", $0) }

    /// Lets the waiting process execute its program; a hook that fails ends and removes the container.
    package func start() throws(ContainerError) {
        let status = status
        guard status == .created else { throw wrongState("cannot start a container that is \(status.rawValue)") }
        let hooks = record.config.hooks
        if let first = hooks?.startContainer, !first.isEmpty {
            let pidfd = try process()
            let place = HookRun.Place.container(
                pidfd.rawValue,
                record.config.ofContainer,
                hasTracers: try hasTracers(beside: record.config)
            )
            try endingOnFailure { () throws(ContainerError) in
                try HookRun(name: "startContainer", state: state(.created), place: place).run(first)
            }
        }
        let path = store.gate(of: id)
        // Nobody has it open for reading: the process is gone.
        let number = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        guard number >= 0 else { throw .kernel("container \(id)", .init(call: "open", subject: path, errno: .current)) }
        let gate = OwnedDescriptor(adopting: number)
        do { try Container.passGate(gate.rawValue) } catch { throw .kernel("container \(id)", error) }
        removeFile(path)
        try endingOnFailure { () throws(ContainerError) in
            try HookRun(name: "poststart", state: state(.running), place: .host).run(hooks?.poststart)
        }
    }

    /// Runs hooks, and ends and removes the container where one fails: OCI Runtime Specification, "Lifecycle".
    private func endingOnFailure(_ hooks: () throws(ContainerError) -> Void) throws(ContainerError) {
        do { try hooks() } catch {
            _ = try? remove()  // the first error is the one to tell; what stays is there for `delete --force`
            throw error
        }
    }

    /// Sends a signal to the first process, or to all.
    package func kill(_ signal: Int32, all: Bool) throws(ContainerError) {
        if all {
            for pid in try processes() where Glibc.kill(pid, signal) != 0 && Glibc.errno != ESRCH {
                throw .kernel("container \(id)", .init(call: "kill", subject: "process \(pid)", errno: .current))
            }
            return
        }
        guard [.created, .running, .paused].contains(status) else {
            throw wrongState("container not running: it is \(status.rawValue)")
        }
        // Named, so that it stays open for the call.
        let pidfd = try process()
        do { try sendSignal(signal, to: pidfd.rawValue) } catch { throw .kernel("container \(id)", error) }
        withExtendedLifetime(pidfd) {}
    }

    /// Stops all processes where they are.
    package func pause() throws(ContainerError) { try setFrozen(true, from: [.running, .created]) }

    /// Lets paused processes go on.
    package func resume() throws(ContainerError) { try setFrozen(false, from: [.paused]) }

    private func setFrozen(_ isFrozen: Bool, from allowed: [RuntimeStatus]) throws(ContainerError) {
        let status = status
        guard allowed.contains(status) else {
            throw wrongState("container not \(isFrozen ? "running" : "paused"): it is \(status.rawValue)")
        }
        do { try group.group.setFrozen(isFrozen) } catch let error as SyscallError {
            throw .kernel("container \(id)", error)
        } catch let error as ContainerError {
            throw error
        } catch { throw ContainerError(code: .kernel, message: "\(error)", cause: error) }
    }

    /// The ids of all its processes, in our own PID namespace.
    package func processes() throws(ContainerError) -> [Int32] {
        let group = try group.group
        var pids: [Int32] = []
        var directories = [group.unifiedDirectory].compactMap { $0 }
        while let directory = directories.popLast() {
            // A group that goes meanwhile has no process.
            let text = (try? readFile("\(directory)/cgroup.procs", limit: 16 << 20)) ?? ""
            pids += text.split(separator: "\n").compactMap { Int32($0) }
            directories += namesInDirectory(directory).map { "\(directory)/\($0)" }
                .filter { fileExists("\($0)/cgroup.procs") }
        }
        return pids.sorted()
    }

    /// A pidfd of the first process.
    package func process() throws(ContainerError) -> OwnedDescriptor {
        do { if let opened = try record.process?.open() { return opened } } catch {
            throw .kernel("container \(id)", error)
        }
        throw wrongState("container not running: it is \(status.rawValue)")
    }

    /// Takes away the mounts of a container that has made them among the host's.
    private func detachRoot() throws(ContainerError) {
        let kinds = record.config.linux?.namespaces ?? []
        guard !kinds.contains(where: { $0.type == "mount" }), let mount = store.rootMount(of: id) else { return }
        do throws(SyscallError) {
            // Whatever else has been mounted there since is somebody else's.
            guard try OwnedDescriptor.path(record.rootfs).mountNumber() == mount else { return }
            try detachMounts(at: record.rootfs)
        } catch {
            guard error.errno != .notFound else { return }
            throw .kernel("container \(id)", error)
        }
    }

    func wrongState(_ message: String) -> ContainerError {
        ContainerError(code: .wrongState, message: "container \(id): \(message)")
    }

    // MARK: The end

    /// Removes a container and all that is left of it; with `force` one that runs, or was never finished, too.
    ///
    /// Returns what could not be done, and what went wrong in hooks.
    package static func delete(
        _ id: ContainerID,
        in store: RuntimeStore,
        force: Bool
    ) throws(ContainerError) -> [ContainerError] {
        guard let record = try store.find(id) else {
            guard force else { _ = try store.record(id); return [] }
            try store.remove(id)
            return []
        }
        let container = RuntimeContainer(id, in: store, record: record)
        let status = container.status
        guard force || status == .stopped || status == .created else {
            throw container.wrongState("cannot delete a container that is not stopped: \(status.rawValue)")
        }
        return try container.remove()
    }

    /// Ends what runs, removes the groups, and forgets the container; tells of what went wrong on the way.
    ///
    /// Does nothing where that is done already, and the hooks have run.
    func remove() throws(ContainerError) -> [ContainerError] {
        guard fileExists(store.directory(of: id)) else { return [] }
        do {
            if let process = try record.process?.open() {
                try? sendSignal(SIGKILL, to: process.rawValue)  // it may just have ended
                guard waitReadable([process.rawValue], milliseconds: RuntimeContainer.patience)[0] else {
                    throw wrongState("process \(record.process?.pid ?? 0) does not end; try again")
                }
            }
        } catch let error as SyscallError {
            throw .kernel("container \(id)", error)
        } catch let error as ContainerError {
            throw error
        } catch { throw ContainerError(code: .kernel, message: "\(error)", cause: error) }
        let group = try group
        if let failure = group.remove().first { throw .kernel("container \(id)", failure) }
        if let unit = record.unit {
            // It sees by itself that the group is empty, but not at once, and till then the name is taken.
            var manager = try SystemdManager.connect()
            try manager.stop(unit)
        }
        group.group.removeOwnParents()
        try detachRoot()
        try store.remove(id)
        return HookRun(name: "poststop", state: state(.stopped), place: .host).runAll(record.config.hooks?.poststop)
    }
}
