package import LinuxSystem
package import OCISpec

/// A descriptor that the launching process opens before the launch, as a value.
package enum DescriptorSource: Hashable, Sendable {
    /// The mount that becomes the root; the caller of `ContainerPlan` supplies it.
    case root
    /// A detached copy of a host path's mount.
    case bind(HostMount)
    /// A filesystem in memory with what a directory of the root holds.
    case filled(FilesystemRecipe, path: String)
    /// A mount that the caller lends under a name.
    case prepared(String)
    /// The network namespace that the caller lends; `own` when it may not be the launching process's.
    case lentNetwork(own: Bool)
    /// The socket that takes the terminal's descriptor; lent.
    case terminalSocket
    /// The pidfd of the container that a program is to run in; lent.
    case container
    /// The end of a pipe that says when the launching process has done its part.
    case ready(LaunchWait)
    /// The other end of that pipe, which the launching process writes to.
    case teller(LaunchWait)
    /// The host's procfs, verified to be one.
    case procfs
    /// A namespace file, as in `/proc/PID/ns`; `own` when it may not be the launching process's, which is to change it.
    case namespace(path: String, Namespaces, own: Bool)
    /// The FIFO that tells a waiting process to go on; lent.
    case gate
    /// A filesystem in memory with devices in it.
    case devices([MadeDevice])
    /// A directory of the host.
    case directory(path: String)
    /// The program between us and the image's own: `LaunchHelper`.
    case helper
    /// Standard input, output or error of the program.
    case stdio(Int32)
}

/// A device that we make for a container: its path is a name alone, its owners are the host's.
package struct MadeDevice: Hashable, Sendable {
    package var node: DeviceNode
    package var uid: UInt32
    package var gid: UInt32
}

/// What a process waits for that the launching process does.
package enum LaunchWait: Hashable, Sendable {
    /// It has its ids, and what else `ChildPreparation` holds.
    case ids
    /// It is in all its control groups.
    case groups
    /// Its network namespace has the interfaces that come from the host.
    case devices
}

/// A path of the host to be mounted: open_tree(2), mount_setattr(2).
package struct HostMount: Hashable, Sendable {
    /// Where other owners come from.
    package enum IDs: Hashable, Sendable {
        case given(NamespaceIDs)
        /// Those of a user namespace, by its file.
        case ofNamespace(path: String)
    }

    package var path: String
    package var isRecursive: Bool
    package var change: MountChange
    package var ids: IDs?
    package var mapsRecursively = false
}

/// What it takes to start a container: the child's steps, and the descriptors they need.
///
/// Made from a configuration without privilege or system call. Carried out by `Container`.
package struct ContainerPlan: Hashable, Sendable {
    package var launch: LaunchPlan
    package private(set) var sources: [LaunchSlot: DescriptorSource] = [:]

    /// What the host can't do of what is asked, in words for a warning.
    package internal(set) var unenforced: [String] = []
    /// Whether the configuration has limits, so that there must be a control group.
    package private(set) var needsGroup = false
    /// The PID namespace to be born into, when it is an existing one.
    package internal(set) var pidNamespace: LaunchSlot?
    /// The interfaces of the host that are moved to its network namespace.
    package private(set) var devices: [NetworkDevicePlan] = []
    /// What the launching process does for a child in a user namespace.
    package internal(set) var preparation: ChildPreparation?
    /// How the mount that becomes the root travels, where it is not alone.
    package internal(set) var rootPropagation: MountPropagation?

    /// One copy of the host's null device for each masked path that may be a file.
    private var covers: [String: LaunchSlot] = [:]
    /// Copies of the host's devices and of its views of the kernel, by their path.
    var hostCopies: [String: LaunchSlot] = [:]
    /// Where mounts are by now.
    var mounted: [String] = []
    /// A filesystem in memory that is to be read-only, and what asks for it.
    struct Seal: Hashable, Sendable {
        var slot: LaunchSlot
        var origin: String
    }
    /// Those that there are.
    var seals: [Seal] = []
    /// The label of files of new filesystems.
    var mountLabel: String?
    /// The root that is entered from, until it is left.
    var oldRoot: LaunchSlot?
    private(set) var inputs: PlanInputs
    /// Whether this is a program that joins a container, and not its first process.
    let isEntry: Bool
    let namespaces: NamespacePlan

    /// Compiles a configuration for a host that can do everything; `seccomp` is its compiled filter, if it has one.
    package init(_ spec: RuntimeSpec, seccomp: SeccompProgram?) throws(ContainerError) {
        var inputs = PlanInputs()
        inputs.seccomp = seccomp
        try self.init(spec, inputs)
    }

    /// Compiles a configuration with what is known of the host and of the caller.
    package init(_ spec: RuntimeSpec, _ inputs: PlanInputs) throws(ContainerError) {
        self.inputs = inputs
        isEntry = false
        guard let process = spec.process else { throw .invalid("process", "missing: there is no program to start") }
        guard spec.root != nil else { throw .invalid("root", "missing: there is no root directory") }
        let linux = spec.linux ?? LinuxSpec()
        var namespaces = try NamespacePlan(linux.namespaces ?? [])
        if inputs.lendsNetwork { namespaces.lendNetwork() }
        self.namespaces = namespaces
        devices = try linux.plannedDevices(in: namespaces, mayMove: inputs.has("NET_ADMIN"))
        launch = LaunchPlan(namespaces: namespaces.forks ? [] : namespaces.created.subtracting([.cgroup, .time]))
        launch.sharesMemory =
            namespaces.created.contains(.pid) && namespaces.all.isDisjoint(with: [.user, .time])
            && linux.resources?.memory == nil && !inputs.hasForeignLimits && !inputs.awaitsGroups
            && !inputs.awaitsStart && !inputs.awaitsHooks && devices.isEmpty
        try namespaces.check(linux, isPrivileged: inputs.mayMount)
        try spec.refuseUnsupported()
        needsGroup = linux.resources.map { $0 != ResourcesSpec() } ?? false
        rootPropagation = try linux.propagationOfRoot
        let sysctls = try (linux.sysctl ?? [:]).sorted(by: { $0.key < $1.key })
            .map { (key, value) throws(ContainerError) in try Sysctl(key: key, value: value, owned: namespaces.all) }
        if let name = spec.domainname, let other = spec.linux?.sysctl?["kernel.domainname"], other != name {
            throw .invalid("linux.sysctl.kernel.domainname", "'\(other)' is another name than domainname, '\(name)'")
        }
        if spec.hostname ?? spec.domainname != nil, !namespaces.all.contains(.uts) {
            throw .invalid("hostname", "needs a uts namespace of the container's own")
        }
        // Before any file or device: a mode is what the configuration says, not what is left of it.
        launch.append(.setUmask(0))
        if let score = process.oomScoreAdj { try appendOOMScore(score, isFirst: true) }
        try appendNamespaces(spec, changesNetwork: !sysctls.isEmpty || !devices.isEmpty)
        // Before the sysctls, which may be about them.
        if !devices.isEmpty { appendWait(.devices, origin: "linux.netDevices") }
        try appendRoot(spec)
        // Before a hierarchy is mounted, which shows what lies below the group that the process is in then.
        if waitsEarlyForGroups { appendWait(.groups, origin: "linux.resources") }
        if namespaces.created.contains(.cgroup) { launch.append(.unshare(.cgroup)) }
        if namespaces.created.contains(.network) { launch.append(.raiseLoopback, origin: "linux.namespaces") }
        if !namespaces.forks || namespaces.created.contains(.uts) { appendNames(spec) }
        try appendMounts(spec, sysctls: sysctls)
        try appendDevices(spec)
        appendPathRestrictions(spec)
        // Before the root is read-only, and so that restrictions hold for it.
        appendWorkingDirectory(process)
        appendSeals()
        appendEnd(ofRoot: spec)
        try appendProcess(
            process,
            isFirst: true,
            hasOwnGroups: namespaces.created.contains(.cgroup),
            hasConsole: spec.hasOwnDevices,
            linux: spec.linux
        )
    }

    /// Compiles what it takes to run one more program in the container that `container` names by a pidfd.
    ///
    /// `spec` is the container's own configuration, with `process` replaced by the program's.
    package init(exec spec: RuntimeSpec, _ inputs: PlanInputs) throws(ContainerError) {
        guard let process = spec.process else { throw .invalid("process", "missing: there is no program to start") }
        self.inputs = inputs
        isEntry = true
        namespaces = try NamespacePlan(spec.linux?.namespaces ?? [])
        // In others' process ids there is whoever was there before.
        if spec.mayTrace || namespaces.joined.contains(where: { $0.kind == .pid }) { self.inputs.hasTracers = true }
        launch = LaunchPlan(namespaces: [])
        if let score = process.oomScoreAdj { try appendOOMScore(score, isFirst: false) }
        if !isBornInContainer { try appendLimits(process) }
        let container = makeSlot("container", .container)
        // From here on nothing by a path of ours, and nothing of the image is read: the container's processes can
        // change every path of it at any time.
        appendEntry(to: container, spec)
        try appendProcess(
            process,
            isFirst: false,
            hasOwnGroups: false,
            hasConsole: false,
            linux: spec.linux
        )
    }

    /// Adds a descriptor that the launching process opens.
    mutating func makeSlot(_ name: String, _ source: DescriptorSource) -> LaunchSlot {
        let slot = launch.makeSlot(name)
        sources[slot] = source
        return slot
    }

    /// The one slot of the FIFO that gates wait at.
    mutating func gate() -> LaunchSlot { slot(of: .gate) ?? makeSlot("gate", .gate) }

    func slot(of source: DescriptorSource) -> LaunchSlot? { sources.first { $0.value == source }?.key }

    /// Whether the process is in its groups before its mounts are made.
    var waitsEarlyForGroups: Bool {
        inputs.awaitsGroups && (!inputs.legacyHierarchies.isEmpty || inputs.awaitsScope)
    }

    /// The one slot of the host's procfs.
    mutating func procfs() -> LaunchSlot { slot(of: .procfs) ?? makeSlot("procfs", .procfs) }

    /// Keeps a copy of the host's null device for a masked path.
    mutating func appendCovers(_ spec: RuntimeSpec) {
        // The host's null device, before its files are out of reach: what an image calls /dev/null may be anything.
        for path in spec.linux?.maskedPaths ?? [] where inputs.kernelPaths[path] ?? .file == .file {
            if namespaces.all.contains(.mount) && !namespaces.created.contains(.mount) && inputs.mayMount {
                // Nor is what others have in their mount namespace.
                let mount = HostMount(path: "/dev/null", isRecursive: false, change: MountOptions([]).change)
                covers[path] = makeSlot("cover-of-\(path)", .bind(mount))
                continue
            }
            let cover = launch.makeSlot("cover-of-\(path)")
            launch.append(.copyMount("/dev/null", into: cover), origin: "linux.maskedPaths")
            covers[path] = cover
        }
    }

    private mutating func appendPathRestrictions(_ spec: RuntimeSpec) {
        for path in spec.linux?.readonlyPaths ?? [] {
            launch.append(.remount(path, .readOnly), origin: "linux.readonlyPaths")
        }
        for path in spec.linux?.maskedPaths ?? [] where inputs.kernelPaths[path] != .absent {
            launch.append(.mask(path, with: covers[path]), origin: "linux.maskedPaths")
        }
    }
}
