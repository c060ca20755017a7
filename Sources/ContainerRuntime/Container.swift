import Glibc
package import LinuxSystem

/// Starts what a `ContainerPlan` describes.
package enum Container {
    /// What the launching process gives to a container beside its plan.
    package struct Surroundings: ~Copyable {
        /// The mount that becomes the root.
        package var root: DetachedMount
        /// Standard input, output and error; lent.
        package var stdio: (Int32, Int32, Int32)
        /// Detached mounts by the names that mounts of type `prepared` have as their source; lent.
        ///
        /// Each is attached once, and no longer detached then.
        package var mounts: [String: Int32] = [:]
        /// The network namespace, for a plan whose inputs say so; lent.
        package var network: Int32?
        /// The sending end of a `DescriptorSocket`, for a plan with a terminal; lent.
        package var terminal: Int32?
        /// The control group to be born in.
        package var group: ContainerCgroup?
        /// A FIFO that is open for reading and writing, for a plan with gates; lent.
        package var gate: Int32?

        /// A root and the three descriptors.
        package init(root: consuming DetachedMount, stdio: (Int32, Int32, Int32) = (0, 1, 2)) {
            self.root = root
            self.stdio = stdio
        }

        fileprivate var lent: LentDescriptors {
            LentDescriptors(
                root: root.descriptor.rawValue,
                stdio: [stdio.0, stdio.1, stdio.2],
                mounts: mounts,
                network: network,
                terminal: terminal,
                gate: gate
            )
        }
    }

    /// Starts the container and returns when its program is executed.
    ///
    /// Blocks the thread. The process is in its control groups before the program is executed.
    package static func start(
        _ plan: ContainerPlan,
        in surroundings: borrowing Surroundings,
        options: LaunchedProcess.Options = LaunchedProcess.Options()
    ) throws(ContainerError) -> LaunchedProcess {
        try launch(plan, lending: surroundings.lent, group: surroundings.group, options: options)
    }

    /// Makes the container, and returns when it waits at the gate before its program.
    ///
    /// For a plan whose inputs say `awaitsStart`. Where they say `awaitsHooks`, it waits before its root is made too, and
    /// goes on when `atHooks` has returned, which gets its process id and a pidfd; a throw ends it. A byte in the FIFO
    /// that is lent as `gate` starts the program.
    package static func create(
        _ plan: ContainerPlan,
        in surroundings: borrowing Surroundings,
        atHooks: (Int32, Int32) throws -> Void
    ) throws(ContainerError) -> LaunchedProcess {
        let process = try launch(
            plan,
            lending: surroundings.lent,
            group: surroundings.group,
            options: LaunchedProcess.Options(),
            awaitsExecution: false
        )
        do {
            if plan.inputs.awaitsHooks {
                try process.awaitGate()
                try atHooks(process.pid, process.descriptor.rawValue)
                try passGate(surroundings.gate ?? -1)
            }
            try process.awaitGate()
            return process
        } catch {
            // It waits, or has ended by itself; either way it is ours to reap.
            try? sendSignal(SIGKILL, to: process.descriptor.rawValue)  // one that has ended needs no signal
            _ = try? process.waitForExit()  // the first error is the one to tell
            throw error as? ContainerError ?? explained(error)
        }
    }

    /// Says to a process at a gate that it may go on: one byte.
    package static func passGate(_ gate: Int32) throws(SyscallError) {
        var byte: UInt8 = 1
        guard write(gate, &byte, 1) == 1 else {
            throw SyscallError(call: "write", subject: "the container's gate", errno: .current)
        }
    }

    static func launch(
        _ plan: ContainerPlan,
        lending lent: LentDescriptors,
        group: ContainerCgroup?,
        options: LaunchedProcess.Options,
        awaitsExecution: Bool = true
    ) throws(ContainerError) -> LaunchedProcess {
        guard group != nil || !plan.needsGroup else {
            throw .invalid("linux.resources", "needs a control group, and none is given")
        }
        var descriptors = OpenedSources(lent: lent)
        for (slot, source) in plan.sources.sorted(by: { $0.key.index < $1.key.index }) {
            try descriptors.open(source, as: slot)
        }
        var options = options
        if let group { options.cgroup = try descriptors.openBirthplace(of: group) }
        if let slot = plan.pidNamespace { options.pidNamespace = descriptors.numbers[slot] }
        do {
            let process = try LaunchedProcess.start(plan.launch, descriptors: descriptors.numbers, options: options)
            do {
                try group?.attachLegacy(pid: process.pid)
                try descriptors.releaseProcess()
                if awaitsExecution { try process.awaitExecution() }
            } catch {
                // It has ended by itself and waits to be reaped; a sibling is our parent's to reap.
                descriptors.closeGroupsReady()
                // Unless the failure was told by a hostile process beside it. It may have ended, and that is as well.
                try? sendSignal(SIGKILL, to: process.descriptor.rawValue)
                if !options.isSibling { _ = try process.waitForExit() }
                throw error
            }
            return process
        } catch let error as ContainerError {
            throw error
        } catch {
            throw explained(error)
        }
    }

    /// An error of a launch in the runtime's words.
    private static func explained(_ error: any Error) -> ContainerError {
        let refused = error as? LaunchError
        switch (refused, refused?.entry?.step) {
        case (let refused?, .executeThrough(_, _, _, let arguments, _)): return .program(arguments.first ?? "", refused)
        case (let refused?, .checkProgram(_, let name)): return .program(name, refused)
        default: return ContainerError(code: .kernel, message: "\(error)", cause: error)
        }
    }
}

/// The numbers of descriptors that a caller lends to a launch.
struct LentDescriptors {
    var root: Int32 = -1
    var stdio: [Int32] = [0, 1, 2]
    var mounts: [String: Int32] = [:]
    var network: Int32?
    var terminal: Int32?
    var container: Int32?
    var gate: Int32?
}

/// Descriptors opened for a launch, closed when it is done.
private struct OpenedSources: ~Copyable {
    private(set) var numbers: [LaunchSlot: Int32] = [:]
    private var owned: [Int32] = []
    private let lent: LentDescriptors
    /// The end of the pipe that the process waits at the other end of.
    private var groupsReady: Int32?
    private var groupsWait: Int32?

    init(lent: LentDescriptors) { self.lent = lent }

    mutating func open(_ source: DescriptorSource, as slot: LaunchSlot) throws(ContainerError) {
        do {
            switch source {
            case .root: numbers[slot] = lent.root
            case .stdio(let number): numbers[slot] = lent.stdio[Int(number)]
            case .prepared(let name): try lend(lent.mounts[name], as: slot, "the prepared mount '\(name)'")
            case .lentNetwork(let own):
                try lend(lent.network, as: slot, "the network namespace")
                if own {
                    let path = "/proc/self/fd/\(lent.network ?? -1)"
                    try refuseOurs(OwnedDescriptor.reading(path), path, .network)
                }
            case .terminalSocket: try lend(lent.terminal, as: slot, "the terminal's socket")
            case .container: try lend(lent.container, as: slot, "the container")
            case .gate: try lend(lent.gate, as: slot, "the gate")
            case .helper: keep(try LaunchHelper.make(), as: slot)
            case .groupsTeller: numbers[slot] = try makeGroupsPipe()
            case .groupsReady: numbers[slot] = groupsWait
            case .namespace(let path, let kind, let own):
                let namespace = try OwnedDescriptor.reading(path)
                if own { try refuseOurs(namespace, path, kind) }
                keep(namespace, as: slot)
            case .bind(let path, let recursive, let attributes, let propagation):
                let mount = try DetachedMount.copy(
                    of: path,
                    recursive: recursive,
                    attributes: attributes,
                    propagation: propagation
                )
                keep(mount.takeDescriptor(), as: slot)
            }
        } catch let error as SyscallError {
            throw .kernel(slot.name, error)
        } catch let error as ContainerError {
            throw error
        } catch {
            throw ContainerError(code: .kernel, message: "\(slot.name): \(error)", cause: error)
        }
    }

    private func refuseOurs(_ namespace: borrowing OwnedDescriptor, _ path: String, _ kind: Namespaces) throws {
        guard try namespace.isSameFile(as: .reading("/proc/self/ns/\(kind)")) else { return }
        throw ContainerError.invalid(
            "linux.namespaces",
            "\(path) is the host's namespace, which may not be changed"
        )
    }

    private mutating func makeGroupsPipe() throws(SyscallError) -> Int32 {
        let pipe = try Pipe()
        let writing = try pipe.writing.duplicate().release()
        groupsReady = writing
        let reading = pipe.takeReading().release()
        owned.append(reading)
        groupsWait = reading
        return writing
    }

    mutating func openBirthplace(of group: ContainerCgroup) throws(ContainerError) -> Int32? {
        guard let directory = group.group.unifiedDirectory else { return nil }
        do {
            let number = try OwnedDescriptor.directory(directory).release()
            owned.append(number)
            return number
        } catch { throw .kernel("control group", error) }
    }

    private mutating func lend(_ number: Int32?, as slot: LaunchSlot, _ what: String) throws(ContainerError) {
        guard let number else { throw .invalid(slot.name, "\(what) is part of the plan, but not lent") }
        numbers[slot] = number
    }

    private mutating func keep(_ descriptor: consuming OwnedDescriptor, as slot: LaunchSlot) {
        let number = descriptor.release()
        owned.append(number)
        numbers[slot] = number
    }

    /// Says to the process that it may go on.
    mutating func releaseProcess() throws(SyscallError) {
        guard let number = groupsReady else { return }
        var byte: UInt8 = 1
        guard write(number, &byte, 1) == 1 else { throw SyscallError(call: "write", subject: "pipe", errno: .current) }
    }

    /// Closes the pipe: a process that still waits at it then ends by itself.
    mutating func closeGroupsReady() {
        guard let number = groupsReady else { return }
        groupsReady = nil
        _ = OwnedDescriptor(adopting: number)
    }

    deinit {
        for number in owned + [groupsReady].compactMap({ $0 }) { _ = OwnedDescriptor(adopting: number) }
    }
}
