import ArgumentParser
import Orchestrator
import TerminalOutput

/// `roost ls`.
struct Ls: ParsableCommand {
    /// The forms of output.
    enum Format: String, ExpressibleByArgument { case table, json }

    static let configuration = CommandConfiguration(abstract: "Show the projects of this machine.")

    @Flag(name: .shortAndLong, help: "Show projects of which nothing runs, too.") var all = false
    @Option(help: "Show only projects for which a condition holds: name=EXPRESSION.") var filter: String?
    @Option(help: "The form of the output: table or json.") var format: Format = .table
    @Flag(name: .shortAndLong, help: "Show names only.") var quiet = false

    func run() throws { ProcessContext.writeOutput(try ProjectReading.reporting(text)) }

    private func text() throws -> String {
        let matches = try nameFilter()
        var projects: [ProjectListing] = []
        for directory in ProjectDirectory.all(below: ProjectReading.roots) where matches(directory.project) {
            let states = try directory.state().containers.filter { $0.actual != nil }.map(ContainerListing.state)
            let shown = all ? states : states.filter { [.running, .paused, .restarting].contains($0) }
            if shown.isEmpty && !all { continue }
            let files = try directory.description()?.files ?? []
            projects.append(ProjectListing(name: directory.project, states: shown, files: files))
        }
        if quiet { return projects.map { $0.name + "\n" }.joined() }
        switch format {
        case .table: return ProjectListing.table(projects)
        case .json: return ProjectListing.json(projects) + "\n"
        }
    }

    private func nameFilter() throws -> (String) -> Bool {
        guard let filter else { return { _ in true } }
        guard filter.hasPrefix("name=") else { throw UserError("--filter knows name=EXPRESSION, not \"\(filter)\"") }
        let text = String(filter.dropFirst("name=".count))
        guard let expression = try? Regex(text) else {
            throw UserError("\"\(text)\" is no regular expression")
        }
        return { $0.contains(expression) }
    }
}
