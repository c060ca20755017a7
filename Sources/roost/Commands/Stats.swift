import ArgumentParser
import Glibc
import LinuxSystem
import Orchestrator
import TerminalOutput

/// `roost stats`.
struct Stats: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what containers use of the machine.")

    @ParentCommand var parent: Roost

    @Flag(name: .shortAndLong, help: "Show containers that do not run, too.") var all = false
    @Option(help: "The form of the output: table, json, or a template: {{.Name}}.") var format = ""
    @Flag(help: "Look once, instead of every second.") var noStream = false
    @Flag(help: "Show ids in full.") var noTrunc = false
    @Argument(help: "The service; all when none is named.") var service: String?

    func run() throws { try ProjectReading.reporting { try show() } }

    /// Between two looks.
    private static let interval: Int32 = 1000

    /// What was found at one moment.
    private struct Look {
        var time: WallTime
        var usages: [String: ContainerInsight.Usage] = [:]
        var ids: [String: String] = [:]
    }

    private func show() throws {
        let directory = ProjectDirectory(project: try parent.project.name(), roots: ProjectReading.roots)
        try ProjectReading.check(service.map { [$0] } ?? [], in: try directory.state())
        let hierarchies = try CgroupHierarchies.ofHost()
        let memory = try Self.machineMemory()
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let interrupts = try SignalWatch([SIGINT, SIGTERM])
        var before = try look(directory, hierarchies)
        var isFirst = true
        while true {
            // A share of a processor is one of some time; a short one will do for the first look.
            let pause = isFirst && !noStream ? 100 : Self.interval
            if waitReadable([interrupts.descriptor], milliseconds: pause) == [true] { return }
            let now = try look(directory, hierarchies)
            let text = try text(directory, before, now, memory)
            // From the top of the screen on, and nothing of what stood below.
            let lines =
                isTerminal && !noStream ? "\u{1B}[H" + text.replacing("\n", with: "\u{1B}[K\n") + "\u{1B}[J" : text
            let start = isTerminal && !noStream && isFirst ? "\u{1B}[2J" : ""
            guard ProcessContext.writeOutput(Array((start + lines).utf8)), !noStream else { return }
            before = now
            isFirst = false
        }
    }

    private func look(_ directory: ProjectDirectory, _ hierarchies: CgroupHierarchies) throws -> Look {
        var look = Look(time: WallTime.now)
        for container in try containers(directory) where container.isRunning {
            look.ids[container.name] = try directory.record(of: container.name)?.id
            look.usages[container.name] =
                try ContainerInsight(directory, container: container.name, hierarchies: hierarchies)?.usage()
        }
        return look
    }

    private func containers(_ directory: ProjectDirectory) throws -> [ContainerState] {
        try directory.state().containers.filter { container in
            container.actual != nil && (all || container.isRunning)
                && (service == nil || (service == container.service && !container.isOneOff))
        }
        .sorted { $0.name < $1.name }
    }

    private func text(_ directory: ProjectDirectory, _ before: Look, _ now: Look, _ memory: UInt64) throws -> String {
        let elapsed = Double(max(1, (now.time - before.time).wholeNanoseconds))
        let rows = try containers(directory).map { container in
            let usage = now.usages[container.name]
            let former = before.usages[container.name]?.processorTime ?? usage?.processorTime ?? 0
            // One that was started anew begins to count anew.
            let spent = usage.map { $0.processorTime - min($0.processorTime, former) } ?? 0
            return UsageListing(
                container,
                id: try now.ids[container.name] ?? directory.record(of: container.name)?.id ?? "",
                usage: usage,
                processorShare: Double(spent) / elapsed,
                machineMemory: memory
            )
            .row(truncates: !noTrunc)
        }
        let form = ["", "table"].contains(format) ? UsageListing.table : format
        return try OutputRow.text(rows, format: form, headings: UsageListing.headings)
    }

    /// The memory of the machine: proc_meminfo(5).
    private static func machineMemory() throws -> UInt64 {
        let line = try readFile("/proc/meminfo").split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }.map { $0 * 1024 } ?? 0
    }
}
