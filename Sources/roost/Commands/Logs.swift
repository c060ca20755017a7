import ArgumentParser
import Glibc
import Orchestrator
import Supervisor
import TerminalOutput

/// `roost logs`.
struct Logs: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what containers have written.")

    @ParentCommand var parent: Roost

    @Flag(name: .shortAndLong, help: "Go on with what comes.") var follow = false
    @Option(help: "The number of the container of the service.") var index = 0
    @Flag(help: "No colours.") var noColor = false
    @Flag(help: "No names before the lines.") var noLogPrefix = false
    @Option(help: "Show what was written since a time (2026-11-21T20:15:00Z) or for a length of time (10m).")
    var since: String?
    @Option(
        name: [.customShort("n", allowingJoined: true), .long],
        help: "How many of the last lines of each container, or \"all\"."
    )
    var tail = "all"
    @Flag(name: .shortAndLong, help: "Show when each line was written.") var timestamps = false
    @Option(help: "Show what was written before a time or a length of time ago.") var until: String?
    @Argument(help: "The services.") var services: [String] = []

    func run() throws {
        try ProjectReading.reporting { try show() }
    }

    private func show() throws {
        let roots = ProjectReading.roots
        let directory = ProjectDirectory(project: try parent.project.name(), roots: roots)
        let selection = try selection()
        let state = try directory.state()
        try ProjectReading.check(services, in: state)
        let output = LogOutput(project: directory.project, options: printerOptions)
        output.add(state.containers.filter { $0.actual != nil && selection.includes($0) })
        let follower = try LogFollower(
            directory,
            storage: roots.storage,
            selection: selection,
            clock: { WallTime.now }
        )
        try follower.readExisting(output.take)
        if follow { try follower.follow(output.take, flush: output.flush) }
        output.finish()
    }

    private var printerOptions: LogPrinter.Options {
        var options = LogPrinter.Options()
        options.showsNames = !noLogPrefix
        options.showsTimes = timestamps
        options.isColoured = !noColor && parent.project.isColoured(STDOUT_FILENO)
        return options
    }

    private func selection() throws -> LogFollower.Selection {
        var selection = LogFollower.Selection()
        selection.services = Set(services)
        if index != 0 {
            guard services.count == 1 else { throw UserError("--index needs exactly one service") }
            selection.number = index
        }
        if tail != "all" {
            guard let count = Int(tail) else { throw UserError("--tail takes a number or \"all\", not \"\(tail)\"") }
            selection.tail = count < 0 ? nil : count
        }
        selection.since = try since.map(Self.moment)
        selection.until = try until.map(Self.moment)
        return selection
    }

    private static func moment(_ text: String) throws -> WallTime {
        if let moment = TimeArgument.moment(text, now: WallTime.now) { return moment }
        throw UserError("\"\(text)\" is no time; write 2026-11-21T20:15:00Z, 2026-11-21, 10m, or seconds since 1970")
    }
}
