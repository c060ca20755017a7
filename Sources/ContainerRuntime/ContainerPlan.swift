package import LinuxSystem
package import OCISpec

/// A descriptor that the launching process opens before the launch, as a value.
package enum DescriptorSource: Hashable, Sendable {
    /// The mount that becomes the root; the caller of `ContainerPlan` supplies it.
    case root
    /// A detached copy of a host path's mount: open_tree(2).
    case bind(path: String, recursive: Bool, attributes: MountAttributes)
    /// A namespace file, as in `/proc/PID/ns`; `own` when it may not be the launching process's, which is to change it.
    case namespace(path: String, Namespaces, own: Bool)
    /// Standard input, output or error of the program.
    case stdio(Int32)
}

/// What it takes to start a container: the child's steps, and the descriptors they need.
///
/// Made from a configuration without privilege or system call. Carried out by `Container`.
package struct ContainerPlan: Hashable, Sendable {
    package var launch: LaunchPlan
    package private(set) var sources: [LaunchSlot: DescriptorSource] = [:]

    /// One copy of the host's null device for each masked path.
    private var covers: [LaunchSlot] = []

    /// Compiles a configuration; `seccomp` is its compiled filter, if it has one.
    package init(_ spec: RuntimeSpec, seccomp: SeccompProgram?) throws(ContainerError) {
        guard let process = spec.process else { throw .invalid("process", "missing: there is no program to start") }
        guard spec.root != nil else { throw .invalid("root", "missing: there is no root directory") }
        let namespaces = try NamespacePlan(spec.linux?.namespaces ?? [])
        launch = LaunchPlan(namespaces: namespaces.created.subtracting(.cgroup))
        guard namespaces.created.contains(.mount) else {
            throw .unsupported("linux.namespaces", "a container without a mount namespace of its own is not supported")
        }
        try spec.refuseUnsupported()
        let sysctls = try (spec.linux?.sysctl ?? [:]).sorted(by: { $0.key < $1.key })
            .map { (key, value) throws(ContainerError) in try Sysctl(key: key, value: value, owned: namespaces.all) }
        if spec.hostname ?? spec.domainname != nil, !namespaces.all.contains(.uts) {
            throw .invalid("hostname", "needs a uts namespace of the container's own")
        }
        // Before any file or device: a mode is what the configuration says, not what is left of it.
        launch.append(.setUmask(0))
        for (kind, path) in namespaces.joined {
            let changes = kind == .uts || !sysctls.isEmpty
            let slot = makeSlot("\(kind)ns", .namespace(path: path, kind, own: changes))
            launch.append(.join(slot, kind), origin: "linux.namespaces")
        }
        appendRoot(spec)
        if namespaces.created.contains(.cgroup) { launch.append(.unshare(.cgroup)) }
        if let hostname = spec.hostname { launch.append(.setHostname(hostname), origin: "hostname") }
        if let domainname = spec.domainname { launch.append(.setDomainname(domainname), origin: "domainname") }
        try appendMounts(spec, sysctls: sysctls)
        try appendDevices(spec)
        appendPathRestrictions(spec)
        if spec.root?.readonly == true, let root = slot(of: .root) {
            launch.append(.setAttributes(root, .readOnly, recursive: false), origin: "root.readonly")
        }
        try appendProcess(process, seccomp: seccomp)
    }

    /// Adds a descriptor that the launching process opens.
    mutating func makeSlot(_ name: String, _ source: DescriptorSource) -> LaunchSlot {
        let slot = launch.makeSlot(name)
        sources[slot] = source
        return slot
    }

    private func slot(of source: DescriptorSource) -> LaunchSlot? { sources.first { $0.value == source }?.key }

    private mutating func appendRoot(_ spec: RuntimeSpec) {
        let root = makeSlot("root", .root)
        launch.append(.setPropagation(.private))
        // The host's null device, before its files are out of reach: what an image calls /dev/null may be anything.
        for path in spec.linux?.maskedPaths ?? [] {
            let cover = launch.makeSlot("cover-of-\(path)")
            launch.append(.copyMount("/dev/null", into: cover), origin: "linux.maskedPaths")
            covers.append(cover)
        }
        launch.append(.pivot(root), origin: "root.path")
    }

    private mutating func appendPathRestrictions(_ spec: RuntimeSpec) {
        for path in spec.linux?.readonlyPaths ?? [] {
            launch.append(.remount(path, .readOnly), origin: "linux.readonlyPaths")
        }
        for (path, cover) in zip(spec.linux?.maskedPaths ?? [], covers) {
            launch.append(.mask(path, with: cover), origin: "linux.maskedPaths")
        }
    }
}

/// Which namespaces are made and which are joined.
struct NamespacePlan {
    var created: Namespaces = []
    var joined: [(kind: Namespaces, path: String)] = []

    /// All that are not simply the launching process's.
    var all: Namespaces { joined.reduce(created) { $0.union($1.kind) } }

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
                guard kind != .pid else { throw .unsupported(place, "joining a pid namespace is not supported yet") }
                joined.append((kind, path))
            } else {
                created.insert(kind)
            }
        }
    }
}
