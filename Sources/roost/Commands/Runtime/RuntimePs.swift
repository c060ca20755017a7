import ArgumentParser
import ContainerRuntime
import LinuxSystem
import TerminalOutput

/// `roost runtime ps`.
struct RuntimePs: ParsableCommand {
    /// The forms of output.
    enum Format: String, ExpressibleByArgument { case table, json }

    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "Show the processes of a container."
    )

    @Option(name: .shortAndLong, help: "The form of the output: table or json.") var format: Format = .table
    @Argument(help: "The container's id.") var id: String

    func run() throws {
        let container = try RuntimeContainer(ContainerID(id), in: RuntimeProgram.settings.store)
        let processes = try container.processes()
        switch format {
        case .json: ProcessContext.writeOutput(try RuntimeJSON.text(processes, isPretty: false))
        case .table:
            var table = TextTable(heading: ["PID", "CMD"])
            for pid in processes {
                // A process that ends meanwhile has no command any more.
                let command = (try? readFile("/proc/\(pid)/cmdline")) ?? ""
                table.rows.append(["\(pid)", command.split(separator: "\0").joined(separator: " ")])
            }
            ProcessContext.writeOutput(table.text)
        }
    }
}
