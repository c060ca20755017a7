import ArgumentParser
import ComposeModel
import Orchestrator
import TerminalOutput
import YAMLComposer

/// `roost ps`.
struct Ps: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the containers of the project.")

    @ParentCommand var parent: Roost

    @Flag(name: .shortAndLong, help: "Show those that have stopped and those of \"run\", too.") var all = false
    @Option(help: "Show only containers for which a condition holds: status=STATE.") var filter: String?
    @Option(help: "The form of the output: table, json, or a template: {{.Name}}.") var format = "table"
    @Flag(help: "Show everything in full.") var noTrunc = false
    @Flag(inversion: .prefixedNo, help: "Show containers of services that the file does not have.")
    var orphans = true
    @Flag(name: .shortAndLong, help: "Show ids only.") var quiet = false
    @Flag(help: "Show the names of services only.") var services = false
    @Option(parsing: .singleValue, help: "Show only containers in this state; may be given more than once.")
    var status: [String] = []
    @Argument(help: "The services to show.") var names: [String] = []

    func run() throws {
        let output = try ProjectReading.reporting {
            try text(ProjectDirectory(project: parent.project.name(), roots: ProjectReading.roots))
        }
        ProcessContext.writeOutput(output)
    }

    private func text(_ directory: ProjectDirectory) throws -> String {
        let states = try wantedStates()
        let state = try directory.state()
        try ProjectReading.check(names, in: state)
        let known = orphans ? nil : try servicesOfFile()
        let now = WallTime.now
        let listings = try state.containers.filter { container in
            guard container.actual != nil, all || !container.isOneOff else { return false }
            if !names.isEmpty && !names.contains(container.service) { return false }
            if let known, !known.contains(container.service) { return false }
            return states.contains(ContainerListing.state(of: container))
        }
        .sorted { $0.name < $1.name }
        .compactMap { container in
            let record = services ? nil : try directory.record(of: container.name)
            return ContainerListing(container, record, project: directory.project, now: now)
        }
        if quiet { return listings.map { $0.id + "\n" }.joined() }
        if services {
            let unique = listings.reduce(into: [String]()) { names, listing in
                if !names.contains(listing.container.service) { names.append(listing.container.service) }
            }
            return unique.map { $0 + "\n" }.joined()
        }
        if ["", "table", "pretty"].contains(format) { return ContainerListing.table(listings, truncates: !noTrunc) }
        return try OutputRow.text(
            listings.map { $0.row(truncates: !noTrunc) },
            format: format,
            headings: ContainerListing.headings
        )
    }

    private func wantedStates() throws -> Set<ContainerListing.State> {
        var words = status
        if let filter {
            guard filter.hasPrefix("status=") else {
                throw UserError("--filter knows status=STATE, not \"\(filter)\"")
            }
            words.append(String(filter.dropFirst("status=".count)))
        }
        let states = try words.map { word in
            guard let state = ContainerListing.State(rawValue: word) else {
                let known = ContainerListing.State.allCases.map(\.rawValue).joined(separator: ", ")
                throw UserError("there is no state \"\(word)\"; there are \(known)")
            }
            return state
        }
        if !states.isEmpty { return Set(states) }
        return all ? Set(ContainerListing.State.allCases) : [.running, .paused, .restarting]
    }

    private func servicesOfFile() throws -> Set<String> {
        var options = parent.project.loadOptions(services: [])
        options.profiles = ["*"]
        options.resolvesEnvironment = false
        return Set(try loadProject(options).tree["services"]?.mapping?.keys ?? [])
    }
}
