import LinuxSystem
import OCISpec

extension ContainerPlan {
    /// Whether the mounts are made before the root is pivoted to, in a root for paths alone.
    ///
    /// Hooks are to see the mounts among the host's files; and in a user namespace the kernel shows itself only to those
    /// who see it already, by a procfs or sysfs that is still there.
    private var entersRoot: Bool { inputs.awaitsHooks || isConfined || sharesMounts }

    /// Whether the container's mounts are among the host's, at the path of its root, which is its own for paths alone.
    var sharesMounts: Bool { !namespaces.all.contains(.mount) }

    /// Takes what is needed of the host, and goes to the new root.
    mutating func appendRoot(_ spec: RuntimeSpec) throws(ContainerError) {
        let place = spec.root?.path ?? "/"
        let root = inputs.mayMount ? makeSlot("root", .root) : launch.makeSlot("root")
        // A mount that is to get what is mounted at the host must not be cut off from it.
        if !sharesMounts {
            launch.append(.setPropagation(rootPropagation == nil || inputs.mayMount ? .private : .slave))
        }
        if !inputs.mayMount { launch.append(.copyTree(place, into: root), origin: "root.path") }
        appendCovers(spec)
        if !inputs.mayMount { appendCopies(spec) }
        try appendHostCopies(spec)
        if inputs.staysOnRoot, !sharesMounts {
            unenforced.append("--no-pivot: the host's files lie below the root, in reach of who has CAP_SYS_CHROOT")
            return launch.append(.coverRoot(root), origin: "root.path")
        }
        guard entersRoot else { return launch.append(.pivot(root), origin: "root.path") }
        let host = launch.makeSlot("host")
        let isVisible = inputs.awaitsHooks || sharesMounts
        launch.append(.enter(root, at: isVisible ? place : "/", host: host), origin: "root.path")
        oldRoot = host
        guard sharesMounts else { return }
        guard place.contains(where: { $0 != "/" }) else {
            throw .invalid("root.path", "the host's own root needs a mount namespace in linux.namespaces")
        }
        // What is mounted below is not for the other namespaces that the host's mounts are shared with.
        var change = MountChange()
        change.top.propagation = .private
        launch.append(.change(root, change), origin: "root.path")
    }

    /// What comes when everything in the root is made.
    mutating func appendEnd(ofRoot spec: RuntimeSpec) {
        guard let root = launch.slots.first(where: { $0.name == "root" }) else { return }
        if let oldRoot {
            if inputs.awaitsHooks { launch.append(.awaitGate(gate()), origin: "hooks") }
            launch.append(sharesMounts ? .close(oldRoot) : .leave(root, host: oldRoot), origin: "root.path")
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
        guard !spec.hasForeignDevices else { return }
        if inputs.makesDevices, namespaces.created.contains(.mount) { return try appendMadeDevices(spec) }
        for path in ContainerPlan.defaultDevices.map({ "/dev/\($0.0)" }) { appendHostDevice(path, origin: "") }
        for (index, device) in (spec.linux?.devices ?? []).enumerated() where device.type != "p" {
            appendHostDevice(device.path, origin: "linux.devices[\(index)]")
        }
    }

    /// Copies devices of a filesystem that we have made for them: they can be made in no user namespace but ours.
    ///
    /// It lies over the host's devices for a moment, since only what is mounted somewhere can be copied.
    private mutating func appendMadeDevices(_ spec: RuntimeSpec) throws(ContainerError) {
        var devices: [(path: String, made: MadeDevice, origin: String)] = []
        func add(_ device: LinuxSpec.Device, _ origin: String) throws(ContainerError) {
            guard !devices.contains(where: { $0.path == device.path }) else { return }
            var node = try deviceNode(device, place: origin)
            node.path = "\(devices.count)"
            let uid = LinuxSpec.hostID(of: device.uid ?? 0, spec.linux?.uidMappings)
            let gid = LinuxSpec.hostID(of: device.gid ?? 0, spec.linux?.gidMappings)
            devices.append((device.path, MadeDevice(node: node, uid: uid, gid: gid), origin))
        }
        for (name, major, minor) in ContainerPlan.defaultDevices {
            try add(.init(type: "c", path: "/dev/\(name)", major: Int64(major), minor: Int64(minor)), "")
        }
        for (index, device) in (spec.linux?.devices ?? []).enumerated() where device.type != "p" {
            try add(device, "linux.devices[\(index)]")
        }
        let filesystem = makeSlot("devices", .devices(devices.map(\.made)))
        launch.append(.attachAt(filesystem, path: "/dev", symlinks: .refuse), origin: "linux.devices")
        for device in devices {
            let slot = launch.makeSlot(device.path.slotName)
            launch.append(.copyMount("/dev/\(device.made.node.path)", into: slot), origin: device.origin)
            hostCopies[device.path] = slot
        }
        launch.append(.detach("/dev"), origin: "linux.devices")
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
