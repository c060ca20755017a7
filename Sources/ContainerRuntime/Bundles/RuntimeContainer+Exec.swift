import Glibc
package import LinuxSystem
package import OCISpec

extension RuntimeContainer {
    /// What a command lends to a program that it runs in a container.
    package struct ExecOptions: Sendable {
        /// A connected socket that takes the terminal's master; lent.
        package var terminal: Int32?
        /// How many descriptors from 3 on the program gets.
        package var keptDescriptors = 0

        /// The path of a group below the container's.
        package var group: String?
        /// A paused container is entered, too.
        package var ignoresPause = false

        /// Nothing lent.
        package init() {}
    }

    /// Runs one more program in the container, with standard input, output and error of ours; returns when it is executed.
    package func execute(
        _ process: ProcessSpec,
        _ options: ExecOptions
    ) throws(ContainerError) -> LaunchedProcess {
        let status = status
        guard [.running, .created].contains(status) || status == .paused && options.ignoresPause else {
            throw wrongState("cannot exec in a container that is \(status.rawValue)")
        }
        let pidfd = try self.process()
        var spec = record.config.ofContainer
        spec.process = process
        spec.process?.addHome(in: "/proc/\(record.process?.pid ?? 0)/root")
        var inputs = PlanInputs()
        inputs.seccomp = try spec.linux?.seccomp.map { seccomp throws(ContainerError) in
            try SeccompProgram(compiling: seccomp)
        }
        inputs.keptDescriptors = options.keptDescriptors
        inputs.hasTracers = try hasTracers(beside: spec)
        try inputs.observeOurselves()
        if let list = process.execCPUAffinity?.initial, !list.isEmpty {
            let place = "process.execCPUAffinity.initial"
            do { try ContainerPlan.processors(list, place: place).confineThisThread() } catch let error as SyscallError
            {
                throw .kernel(place, error)
            } catch let error as ContainerError { throw error } catch { throw .invalid(place, "\(error)") }
        }
        var group = try joinedGroup(options.group, isPrivileged: inputs.mayMount)
        inputs.awaitsGroups = group?.needsAttachment == true
        var atGroups: ((Int32) throws -> Void)?
        if let unit = record.unit, let wanted = group, !inputs.mayMount {
            // From a user's session to a scope of the same user only systemd may move a process.
            let below = String(wanted.group.path.dropFirst(record.cgroup.count))
            (group, inputs.awaitsGroups) = (nil, true)
            atGroups = { pid in
                var manager = try SystemdManager.connect()
                try manager.attach(process: pid, to: unit, below: below)
            }
        }
        var surroundings = Container.ExecSurroundings(container: pidfd.rawValue)
        surroundings.terminal = options.terminal
        surroundings.group = group
        surroundings.ignoresPause = options.ignoresPause
        try spec.giveStandardDescriptors()
        guard inputs.seccomp?.hasListener == true else {
            let plan = try ContainerPlan(exec: spec, inputs)
            let launched = try Container.execute(plan, in: surroundings, atGroups: atGroups)
            withExtendedLifetime(pidfd) {}
            return launched
        }
        inputs.awaitsStart = true
        let launched = try executeWithListener(ContainerPlan(exec: spec, inputs), surroundings, atGroups)
        withExtendedLifetime(pidfd) {}
        return launched
    }

    /// Whether others in the container may trace a program that joins; notes it when it may do so itself.
    func hasTracers(beside spec: RuntimeSpec) throws(ContainerError) -> Bool {
        guard let process = record.process else { return record.config.mayTrace }
        let note = TracerNote(in: store.directory(of: id), of: process)
        return try note.hasTracers(beside: spec, of: record.config)
    }

    /// The group for a program: the container's, or one below it.
    ///
    /// By itself it is where the first process is, which the container may have moved to a group of its own making.
    ///
    /// There is none where the container could not have one.
    private func joinedGroup(_ wanted: String?, isPrivileged: Bool) throws(ContainerError) -> ContainerCgroup? {
        let own = try group
        let parts = (wanted ?? "").split(separator: "/")
        guard !parts.contains(".."), !parts.contains("."), wanted?.utf8.contains(0) != true else {
            throw .invalid("--cgroup", "'\(wanted ?? "")' is not a path below the container's group")
        }
        let start = parts.isEmpty ? try placeOfFirstProcess(in: own.group) : record.cgroup
        let path = ([start] + parts.map(String.init)).joined(separator: "/")
        let below = ContainerCgroup(path, in: own.group.hierarchies)
        if !parts.isEmpty, let directory = below.group.unifiedDirectory, !fileExists(directory) {
            throw .invalid("--cgroup", "there is no group \(wanted ?? "") in the container's")
        }
        if isPrivileged { return below.joined() }
        guard let directory = below.group.unifiedDirectory, fileExists(directory) else { return nil }
        return below
    }

    /// The group of the first process, where the container's own can have none: it has groups below that share
    /// controllers, as cgroups(7) has it.
    private func placeOfFirstProcess(in group: Cgroup) throws(ContainerError) -> String {
        guard let directory = group.unifiedDirectory, let process = record.process,
            // Without the file nothing is shared.
            let shared = try? readFile("\(directory)/cgroup.subtree_control"),
            shared.contains(where: { !$0.isWhitespace })
        else { return record.cgroup }
        let text: String
        do { text = try readFile("/proc/\(process.pid)/cgroup") } catch { throw .kernel("container \(id)", error) }
        let place = text.split(separator: "\n").first { $0.hasPrefix("0::") }?.dropFirst(3) ?? ""
        return place.hasPrefix(record.cgroup + "/") ? String(place) : record.cgroup
    }

    /// Holds the program back until somebody listens to its filter.
    private func executeWithListener(
        _ plan: ContainerPlan,
        _ given: Container.ExecSurroundings,
        _ atGroups: ((Int32) throws -> Void)?
    ) throws(ContainerError) -> LaunchedProcess {
        do {
            let gate = try Pipe()
            var surroundings = given
            surroundings.gate = gate.reading.rawValue
            let launched = try Container.execute(plan, in: surroundings, atGroups: atGroups)
            do {
                try launched.awaitGate()
                try tellListener(of: launched)
                try Container.passGate(gate.writing.rawValue)
                if !plan.launch.endsInSuccessor { try launched.awaitExecution() }
            } catch {
                try? sendSignal(SIGKILL, to: launched.descriptor.rawValue)  // it may just have ended
                _ = try? launched.waitForExit()  // the first error is the one to tell
                throw error
            }
            return plan.launch.endsInSuccessor ? try launched.executedSuccessor(isSibling: false) : launched
        } catch let error as ContainerError {
            throw error
        } catch { throw ContainerError(code: .kernel, message: "exec: \(error)", cause: error) }
    }
}
