package import LinuxSystem
package import OCISpec

/// A descriptor that the launching process opens before the launch, as a value.
package enum DescriptorSource: Hashable, Sendable {
    /// The mount that becomes the root; the caller of `ContainerPlan` supplies it.
    case root
    /// A detached copy of a host path's mount: open_tree(2).
    case bind(path: String, recursive: Bool, attributes: MountAttributes, propagation: MountPropagation)
    /// A mount that the caller lends under a name.
    case prepared(String)
    /// The network namespace that the caller lends; `own` when it may not be the launching process's.
    case lentNetwork(own: Bool)
    /// The socket that takes the terminal's descriptor; lent.
    case terminalSocket
    /// The pidfd of the container that a program is to run in; lent.
    case container
    /// The end of a pipe that says when the process is in all its control groups.
    case groupsReady
    /// The other end of that pipe, which the launching process writes to.
    case groupsTeller
    /// A namespace file, as in `/proc/PID/ns`; `own` when it may not be the launching process's, which is to change it.
    case namespace(path: String, Namespaces, own: Bool)
    /// The FIFO that tells a waiting process to go on; lent.
    case gate
    /// The program between us and the image's own: `LaunchHelper`.
    case helper
    /// Standard input, output or error of the program.
    case stdio(Int32)
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
    package private(set) var pidNamespace: LaunchSlot?

    /// One copy of the host's null device for each masked path that may be a file.
    private var covers: [String: LaunchSlot] = [:]
    let inputs: PlanInputs

    /// Compiles a configuration for a host that can do everything; `seccomp` is its compiled filter, if it has one.
    package init(_ spec: RuntimeSpec, seccomp: SeccompProgram?) throws(ContainerError) {
        var inputs = PlanInputs()
        inputs.seccomp = seccomp
        try self.init(spec, inputs)
    }

    /// Compiles a configuration with what is known of the host and of the caller.
    package init(_ spec: RuntimeSpec, _ inputs: PlanInputs) throws(ContainerError) {
        self.inputs = inputs
        guard let process = spec.process else { throw .invalid("process", "missing: there is no program to start") }
        guard spec.root != nil else { throw .invalid("root", "missing: there is no root directory") }
        var namespaces = try NamespacePlan(spec.linux?.namespaces ?? [])
        if inputs.lendsNetwork { namespaces.lendNetwork() }
        launch = LaunchPlan(namespaces: namespaces.created.subtracting(.cgroup))
        launch.sharesMemory =
            namespaces.created.contains(.pid) && namespaces.all.isDisjoint(with: [.user, .time])
            && spec.linux?.resources?.memory == nil && !inputs.hasForeignLimits && !inputs.awaitsGroups
            && !inputs.awaitsStart && !inputs.awaitsHooks
        guard namespaces.created.contains(.mount) else {
            throw .unsupported("linux.namespaces", "a container without a mount namespace of its own is not supported")
        }
        try spec.refuseUnsupported()
        needsGroup = spec.linux?.resources.map { $0 != ResourcesSpec() } ?? false
        let sysctls = try (spec.linux?.sysctl ?? [:]).sorted(by: { $0.key < $1.key })
            .map { (key, value) throws(ContainerError) in try Sysctl(key: key, value: value, owned: namespaces.all) }
        if let name = spec.domainname, let other = spec.linux?.sysctl?["kernel.domainname"], other != name {
            throw .invalid("linux.sysctl.kernel.domainname", "'\(other)' is another name than domainname, '\(name)'")
        }
        if spec.hostname ?? spec.domainname != nil, !namespaces.all.contains(.uts) {
            throw .invalid("hostname", "needs a uts namespace of the container's own")
        }
        // Before any file or device: a mode is what the configuration says, not what is left of it.
        launch.append(.setUmask(0))
        if let score = process.oomScoreAdj { try appendOOMScore(score) }
        for (kind, path) in namespaces.joined {
            if kind == .pid {
                pidNamespace = makeSlot("pidns", .namespace(path: path, .pid, own: false))
                continue
            }
            if kind == .network && inputs.lendsNetwork { continue }
            let changes = kind == .uts || !sysctls.isEmpty
            let slot = makeSlot("\(kind)ns", .namespace(path: path, kind, own: changes))
            launch.append(.join(slot, kind), origin: "linux.namespaces")
        }
        if inputs.lendsNetwork {
            launch.append(
                .join(makeSlot("netns", .lentNetwork(own: !sysctls.isEmpty)), .network),
                origin: "linux.namespaces"
            )
        }
        appendRoot(spec)
        if namespaces.created.contains(.cgroup) { launch.append(.unshare(.cgroup)) }
        if namespaces.created.contains(.network) { launch.append(.raiseLoopback, origin: "linux.namespaces") }
        if let hostname = spec.hostname { launch.append(.setHostname(hostname), origin: "hostname") }
        if let domainname = spec.domainname { launch.append(.setDomainname(domainname), origin: "domainname") }
        try appendMounts(spec, sysctls: sysctls)
        try appendDevices(spec)
        appendPathRestrictions(spec)
        // Before the root is read-only, and so that restrictions hold for it.
        appendWorkingDirectory(process)
        if spec.root?.readonly == true, let root = slot(of: .root) {
            launch.append(.setAttributes(root, .readOnly, recursive: false), origin: "root.readonly")
        }
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
        launch = LaunchPlan(namespaces: [])
        if let score = process.oomScoreAdj { try appendOOMScore(score) }
        let container = makeSlot("container", .container)
        // From here on nothing by a path of ours, and nothing of the image is read: the container's processes can
        // change every path of it at any time.
        launch.append(.join(container, [.mount, .network, .ipc, .uts, .cgroup]))
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

    private func slot(of source: DescriptorSource) -> LaunchSlot? { sources.first { $0.value == source }?.key }

    private mutating func appendRoot(_ spec: RuntimeSpec) {
        let root = makeSlot("root", .root)
        launch.append(.setPropagation(.private))
        // What a hook mounts in here must not reach the host either.
        if inputs.awaitsHooks { launch.append(.awaitGate(gate()), origin: "hooks") }
        // The host's null device, before its files are out of reach: what an image calls /dev/null may be anything.
        for path in spec.linux?.maskedPaths ?? [] where inputs.kernelPaths[path] ?? .file == .file {
            let cover = launch.makeSlot("cover-of-\(path)")
            launch.append(.copyMount("/dev/null", into: cover), origin: "linux.maskedPaths")
            covers[path] = cover
        }
        if inputs.staysOnRoot {
            unenforced.append("--no-pivot: the host's files lie below the root, in reach of who has CAP_SYS_CHROOT")
            launch.append(.coverRoot(root), origin: "root.path")
        } else {
            launch.append(.pivot(root), origin: "root.path")
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

/// Which namespaces are made and which are joined.
struct NamespacePlan {
    var created: Namespaces = []
    var joined: [(kind: Namespaces, path: String)] = []

    /// All that are not simply the launching process's.
    var all: Namespaces { joined.reduce(created) { $0.union($1.kind) } }

    /// The network namespace is the one that the caller lends.
    mutating func lendNetwork() {
        created.remove(.network)
        joined.removeAll { $0.kind == .network }
        joined.append((.network, ""))
    }

    private static let kinds: [String: Namespaces] = [
        "pid": .pid, "network": .network, "mount": .mount, "ipc": .ipc, "uts": .uts, "user": .user,
        "cgroup": .cgroup, "time": .time,
    ]

    init(_ namespaces: [LinuxSpec.Namespace]) throws(ContainerError) {
        for (index, namespace) in namespaces.enumerated() {
            let place = "linux.namespaces[\(index)]"
            guard let kind = NamespacePlan.kinds[namespace.type] else {
                throw .invalid("\(place).type", "'\(namespace.type)' is not a kind of namespace")
            }
            guard !created.contains(kind), !joined.contains(where: { $0.kind == kind }) else {
                throw .invalid(place, "a second \(kind) namespace")
            }
            guard kind != .user, kind != .time else {
                throw .unsupported(place, "\(kind) namespaces are not supported yet")
            }
            if let path = namespace.path, !path.isEmpty {
                joined.append((kind, path))
            } else {
                created.insert(kind)
            }
        }
    }
}
