package import LinuxSystem
package import OCISpec

extension RuntimeContainer {
    /// What a command lends to a program that it runs in a container.
    package struct ExecOptions: Sendable {
        /// A connected socket that takes the terminal's master; lent.
        package var terminal: Int32?
        /// How many descriptors from 3 on the program gets.
        package var keptDescriptors = 0

        /// Nothing lent.
        package init() {}
    }

    /// Runs one more program in the container, with standard input, output and error of ours; returns when it is executed.
    package func execute(
        _ process: ProcessSpec,
        _ options: ExecOptions
    ) throws(ContainerError) -> LaunchedProcess {
        let status = status
        guard status == .running || status == .created else {
            throw wrongState("cannot exec in a container that is \(status.rawValue)")
        }
        var spec = record.config.ofContainer
        spec.process = process
        if let pid = record.process?.pid { spec.process?.addHome(root: "/proc/\(pid)/root") }
        var inputs = PlanInputs()
        inputs.seccomp = try spec.linux?.seccomp.map { seccomp throws(ContainerError) in
            try SeccompProgram(compiling: seccomp)
        }
        inputs.keptDescriptors = options.keptDescriptors
        try inputs.observeOurselves()
        let group = try joinedGroup(isPrivileged: inputs.mayMount)
        inputs.awaitsGroups = group?.needsAttachment == true
        let pidfd = try self.process()
        var surroundings = Container.ExecSurroundings(container: pidfd.rawValue)
        surroundings.terminal = options.terminal
        surroundings.group = group
        let launched = try Container.execute(ContainerPlan(exec: spec, inputs), in: surroundings)
        withExtendedLifetime(pidfd) {}
        return launched
    }

    /// The group for a program that joins; none where the container could not have one.
    private func joinedGroup(isPrivileged: Bool) throws(ContainerError) -> ContainerCgroup? {
        let group = try group
        if isPrivileged { return group.joined() }
        guard let directory = group.group.unifiedDirectory, fileExists(directory) else { return nil }
        return group
    }
}
