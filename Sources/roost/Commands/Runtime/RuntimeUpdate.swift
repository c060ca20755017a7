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
    @Option(help: "Memory in bytes.") var memory: Int64?
    @Option(help: "Memory and swap together, in bytes.") var memorySwap: Int64?
    @Option(help: "Memory to be kept for it, in bytes.") var memoryReservation: Int64?
    @Option(help: "The share of processor time, beside others.") var cpuShare: UInt64?
    @Option(help: "The period of processor time, in microseconds.") var cpuPeriod: UInt64?
    @Option(help: "The time in a period, in microseconds.") var cpuQuota: Int64?
    @Option(help: "The processors: 0-2,5.") var cpusetCpus: String?
    @Option(help: "The memory nodes: 0-1.") var cpusetMems: String?
    @Option(help: "How many processes and threads there may be.") var pidsLimit: Int64?
    @Argument(help: "The container's id.") var id: String

    func run() throws {
        let settings = try RuntimeProgram.settings
        let container = try RuntimeContainer(ContainerID(id), in: settings.store)
        for sentence in try container.update(wanted()) { settings.report.warning(sentence) }
    }

    private func wanted() throws -> ResourcesSpec {
        if let resources { return try ResourcesSpec(file: resources == "-" ? "/proc/self/fd/0" : resources) }
        var wanted = ResourcesSpec()
        if memory != nil || memorySwap != nil || memoryReservation != nil {
            var limits = ResourcesSpec.Memory()
            (limits.limit, limits.swap, limits.reservation) = (memory, memorySwap, memoryReservation)
            wanted.memory = limits
        }
        if cpuShare != nil || cpuPeriod != nil || cpuQuota != nil || cpusetCpus != nil || cpusetMems != nil {
            var limits = ResourcesSpec.CPU()
            (limits.shares, limits.period, limits.quota) = (cpuShare, cpuPeriod, cpuQuota)
            (limits.cpus, limits.mems) = (cpusetCpus, cpusetMems)
            wanted.cpu = limits
        }
        if let pidsLimit { wanted.pids = .init(limit: pidsLimit) }
        return wanted
    }
}
