import ArgumentParser
import ContainerRuntime
import OCISpec

/// `roost runtime update`.
struct RuntimeUpdate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update",
        abstract: "Change the limits of a container."
    )

    @Option(name: .shortAndLong, help: "A file with resources, as config.json has them; - is standard input.")
    var resources: String?
    @Option(help: "The share of disk time, 10 to 1000.") var blkioWeight: UInt16?
    @Option(parsing: .unconditional, help: "Memory, in bytes or with a unit: 64m.") var memory: RuntimeAmount?
    @Option(parsing: .unconditional, help: "Memory and swap together.") var memorySwap: RuntimeAmount?
    @Option(parsing: .unconditional, help: "Memory to be kept for it.") var memoryReservation: RuntimeAmount?
    @Option(parsing: .unconditional, help: .hidden) var kernelMemory: RuntimeAmount?
    @Option(parsing: .unconditional, help: .hidden) var kernelMemoryTcp: RuntimeAmount?
    @Option(help: "The share of processor time, beside others.") var cpuShare: UInt64?
    @Option(help: "The period of processor time, in microseconds.") var cpuPeriod: UInt64?
    @Option(parsing: .unconditional, help: "The time in a period, in microseconds.") var cpuQuota: Int64?
    @Option(help: "Time that may be saved up, in microseconds.") var cpuBurst: UInt64?
    @Option(help: "The period of real-time scheduling, in microseconds.") var cpuRtPeriod: UInt64?
    @Option(parsing: .unconditional, help: "The time in it, in microseconds.") var cpuRtRuntime: Int64?
    @Option(help: "Whether it runs only when nothing else does: 0 or 1.") var cpuIdle: Int64?
    @Option(help: "The processors: 0-2,5.") var cpusetCpus: String?
    @Option(help: "The memory nodes: 0-1.") var cpusetMems: String?
    @Option(parsing: .unconditional, help: "How many processes and threads there may be.") var pidsLimit: Int64?
    @Option(help: .hidden) var l3CacheSchema: String?
    @Option(help: .hidden) var memBwSchema: String?
    @Argument(help: "The container's id.") var id: String

    func run() throws {
        let settings = try RuntimeProgram.settings
        let container = try RuntimeContainer(ContainerID(id), in: settings.store)
        for sentence in try container.update(wanted()) { settings.report.warning(sentence) }
    }

    private func wanted() throws -> ResourcesSpec {
        guard l3CacheSchema == nil, memBwSchema == nil else {
            throw UserError("--l3-cache-schema and --mem-bw-schema: caches and memory bandwidth are not assigned")
        }
        if let resources { return try ResourcesSpec(file: resources == "-" ? "/proc/self/fd/0" : resources) }
        var wanted = ResourcesSpec()
        wanted.memory = wantedMemory()
        wanted.cpu = wantedTime()
        if let pidsLimit { wanted.pids = .init(limit: pidsLimit) }
        if let blkioWeight {
            var limits = ResourcesSpec.BlockIO()
            limits.weight = blkioWeight
            wanted.blockIO = limits
        }
        return wanted
    }

    private func wantedMemory() -> ResourcesSpec.Memory? {
        var limits = ResourcesSpec.Memory()
        (limits.limit, limits.swap, limits.reservation) = (memory?.bytes, memorySwap?.bytes, memoryReservation?.bytes)
        return limits == .init() ? nil : limits
    }

    private func wantedTime() -> ResourcesSpec.CPU? {
        var limits = ResourcesSpec.CPU()
        (limits.shares, limits.period, limits.quota) = (cpuShare, cpuPeriod, cpuQuota)
        (limits.burst, limits.idle) = (cpuBurst, cpuIdle)
        (limits.realtimePeriod, limits.realtimeRuntime) = (cpuRtPeriod, cpuRtRuntime)
        (limits.cpus, limits.mems) = (cpusetCpus, cpusetMems)
        return limits == .init() ? nil : limits
    }
}

/// An amount of memory on the command line; -1 is no limit.
struct RuntimeAmount: ExpressibleByArgument {
    let bytes: Int64

    init?(argument: String) {
        let scales: [Character: Int64] = ["k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40]
        var digits = argument.lowercased()[...]
        if digits.last == "b" { digits.removeLast() }
        if digits.last == "i" { digits.removeLast() }
        let scale = digits.last.flatMap { scales[$0] }
        if scale != nil { digits.removeLast() }
        guard let number = Int64(digits) else { return nil }
        let (bytes, isTooMuch) = number.multipliedReportingOverflow(by: scale ?? 1)
        guard !isTooMuch, bytes >= -1 else { return nil }
        self.bytes = bytes
    }
}
