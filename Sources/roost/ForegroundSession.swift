import ArgumentParser
import Glibc
import LinuxSystem
import Orchestrator
import Supervisor
import TerminalOutput

/// Signals that ask a command to come to its end.
typealias InterruptWatch = SignalWatch

/// `roost up` that stays: has everything brought up, shows what containers write from their start on, and ends when they
/// have ended or somebody asks.
final class ForegroundSession {
    /// What the command was asked for.
    struct Wishes {
        /// The services whose output is shown.
        var shown: Set<String> = []
        /// The services whose ends are told of and waited for; empty for all.
        var watched: Set<String> = []
        /// The services that end with the command; empty for all.
        var stopped: Set<String> = []
        var stopTimeout: Int?
        var abortsOnExit = false
        var abortsOnFailure = false
        var exitCodeFrom: String?
        var printing = LogPrinter.Options()
    }

    /// What is said when the first signal comes.
    private static let stopping = "Gracefully Stopping... press Ctrl+C again to force\n"

    private let session: CommandSession
    private let wishes: Wishes
    private let interrupts: InterruptWatch
    private let since = WallTime.now
    private let log: LogOutput
    /// Where the answer to the command comes from, until it has come.
    private var up: SupervisorLine?
    private var result: CommandResult?
    /// Where the answer to the wish for an end comes from, until it has come.
    private var ending: SupervisorLine?
    /// Where events come from.
    private var events: SupervisorLine?
    private var follower: LogFollower?
    /// Watched containers that run, or will.
    private var live: Set<String> = []
    /// Containers whose end was told of; a late word of it is no news.
    private var told: Set<String> = []
    private var isStopping = false
    private var isForced = false
    private var wasInterrupted = false
    private var isGone = false
    private var status: Int32?
    /// How often supervisors have died meanwhile.
    private var losses = 0
    private static let mostLosses = 10

    init(_ session: CommandSession, _ wishes: Wishes, interrupts: consuming InterruptWatch) {
        self.session = session
        self.wishes = wishes
        self.interrupts = interrupts
        log = LogOutput(project: session.directory.project, options: wishes.printing)
    }

    /// Brings up, shows and waits; throws the status to end with.
    ///
    /// `answered` gets the answer to the command when it is there.
    func run(_ request: UpRequest, answered: (CommandResult) throws -> Void) throws {
        defer { session.printer.finish() }
        up = SupervisorLine(try session.connectOrStart())
        try up?.send("POST /up", request)
        while log.flush(), !isDone {
            let ready = waitReadable([
                up?.descriptor ?? -1, follower?.descriptor ?? -1, events?.descriptor ?? -1, ending?.descriptor ?? -1,
                interrupts.descriptor,
            ])
            if ready[4], interrupts.next() != nil { try stop(isInterrupt: true) }
            if ready[0] { try takeProgress(request, answered) }
            if ready[1] { try follower?.takeNews(log.take) }
            if ready[2] { try takeEvents() }
            if ready[3] { try takeEnding() }
        }
        log.finish()
        if wasInterrupted { throw ExitCode(130) }
        if let status, status != 0 { throw ExitCode(status) }
    }

    private var isDone: Bool {
        if isGone { return true }
        if isStopping { return ending == nil }
        return result != nil && live.isEmpty
    }

    // Bringing up

    private func takeProgress(_ request: UpRequest, _ answered: (CommandResult) throws -> Void) throws {
        guard let line = up else { return }
        let (lines, isOpen) = try line.lines()
        for line in lines {
            // As docker compose has it: what is made is told, and from the first start on only what containers write.
            if case .progress(let progress) = line, progress.kind == .container {
                if progress.text == "Starting" || follower != nil {
                    try attach()
                    continue
                }
            }
            guard let result = session.take(line) else { continue }
            up = nil
            self.result = result
            try attach()
            try takeState()
            _ = log.flush()
            if !isStopping { try answered(result) }
        }
        guard !isOpen, result == nil, up != nil else { return }
        up = nil
        try countLoss()
        guard !isStopping else { return }
        // Its successor has the state; asked again, it does what is left.
        up = SupervisorLine(try session.connectOrStart())
        try up?.send("POST /up", request)
    }

    private func countLoss() throws {
        losses += 1
        if losses > Self.mostLosses { throw session.lost }
    }

    // Showing

    /// Begins to show what containers write.
    private func attach() throws {
        guard follower == nil else { return }
        session.printer.finish()
        var selection = LogFollower.Selection()
        // No service has this name, so that nothing is shown when nothing shall be.
        selection.services = wishes.shown.isEmpty ? [""] : wishes.shown
        selection.since = since
        let storage = ProjectReading.roots.storage
        let follower = try LogFollower(session.directory, storage: storage, selection: selection) { WallTime.now }
        self.follower = follower
        let shown = try session.directory.state().containers.filter { selection.includes($0) && $0.goal != .remove }
        log.add(shown)
        if !shown.isEmpty {
            ProcessContext.writeError("Attaching to \(shown.map(log.shortName).joined(separator: ", "))\n")
        }
        try follower.readExisting(log.take)
        try follower.beginFollowing(log.take)
        try connect()
    }

    /// Asks for events; without a supervisor there are none.
    private func connect() throws {
        events = nil
        while let fresh = try SupervisorClient.connect(session.directory) {
            let line = SupervisorLine(fresh)
            guard try line.watch() else { continue }
            events = line
            return try takeState()
        }
        try takeState()
        // As long as the command is under way, asking it again starts a supervisor.
        isGone = up == nil
    }

    /// Takes in what the state tells: containers that run, and those that were so quick that nobody told of their end.
    private func takeState() throws {
        let containers = try session.directory.state().containers.filter { !$0.isOneOff && isWatched($0.service) }
        live = Set(containers.filter { $0.isRunning || $0.restartTime != nil }.map(\.name))
        let ended = containers.filter { container in
            container.restartTime == nil && container.goal != .start && container.goal != .restart
                && container.endTime.map { $0 >= since } == true
        }
        // In the order in which they ended, since the first one may decide on our status.
        for container in ended.sorted(by: { ($0.endTime ?? since) < ($1.endTime ?? since) })
        where told.insert(container.name).inserted {
            var event = ContainerEvent(.exited, container: container.name, service: container.service)
            event.code = container.endStatus
            try take(event)
        }
    }

    private func isWatched(_ service: String) -> Bool {
        wishes.watched.isEmpty || wishes.watched.contains(service) || service == wishes.exitCodeFrom
    }

    private func takeEvents() throws {
        guard let line = events else { return }
        let (lines, isOpen) = try line.lines()
        for case .event(let event) in lines where isWatched(event.service) {
            switch event.kind {
            case .started:
                live.insert(event.container)
                told.remove(event.container)
            case .removed: live.remove(event.container)
            case .exited:
                if isToStart(event.container) { continue }
                if !told.contains(event.container) { try take(event) }
                if !event.restarts { told.insert(event.container) }
            case .created, .killed, .stopped, .health, .paused, .unpaused: break
            }
        }
        // Its successor, if it was killed, has more to tell.
        if !isOpen { try connect() }
    }

    /// Whether a container has ended only to be made or started anew.
    private func isToStart(_ name: String) -> Bool {
        // What can't be read is not known to start.
        guard up != nil, let container = try? session.directory.state(of: name) else { return false }
        return container.goal == .start || container.goal == .restart
    }

    /// A container has ended.
    private func take(_ event: ContainerEvent) throws {
        try follower?.takeNews(log.take)
        follower?.catchUp(with: event.container, log.take)
        _ = log.flush()
        let code = event.code ?? 0
        let name = log.name(of: event.container, service: event.service)
        ProcessContext.writeError("\(name) exited with code \(code)\(event.restarts ? " (restarting)" : "")\n")
        if !event.restarts { live.remove(event.container) }
        if event.service == wishes.exitCodeFrom, status == nil { status = code }
        guard !isStopping, wishes.abortsOnExit || (wishes.abortsOnFailure && code != 0) else { return }
        if wishes.exitCodeFrom == nil { status = code }
        ProcessContext.writeError("Aborting on container exit...\n")
        try stop(isInterrupt: false)
    }

    // Ending

    /// Has everything end: first as the file says, and at once when asked again.
    private func stop(isInterrupt: Bool) throws {
        if isInterrupt {
            if isStopping && wasInterrupted { isForced = true }
            wasInterrupted = true
            session.printer.finish()
            if !isForced { ProcessContext.writeError(Self.stopping) }
        }
        isStopping = true
        // What was asked for and has not begun yet does not begin any more.
        up = nil
        try askForEnd()
    }

    private func askForEnd() throws {
        guard let client = try SupervisorClient.connect(session.directory) else {
            ending = nil
            try takeState()
            isGone = true
            return
        }
        var request = ServicesRequest()
        request.services = wishes.stopped
        request.timeout = isForced ? 0 : wishes.stopTimeout
        let line = SupervisorLine(client)
        try line.send(isForced ? "POST /kill" : "POST /stop", request)
        ending = line
    }

    private func takeEnding() throws {
        guard let line = ending else { return }
        let (lines, isOpen) = try line.lines()
        for case .result in lines {
            let isLeft = try session.directory.state().containers.contains { container in
                (container.isRunning || container.goal == .start) && container.failure == nil && !container.isOneOff
                    && (wishes.stopped.isEmpty || wishes.stopped.contains(container.service))
            }
            // The command may have begun in the moment in which its end was asked for.
            if isLeft {
                try countLoss()
                return try askForEnd()
            }
            ending = nil
            return try takeState()
        }
        if !isOpen {
            try countLoss()
            try askForEnd()
        }
    }
}
