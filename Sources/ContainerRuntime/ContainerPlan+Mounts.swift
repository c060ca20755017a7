import LinuxSystem
import OCISpec

extension ContainerPlan {
    /// Mounts in the order of the configuration, each on a directory or file made for it when there is none.
    mutating func appendMounts(_ spec: RuntimeSpec, sysctls: [Sysctl]) throws(ContainerError) {
        if let label = spec.linux?.mountLabel, !label.isEmpty {
            try require(.selinux, "linux.mountLabel", "this host has no SELinux; leave it out")
            mountLabel = label
        }
        for (index, mount) in (spec.mounts ?? []).enumerated() {
            try appendMount(mount, origin: "mounts[\(index)]", sysctls: sysctls)
            mounted.append(mount.destination)
        }
        if !sysctls.isEmpty, !(spec.mounts ?? []).contains(where: { $0.type == "proc" }) {
            throw .invalid("linux.sysctl", "needs a mount of type proc")
        }
    }

    private mutating func appendMount(
        _ mount: MountSpec,
        origin: String,
        sysctls: [Sysctl]
    ) throws(ContainerError) {
        guard mount.destination.hasPrefix("/") else {
            throw .invalid("\(origin).destination", "'\(mount.destination)' is not an absolute path")
        }
        let options = MountOptions(mount.options ?? [])
        if options.isBind || mount.type == "bind" || mount.type == MountSpec.preparedType {
            return try appendExisting(mount, options, origin: origin)
        }
        guard let type = mount.type else { throw .invalid("\(origin).type", "missing, and the mount is no bind mount") }
        guard options.ids == nil, mount.uidMappings == nil, mount.gidMappings == nil else {
            throw .invalid("\(origin).options", "only a bind mount can have other ids, not one of type \(type)")
        }
        let slot: LaunchSlot
        if let copy = hostCopies[mount.destination], hostView(of: mount) != nil {
            slot = copy
            appendHostView(mount, type, options, slot, origin: origin)
        } else if options.copiesUp {
            slot = try appendFilled(mount, type, options, origin: origin)
        } else {
            slot = launch.makeSlot(mount.destination.slotName)
            launch.append(.makeFilesystem(try recipe(mount, type, options), into: slot), origin: origin)
        }
        if type == "proc" {
            // Before anyone sees this procfs: nothing can stand between the path and the kernel's file.
            for sysctl in sysctls {
                launch.append(.write(sysctl.value, beneath: slot, path: "sys/" + sysctl.path), origin: "linux.sysctl")
            }
        }
        appendPropagation(options, of: slot, origin: origin)
        appendMountPoint(mount.destination, .directory, origin: origin)
        // An image may not choose where procfs and sysfs lie: what protects them is bound to their paths.
        let isKernels = ["proc", "sysfs"].contains(type) || mount.destination.pathPrefixes.last == "/dev"
        let symlinks: SymlinkPolicy = isKernels ? .refuse : .follow
        let isSealed = type == "tmpfs" && options.isReadOnly
        launch.append(
            .attachAt(slot, path: mount.destination, symlinks: symlinks, keeps: isSealed),
            origin: origin
        )
        if isSealed { seals.append(Seal(slot: slot, origin: origin)) }
        if type == "cgroup" { try appendLegacyGroups(mount, options, origin: origin) }
    }

    /// The filesystem of a mount, with the label that the configuration has for files.
    private func recipe(
        _ mount: MountSpec,
        _ type: String,
        _ options: MountOptions
    ) throws(ContainerError) -> FilesystemRecipe {
        let attributes = options.attributes.union(options.recursive.set)
        if type == "cgroup", !inputs.legacyHierarchies.isEmpty {
            return FilesystemRecipe("tmpfs", [.init("mode", "755")], attributes: attributes.subtracting(.readOnly))
        }
        var parameters = options.parameters
        let isOfKernel = ["proc", "sysfs", "cgroup", "cgroup2", "mqueue"].contains(type)
        if let label = mountLabel, !isOfKernel { parameters.append(.init("context", label)) }
        var recipe = FilesystemRecipe(type == "cgroup" ? "cgroup2" : type, parameters, attributes: attributes)
        // An empty one gets the places of later mounts, and devices: it is sealed when all is in it.
        if type == "tmpfs" { recipe.attributes.remove(.readOnly) }
        recipe.source = mount.source.flatMap { $0.isEmpty || $0.utf8.count > 255 ? nil : $0 }
        return recipe
    }

    /// What the host shows of the kernel, in the place of a mount that the container has no namespace for.
    ///
    /// The host's settings and control groups are not the container's, so they are never for writing.
    private mutating func appendHostView(
        _ mount: MountSpec,
        _ type: String,
        _ options: MountOptions,
        _ slot: LaunchSlot,
        origin: String
    ) {
        var change = MountChange()
        change.all.set = options.attributes.union(options.recursive.set)
        if type != "proc" && type != "mqueue" { change.all.set.insert(.readOnly) }
        launch.append(.change(slot, change), origin: origin)
    }

    /// A filesystem in memory that begins with what it covers: `tmpcopyup`.
    private mutating func appendFilled(
        _ mount: MountSpec,
        _ type: String,
        _ options: MountOptions,
        origin: String
    ) throws(ContainerError) -> LaunchSlot {
        let place = "\(origin).options"
        guard type == "tmpfs" else { throw .invalid(place, "'tmpcopyup' is for a tmpfs, not for \(type)") }
        guard inputs.mayMount else {
            throw .unsupported(place, "'tmpcopyup' needs CAP_SYS_ADMIN, since the files are copied beforehand")
        }
        let covering = mounted.first { mount.destination == $0 || mount.destination.hasPrefix($0 + "/") }
        if let covering {
            throw .unsupported(place, "'tmpcopyup' copies files of the root, and there is a mount at \(covering)")
        }
        // Filled while it can be written to; the attributes come after.
        var recipe = try recipe(mount, type, options)
        recipe.attributes = []
        let slot = makeSlot(mount.destination.slotName, .filled(recipe, path: mount.destination))
        let attributes = options.attributes.union(options.recursive.set).subtracting(.readOnly)
        if !attributes.isEmpty {
            launch.append(.setAttributes(slot, attributes, recursive: false), origin: origin)
        }
        return slot
    }

    /// Takes the right to write away from filesystems in memory that are to be read-only.
    mutating func appendSeals() {
        for seal in seals {
            launch.append(.setAttributes(seal.slot, .readOnly, recursive: false), origin: seal.origin)
        }
    }

    /// The propagation of a new mount, where it is not alone.
    private mutating func appendPropagation(_ options: MountOptions, of slot: LaunchSlot, origin: String) {
        guard let propagation = options.propagation, propagation != .private else { return }
        var change = MountChange()
        change.top.propagation = propagation
        launch.append(.change(slot, change), origin: origin)
    }

    /// The hierarchies of v1 that the container has groups in, beside the unified one: cgroups(7).
    private mutating func appendLegacyGroups(
        _ mount: MountSpec,
        _ options: MountOptions,
        origin: String
    ) throws(ContainerError) {
        guard !inputs.legacyHierarchies.isEmpty, hostView(of: mount) == nil else { return }
        let attributes = options.attributes.union(options.recursive.set)
        for hierarchy in inputs.legacyHierarchies {
            let path = "\(mount.destination)/\(hierarchy)"
            let slot = launch.makeSlot(path.slotName)
            let recipe =
                hierarchy == "unified"
                ? FilesystemRecipe("cgroup2", attributes: attributes)
                : FilesystemRecipe(
                    "cgroup",
                    hierarchy.split(separator: ",").map { .init(String($0)) },
                    attributes: attributes
                )
            launch.append(.makeFilesystem(recipe, into: slot), origin: origin)
            launch.append(.makeDirectory(path, mode: 0o755), origin: origin)
            launch.append(.attachAt(slot, path: path, symlinks: .refuse), origin: origin)
        }
        guard attributes.contains(.readOnly) else { return }
        launch.append(.remount(mount.destination, .readOnly), origin: origin)
    }

    /// A mount whose files are there before the container: a path of the host, or what the caller lends.
    private mutating func appendExisting(
        _ mount: MountSpec,
        _ options: MountOptions,
        origin: String
    ) throws(ContainerError) {
        guard let source = mount.source else {
            throw .invalid("\(origin).source", "missing: a \(mount.type ?? "bind") mount has a source")
        }
        try check(mount, options, origin: origin)
        let kind: MountKind
        let slot: LaunchSlot
        if mount.type == MountSpec.preparedType {
            guard let lent = inputs.prepared[source] else {
                throw .invalid("\(origin).source", "there is no prepared mount '\(source)'")
            }
            kind = lent
            slot = makeSlot(mount.destination.slotName, .prepared(source))
            let attributes = options.attributes.union(options.recursive.set)
            if !attributes.isEmpty {
                launch.append(.setAttributes(slot, attributes, recursive: true), origin: origin)
            }
        } else {
            kind = inputs.sources[source] ?? .directory
            slot = try appendCopy(source, mount, options, origin: origin)
        }
        appendMountPoint(mount.destination, kind, origin: origin)
        launch.append(.attachAt(slot, path: mount.destination, symlinks: .follow), origin: origin)
    }

    /// Whether an option is a filesystem's: the kernel passes over it where nothing but a mount is made.
    private static func isOfFilesystem(_ key: String) -> Bool {
        [
            "sync", "dirsync", "lazytime", "iversion", "mand", "mode", "uid", "gid", "size", "nr_blocks", "nr_inodes",
        ].contains(key)
    }

    /// What is not an option of a mount whose filesystem there is already.
    private mutating func check(_ mount: MountSpec, _ options: MountOptions, origin: String) throws(ContainerError) {
        for parameter in options.parameters {
            // As the kernel does: it belongs to the filesystem, which others have mounted.
            if Self.isOfFilesystem(parameter.key) {
                unenforced.append("\(origin).options: '\(parameter.key)' is the filesystem's, and stays as it is")
                continue
            }
            throw .invalid("\(origin).options", "'\(parameter.key)' is not an option of a bind mount")
        }
        guard !options.copiesUp else {
            throw .invalid("\(origin).options", "'tmpcopyup' is for a tmpfs, not for a bind mount")
        }
    }

    /// A copy of a path of the host: made by us, or by the child where we may not.
    private mutating func appendCopy(
        _ source: String,
        _ mount: MountSpec,
        _ options: MountOptions,
        origin: String
    ) throws(ContainerError) -> LaunchSlot {
        let name = mount.destination.slotName
        let ids = try ids(of: mount, options, origin: origin)
        if inputs.mayMount {
            var host = HostMount(path: source, isRecursive: options.isRecursive, change: options.change)
            host.ids = ids
            host.mapsRecursively = options.ids?.isRecursive == true
            return makeSlot(name, .bind(host))
        }
        guard ids == nil else { throw .unsupported("\(origin).options", "other ids need CAP_SYS_ADMIN") }
        guard let slot = hostCopies[origin] else {
            throw .invalid("\(origin).source", "\(source) can't be copied once the root is entered")
        }
        launch.append(.change(slot, options.change), origin: origin)
        return slot
    }

    /// The directories down to a mount's destination, and what it is attached to.
    private mutating func appendMountPoint(_ path: String, _ kind: MountKind, origin: String) {
        let prefixes = path.pathPrefixes
        for prefix in kind == .file ? prefixes.dropLast() : prefixes[...] {
            launch.append(.makeDirectory(prefix, mode: 0o755), origin: origin)
        }
        guard kind == .file, let last = prefixes.last else { return }
        launch.append(.makeFile(last, mode: 0o644), origin: origin)
    }

    /// A working directory that is not there is made, as users expect of images.
    mutating func appendWorkingDirectory(_ process: ProcessSpec) {
        for prefix in process.cwd.pathPrefixes where process.cwd.hasPrefix("/") {
            // A read-only root has its directories or not; what is missing then shows when it is entered.
            launch.append(.makeWorkingDirectory(prefix), origin: "process.cwd")
        }
    }

    /// The devices every container has, those the configuration adds, and the links programs expect.
    mutating func appendDevices(_ spec: RuntimeSpec) throws(ContainerError) {
        // What is mounted from elsewhere at /dev has its own devices, and is not ours to write to.
        guard !spec.hasForeignDevices else { return }
        for prefix in ["/dev"] where !spec.hasOwnDevices {
            launch.append(.makeDirectory(prefix, mode: 0o755))
        }
        for (name, major, minor) in ContainerPlan.defaultDevices {
            let path = "/dev/\(name)"
            if appendHostDevice(at: path, origin: "") { continue }
            let node = DeviceNode(path, .character, major: major, minor: minor, mode: 0o666)
            launch.append(.makeDevice(node, mayExist: !spec.hasOwnDevices))
        }
        var taken = Set(ContainerPlan.defaultDevices.map { "/dev/\($0.0)" })
        for (index, device) in (spec.linux?.devices ?? []).enumerated() where taken.insert(device.path).inserted {
            let place = "linux.devices[\(index)]"
            let node = try deviceNode(device, place: place)
            for directory in device.path.pathPrefixes.dropLast() where taken.insert(directory).inserted {
                launch.append(.makeDirectory(directory, mode: 0o755), origin: place)
            }
            if appendHostDevice(at: device.path, origin: place) { continue }
            launch.append(.makeDevice(node, mayExist: !spec.hasOwnDevices), origin: place)
            if device.uid ?? 0 != 0 || device.gid ?? 0 != 0 {
                launch.append(.setOwner(device.path, uid: device.uid ?? 0, gid: device.gid ?? 0), origin: place)
            }
        }
        for (name, target) in ContainerPlan.deviceLinks {
            launch.append(.makeSymlink("/dev/\(name)", target: target))
        }
    }

    /// The host's own device, where none can be made; false where one can.
    private mutating func appendHostDevice(at path: String, origin: String) -> Bool {
        guard let copy = hostCopies[path] else { return false }
        launch.append(.makeFile(path, mode: 0o666), origin: origin)
        launch.append(.attachAt(copy, path: path, symlinks: .refuse), origin: origin)
        return true
    }

    func deviceNode(_ device: LinuxSpec.Device, place: String) throws(ContainerError) -> DeviceNode {
        let kind: DeviceNode.Kind
        switch device.type {
        case "c", "u": kind = .character
        case "b": kind = .block
        case "p": kind = .fifo
        default: throw .invalid("\(place).type", "'\(device.type)' is not c, b, u or p")
        }
        let path = device.path.pathPrefixes.last ?? ""
        guard device.path.hasPrefix("/"), !path.isEmpty, !device.path.split(separator: "/").contains("..") else {
            throw .invalid("\(place).path", "'\(device.path)' is not the absolute path of a device")
        }
        // What the kernel has bits for: it would make another device of a larger number.
        guard (0..<1 << 12).contains(device.major ?? 0), (0..<1 << 20).contains(device.minor ?? 0) else {
            throw .invalid(place, "\(device.major ?? 0):\(device.minor ?? 0) is not a device number")
        }
        return DeviceNode(
            path,
            kind,
            major: UInt32(truncatingIfNeeded: device.major ?? 0),
            minor: UInt32(truncatingIfNeeded: device.minor ?? 0),
            mode: device.fileMode ?? 0o666
        )
    }

    /// OCI Runtime Specification, "Default Devices".
    static let defaultDevices: [(String, UInt32, UInt32)] = [
        ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    ]

    private static let deviceLinks = [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
    ]
}

extension String {
    /// `/a`, `/a/b` and `/a/b/c` of `/a/b/c`.
    var pathPrefixes: [String] {
        var prefix = ""
        return split(separator: "/").map { component in
            prefix += "/"
            prefix += String(component)
            return prefix
        }
    }

    /// The name of the slot that holds what is to be mounted at this path.
    var slotName: String {
        // Not by `joined`, whose types the runtime would first have to find.
        split(separator: "/").reduce(into: "") { name, component in
            if !name.isEmpty { name += "-" }
            name += String(component)
        }
    }
}
