import LinuxSystem
import OCISpec

extension ContainerPlan {
    /// Whether the container is in a user namespace, where no devices are made and few filesystems.
    var isConfined: Bool { namespaces.all.contains(.user) || inputs.isInUserNamespace }

    /// Whether the child stays as visible as we are: a caller without privilege writes its files below `/proc`.
    private var isVisible: Bool { !inputs.mayMount && namespaces.created.contains(.user) }

    /// Whether it may stay so to the end: where others are beside it, they could look into it.
    var staysVisible: Bool { isVisible && namespaces.created.contains(.pid) }

    /// Joins and makes namespaces, and becomes the root of a user namespace.
    mutating func appendNamespaces(
        _ spec: RuntimeSpec,
        changesNetwork: Bool
    ) throws(ContainerError) {
        let linux = spec.linux ?? LinuxSpec()
        if namespaces.created.contains(.user) {
            let ids = try NamespaceIDs(linux, inputs)
            try ids.check(spec.process?.user ?? .init())
            preparation = preparation ?? ChildPreparation()
            preparation?.ids = ids
        } else if namespaces.all.contains(.user) {
            preparation = preparation ?? ChildPreparation()
        }
        launch.staysVisible = isVisible
        for joined in namespaces.joinedInOrder { appendJoin(joined, changesNetwork: changesNetwork) }
        // Names of others' namespaces are for those to set who have a right to them.
        if namespaces.forks, !namespaces.created.contains(.uts) { appendNames(spec) }
        if namespaces.forks { launch.append(.fork(namespaces.created.subtracting([.cgroup, .time]))) }
        if preparation != nil { appendWait(.ids, origin: "linux.namespaces") }
        if namespaces.created.contains(.time) {
            launch.append(.makeTime(offsets: try linux.timeLines, procfs: procfs()), origin: "linux.timeOffsets")
        }
        if isVisible, !staysVisible { launch.append(.hide) }
        if namespaces.all.contains(.user) {
            var root = linux.namespaceRoot
            root.change = groupChange([])
            root.staysVisible = staysVisible
            launch.append(.setCredentials(root), origin: "linux.namespaces")
        }
        if let name = inputs.keyring { launch.append(.joinKeyring(name)) }
    }

    /// The names of the uts namespace.
    mutating func appendNames(_ spec: RuntimeSpec) {
        if let hostname = spec.hostname { launch.append(.setHostname(hostname), origin: "hostname") }
        if let domainname = spec.domainname { launch.append(.setDomainname(domainname), origin: "domainname") }
    }

    private mutating func appendJoin(_ joined: NamespacePlan.Joined, changesNetwork: Bool) {
        let origin = "linux.namespaces"
        let (kind, path) = (joined.kind, joined.path)
        if path.isEmpty {
            launch.append(.join(makeSlot("netns", .lentNetwork(own: changesNetwork)), .network), origin: origin)
        } else if kind == .pid, !namespaces.forks {
            pidNamespace = makeSlot("pidns", .namespace(path: path, .pid, own: false))
        } else {
            let changes = kind == .uts || kind == .mount || kind == .user || changesNetwork
            let slot = makeSlot("\(kind)ns", .namespace(path: path, kind, own: changes))
            launch.append(.join(slot, kind), origin: origin)
            // The rights that come with it make us dumpable where fs.suid_dumpable is 1.
            if kind == .user { launch.append(.hide) }
        }
    }

    /// Waits until the launching process has done its part.
    mutating func appendWait(_ wait: LaunchWait, origin: String) {
        // Our own copy of the other end first: when the launching process is gone, so must be the wait.
        launch.append(.close(makeSlot("\(wait)-teller", .teller(wait))))
        launch.append(.awaitByte(makeSlot("\(wait)", .ready(wait))), origin: origin)
    }

    /// Enters the namespaces of a running container.
    mutating func appendEntry(to container: LaunchSlot, _ spec: RuntimeSpec) {
        guard namespaces.all.contains(.user) else {
            var kinds: Namespaces = [.network, .ipc, .uts, .cgroup]
            if namespaces.all.contains(.time) { kinds.insert(.time) }
            if entersLast { kinds.insert(.pid) }
            guard namespaces.all.contains(.mount) else {
                // The root is the container's for paths alone, so it is for this program.
                let root = makeSlot("root", .directory(path: spec.root?.path ?? "/"))
                launch.append(.join(container, kinds))
                return launch.append(.changeRoot(root), origin: "root.path")
            }
            return launch.append(.join(container, kinds.union(.mount)))
        }
        // Only what is the container's own: the user namespace gives no right to enter what is the host's.
        launch.append(.join(container, namespaces.all))
        // Before it is among the container's processes, which a fork makes it.
        launch.append(.hide)
        launch.append(.fork([]))
        launch.append(.setCredentials((spec.linux ?? LinuxSpec()).namespaceRoot))
    }

    /// Whether a program that joins comes into the container's PID namespace as the last thing of all.
    ///
    /// Before that it has rights that the container does not have, and a process with CAP_SYS_PTRACE could take them from it
    /// there, dumpable or not. In a user namespace that capability is not worth that much.
    var entersLast: Bool { isEntry && inputs.hasTracers && isBornInContainer && namespaces.all.contains(.pid) }

    /// Whether a program that joins is born into the container's PID namespace, and not put there by a fork.
    var isBornInContainer: Bool { !namespaces.all.contains(.user) }

    /// What becomes of our supplementary groups when a process gets others.
    func groupChange(_ groups: [UInt32]) -> Credentials.GroupChange {
        if let ids = preparation?.ids { return ids.deniesGroups ? .keep : .set }
        return isConfined && groups.isEmpty ? .dropIfPossible : .set
    }

    /// The capabilities that we can give: a new user namespace has all.
    var available: CapabilitySet { namespaces.all.contains(.user) ? .all : inputs.permitted }
}

extension LinuxSpec {
    /// Who is root in the user namespace: what is made by somebody who is nobody there belongs to nobody.
    var namespaceRoot: Credentials {
        func id(_ mappings: [IDMapping]?) -> UInt32 {
            let ranges = (mappings ?? []).map { IDRange(inside: $0.containerID, outside: $0.hostID, count: $0.size) }
            return IDMap(ranges).rootID
        }
        var root = Credentials(uid: id(uidMappings), gid: id(gidMappings))
        root.change = .dropIfPossible
        return root
    }
}
