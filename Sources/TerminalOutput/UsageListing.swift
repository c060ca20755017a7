package import Orchestrator

/// What a container uses, as `roost stats` shows it.
package struct UsageListing: Sendable {
    private let container: ContainerState
    private let id: String
    private let usage: ContainerInsight.Usage?
    /// The part of a processor that it has used since the last look; 1 is one processor.
    private let processorShare: Double
    private let machineMemory: UInt64

    /// A container, which uses nothing when it does not run; `machineMemory` is what it may use without a limit.
    package init(
        _ container: ContainerState,
        id: String,
        usage: ContainerInsight.Usage?,
        processorShare: Double,
        machineMemory: UInt64
    ) {
        self.container = container
        self.id = id
        self.usage = usage
        self.processorShare = processorShare
        self.machineMemory = machineMemory
    }

    /// What headings stand over fields in tables that templates make.
    package static let headings = [
        "ID": "CONTAINER ID", "CPUPerc": "CPU %", "MemUsage": "MEM USAGE / LIMIT", "MemPerc": "MEM %",
        "NetIO": "NET I/O", "BlockIO": "BLOCK I/O", "PIDs": "PIDS",
    ]

    /// The columns of the table.
    package static let table =
        "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}"

    /// The container for `--format`, with the names that docker uses.
    package func row(truncates: Bool) -> OutputRow {
        var row = OutputRow()
        let usage = usage ?? ContainerInsight.Usage()
        let limit = self.usage == nil ? 0 : usage.memoryLimit ?? machineMemory
        row["BlockIO"] = .text("\(Amount.decimal(usage.read)) / \(Amount.decimal(usage.written))")
        row["CPUPerc"] = .text(Amount.percentage(processorShare, of: 1))
        row["Container"] = .text(container.name)
        row["ID"] = .text(truncates ? String(id.prefix(12)) : id)
        row["MemPerc"] = .text(Amount.percentage(Double(usage.memory), of: Double(limit)))
        row["MemUsage"] = .text("\(Amount.binary(usage.memory)) / \(Amount.binary(limit))")
        row["Name"] = .text(container.name)
        row["NetIO"] = .text("\(Amount.decimal(usage.received)) / \(Amount.decimal(usage.sent))")
        row["PIDs"] = .text(String(usage.tasks))
        return row
    }
}
