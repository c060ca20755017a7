package import LinuxSystem
package import OCISpec

/// One value for a file of a control group.
package struct CgroupWrite: Hashable, Sendable, CustomStringConvertible {
    /// The v1 controller whose directory holds the file; nil for the unified hierarchy.
    package var legacyController: String?
    package var file: String
    package var value: String
    /// The part of the configuration that asked for it.
    package var origin: String

    /// Whether the file was asked for by its name: whoever does so relies on it.
    var isByName: Bool { origin.hasPrefix("linux.resources.unified.") }

    /// `controller/file value`.
    package var description: String { "\(legacyController.map { "\($0)/" } ?? "")\(file) \(value)" }
}

/// What `linux.resources` comes to on a host: files to write, controllers to have, and limits that can't be enforced.
///
/// A pure function of the configuration and the host's hierarchies; device rules are not among it.
package struct CgroupPlan: Hashable, Sendable {
    package private(set) var writes: [CgroupWrite] = []
    /// Limits that this host can't enforce, in words for a warning.
    package private(set) var unenforced: [String] = []

    private let hierarchies: CgroupHierarchies
    /// The controllers that the unified hierarchy has to offer.
    private let available: Set<String>

    /// The controllers of the unified hierarchy that have something to limit.
    package var unifiedControllers: [String] {
        var controllers: [String] = []
        for write in writes where write.legacyController == nil {
            let controller = String(write.file.prefix { $0 != "." })
            if controller != "cgroup", !controllers.contains(controller) { controllers.append(controller) }
        }
        return controllers
    }

    /// The v1 controllers that have something to limit.
    package var legacyControllers: [String] {
        var controllers: [String] = []
        for case let controller? in writes.map(\.legacyController) where !controllers.contains(controller) {
            controllers.append(controller)
        }
        return controllers
    }

    /// Plans for a host whose unified hierarchy offers the `available` controllers (`cgroup.controllers`).
    package init(
        _ resources: ResourcesSpec,
        on hierarchies: CgroupHierarchies,
        available: Set<String>
    ) throws(ContainerError) {
        self.hierarchies = hierarchies
        self.available = available
        if let memory = resources.memory { try plan(memory) }
        if let cpu = resources.cpu { plan(cpu) }
        if let limit = resources.pids?.limit {
            // The specification's 0 and -1 both mean no limit.
            let value = limit <= 0 ? "max" : "\(limit)"
            add("pids", unified: ("pids.max", value), legacy: ("pids.max", value), origin: "pids.limit")
        }
        if let blockIO = resources.blockIO { plan(blockIO) }
        for (index, limit) in (resources.hugepageLimits ?? []).enumerated() {
            guard limit.pageSize.wholeMatch(of: /[0-9]+[KMGT]?B/) != nil else {
                throw .invalid(
                    "linux.resources.hugepageLimits[\(index)].pageSize",
                    "'\(limit.pageSize)' is not a size like 2MB"
                )
            }
            add(
                "hugetlb",
                unified: ("hugetlb.\(limit.pageSize).max", "\(limit.limit)"),
                legacy: ("hugetlb.\(limit.pageSize).limit_in_bytes", "\(limit.limit)"),
                origin: "hugepageLimits"
            )
        }
        try plan(network: resources.network, rdma: resources.rdma)
        for (file, value) in (resources.unified ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard !file.contains("/"), file.contains(".") else {
                throw .invalid("linux.resources.unified", "'\(file)' is not the name of a cgroup v2 file")
            }
            let controller = String(file.prefix { $0 != "." })
            // The others of the kernel's own files move processes, end them or hold them up: any of the host's, by cgroup.procs.
            guard controller != "cgroup" || CgroupPlan.ownLimits.contains(file) else {
                throw .invalid(
                    "linux.resources.unified.\(file)",
                    "is not a limit, and not for a configuration to write"
                )
            }
            // Whoever writes a file by its name relies on it: the specification wants an error here, and no less.
            guard controller == "cgroup" || available.contains(controller) else {
                throw .unsupported(
                    "linux.resources.unified",
                    "the controller `\(controller)` is not available under this host's unified hierarchy"
                )
            }
            if controller == "cgroup" {
                writes.append(CgroupWrite(file: file, value: value, origin: "linux.resources.unified.\(file)"))
            } else {
                add(controller, unified: (file, value), legacy: nil, origin: "unified.\(file)")
            }
        }
    }

    /// The files that every group has of itself, and that say something of what may be in it: cgroups(7).
    private static let ownLimits: Set<String> = ["cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure"]

    /// Adds a value where the host has the controller, the unified hierarchy first.
    private mutating func add(
        _ controller: String,
        unified: (file: String, value: String)?,
        legacy: (file: String, value: String)?,
        origin: String
    ) {
        let origin = "linux.resources.\(origin)"
        if let unified, hierarchies.unified != nil, available.contains(controller) {
            writes.append(CgroupWrite(file: unified.file, value: unified.value, origin: origin))
        } else if let legacy, hierarchies.legacy[controller] != nil {
            writes.append(
                CgroupWrite(legacyController: controller, file: legacy.file, value: legacy.value, origin: origin)
            )
        } else {
            unenforced.append("\(origin): this host has no \(controller) controller that can do it")
        }
    }

    private mutating func plan(_ memory: ResourcesSpec.Memory) throws(ContainerError) {
        func amount(_ value: Int64) -> String { value < 0 ? "max" : "\(value)" }
        if let limit = memory.limit, limit != 0 {
            add(
                "memory",
                unified: ("memory.max", amount(limit)),
                legacy: ("memory.limit_in_bytes", "\(limit)"),
                origin: "memory.limit"
            )
        }
        if memory.swap == 0, hierarchies.unified != nil, available.contains("memory") {
            // No swap at all; as an amount with memory in it, as v1 has it, it would be none.
            add("memory", unified: ("memory.swap.max", "0"), legacy: nil, origin: "memory.swap")
        }
        if let swap = memory.swap, swap != 0 {
            // The configuration counts memory and swap together, cgroup v2 swap alone.
            var alone = amount(swap)
            if swap > 0 {
                guard let limit = memory.limit, limit > 0 else {
                    throw .invalid("linux.resources.memory.swap", "needs memory.limit, which it includes")
                }
                guard swap >= limit else {
                    throw .invalid("linux.resources.memory.swap", "\(swap) is below memory.limit, which it includes")
                }
                alone = "\(swap - limit)"
            }
            add(
                "memory",
                unified: ("memory.swap.max", alone),
                legacy: ("memory.memsw.limit_in_bytes", "\(swap)"),
                origin: "memory.swap"
            )
        }
        if let reservation = memory.reservation, reservation != 0 {
            add(
                "memory",
                unified: ("memory.low", amount(reservation)),
                legacy: ("memory.soft_limit_in_bytes", "\(reservation)"),
                origin: "memory.reservation"
            )
        }
        if let swappiness = memory.swappiness {
            add("memory", unified: nil, legacy: ("memory.swappiness", "\(swappiness)"), origin: "memory.swappiness")
        }
        if memory.disableOOMKiller == true {
            add("memory", unified: nil, legacy: ("memory.oom_control", "1"), origin: "memory.disableOOMKiller")
        }
    }

    private mutating func plan(_ cpu: ResourcesSpec.CPU) {
        if let shares = cpu.shares, shares != 0 {
            add(
                "cpu",
                unified: ("cpu.weight", "\(CgroupPlan.weight(shares: shares))"),
                legacy: ("cpu.shares", "\(shares)"),
                origin: "cpu.shares"
            )
        }
        if cpu.quota != nil || cpu.period != nil { planBandwidth(cpu) }
        if let burst = cpu.burst {
            add(
                "cpu",
                unified: ("cpu.max.burst", "\(burst)"),
                legacy: ("cpu.cfs_burst_us", "\(burst)"),
                origin: "cpu.burst"
            )
        }
        if let idle = cpu.idle {
            add("cpu", unified: ("cpu.idle", "\(idle)"), legacy: ("cpu.idle", "\(idle)"), origin: "cpu.idle")
        }
        if let period = cpu.realtimePeriod {
            add("cpu", unified: nil, legacy: ("cpu.rt_period_us", "\(period)"), origin: "cpu.realtimePeriod")
        }
        if let runtime = cpu.realtimeRuntime {
            add("cpu", unified: nil, legacy: ("cpu.rt_runtime_us", "\(runtime)"), origin: "cpu.realtimeRuntime")
        }
        if let cpus = cpu.cpus, !cpus.isEmpty {
            add("cpuset", unified: ("cpuset.cpus", cpus), legacy: ("cpuset.cpus", cpus), origin: "cpu.cpus")
        }
        if let mems = cpu.mems, !mems.isEmpty {
            add("cpuset", unified: ("cpuset.mems", mems), legacy: ("cpuset.mems", mems), origin: "cpu.mems")
        }
    }

    private mutating func planBandwidth(_ cpu: ResourcesSpec.CPU) {
        let period = cpu.period ?? 100_000
        let quota = cpu.quota.map { $0 > 0 ? "\($0)" : "max" } ?? "max"
        guard available.contains("cpu"), hierarchies.unified != nil else {
            // The period first: the kernel compares the quota with it.
            add("cpu", unified: nil, legacy: ("cpu.cfs_period_us", "\(period)"), origin: "cpu.period")
            if let quota = cpu.quota {
                add("cpu", unified: nil, legacy: ("cpu.cfs_quota_us", "\(quota)"), origin: "cpu.quota")
            }
            return
        }
        add("cpu", unified: ("cpu.max", "\(quota) \(period)"), legacy: nil, origin: "cpu.quota")
    }

    private mutating func plan(_ blockIO: ResourcesSpec.BlockIO) {
        if let weight = blockIO.weight, weight != 0 {
            add(
                "io",
                blkio: "blkio.weight",
                unified: ("io.weight", "default \(CgroupPlan.ioWeight(weight))"),
                "\(weight)",
                origin: "blockIO.weight"
            )
        }
        for device in blockIO.weightDevice ?? [] {
            guard let weight = device.weight else { continue }
            let number = "\(device.major):\(device.minor)"
            add(
                "io",
                blkio: "blkio.weight_device",
                unified: ("io.weight", "\(number) \(CgroupPlan.ioWeight(weight))"),
                "\(number) \(weight)",
                origin: "blockIO.weightDevice"
            )
        }
        let throttles: [([ResourcesSpec.ThrottleDevice]?, String, String, String)] = [
            (blockIO.throttleReadBpsDevice, "rbps", "blkio.throttle.read_bps_device", "throttleReadBpsDevice"),
            (blockIO.throttleWriteBpsDevice, "wbps", "blkio.throttle.write_bps_device", "throttleWriteBpsDevice"),
            (blockIO.throttleReadIOPSDevice, "riops", "blkio.throttle.read_iops_device", "throttleReadIOPSDevice"),
            (blockIO.throttleWriteIOPSDevice, "wiops", "blkio.throttle.write_iops_device", "throttleWriteIOPSDevice"),
        ]
        for (devices, key, file, origin) in throttles {
            for device in devices ?? [] {
                let number = "\(device.major):\(device.minor)"
                add(
                    "io",
                    blkio: file,
                    unified: ("io.max", "\(number) \(key)=\(device.rate)"),
                    "\(number) \(device.rate)",
                    origin: "blockIO.\(origin)"
                )
            }
        }
    }

    /// The block controller is `io` in the unified hierarchy and `blkio` in v1.
    private mutating func add(
        _ controller: String,
        blkio file: String,
        unified: (String, String),
        _ value: String,
        origin: String
    ) {
        if available.contains(controller), hierarchies.unified != nil {
            add(controller, unified: unified, legacy: nil, origin: origin)
        } else {
            add("blkio", unified: nil, legacy: (file, value), origin: origin)
        }
    }

    private mutating func plan(
        network: ResourcesSpec.Network?,
        rdma: [String: ResourcesSpec.RDMA]?
    ) throws(ContainerError) {
        if let classID = network?.classID {
            add("net_cls", unified: nil, legacy: ("net_cls.classid", "\(classID)"), origin: "network.classID")
        }
        for priority in network?.priorities ?? [] {
            add(
                "net_prio",
                unified: nil,
                legacy: ("net_prio.ifpriomap", "\(priority.name) \(priority.priority)"),
                origin: "network.priorities"
            )
        }
        for (device, limit) in (rdma ?? [:]).sorted(by: { $0.key < $1.key }) {
            let handles = limit.hcaHandles.map { " hca_handle=\($0)" } ?? ""
            let objects = limit.hcaObjects.map { " hca_object=\($0)" } ?? ""
            let value = device + handles + objects
            add("rdma", unified: ("rdma.max", value), legacy: ("rdma.max", value), origin: "rdma")
        }
    }

    /// Shares of 2 to 262144 on the scale of weights, 1 to 10000.
    static func weight(shares: UInt64) -> UInt64 {
        1 + (min(max(shares, 2), 262_144) - 2) * 9999 / 262_142
    }

    /// Block weights of 10 to 1000 on the scale of weights, 1 to 10000.
    static func ioWeight(_ weight: UInt16) -> UInt64 {
        1 + (UInt64(min(max(weight, 10), 1000)) - 10) * 9999 / 990
    }
}
