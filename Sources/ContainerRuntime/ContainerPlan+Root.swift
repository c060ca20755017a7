import LinuxSystem
import OCISpec

extension ContainerPlan {
    /// Whether the mounts are made before the root is pivoted to, in a root for paths alone.
    ///
    /// Hooks are to see the mounts among the host's files; and in a user namespace the kernel shows itself only to those
    /// who see it already, by a procfs or sysfs that is still there.
    private var entersRoot: Bool { inputs.awaitsHooks || isConfined }

    /// Takes what is needed of the host, and goes to the new root.
    mutating func appendRoot(_ spec: RuntimeSpec) throws(ContainerError) {
        let place = spec.root?.path ?? "/"
        let root = inputs.mayMount ? makeSlot("root", .root) : launch.makeSlot("root")
        // A mount that is to get what is mounted at the host must not be cut off from it.
        launch.append(.setPropagation(rootPropagation == nil || inputs.mayMount ? .private : .slave))
        if !inputs.mayMount { launch.append(.copyTree(place, into: root), origin: "root.path") }
        appendCovers(spec)
        if !inputs.mayMount { appendCopies(spec) }
        try appendHostCopies(spec)
        if inputs.staysOnRoot {
            unenforced.append("--no-pivot: the host's files lie below the root, in reach of who has CAP_SYS_CHROOT")
            return launch.append(.coverRoot(root), origin: "root.path")
        }
        guard entersRoot else { return launch.append(.pivot(root), origin: "root.path") }
        let host = launch.makeSlot("host")
        launch.append(.enter(root, at: inputs.awaitsHooks ? place : "/", host: host), origin: "root.path")
        oldRoot = host
    }

    /// What comes when everything in the root is made.
    mutating func appendEnd(ofRoot spec: RuntimeSpec) {
        guard let root = launch.slots.first(where: { $0.name == "root" }) else { return }
        if let oldRoot {
            if inputs.awaitsHooks { launch.append(.awaitGate(gate()), origin: "hooks") }
            launch.append(.leave(root, host: oldRoot), origin: "root.path")
        } else if inputs.staysOnRoot, inputs.awaitsHooks {
            launch.append(.awaitGate(gate()), origin: "hooks")
        }
        if let rootPropagation {
            // Not for the mounts below, each of which has said how it travels.
            var change = MountChange()
            change.top.propagation = rootPropagation
            launch.append(.change(root, change), origin: "linux.rootfsPropagation")
        }
        if spec.root?.readonly == true {
            launch.append(.setAttributes(root, .readOnly, recursive: false), origin: "root.readonly")
        }
    }

    /// Copies the sources of bind mounts, where we may not do so ourselves.
    private mutating func appendCopies(_ spec: RuntimeSpec) {
        for (index, mount) in (spec.mounts ?? []).enumerated() {
            let options = MountOptions(mount.options ?? [])
            guard let source = mount.source, options.isBind || mount.type == "bind" else { continue }
            let origin = "mounts[\(index)]"
            let slot = launch.makeSlot(mount.destination.slotName)
            launch.append(
                options.isRecursive ? .copyTree(source, into: slot) : .copyMount(source, into: slot),
                origin: origin
            )
            hostCopies[origin] = slot
        }
    }

    /// Copies what can't be made in a user namespace: devices, and views of what is not the container's own.
    private mutating func appendHostCopies(_ spec: RuntimeSpec) throws(ContainerError) {
        guard isConfined else { return }
        for (index, mount) in (spec.mounts ?? []).enumerated() {
            guard let path = hostView(of: mount), hostCopies[mount.destination] == nil else { continue }
            let slot = launch.makeSlot(mount.destination.slotName)
            launch.append(.copyTree(path, into: slot), origin: "mounts[\(index)]")
            hostCopies[mount.destination] = slot
        }
        guard spec.hasOwnDevices else { return }
        for path in ContainerPlan.defaultDevices.map({ "/dev/\($0.0)" }) { appendHostDevice(path, origin: "") }
        for (index, device) in (spec.linux?.devices ?? []).enumerated() where device.type != "p" {
            appendHostDevice(device.path, origin: "linux.devices[\(index)]")
        }
    }

    private mutating func appendHostDevice(_ path: String, origin: String) {
        guard hostCopies[path] == nil else { return }
        let slot = launch.makeSlot(path.slotName)
        launch.append(.copyMount(path, into: slot), origin: origin)
        hostCopies[path] = slot
    }

    /// Where the host shows what a mount of a container in a user namespace would, had it a namespace of its own for it.
    func hostView(of mount: MountSpec) -> String? {
        guard isConfined, let type = mount.type, !MountOptions(mount.options ?? []).isBind else { return nil }
        switch type {
        case "proc": return namespaces.owns(.pid) ? nil : "/proc"
        case "sysfs": return namespaces.owns(.network) ? nil : "/sys"
        case "mqueue": return namespaces.owns(.ipc) ? nil : "/dev/mqueue"
        case "cgroup", "cgroup2": return namespaces.owns(.cgroup) ? nil : "/sys/fs/cgroup"
        default: return nil
        }
    }
}

extension LinuxSpec {
    /// What `rootfsPropagation` asks for beyond what a root is anyway.
    var propagationOfRoot: MountPropagation? {
        get throws(ContainerError) {
            switch rootfsPropagation ?? "" {
            case "", "private", "rprivate": nil
            case "slave", "rslave": .slave
            case "shared", "rshared": .shared
            case "unbindable", "runbindable": .unbindable
            default:
                throw .invalid(
                    "linux.rootfsPropagation",
                    "'\(rootfsPropagation ?? "")' is not private, slave, shared or unbindable"
                )
            }
        }
    }
}
