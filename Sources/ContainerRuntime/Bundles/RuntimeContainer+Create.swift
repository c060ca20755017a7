import Glibc
package import LinuxSystem
import OCISpec

/// A container that has been made and not started yet, and its first process, which is our child.
package struct CreatedContainer: ~Copyable {
    package let container: RuntimeContainer
    package let process: LaunchedProcess
    /// What this host can't do of what is asked, in words for a warning.
    package let unenforced: [String]
    /// Whether the program is executed already.
    fileprivate let isStarted: Bool

    /// Lets the process go on, and returns when its program is executed.
    package borrowing func start() throws(ContainerError) {
        if isStarted { return }
        try container.start()
        do { try process.awaitExecution() } catch {
            if case .executeThrough(_, _, _, let arguments, _)? = error.entry?.step {
                throw .program(arguments.first ?? "", error)
            }
            throw ContainerError(code: .kernel, message: "container \(container.id): \(error)", cause: error)
        }
    }

    /// Ends what runs, and removes the container; returns what could not be done, and what went wrong in hooks.
    package borrowing func remove() throws(ContainerError) -> [ContainerError] { try container.remove() }
}

extension RuntimeContainer {
    /// What a command lends to a container that it makes.
    package struct CreateOptions: Sendable {
        /// A connected socket that takes the terminal's master; lent.
        package var terminal: Int32?
        /// How many descriptors from 3 on the program gets.
        package var keptDescriptors = 0
        /// The host's root stays where it is, below the container's.
        package var staysOnRoot = false
        /// The container is started at once, and need not wait for that.
        package var startsAtOnce = false
        /// The control group is a scope of systemd's.
        package var usesSystemd = false
        /// Whether the container has a session keyring of its own.
        package var hasKeyring = true
        /// The socket of the service manager that wants to know when the program is ready.
        package var manager: String?

        /// Nothing lent.
        package init() {}
    }

    /// Makes a container that waits right before its program; standard input, output and error are ours.
    ///
    /// A failure leaves nothing behind; a crash leaves what `delete` with `force` removes.
    package static func create(
        _ id: ContainerID,
        _ bundle: ContainerBundle,
        in store: RuntimeStore,
        _ options: CreateOptions
    ) throws(ContainerError) -> CreatedContainer {
        var spec = try bundle.spec.absolute(in: bundle.directory)
        spec.process?.addHome(in: spec.root?.path ?? "")
        try checkTerminal(spec, options)
        var inputs = PlanInputs()
        inputs.seccomp = try spec.linux?.seccomp.map { seccomp throws(ContainerError) in
            try SeccompProgram(compiling: seccomp)
        }
        // Nobody has to be waited for where nothing is to happen between the two: the process can then share our memory.
        let needsGate =
            spec.hooks?.isEmpty == false || inputs.seccomp?.hasListener == true || options.usesSystemd
            || options.manager != nil
        inputs.awaitsStart = needsGate || !options.startsAtOnce
        inputs.awaitsHooks = spec.hooks?.areBeforeRoot == true
        inputs.keptDescriptors = options.keptDescriptors
        inputs.staysOnRoot = options.staysOnRoot
        inputs.keyring = options.hasKeyring ? "_ses.\(id)" : nil
        // What is wrong with the configuration is to be known before anything is made.
        try inputs.observe(for: spec)
        // Its source is made with the container.
        if let manager = options.manager { spec.addNotices(of: manager, from: store.notices(of: id)) }
        let plan = try ContainerPlan(spec.ofContainer, inputs)
        var scope: SystemdScope?
        let path: String
        if options.usesSystemd {
            // Whether systemd is there is to be known before anything is made.
            let named = try SystemdScope(cgroupsPath: spec.linux?.cgroupsPath ?? "", id: id, isUsers: geteuid() != 0)
            var manager = try SystemdManager.connect()
            path = try manager.controlGroup() + named.path
            scope = named
        } else {
            path = try spec.groupPath(id, isPrivileged: inputs.mayMount)
        }
        try store.checkFree(id)
        try refuseForeignGroup(path)
        try store.claim(id)
        let record = RuntimeRecord(
            id: "\(id)",
            bundle: bundle.directory,
            rootfs: spec.root?.path ?? "",
            created: Timestamp.text(nanoseconds: FileMetadata.Timestamp.now.sinceEpoch),
            owner: getuid(),
            cgroup: path,
            unit: scope?.unit,
            config: spec
        )
        let container = RuntimeContainer(id, in: store, record: record)
        let devices = plan.devices.isEmpty ? nil : NetworkDeviceTransfer(plan.devices)
        do {
            try store.write(record, bundle.document, of: id)
            if options.manager != nil { try store.makeNotices(of: id) }
            return try container.launch(plan, options, scope, devices)
        } catch {
            // The first error is the one to tell; what stays is there for `delete --force`.
            _ = try? container.remove()
            throw devices?.undo().first.map { error.adding($0) } ?? error
        }
    }

    private static func checkTerminal(_ spec: RuntimeSpec, _ options: CreateOptions) throws(ContainerError) {
        switch (spec.process?.terminal == true, options.terminal != nil) {
        case (true, false):
            throw .invalid(
                "process.terminal",
                "cannot allocate a tty without --console-socket: give the path of a socket"
            )
        case (false, true):
            throw .invalid("--console-socket", "the configuration asks for no terminal: set process.terminal")
        default: break
        }
    }

    /// Nobody's processes but the container's may be in a group that goes with it.
    private static func refuseForeignGroup(_ path: String) throws(ContainerError) {
        let group = Cgroup(path, in: try hierarchies())
        guard let directory = group.unifiedDirectory,
            let events = try? readFile("\(directory)/cgroup.events"),  // there is none, so nobody is in it
            events.contains("populated 1")
        else { return }
        throw .invalid("linux.cgroupsPath", "the group \(path) has processes; name one of the container's own")
    }

    /// Makes the group, and the process as it was planned, or as its group demands.
    private func launch(
        _ given: ContainerPlan,
        _ options: CreateOptions,
        _ scope: SystemdScope?,
        _ devices: NetworkDeviceTransfer?
    ) throws(ContainerError) -> CreatedContainer {
        var spec = record.config
        var inputs = given.inputs
        var unenforced: [String] = []
        var group: ContainerCgroup?
        if scope == nil {
            group = try inputs.mayMount ? makeGroup(spec) : makeDelegatedGroup(&spec, &unenforced)
        }
        inputs.awaitsScope = scope != nil
        inputs.awaitsGroups = group?.needsAttachment == true || scope != nil
        let showsGroups = spec.mounts?.contains { $0.type == "cgroup" } == true
        inputs.legacyHierarchies = showsGroups ? group?.legacyMounts ?? [] : []
        var planned = spec
        if scope != nil { planned.linux?.resources = nil }
        let isAsPlanned = inputs == given.inputs && planned == record.config
        let plan = isAsPlanned ? given : try ContainerPlan(planned.ofContainer, inputs)
        var surroundings =
            try inputs.mayMount
            ? Container.Surroundings(root: copyRoot(plan))
            : Container.Surroundings(stdio: (0, 1, 2))
        surroundings.group = group
        surroundings.terminal = options.terminal
        surroundings.devices = devices
        try spec.giveStandardDescriptors()
        guard inputs.awaitsStart else {
            let process = try Container.start(plan, in: surroundings)
            unenforced += plan.unenforced + (group?.unenforced ?? [])
            return try finished(process, unenforced, isStarted: true)
        }
        let gate = try openGate()
        surroundings.gate = gate.rawValue
        var scopeGroup: ContainerCgroup?
        let atGroups = scope.map { scope in
            { (pid: Int32) in
                var manager = try SystemdManager.connect()
                try manager.start(scope, process: pid, spec)
                let made = try makeGroup(spec, hasDevices: inputs.mayMount)
                try made.attachLegacy(pid: pid)
                scopeGroup = made
            }
        }
        let process = try Container.create(plan, in: surroundings, atGroups: atGroups) { pid, pidfd in
            var state = state(.creating)
            state.pid = pid
            let hooks = spec.hooks
            // Older than the other hooks: to them the container is there, and not yet started.
            var made = state
            made.status = .created
            try HookRun(name: "prestart", state: made, place: .host).run(hooks?.prestart)
            try HookRun(name: "createRuntime", state: state, place: .host).run(hooks?.createRuntime)
            try HookRun(name: "createContainer", state: state, place: .namespaces(pidfd, spec)).run(
                hooks?.createContainer
            )
        }
        withExtendedLifetime(gate) {}
        do { try tellListener(of: process) } catch {
            try? sendSignal(SIGKILL, to: process.descriptor.rawValue)  // it may just have ended
            _ = try? process.waitForExit()  // the first error is the one to tell
            throw error
        }
        unenforced += plan.unenforced + ((group ?? scopeGroup)?.unenforced ?? [])
        return try finished(process, unenforced, isStarted: false)
    }

    /// Writes down the process of a container that is there.
    private func finished(
        _ process: consuming LaunchedProcess,
        _ unenforced: [String],
        isStarted: Bool
    ) throws(ContainerError) -> CreatedContainer {
        var created = self
        created.record.process = ProcessIdentity(of: process.pid)
        do { try store.write(process: created.record.process, of: id) } catch {
            try? sendSignal(SIGKILL, to: process.descriptor.rawValue)  // it may just have ended
            _ = try? process.waitForExit()  // the first error is the one to tell
            throw error
        }
        return CreatedContainer(container: created, process: process, unenforced: unenforced, isStarted: isStarted)
    }

    private func copyRoot(_ plan: ContainerPlan) throws(ContainerError) -> DetachedMount {
        let propagation = plan.rootPropagation
        var change = MountChange()
        // A shared mount can't be pivoted to; what is to be one gets what is mounted at the host, and gives it on.
        change.all.propagation = propagation == nil || propagation == .unbindable ? .private : .slave
        do {
            let root = try DetachedMount.copy(of: record.rootfs, recursive: true, change: change)
            if plan.sharesMounts {
                try store.write(rootMount: root.descriptor.mountNumber(), of: id)
            }
            return root
        } catch let error as ContainerError { throw error } catch let error as SyscallError {
            throw .kernel("root.path", error)
        } catch { throw .invalid("root.path", "\(error)") }
    }

    /// The group of a container whose user may not make one everywhere; none where nothing is delegated to that user.
    ///
    /// No device can be made in a user namespace, so there are no rules for them. Limits without a group to have them
    /// are taken out of the configuration, and told.
    private func makeDelegatedGroup(
        _ spec: inout RuntimeSpec,
        _ unenforced: inout [String]
    ) throws(ContainerError) -> ContainerCgroup? {
        spec.linux?.resources?.devices = nil
        do {
            try checkDelegation()
            return try ContainerCgroup.make(
                record.cgroup,
                in: group.group.hierarchies.unifiedAlone,
                resources: spec.linux?.resources,
                devices: nil
            )
        } catch {
            let refused = (error.cause as? SyscallError)?.errno.rawValue
            guard [EACCES, EPERM, EROFS].contains(refused) else { throw error }
            // What was made on the way goes; others' groups stay.
            try group.group.removeIfEmpty()
            try group.group.removeOwnParents()
            if let resources = spec.linux?.resources, resources != ResourcesSpec() {
                unenforced.append("linux.resources: no control group is delegated to us at \(record.cgroup)")
            }
            spec.linux?.resources = nil
            return nil
        }
    }

    /// Makes the group, or takes over that of a scope.
    ///
    /// No device can be made in a user namespace, so an ordinary user's container has no rules for them.
    private func makeGroup(_ spec: RuntimeSpec, hasDevices: Bool = true) throws(ContainerError) -> ContainerCgroup {
        let named = try group.group
        let above = named.missingParents
        let devices = hasDevices ? try DeviceProgram(spec.linux?.resources?.devices ?? []) : nil
        let made = try ContainerCgroup.make(
            record.cgroup,
            in: named.hierarchies,
            resources: spec.linux?.resources,
            devices: devices
        )
        do { try Cgroup.markOwn(above) } catch { throw .kernel("linux.cgroupsPath", error) }
        return made
    }

    /// Whether a process may go from our group to the container's: who moves one writes to the group above both.
    private func checkDelegation() throws(ContainerError) {
        let group = try group.group
        guard let root = group.hierarchies.unified else { return }
        var above = root
        for (ours, theirs) in zip(RuntimeSpec.ownGroup.split(separator: "/"), group.path.split(separator: "/")) {
            guard ours == theirs else { break }
            above += "/\(ours)"
        }
        guard access("\(above)/cgroup.procs", W_OK) == 0 else {
            throw .kernel("linux.cgroupsPath", SyscallError(call: "access", subject: above, errno: .current))
        }
    }

    /// Makes the FIFO at which the process waits, and opens it so that nobody has to wait for anybody: fifo(7).
    private func openGate() throws(ContainerError) -> OwnedDescriptor {
        let path = store.gate(of: id)
        do {
            _ = try SyscallError.checkErrno(mkfifo(path, 0o600), "mkfifo", path)
            return OwnedDescriptor(
                adopting: try SyscallError.checkErrno(open(path, O_RDWR | O_CLOEXEC), "open", path)
            )
        } catch { throw .kernel("container \(id)", error) }
    }
}

extension HooksSpec {
    /// Whether there is no hook at all.
    fileprivate var isEmpty: Bool {
        [prestart, createRuntime, createContainer, startContainer, poststart, poststop].allSatisfy {
            $0?.isEmpty != false
        }
    }

    /// Whether some hook is to run before the container has its root.
    fileprivate var areBeforeRoot: Bool {
        [prestart, createRuntime, createContainer].contains { $0?.isEmpty == false }
    }
}
