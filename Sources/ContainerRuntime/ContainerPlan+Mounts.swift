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
        let name = mount.destination.split(separator: "/").joined(separator: "-")
        if options.isBind || mount.type == "bind" {
            guard let source = mount.source else {
                throw .invalid("\(origin).source", "missing: a bind mount has a source")
            }
            let slot = makeSlot(
                name,
                .bind(path: source, recursive: options.isRecursive, attributes: options.attributes)
            )
            appendMountPoint(mount.destination, origin: origin)
            launch.append(.attachAt(slot, path: mount.destination, symlinks: .follow), origin: origin)
            return
        }
        guard let type = mount.type else { throw .invalid("\(origin).type", "missing, and the mount is no bind mount") }
        let kernelType = type == "cgroup" ? "cgroup2" : type
        let slot = launch.makeSlot(name)
        let recipe = FilesystemRecipe(kernelType, options.parameters, attributes: options.attributes)
        launch.append(.makeFilesystem(recipe, into: slot), origin: origin)
        if type == "proc" {
            // Before anyone sees this procfs: nothing can stand between the path and the kernel's file.
            for sysctl in sysctls {
                launch.append(.write(sysctl.value, beneath: slot, path: "sys/" + sysctl.path), origin: "linux.sysctl")
            }
        }
        appendMountPoint(mount.destination, origin: origin)
        // An image may not choose where procfs and sysfs lie: what protects them is bound to their paths.
        let symlinks: SymlinkPolicy = type == "proc" || type == "sysfs" ? .refuse : .follow
        launch.append(.attachAt(slot, path: mount.destination, symlinks: symlinks), origin: origin)
    }

    /// The directories down to a mount's destination.
    private mutating func appendMountPoint(_ path: String, origin: String) {
        var prefix = ""
        for component in path.split(separator: "/") {
            prefix += "/" + component
            launch.append(.makeDirectory(prefix, mode: 0o755), origin: origin)
        }
    }

    /// The devices every container has, those the configuration adds, and the links programs expect.
    mutating func appendDevices(_ spec: RuntimeSpec) throws(ContainerError) {
        guard (spec.mounts ?? []).contains(where: { $0.destination == "/dev" && $0.type == "tmpfs" }) else {
            guard (spec.linux?.devices ?? []).isEmpty else {
                throw .unsupported("linux.devices", "devices without a tmpfs at /dev are not supported yet")
            }
            return
        }
        for (name, major, minor) in ContainerPlan.defaultDevices {
            launch.append(.makeDevice(DeviceNode("/dev/\(name)", .character, major: major, minor: minor, mode: 0o666)))
        }
        for (index, device) in (spec.linux?.devices ?? []).enumerated() {
            let node = try deviceNode(device, place: "linux.devices[\(index)]")
            launch.append(.makeDevice(node), origin: "linux.devices[\(index)]")
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
        guard device.path.hasPrefix("/dev/") else {
            throw .unsupported("\(place).path", "'\(device.path)' is not below /dev")
        }
        guard (device.uid ?? 0) == 0, (device.gid ?? 0) == 0 else {
            throw .unsupported(place, "an owner other than 0:0 is not supported yet")
        }
        let numbers = 0...Int64(UInt32.max)
        guard numbers.contains(device.major ?? 0), numbers.contains(device.minor ?? 0) else {
            throw .invalid(place, "\(device.major ?? 0):\(device.minor ?? 0) is not a device number")
        }
        return DeviceNode(
            device.path,
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
