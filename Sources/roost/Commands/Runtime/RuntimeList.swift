import ArgumentParser
import ContainerRuntime
import TerminalOutput

/// `roost runtime list`.
struct RuntimeList: ParsableCommand {
    /// The forms of output.
    enum Format: String, ExpressibleByArgument { case table, json }

    static let configuration = CommandConfiguration(commandName: "list", abstract: "Show the containers.")

    @Option(name: .shortAndLong, help: "The form of the output: table or json.") var format: Format = .table
    @Flag(name: .shortAndLong, help: "Show the ids alone.") var quiet = false

    func run() throws {
        let settings = try RuntimeProgram.settings
        let ids = settings.store.identifiers()
        if quiet { return ProcessContext.writeOutput(ids.map { "\($0)\n" }.joined()) }
        var states: [RuntimeState] = []
        for id in ids {
            do { states.append(try RuntimeContainer(id, in: settings.store).state) } catch {
                // Another command may just have deleted it; one that can't be read must not hide the others.
                if error.code != .noContainer { settings.report.warning("\(error)") }
            }
        }
        switch format {
        case .json:
            ProcessContext.writeOutput(states.isEmpty ? "null\n" : try RuntimeJSON.text(states, isPretty: false))
        case .table:
            var table = TextTable(heading: ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"])
            table.rows += states.map { [$0.id, "\($0.pid)", $0.status.rawValue, $0.bundle, $0.created, $0.owner] }
            ProcessContext.writeOutput(table.text)
        }
    }
}
