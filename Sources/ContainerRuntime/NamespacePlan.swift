import LinuxSystem
import OCISpec

/// Which namespaces are made and which are joined.
struct NamespacePlan: Hashable {
    /// A namespace that there is.
    struct Joined: Hashable {
        var kind: Namespaces
        /// Its file, as in `/proc/PID/ns`; empty for one that the caller lends.
        var path: String
    }

    private(set) var created: Namespaces = []
    private(set) var joined: [Joined] = []

    /// All that are not simply the launching process's.
    var all: Namespaces { joined.reduce(created) { $0.union($1.kind) } }

    /// Whether the process that joins is not the one that is born into what is new.
    ///
    /// What is joined belongs to somebody else than a new user namespace, so it is joined before; and what is new is to
    /// belong to a user namespace that is joined, so it is made after.
    var forks: Bool { !joined.isEmpty && all.contains(.user) }

    /// Whether a namespace belongs to the user namespace that the container is in, which then may mount what shows it.
    func owns(_ kind: Namespaces) -> Bool {
        created.contains(kind) || (all.contains(kind) && !created.contains(.user))
    }

    /// In the order of joining: a user namespace gives the right to join others; files of ours are gone after the mounts.
    var joinedInOrder: [Joined] {
        joined.filter { $0.kind == .user } + joined.filter { $0.kind != .user && $0.kind != .mount }
            + joined.filter { $0.kind == .mount }
    }

    /// The network namespace is the one that the caller lends.
    mutating func lendNetwork() {
        created.remove(.network)
        joined.removeAll { $0.kind == .network }
        joined.append(Joined(kind: .network, path: ""))
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
            guard !all.contains(kind) else { throw .invalid(place, "a second \(kind) namespace") }
            if let path = namespace.path, !path.isEmpty {
                guard path.hasPrefix("/") else {
                    throw .invalid("\(place).path", "'\(path)' is not an absolute path")
                }
                joined.append(Joined(kind: kind, path: path))
            } else {
                created.insert(kind)
            }
        }
    }

    /// Refuses what contradicts itself, or what we have no right to.
    func check(_ linux: LinuxSpec, isPrivileged: Bool) throws(ContainerError) {
        if !all.contains(.mount) { try checkSharedMounts(linux) }
        guard isPrivileged || all.contains(.user) else {
            throw .invalid(
                "linux.namespaces",
                "without CAP_SYS_ADMIN a container needs a user namespace: see `roost runtime spec --rootless`"
            )
        }
        let hasMaps = linux.uidMappings?.isEmpty == false || linux.gidMappings?.isEmpty == false
        guard !hasMaps || all.contains(.user) else {
            throw .invalid("linux.uidMappings", "needs a user namespace in linux.namespaces")
        }
        guard linux.timeOffsets?.isEmpty != false || created.contains(.time) else {
            throw .invalid("linux.timeOffsets", "needs a new time namespace in linux.namespaces")
        }
    }

    /// Refuses what a container that mounts among the host's mounts can't have.
    private func checkSharedMounts(_ linux: LinuxSpec) throws(ContainerError) {
        guard !all.contains(.user) else {
            throw .invalid("linux.namespaces", "a user namespace has no right to the host's mounts; add one for mounts")
        }
        for (name, paths) in [("maskedPaths", linux.maskedPaths), ("readonlyPaths", linux.readonlyPaths)] {
            guard paths?.isEmpty != false else {
                throw .invalid("linux.\(name)", "needs a mount namespace in linux.namespaces")
            }
        }
    }
}
