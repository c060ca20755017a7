import ArgumentParser
import ContainerRuntime
import LinuxSystem

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
    @Argument(parsing: .captureForPassthrough, help: "Options of ps(1) (default: -ef).") var options: [String] = []

    func run() throws {
        let container = try RuntimeContainer(ContainerID(id), in: RuntimeProgram.settings.store)
        let processes = try container.processes()
        if format == .json {
            return ProcessContext.writeOutput(try RuntimeJSON.text(processes, isPretty: false))
        }
        ProcessContext.writeOutput(Self.lines(try Self.table(options), of: Set(processes)))
    }

    /// What ps(1) of the host shows of all processes.
    private static func table(_ options: [String]) throws -> String {
        let path = ProcessContext.variable("PATH") ?? "/usr/bin:/bin"
        guard let program = HostProgram.find("ps", in: path) else {
            throw UserError("there is no ps on this host: install it (Debian: procps), or use --format json")
        }
        let answer = try HostProgram.run(
            program,
            ["ps"] + (options.isEmpty ? ["-ef"] : options.filter { $0 != "--" }),
            environment: ProcessContext.environment.map { "\($0.key)=\($0.value)" }
        )
        guard answer.status == .exited(0) else {
            throw UserError("ps: \(answer.error.split(separator: "\n").first ?? "")")
        }
        return answer.output
    }

    /// The heading and the lines of some processes; a table without a column `PID` has none.
    static func lines(_ table: String, of processes: Set<Int32>) -> String {
        let lines = table.split(separator: "\n", omittingEmptySubsequences: true)
        guard let heading = lines.first,
            let column = heading.split(separator: " ").firstIndex(of: "PID")
        else { return "" }
        let own = lines.dropFirst().filter { line in
            let fields = line.split(separator: " ", maxSplits: column + 1)
            return fields.count > column && Int32(fields[column]).map(processes.contains) == true
        }
        return ([heading] + own).map { "\($0)\n" }.joined()
    }
}
