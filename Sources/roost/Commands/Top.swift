import ArgumentParser
import LinuxSystem
import Orchestrator
import TerminalOutput

/// `roost top`.
struct Top: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the processes of containers.")

    @ParentCommand var parent: Roost

    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func run() throws { ProcessContext.writeOutput(try ProjectReading.reporting(text)) }

    private func text() throws -> String {
        let directory = ProjectDirectory(project: try parent.project.name(), roots: ProjectReading.roots)
        let state = try directory.state()
        try ProjectReading.check(services, in: state)
        let hierarchies = try CgroupHierarchies.ofHost()
        let moment = ProcessTable.Moment(
            time: WallTime.now,
            ticks: ProcessSnapshot.now,
            ticksPerSecond: ProcessSnapshot.ticksPerSecond
        )
        var table = ProcessTable(at: moment, users: Self.users())
        for container in state.containers.sorted(by: { $0.name < $1.name })
        where container.isRunning && (services.isEmpty || services.contains(container.service)) {
            let insight = try ContainerInsight(directory, container: container.name, hierarchies: hierarchies)
            if let insight { table.add(try insight.processes(), of: container, first: insight.process.pid) }
        }
        return table.isEmpty ? "" : table.text
    }

    /// The names of the host's users; numbers serve as well.
    private static func users() -> [UInt32: String] {
        let lines = ((try? readFile("/etc/passwd", limit: 8 << 20)) ?? "").split(separator: "\n")
        let entries = lines.compactMap { line -> (UInt32, String)? in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count > 2, let id = UInt32(fields[2]) else { return nil }
            return (id, String(fields[0]))
        }
        return Dictionary(entries) { first, _ in first }
    }
}
