import ArgumentParser
import Glibc
import LinuxSystem
import Orchestrator
import Supervisor
import TerminalOutput

/// Signals that ask a command to come to its end.
typealias InterruptWatch = SignalWatch

/// What `roost up` does once everything is up: shows what containers write, until they have ended or somebody asks.
struct ForegroundSession: ~Copyable {
    struct Output {
        var isColoured: Bool
        var showsNames: Bool
        var showsTimes: Bool
    }

    let project: String
    let options: ProjectOptions
    /// The services whose output is shown.
    let shown: Set<String>
    /// The services that end with the command; all when there is none.
    let stopped: Set<String>
    let stopTimeout: Int?
    let abortsOnExit: Bool
    let abortsOnFailure: Bool
    let exitCodeFrom: String?
    let output: Output
    let since: WallTime
    let interrupts: InterruptWatch

    /// What is said when the first signal comes.
    static let stopping = "Gracefully Stopping... press Ctrl+C again to force\n"

    /// Has SIGINT and SIGTERM come in as data.
    static func interrupts() throws -> InterruptWatch { try SignalWatch([SIGINT, SIGTERM]) }

    /// Shows and waits; throws the status to end with.
    consuming func run() throws {
        let roots = ProjectReading.roots
        let directory = ProjectDirectory(project: project, roots: roots)
        var printing = LogPrinter.Options()
        printing.isColoured = output.isColoured && options.isColoured(STDOUT_FILENO)
        printing.showsNames = output.showsNames
        printing.showsTimes = output.showsTimes
        let log = LogOutput(project: project, options: printing)
        var selection = LogFollower.Selection()
        selection.services = shown
        selection.since = since
        let follower = try LogFollower(directory, storage: roots.storage, selection: selection) { ProjectReading.now }
        let running = try directory.state().containers.filter { selection.includes($0) }
        log.add(running)
        if !running.isEmpty {
            ProcessContext.writeError("Attaching to \(running.map(log.shortName).joined(separator: ", "))\n")
        }
        try follower.readExisting(log.take)
        try follower.beginFollowing(log.take)
        var watch = Watch(directory: directory, running: running)
        try takeExits(try watch.connect(), &watch, follower, log)
        while log.flush(), !watch.isDone {
            let ready = waitReadable([follower.descriptor, watch.descriptor, interrupts.descriptor])
            if ready[0] { try follower.takeNews(log.take) }
            if ready[1] { try takeEvents(&watch, follower, log) }
            if ready[2], interrupts.next() != nil { try stop(&watch, isForced: watch.isStopping) }
        }
        log.finish()
        if watch.wasInterrupted { throw ExitCode(130) }
        if let status = watch.status, status != 0 { throw ExitCode(status) }
    }

    /// What is known of the containers and of the way to the end.
    private struct Watch: ~Copyable {
        let directory: ProjectDirectory
        var client: SupervisorClient?
        /// Shown containers that run, or will.
        var live: Set<String>
        var isStopping = false
        var wasInterrupted = false
        var status: Int32?
        var isGone = false
        /// Containers whose end was found rather than told of; a late word of it is no news.
        var told: Set<String> = []

        init(directory: ProjectDirectory, running: [ContainerState]) {
            self.directory = directory
            live = Set(running.filter { $0.isRunning || $0.restartTime != nil }.map(\.name))
        }

        var isDone: Bool { isGone || live.isEmpty }

        var descriptor: Int32 {
            switch client {
            case .some(let client): client.descriptor
            case .none: -1
            }
        }

        /// Asks for news, without a supervisor there will be none; returns the containers that have ended before.
        mutating func connect() throws -> [ContainerState] {
            guard var fresh = try SupervisorClient.connect(directory) else {
                client = nil
                isGone = true
                return try directory.state().containers
            }
            try fresh.send("GET /events")
            // Only when we are told can nothing fall between the state that we read now and the events.
            _ = try fresh.nextLine()
            client = consume fresh
            let state = try directory.state()
            live = live.filter { name in
                state[container: name].map { $0.isRunning || $0.restartTime != nil } ?? false
            }
            return state.containers
        }

        /// The events that have come, and whether more can come.
        mutating func lines() throws -> (lines: [ControlLine], isOpen: Bool) {
            var lines: [ControlLine] = []
            guard var open = client.take() else { return ([], false) }
            let isOpen = try open.receive()
            while let line = try open.bufferedLine() { lines.append(line) }
            if isOpen { client = consume open }
            return (lines, isOpen)
        }
    }

    /// Containers that were so quick that nobody told us of their end.
    private func takeExits(
        _ containers: [ContainerState],
        _ watch: inout Watch,
        _ follower: LogFollower,
        _ log: LogOutput
    ) throws {
        let ended = containers.filter { container in
            guard container.restartTime == nil, shown.isEmpty || shown.contains(container.service) else { return false }
            return !container.isOneOff && container.endTime.map { $0 >= since } == true
        }
        // In the order in which they ended, since the first one may decide on our status.
        for container in ended.sorted(by: { ($0.endTime ?? since) < ($1.endTime ?? since) })
        where watch.told.insert(container.name).inserted {
            var event = ContainerEvent(.exited, container: container.name, service: container.service)
            event.code = container.endStatus
            try take(event, &watch, follower, log)
        }
    }

    private func takeEvents(_ watch: inout Watch, _ follower: LogFollower, _ log: LogOutput) throws {
        let (lines, isOpen) = try watch.lines()
        for line in lines {
            guard case .event(let event) = line, shown.isEmpty || shown.contains(event.service) else { continue }
            switch event.kind {
            case .started:
                watch.live.insert(event.container)
                watch.told.remove(event.container)
            case .health: break
            case .removed: watch.live.remove(event.container)
            case .exited:
                if !watch.told.contains(event.container) { try take(event, &watch, follower, log) }
                if !event.restarts { watch.told.insert(event.container) }
            }
        }
        // Its successor, if it was killed, has more to tell.
        if !isOpen { try takeExits(try watch.connect(), &watch, follower, log) }
    }

    /// A container has ended.
    private func take(
        _ event: ContainerEvent,
        _ watch: inout Watch,
        _ follower: LogFollower,
        _ log: LogOutput
    ) throws {
        try follower.takeNews(log.take)
        follower.catchUp(with: event.container, log.take)
        _ = log.flush()
        let code = event.code ?? 0
        let name = log.name(of: event.container, service: event.service)
        ProcessContext.writeError("\(name) exited with code \(code)\(event.restarts ? " (restarting)" : "")\n")
        if !event.restarts { watch.live.remove(event.container) }
        try decide(&watch, event, code)
    }

    private func decide(_ watch: inout Watch, _ event: ContainerEvent, _ code: Int32) throws {
        if event.service == exitCodeFrom, watch.status == nil { watch.status = code }
        guard !watch.isStopping, abortsOnExit || (abortsOnFailure && code != 0) else { return }
        if exitCodeFrom == nil { watch.status = code }
        ProcessContext.writeError("Aborting on container exit...\n")
        try stop(&watch, isForced: false, isInterrupt: false)
    }

    /// Has everything end: first as the file says, and at once when asked again.
    private func stop(_ watch: inout Watch, isForced: Bool, isInterrupt: Bool = true) throws {
        watch.isStopping = true
        if isInterrupt { watch.wasInterrupted = true }
        guard var client = try SupervisorClient.connect(watch.directory) else {
            watch.isGone = true
            return
        }
        if isInterrupt && !isForced { ProcessContext.writeError(Self.stopping) }
        var request = ServicesRequest()
        request.services = stopped
        request.timeout = isForced ? 0 : stopTimeout
        // The answer comes when all have ended, which the events tell as well.
        try client.send(isForced ? "POST /kill" : "POST /stop", request)
    }
}
