package import LinuxSystem

extension Container {
    /// What the launching process gives to a program that joins a running container.
    package struct ExecSurroundings: Sendable {
        /// A pidfd of a process in the container; lent.
        package var container: Int32
        /// Standard input, output and error; lent.
        package var stdio: (Int32, Int32, Int32)
        /// The sending end of a `DescriptorSocket`, for a program with a terminal; lent.
        package var terminal: Int32?
        /// The container's control group, as `ContainerCgroup.joined` gives it.
        package var group: ContainerCgroup?

        /// Where a plan with a gate waits; lent.
        ///
        /// `execute` then returns when the process is on its way.
        package var gate: Int32?
        /// The program may be one that begins when the container is resumed.
        package var ignoresPause = false

        /// A container and the three descriptors.
        package init(container: Int32, stdio: (Int32, Int32, Int32) = (0, 1, 2)) {
            self.container = container
            self.stdio = stdio
        }
    }

    /// Runs one more program in a container and returns when it is executed: setns(2) with a pidfd, Linux 5.8.
    ///
    /// `plan` is one of `ContainerPlan(exec:_:)`. `atGroups` moves the process into its groups, where the plan waits for
    /// that, and is not done by `surroundings`. Blocks the thread. From the first call on this process is not dumpable
    /// any more: its child is in the container's PID namespace before it can say so for itself.
    package static func execute(
        _ plan: ContainerPlan,
        in surroundings: ExecSurroundings,
        options: LaunchedProcess.Options = LaunchedProcess.Options(),
        atGroups: ((Int32) throws -> Void)? = nil
    ) throws(ContainerError) -> LaunchedProcess {
        if surroundings.group?.isPaused == true, !surroundings.ignoresPause {
            // Born into a frozen group, the program would never begin, nor would we hear of it.
            throw .invalid("process", "the container is paused; resume it first")
        }
        var options = options
        if plan.isBornInContainer, !plan.entersLast { options.pidNamespace = surroundings.container }
        let lent = LentDescriptors(
            stdio: [surroundings.stdio.0, surroundings.stdio.1, surroundings.stdio.2],
            terminal: surroundings.terminal,
            container: surroundings.container,
            gate: surroundings.gate
        )
        return try launch(
            plan,
            lending: lent,
            group: surroundings.group,
            options: options,
            awaitsExecution: surroundings.gate == nil,
            atGroups: atGroups
        )
    }

    /// Copies a mount of a running container, as the `/dev/shm` of one whose ipc namespace is to be shared.
    ///
    /// `container` is a pidfd of a process in it; lent. Blocks the thread for the time of a short-lived process.
    package static func copyMount(_ path: String, of container: Int32) throws(ContainerError) -> DetachedMount {
        var plan = LaunchPlan(namespaces: [])
        let (other, socket, mount) = (plan.makeSlot("container"), plan.makeSlot("socket"), plan.makeSlot("mount"))
        plan.append(.join(other, .mount))
        plan.append(.copyMount(path, into: mount))
        plan.append(.sendDescriptor(mount, to: socket))
        plan.append(.exit)
        do {
            let ends = try DescriptorSocket.make()
            let process = try LaunchedProcess.start(plan, descriptors: [other: container, socket: ends.sending])
            do { try process.awaitExecution() } catch {
                _ = try process.waitForExit()
                throw error
            }
            _ = try process.waitForExit()
            return DetachedMount(adopting: try ends.receive())
        } catch {
            throw ContainerError(code: .kernel, message: "\(path) of a container: \(error)", cause: error)
        }
    }

    /// Sends a signal to the process that a pidfd names, and never to another: pidfd_send_signal(2), Linux 5.1.
    ///
    /// Throws `ESRCH` when it has ended.
    package static func signal(_ pidfd: Int32, _ signal: Int32) throws(SyscallError) {
        try sendSignal(signal, to: pidfd)
    }
}
