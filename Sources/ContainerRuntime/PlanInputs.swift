import Glibc
package import LinuxSystem
package import OCISpec

/// What a mount covers: a directory or a file of any other kind.
package enum MountKind: Hashable, Sendable { case directory, file }

/// What a path of the kernel's own filesystems is, the same in every container as on the host.
package enum KernelPathKind: Hashable, Sendable { case absent, file, directory }

/// What a plan takes from outside its configuration: facts about the host, and what the caller will lend.
///
/// The initial values describe a host where everything is permitted and a caller that lends nothing.
package struct PlanInputs: Hashable, Sendable {
    /// The compiled filter of `linux.seccomp`.
    package var seccomp: SeccompProgram?
    /// What the sources of bind mounts are; those that are not named are directories.
    package var sources: [String: MountKind] = [:]
    /// What standard masked paths are, where that is known.
    ///
    /// It spares mounts that cover nothing: each of those would wait for the kernel when it is given up.
    package var kernelPaths: [String: KernelPathKind] = [:]
    /// The mounts that are lent, by the name they have as `source` of a mount of type `prepared`.
    package var prepared: [String: MountKind] = [:]
    /// The network namespace is lent, whatever the configuration says of it.
    package var lendsNetwork = false
    /// The process waits until it is in groups of v1 hierarchies too.
    package var awaitsGroups = false
    /// The control group is in one whose limits others set, so that the kernel may end the process for want of memory.
    package var hasForeignLimits = false
    /// The process waits before its root is made, for the hooks of the host's side.
    package var awaitsHooks = false
    /// The process waits right before its program is executed.
    package var awaitsStart = false
    /// The host's root stays where it is, below the container's.
    package var staysOnRoot = false
    /// How many descriptors from 3 on the program inherits from us.
    package var keptDescriptors = 0
    /// A first process of ours that passes on signals and collects ended processes; the program is its child.
    package var hasInit = false
    /// The capabilities that we can give.
    package var permitted = CapabilitySet.all
    /// Hard limits that we can't exceed.
    package var hardLimits: [ResourceLimit.Resource: UInt64] = [:]
    /// The score that we can't go below.
    package var lowestOOMScore: Int?

    /// Everything is permitted and nothing is lent.
    package init() {}

    /// Adds what this host and this process have to do with a configuration; a missing source of a mount is an error.
    package mutating func observe(for spec: RuntimeSpec) throws(ContainerError) {
        for (index, mount) in (spec.mounts ?? []).enumerated() {
            guard let source = mount.source, mount.type == "bind" || MountOptions(mount.options ?? []).isBind else {
                continue
            }
            var status = stat()
            guard stat(source, &status) == 0 else {
                let reason = Errno.current
                throw ContainerError(
                    code: .invalidConfiguration,
                    message: "mounts[\(index)].source: \(source): \(reason)",
                    cause: reason
                )
            }
            sources[source] = status.st_mode & S_IFMT == S_IFDIR ? .directory : .file
        }
        for path in spec.linux?.maskedPaths ?? [] where RuntimeSpec.maskedPaths.contains(path) {
            var status = stat()
            let isThere = lstat(path, &status) == 0
            kernelPaths[path] = !isThere ? .absent : status.st_mode & S_IFMT == S_IFDIR ? .directory : .file
        }
        try observeOurselves()
    }

    /// Adds what we may do ourselves; all that a program which joins a container needs to know.
    ///
    /// That does not change, and is asked for once.
    package mutating func observeOurselves() throws(ContainerError) {
        let ours = try Self.ours.get()
        (permitted, hardLimits, lowestOOMScore) = (ours.permitted, ours.hardLimits, ours.lowestOOMScore)
    }

    private static let ours = Result { () throws(ContainerError) in
        var inputs = PlanInputs()
        try inputs.askForOurselves()
        return inputs
    }

    private mutating func askForOurselves() throws(ContainerError) {
        do { permitted = try CapabilitySet.ofThisProcess() } catch { throw .kernel("process.capabilities", error) }
        guard let resources = CapabilitySet(named: "SYS_RESOURCE"), !permitted.isSuperset(of: resources) else { return }
        do {
            for resource in ResourceLimit.Resource.allCases {
                hardLimits[resource] = try ResourceLimit.ofThisProcess(resource).hard
            }
            lowestOOMScore = Int(try readFile("/proc/self/oom_score_adj").split(separator: "\n").first ?? "")
        } catch { throw .kernel("process", error) }
    }
}
