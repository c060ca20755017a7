import Glibc
package import LinuxSystem

/// Starts what a `ContainerPlan` describes.
package enum Container {
    /// What the launching process gives to a container beside its plan.
    package struct Surroundings: ~Copyable {
        /// Keeps the mount that becomes the root; nil where the child copies it.
        private let root: OwnedDescriptor?
        private let rootNumber: Int32
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
        /// Moves the plan's interfaces, where it has some; to be undone by the caller when there is no container in the end.
        package var devices: NetworkDeviceTransfer?

        /// A root and the three descriptors.
        package init(root: consuming DetachedMount, stdio: (Int32, Int32, Int32) = (0, 1, 2)) {
            rootNumber = root.descriptor.rawValue
            self.root = root.takeDescriptor()
            self.stdio = stdio
        }

        /// The three descriptors, for a plan whose inputs say that we may not mount: the child copies the root.
        package init(stdio: (Int32, Int32, Int32)) {
            root = nil
            rootNumber = -1
            self.stdio = stdio
        }

        fileprivate var lent: LentDescriptors {
            LentDescriptors(
                root: rootNumber,
                stdio: [stdio.0, stdio.1, stdio.2],
                mounts: mounts,
                network: network,
                terminal: terminal,
                gate: gate,
                devices: devices
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
    /// For a plan whose inputs say `awaitsStart`. `atGroups` moves the process into its groups, where it waits for that, and
    /// is not done by `surroundings`. Where they say `awaitsHooks`, it waits before its root is made too, and
    /// goes on when `atHooks` has returned, which gets its process id and a pidfd; a throw ends it. A byte in the FIFO
    /// that is lent as `gate` starts the program.
    package static func create(
        _ plan: ContainerPlan,
        in surroundings: borrowing Surroundings,
        atGroups: ((Int32) throws -> Void)? = nil,
        atHooks: (Int32, Int32) throws -> Void
    ) throws(ContainerError) -> LaunchedProcess {
        let process = try launch(
            plan,
            lending: surroundings.lent,
            group: surroundings.group,
            options: LaunchedProcess.Options(),
            awaitsExecution: false,
            atGroups: atGroups
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
        awaitsExecution: Bool = true,
        atGroups: ((Int32) throws -> Void)? = nil
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
                if let preparation = plan.preparation {
                    try preparation.perform(on: process.pid)
                    try descriptors.release(.ids)
                }
                try plan.moveDevices(lent, to: process.pid, descriptors.numbers)
                try descriptors.release(.devices)
                if let atGroups { try atGroups(process.pid) } else { try group?.attachLegacy(pid: process.pid) }
                try descriptors.release(.groups)
                if awaitsExecution, !plan.launch.endsInSuccessor { try process.awaitExecution() }
            } catch {
                // It has ended by itself and waits to be reaped; a sibling is our parent's to reap.
                descriptors.closeWaits()
                // Unless the failure was told by a hostile process beside it. It may have ended, and that is as well.
                try? sendSignal(SIGKILL, to: process.descriptor.rawValue)
                if !options.isSibling { _ = try process.waitForExit() }
                throw error
            }
            guard awaitsExecution, plan.launch.endsInSuccessor else { return process }
            return try process.executedSuccessor(isSibling: options.isSibling)
        } catch let error as ContainerError {
            throw error
        } catch {
            throw refusedGroup(options, error) ?? refusedNamespace(plan, error) ?? explained(error)
        }
    }

    /// What a host says to a user who may not move processes from one group to the other: cgroups(7), "Delegation".
    private static func refusedGroup(_ options: LaunchedProcess.Options, _ error: any Error) -> ContainerError? {
        guard let error = error as? LaunchError, error.entry == nil, error.errno.rawValue == EACCES,
            options.cgroup != nil
        else { return nil }
        let advice = "start from a group below the same delegated one, as by systemd-run --user --scope"
        return ContainerError(
            code: .kernel,
            message: "linux.cgroupsPath: no process of ours may enter the container's group: \(error.errno); \(advice)",
            cause: error
        )
    }

    /// What a host says that lets nobody, or not us, make user namespaces: user_namespaces(7).
    private static func refusedNamespace(_ plan: ContainerPlan, _ error: any Error) -> ContainerError? {
        guard let error = error as? LaunchError, plan.namespaces.created.contains(.user) else { return nil }
        if let step = error.entry?.step {
            guard case .fork = step else { return nil }
        }
        let advice =
            switch error.errno.rawValue {
            case ENOSPC: "see /proc/sys/user/max_user_namespaces and those of the others beside it"
            case EPERM, EACCES: "see kernel.unprivileged_userns_clone, or what AppArmor lets us do"
            default: "is there a kernel with CONFIG_USER_NS?"
            }
        return ContainerError(
            code: .kernel,
            message: "linux.namespaces: a new user namespace: \(error.errno); \(advice)",
            cause: error
        )
    }

    /// An error of a launch in the runtime's words.
    private static func explained(_ error: any Error) -> ContainerError {
        let refused = error as? LaunchError
        switch (refused, refused?.entry?.step) {
        case (let refused?, .executeThrough(_, _, _, let arguments, _)): return .program(arguments.first ?? "", refused)
        case (let refused?, .checkProgram(_, let name)): return .program(name, refused)
        case (let refused?, nil) where refused.errno.rawValue == ESRCH:
            // It said nothing: the kernel has ended it, or somebody else.
            let advice = "was ended while it was made; is linux.resources.memory.limit too low?"
            return ContainerError(code: .kernel, message: "the container's first process \(advice)", cause: error)
        default: return ContainerError(code: .kernel, message: "\(error)", cause: error)
        }
    }
}
