package import LinuxSystem
package import OCISpec

/// What a service may choose of a container's configuration; everything else is what programs in images expect.
package struct StandardOptions: Hashable, Sendable {
    /// A namespace of the container.
    package enum Sharing: Hashable, Sendable {
        /// A new one.
        case own
        /// The launching process's.
        case host
        /// An existing one: a namespace file, as in `/proc/PID/ns`.
        case joined(path: String)
    }

    package var process: ProcessSpec
    package var hostname: String?
    package var domainname: String?
    package var isReadOnly = false
    /// All capabilities and devices, no filter, nothing masked.
    package var isPrivileged = false
    package var addedCapabilities: [String] = []
    package var droppedCapabilities: [String] = []
    /// No system call filter.
    package var isUnconfined = false
    /// Nothing of /proc and /sys is masked or read-only.
    package var showsSystemPaths = false
    package var ipc = Sharing.own
    package var pid = Sharing.own
    package var uts = Sharing.own
    package var network = Sharing.own
    package var cgroup = Sharing.own
    /// Bytes of `/dev/shm`.
    package var sharedMemorySize: Int64 = 64 << 20
    /// Whether there is a `/dev/shm`.
    package var hasSharedMemory = true
    /// What lies at `/dev/shm` instead: the mount of a container whose ipc namespace is joined.
    package var sharedMemory: MountSpec?
    package var devices: [LinuxSpec.Device] = []
    /// Rules beside those of the standard devices.
    package var deviceRules: [ResourcesSpec.Device] = []
    package var resources = ResourcesSpec()
    package var sysctl: [String: String] = [:]
    /// Directories of sysfs that are masked beside the usual ones: `sensorsOfHost`.
    package var sensors: [String] = []

    /// The standard for one program; its capabilities are replaced.
    package init(_ process: ProcessSpec) { self.process = process }
}

extension RuntimeSpec {
    /// The configuration of a service that asks for nothing special: mounts, devices, masks and capabilities as images
    /// expect them.
    ///
    /// `mounts` follow the standard ones, and one with the destination of a standard one takes its place.
    /// `hostDevices` is what `LinuxSpec.Device.ofHost` found, for a privileged container.
    package static func standard(
        _ options: StandardOptions,
        mounts: [MountSpec] = [],
        hostDevices: [LinuxSpec.Device] = []
    ) throws(ContainerError) -> RuntimeSpec {
        var spec = RuntimeSpec()
        spec.root = RootSpec(path: "/", readonly: options.isReadOnly ? true : nil)
        spec.process = options.process
        spec.hostname = options.uts == .own ? options.hostname : nil
        spec.domainname = options.uts == .own ? options.domainname : nil
        let taken = Set(mounts.map(\.destination))
        spec.mounts = standardMounts(options).filter { !taken.contains($0.destination) } + mounts
        let capabilities = try options.capabilities()
        let names = capabilities.names.map { "CAP_\($0)" }
        spec.process?.capabilities = .init(bounding: names, effective: names, permitted: names)
        var linux = LinuxSpec()
        linux.namespaces = [.init(type: "mount")] + options.namespaces
        let sysctl = options.parameters
        linux.sysctl = sysctl.isEmpty ? nil : sysctl
        var resources = options.resources
        linux.devices = options.devices
        if options.isPrivileged {
            linux.devices = options.devices + hostDevices
            resources.devices = [.init(allow: true)]
        } else {
            resources.devices = [.init(allow: false)] + options.deviceRules
            if !options.showsSystemPaths {
                linux.maskedPaths = maskedPaths + options.sensors
                linux.readonlyPaths = readonlyPaths
            }
            if !options.isUnconfined { linux.seccomp = .standard(capabilities: capabilities) }
        }
        linux.resources = resources
        spec.linux = linux
        return spec
    }

    private static func standardMounts(_ options: StandardOptions) -> [MountSpec] {
        let quiet = ["nosuid", "noexec", "nodev"]
        let access = options.isPrivileged ? "rw" : "ro"
        var mounts: [MountSpec] = [
            .init(destination: "/proc", type: "proc", source: "proc", options: quiet),
            .init(destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"]),
            .init(
                destination: "/dev/pts",
                type: "devpts",
                source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
            ),
            .init(destination: "/sys", type: "sysfs", source: "sysfs", options: quiet + [access]),
            .init(destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: quiet + [access]),
        ]
        // One filesystem for each ipc namespace, so that of a shared one is the one its others see.
        mounts.append(.init(destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: quiet))
        guard options.hasSharedMemory else { return mounts }
        if options.ipc == .host {
            mounts.append(.init(destination: "/dev/shm", type: "bind", source: "/dev/shm", options: ["bind"]))
        } else {
            let size = ["mode=1777", "size=\(options.sharedMemorySize)"]
            mounts.append(
                options.sharedMemory
                    ?? .init(destination: "/dev/shm", type: "tmpfs", source: "shm", options: quiet + size)
            )
        }
        return mounts
    }

    /// What tells of the host, or lets change it; all of it is the kernel's.
    static let maskedPaths = [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
        "/sys/devices/virtual/powercap", "/sys/firmware",
    ]

    private static let readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
}

extension StandardOptions {
    /// How hot each processor got, which tells what others compute; found once, since it does not change.
    package static let sensorsOfHost: [String] = {
        let processors = "/sys/devices/system/cpu"
        return namesInDirectory(processors).filter { $0.hasPrefix("cpu") && $0.dropFirst(3).allSatisfy(\.isNumber) }
            .map { "\(processors)/\($0)/\(sensorName)" }.filter { fileExists($0) }.sorted()
    }()

    static let sensorName = "thermal_throttle"

    /// What a service has when it says nothing.
    private static let usual = [
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
        "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    ]

    /// The usual ones with those added and without those dropped; `ALL` means every one, and the single name wins.
    package func capabilities() throws(ContainerError) -> CapabilitySet {
        guard !isPrivileged else { return .all }
        func isAll(_ name: String) -> Bool { ["ALL", "CAP_ALL"].contains(name.uppercased()) }
        func set(_ names: [String], _ place: String) throws(ContainerError) -> CapabilitySet {
            var set: CapabilitySet = []
            for name in names where !isAll(name) {
                guard let capability = CapabilitySet(named: name) else {
                    throw .invalid(place, "'\(name)' is not a capability")
                }
                set.formUnion(capability)
            }
            return set
        }
        let added = try set(addedCapabilities, "cap_add")
        let dropped = try set(droppedCapabilities, "cap_drop")
        if addedCapabilities.contains(where: isAll) { return CapabilitySet.all.subtracting(dropped) }
        if droppedCapabilities.contains(where: isAll) { return added }
        return try set(StandardOptions.usual, "cap_add").union(added).subtracting(dropped)
    }

    /// The kernel parameters; where the network is the container's own, its programs need no right to listen on low
    /// ports or to send echo requests, as Docker has it.
    fileprivate var parameters: [String: String] {
        guard network == .own else { return sysctl }
        let usual = [
            "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647",
        ]
        let given = Set(sysctl.keys.map { $0.replacing("/", with: ".") })
        return sysctl.merging(usual.filter { !given.contains($0.key) }) { own, _ in own }
    }

    fileprivate var namespaces: [LinuxSpec.Namespace] {
        [("pid", pid), ("ipc", ipc), ("uts", uts), ("network", network), ("cgroup", cgroup)].compactMap {
            switch $0.1 {
            case .own: .init(type: $0.0)
            case .host: nil
            case .joined(let path): .init(type: $0.0, path: path)
            }
        }
    }
}
