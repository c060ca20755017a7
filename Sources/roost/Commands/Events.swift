import ArgumentParser
import Glibc
import LinuxSystem
import Orchestrator
import Supervisor
import TerminalOutput

/// `roost events`.
struct Events: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what happens to the project's containers, until something ends the command."
    )

    @ParentCommand var parent: Roost

    @Flag(help: "Show events as objects of JSON, one a line.") var json = false
    @Option(help: "Kept for those who write it; events are not kept, so none comes that is past.") var since: String?
    @Option(help: "End at a time (2026-11-21T20:15:00Z) or when a length of time is over (10m).") var until: String?
    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func run() throws { try ProjectReading.reporting { try show() } }

    /// How often it is looked whether there is a supervisor.
    private static let pauseMilliseconds: Int32 = 100

    private func show() throws {
        let directory = ProjectDirectory(project: try parent.project.name(), roots: ProjectReading.roots)
        let end = try until.map { try deadline($0) }
        var known: [String: ContainerRecord] = [:]
        // A supervisor that was not there when we looked has had no past without us.
        var isNew = false
        while left(until: end) != 0 {
            guard let client = try SupervisorClient.connect(directory) else {
                // The project is not there, or nothing of it runs: whoever starts it starts a supervisor.
                _ = waitReadable([], milliseconds: Self.pauseMilliseconds)
                isNew = true
                continue
            }
            let line = SupervisorLine(client)
            guard try line.watch(past: isNew) else { continue }
            isNew = true
            for container in try directory.state().containers {
                known[container.name] = try directory.record(of: container.name)
            }
            try follow(line, directory, until: end, &known)
        }
    }

    private func follow(
        _ line: SupervisorLine,
        _ directory: ProjectDirectory,
        until end: WallTime?,
        _ known: inout [String: ContainerRecord]
    ) throws {
        while left(until: end) != 0 {
            guard waitReadable([line.descriptor], milliseconds: left(until: end)) == [true] else { continue }
            let (lines, isOpen) = try line.lines()
            for case .event(let event) in lines {
                if let record = try directory.record(of: event.container) { known[event.container] = record }
                guard services.isEmpty || services.contains(event.service) else { continue }
                // Containers of `roost run` are nobody's business, as with docker compose.
                guard !event.isOneOff else { continue }
                let record = known[event.container]
                let text = EventText(
                    event,
                    id: event.id ?? record?.id ?? "",
                    image: event.image ?? record?.image ?? ""
                )
                guard ProcessContext.writeOutput(Array((json ? text.json : text.line).utf8)) else { return }
                if event.kind == .removed { known[event.container] = nil }
            }
            if !isOpen { return }
        }
    }

    private func left(until end: WallTime?) -> Int32 {
        guard let end else { return -1 }
        return Int32(clamping: max(0, (end - WallTime.now).wholeNanoseconds) / 1_000_000)
    }

    /// A length of time counts from now on, a moment is one.
    private func deadline(_ text: String) throws -> WallTime {
        let now = WallTime.now
        guard let moment = TimeArgument.moment(text, now: now) else {
            throw UserError("\"\(text)\" is no time; write 2026-11-21T20:15:00Z, 10m, or seconds since 1970")
        }
        return text.last?.isLetter == true && !text.contains("-") ? now + (now - moment) : moment
    }
}
