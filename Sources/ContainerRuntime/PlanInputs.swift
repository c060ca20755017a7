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
    /// The group that the process waits for is systemd's to make, and the one that its namespace begins with.
    package var awaitsScope = false
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
    /// Our own effective user and group.
    package var user: UInt32 = 0
    package var group: UInt32 = 0
    /// We are in a user namespace that is not the host's.
    package var isInUserNamespace = false
    /// A process of the container that a program joins may have CAP_SYS_PTRACE, whether the program has it or not.
    package var hasTracers = false
    /// What the host can label processes and files with.
    package var labels: Set<SecurityLabel> = [.apparmor, .selinux]
    /// The name of a session keyring of the container's own; nil to leave it ours.
    package var keyring: String?
    /// What a mount of type `cgroup` shows where not all is in the unified hierarchy: `ContainerCgroup.legacyMounts`.
    package var legacyHierarchies: [String] = []

    /// Everything is permitted and nothing is lent.
    package init() {}

    /// Whether we have a capability.
    func has(_ name: String) -> Bool { CapabilitySet(named: name).map { permitted.isSuperset(of: $0) } ?? false }

    /// Whether we may make and copy mounts; a child in a user namespace of its own may, where we may not.
    var mayMount: Bool { has("SYS_ADMIN") }

    /// Whether we may make devices that can be used; in a user namespace nobody may.
    var makesDevices: Bool { mayMount && has("MKNOD") && !isInUserNamespace }

    /// Adds what this host and this process have to do with a configuration; a missing source of a mount is an error.
    package mutating func observe(for spec: RuntimeSpec) throws(ContainerError) {
        for (index, mount) in (spec.mounts ?? []).enumerated() {
            guard let source = mount.source, mount.isBind else { continue }
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
        labels = SecurityLabel.ofHost(for: spec)
        for path in spec.linux?.maskedPaths ?? []
        where RuntimeSpec.maskedPaths.contains(path) || path.hasSuffix("/\(StandardOptions.sensorName)") {
            var status = stat()
            let isThere = lstat(path, &status) == 0
            kernelPaths[path] = !isThere ? .absent : status.st_mode & S_IFMT == S_IFDIR ? .directory : .file
        }
        try observeOurselves()
        try checkDevices(of: spec)
    }

    /// A device of the host is bound where none can be made, so it has to be there.
    private func checkDevices(of spec: RuntimeSpec) throws(ContainerError) {
        let kinds = spec.linux?.namespaces ?? []
        let hasOwnMounts = kinds.contains { $0.type == "mount" && $0.path?.isEmpty != false }
        let isBound =
            isInUserNamespace || kinds.contains { $0.type == "user" } && !(makesDevices && hasOwnMounts)
        for (index, device) in (spec.linux?.devices ?? []).enumerated() where isBound {
            let place = "linux.devices[\(index)]"
            let missing = "is made in no user namespace, and the host has no such device there to bind"
            var status = stat()
            guard stat(device.path, &status) == 0, device.isSame(as: status) else {
                throw .unsupported(place, "\(device.path) \(missing)")
            }
        }
    }

    /// Adds what we may do ourselves; all that a program which joins a container needs to know.
    ///
    /// That does not change, and is asked for once.
    package mutating func observeOurselves() throws(ContainerError) {
        let ours = try Self.ours.get()
        (permitted, hardLimits, lowestOOMScore) = (ours.permitted, ours.hardLimits, ours.lowestOOMScore)
        (user, group, isInUserNamespace) = (ours.user, ours.group, ours.isInUserNamespace)
    }

    private static let ours = Result { () throws(ContainerError) in
        var inputs = PlanInputs()
        try inputs.askForOurselves()
        return inputs
    }

    private mutating func askForOurselves() throws(ContainerError) {
        do { permitted = try CapabilitySet.ofThisProcess() } catch { throw .kernel("process.capabilities", error) }
        (user, group) = (geteuid(), getegid())
        isInUserNamespace = !UserNamespace.isOfHost
        guard let resources = CapabilitySet(named: "SYS_RESOURCE"), !permitted.isSuperset(of: resources) else { return }
        do {
            for resource in ResourceLimit.Resource.allCases {
                hardLimits[resource] = try ResourceLimit.ofThisProcess(resource).hard
            }
            lowestOOMScore = Int(try readFile("/proc/self/oom_score_adj").split(separator: "\n").first ?? "")
        } catch { throw .kernel("process", error) }
    }
}

extension RuntimeSpec {
    /// Whether the process is given CAP_SYS_PTRACE, or may get it.
    package var mayTrace: Bool {
        let sets = process?.capabilities
        let names = [sets?.bounding, sets?.effective, sets?.permitted, sets?.inheritable, sets?.ambient]
        return names.contains { $0?.contains("CAP_SYS_PTRACE") == true }
    }
}
