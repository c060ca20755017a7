import LinuxSystem
import OCISpec

extension ContainerPlan {
    /// Mounts in the order of the configuration, each on a directory or file made for it when there is none.
    mutating func appendMounts(_ spec: RuntimeSpec, sysctls: [Sysctl]) throws(ContainerError) {
        for (index, mount) in (spec.mounts ?? []).enumerated() {
            try appendMount(mount, origin: "mounts[\(index)]", sysctls: sysctls)
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
        let options = try mount.checkedOptions(place: origin)
        if options.isBind || mount.type == "bind" || mount.type == MountSpec.preparedType {
            return try appendExisting(mount, options, origin: origin)
        }
        let name = mount.destination.slotName
        guard let type = mount.type else { throw .invalid("\(origin).type", "missing, and the mount is no bind mount") }
        let kernelType = type == "cgroup" ? "cgroup2" : type
        let slot = launch.makeSlot(name)
        var recipe = FilesystemRecipe(kernelType, options.parameters, attributes: options.attributes)
        recipe.source = mount.source.flatMap { $0.isEmpty || $0.utf8.count > 255 ? nil : $0 }
        launch.append(.makeFilesystem(recipe, into: slot), origin: origin)
        if type == "proc" {
            // Before anyone sees this procfs: nothing can stand between the path and the kernel's file.
            for sysctl in sysctls {
                launch.append(.write(sysctl.value, beneath: slot, path: "sys/" + sysctl.path), origin: "linux.sysctl")
            }
        }
        appendMountPoint(mount.destination, .directory, origin: origin)
        // An image may not choose where procfs and sysfs lie: what protects them is bound to their paths.
        let isKernels = ["proc", "sysfs"].contains(type) || mount.destination.pathPrefixes.last == "/dev"
        let symlinks: SymlinkPolicy = isKernels ? .refuse : .follow
        launch.append(.attachAt(slot, path: mount.destination, symlinks: symlinks), origin: origin)
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
        let kind: MountKind
        let slot: LaunchSlot
        if mount.type == MountSpec.preparedType {
            guard let lent = inputs.prepared[source] else {
                throw .invalid("\(origin).source", "there is no prepared mount '\(source)'")
            }
            kind = lent
            slot = makeSlot(mount.destination.slotName, .prepared(source))
            if !options.attributes.isEmpty {
                launch.append(.setAttributes(slot, options.attributes, recursive: true), origin: origin)
            }
        } else {
            kind = inputs.sources[source] ?? .directory
            slot = makeSlot(
                mount.destination.slotName,
                .bind(
                    path: source,
                    recursive: options.isRecursive,
                    attributes: options.attributes,
                    propagation: options.propagation ?? .private
                )
            )
        }
        appendMountPoint(mount.destination, kind, origin: origin)
        launch.append(.attachAt(slot, path: mount.destination, symlinks: .follow), origin: origin)
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
            let node = DeviceNode("/dev/\(name)", .character, major: major, minor: minor, mode: 0o666)
            launch.append(.makeDevice(node, mayExist: !spec.hasOwnDevices))
        }
        var taken = Set(ContainerPlan.defaultDevices.map { "/dev/\($0.0)" })
        for (index, device) in (spec.linux?.devices ?? []).enumerated() where taken.insert(device.path).inserted {
            let place = "linux.devices[\(index)]"
            let node = try deviceNode(device, place: place)
            for directory in device.path.pathPrefixes.dropLast() where taken.insert(directory).inserted {
                launch.append(.makeDirectory(directory, mode: 0o755), origin: place)
            }
            launch.append(.makeDevice(node, mayExist: !spec.hasOwnDevices), origin: place)
            if device.uid ?? 0 != 0 || device.gid ?? 0 != 0 {
                launch.append(.setOwner(device.path, uid: device.uid ?? 0, gid: device.gid ?? 0), origin: place)
            }
        }
        for (name, target) in ContainerPlan.deviceLinks {
            launch.append(.makeSymlink("/dev/\(name)", target: target))
        }
    }

    private func deviceNode(_ device: LinuxSpec.Device, place: String) throws(ContainerError) -> DeviceNode {
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
        let numbers = 0...Int64(UInt32.max)
        guard numbers.contains(device.major ?? 0), numbers.contains(device.minor ?? 0) else {
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
    private static let defaultDevices: [(String, UInt32, UInt32)] = [
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
            prefix += "/" + component
            return prefix
        }
    }

    /// The name of the slot that holds what is to be mounted at this path.
    var slotName: String { split(separator: "/").joined(separator: "-") }
}
