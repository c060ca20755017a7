import ArgumentParser
import ComposeModel
import ContainerRuntime
import Glibc
import LinuxSystem
import Orchestrator
import Supervisor
import TerminalOutput
import YAMLComposer

/// A command that has something done by the project's supervisor.
struct CommandSession {
    /// The project's state on disk.
    let directory: ProjectDirectory
    let printer: ProgressPrinter

    init(project: String, title: String, options: ProjectOptions, isQuiet: Bool = false) {
        directory = ProjectDirectory(project: project, roots: ProjectReading.roots)
        printer = options.progressPrinter(title, isQuiet: isQuiet)
    }

    /// Our own program, and the variables it runs with.
    static let executable = "/proc/self/exe"
    static var environment: [String] { ProcessContext.environment.map { "\($0.key)=\($0.value)" } }

    /// The supervisor, started when there is none.
    func connectOrStart() throws -> SupervisorClient {
        guard geteuid() == 0 else {
            throw UserError("roost needs root to run containers: try again with sudo")
        }
        return try SupervisorClient.connectOrStart(
            directory,
            executable: Self.executable,
            environment: Self.environment
        )
    }

    /// How many supervisors a command asks, one after the other died.
    private static let attempts = 10

    /// Sends a request and shows what goes on until its result is there.
    ///
    /// A supervisor that dies meanwhile leaves it open whether the request was heard, so its successor is asked again:
    /// what is done already costs nothing.
    func perform(_ route: String, _ body: some Encodable, on client: inout SupervisorClient) throws -> CommandResult {
        defer { printer.finish() }
        for _ in 0..<Self.attempts {
            try client.send(route, body)
            while let line = try client.nextLine() {
                if let result = take(line) { return result }
            }
            // Its successor has the state; asked again, it does what is left.
            client = try connectOrStart()
        }
        throw lost
    }

    /// As above; a signal that comes meanwhile has everything stopped, and ends the command with status 130.
    func perform(
        _ route: String,
        _ body: some Encodable,
        on client: inout SupervisorClient,
        interrupts: borrowing SignalWatch
    ) throws -> CommandResult {
        try client.send(route, body)
        defer { printer.finish() }
        var isStopping = false
        var attempts = 0
        while true {
            while let line = try client.bufferedLine() {
                guard let result = take(line) else { continue }
                if isStopping { throw ExitCode(130) }
                return result
            }
            let ready = waitReadable([client.descriptor, interrupts.descriptor])
            if ready[1], interrupts.next() != nil {
                try stop(isForced: isStopping)
                isStopping = true
            }
            if ready[0], try !client.receive() {
                attempts += 1
                guard attempts < Self.attempts else { throw lost }
                client = try connectOrStart()
                if isStopping {
                    try client.send("POST /stop", ServicesRequest())
                } else {
                    try client.send(route, body)
                }
            }
        }
    }

    private func stop(isForced: Bool) throws {
        guard var client = try SupervisorClient.connect(directory) else { return }
        printer.interrupted {
            ProcessContext.writeError(isForced ? "" : ForegroundSession.stopping)
        }
        try client.send(isForced ? "POST /kill" : "POST /stop", ServicesRequest())
    }

    /// Shows a line of an answer; returns the result when it is that.
    func take(_ line: ControlLine) -> CommandResult? {
        switch line {
        case .progress(let progress): printer.report(progress)
        case .warning(let text): printer.interrupted { ProcessContext.writeError("warning: \(text)\n") }
        case .event, .watching: break
        case .result(let result): return result
        }
        return nil
    }

    /// The supervisor has gone before it was done.
    var lost: UserError {
        UserError(
            "the supervisor of \(directory.project) ended before it was done; its successor goes on: see `roost ps -a`"
        )
    }

    /// Shows what is left of an answer and returns the result.
    func finish(_ client: inout SupervisorClient) throws -> CommandResult {
        while let line = try client.nextLine() { if let result = take(line) { return result } }
        throw lost
    }

    /// Has a command run whose signals are those that we get ourselves.
    ///
    /// `lending` are the descriptors that it has, in case they have to be handed over once more.
    func run(
        _ request: RunRequest,
        on client: inout SupervisorClient,
        lending: [Int32],
        signals: borrowing SignalWatch
    ) throws -> CommandResult {
        var request = request
        let container = request.container
        try client.send("POST /run", request)
        defer { printer.finish() }
        var attempts = 0
        // One that comes before the command runs is for the command all the same; whoever can't wait sends another.
        var waiting: Int32?
        while true {
            while let line = try client.bufferedLine() { if let result = take(line) { return result } }
            if let signal = waiting, let process = try directory.process(of: request.container) {
                waiting = nil
                let identity = ProcessIdentity(pid: process.pid, start: process.start)
                if let pidfd = try identity.open() { try Container.signal(pidfd.rawValue, signal) }
            }
            let ready = waitReadable([client.descriptor, signals.descriptor])
            if ready[1], let signal = signals.next() {
                if waiting != nil { throw ExitCode(130) }
                waiting = signal
                continue
            }
            if ready[0], try !client.receive() {
                attempts += 1
                guard attempts < Self.attempts else { throw lost }
                try ask(again: &request, on: &client) {
                    try lend(lending, to: container)
                }
            }
        }
    }

    /// Goes on waiting for a command at the successor of a supervisor that has died.
    func ask(
        again request: inout RunRequest,
        on client: inout SupervisorClient,
        lending: () throws -> Void = {}
    ) throws {
        // What was made is not made twice, also when it is gone by now.
        request.isBegun = request.isBegun || isMade(request.container)
        client = try connectOrStart()
        if !isMade(request.container) && !request.isBegun { try lending() }
        try client.send("POST /run", request)
    }

    private func isMade(_ container: String) -> Bool {
        // What can't be read is there.
        do { return try directory.record(of: container) != nil } catch { return true }
    }

    /// Lends descriptors to a container that is about to start.
    func lend(_ descriptors: [Int32], to container: String) throws {
        let desk = try connectToLendingDesk()
        try PacketSocket.send(container, descriptors, over: desk.rawValue)
        _ = try PacketSocket.receive(from: desk.rawValue)
    }

    /// Asks for the terminal of a container that is about to start; it comes over the connection.
    func awaitTerminal(of container: String) throws -> OwnedDescriptor {
        let desk = try connectToLendingDesk()
        try PacketSocket.send(container, [], over: desk.rawValue)
        _ = try PacketSocket.receive(from: desk.rawValue)
        return desk
    }

    /// Where descriptors are lent to containers.
    private func connectToLendingDesk() throws -> OwnedDescriptor {
        let place = try OwnedDescriptor.directory(directory.path)
        return try PacketSocket.connect(to: "/proc/self/fd/\(place.rawValue)/lend.sock")
    }

    /// Shows what went wrong, at its place in the files; ends the command when anything did.
    func check(_ result: CommandResult, tree: YAMLNode? = nil) throws {
        guard !result.failures.isEmpty else { return }
        let marks = tree.map { SourceMarks($0) }
        let diagnostics = result.failures.map { failure in
            Diagnostic(
                failure.message,
                at: failure.place.flatMap { marks?[$0] },
                severity: .error,
                hint: failure.hint,
                path: failure.place
            )
        }
        report(diagnostics)
        throw ExitCode(result.status ?? 1)
    }
}

/// Finds the place of `services.web.ports[0]` in a tree: the nearest node on the way that was written.
struct SourceMarks {
    private let tree: YAMLNode

    init(_ tree: YAMLNode) { self.tree = tree }

    subscript(path: String) -> SourceMark? {
        var node = tree
        var mark: SourceMark?
        for part in path.split(whereSeparator: { ".[]".contains($0) }) {
            if let index = Int(part), let elements = node.sequence, elements.indices.contains(index) {
                node = elements[index]
                mark = node.mark
            } else if let entry = node.mapping?.entry(String(part)) {
                node = entry.value
                mark = entry.keyMark
            } else {
                break
            }
        }
        return mark
    }
}
