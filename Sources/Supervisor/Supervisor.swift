import ComposeModel
import FoundationEssentials
import Glibc
import LinuxSystem
import NIOCore
import NIOHTTP1
import NIOPosix
import Orchestrator
import YAMLComposer

/// The process that owns a running project: one loop that takes in what happens and has done what follows from it.
final class Supervisor {
    /// What comes in.
    enum Message: Sendable {
        case event(Reconciler.Event)
        case machine(MachineEvent)
        case exit(ProcessExit)
        /// The keeper's record of an exit should have come by now.
        case overdue(container: String, ProcessIdentity)
        case command(String, [UInt8], ControlReply)
        case prepared(Prepared)
        /// Nobody has asked for anything since the start.
        case unused
        case keeperLost
        /// Somebody wants the project to end: SIGTERM.
        case terminated
    }

    /// Why a supervisor ends.
    enum End: Sendable {
        /// Nothing is left to look after.
        case idle
        /// The keeper is gone; containers go on, and need a pair that looks after them.
        case keeperLost
    }

    /// A command whose preparations are done.
    struct Prepared: Sendable {
        let reply: ControlReply
        let command: @Sendable (Supervisor) -> Void
        let failure: ExecutionError?
    }

    /// A command that is under way.
    private struct OpenRequest {
        let reply: ControlReply
        var result = CommandResult()
        /// Of `/run`: the container whose end is the command's.
        var container: String?
        var isSettled = false
    }

    let directory: ProjectDirectory
    let machine: Machine
    let outputs: ContainerOutputCollectors
    private let clock: @Sendable () -> WallTime
    private let inbox: AsyncStream<Message>.Continuation
    private let messages: AsyncStream<Message>
    private(set) var reconciler: Reconciler
    private var open: [Int: OpenRequest] = [:]
    /// Results that are told when everything is cleared away.
    private var last: [OpenRequest] = []
    private var watchers: [ControlReply] = []
    private var preparing = 0
    /// Whether somebody has asked for something: whoever had us started is about to.
    private var isUsed = false
    private var wake: Task<Void, Never>?
    /// Exits of processes whose start has not been taken in yet.
    private var early: [ProcessIdentity: ProcessExit] = [:]
    /// Containers whose process has gone, as far as anybody knows before their start is taken in.
    private var gone: Set<String> = []
    /// The containers' processes.
    private var processes: [ProcessIdentity: String] = [:]

    init(
        directory: ProjectDirectory,
        machine: Machine,
        outputs: ContainerOutputCollectors,
        state: ProjectState,
        clock: @escaping @Sendable () -> WallTime,
        inbox: (stream: AsyncStream<Message>, continuation: AsyncStream<Message>.Continuation)
    ) {
        self.directory = directory
        self.machine = machine
        self.outputs = outputs
        self.clock = clock
        messages = inbox.stream
        self.inbox = inbox.continuation
        reconciler = Reconciler(state: state)
        for container in state.containers where container.isRunning { note(container.name) }
    }

    /// How long a supervisor waits for the command it was started for.
    private static let patience = Duration.seconds(5)

    /// Takes in messages until there is nothing left to look after.
    func run() async -> End {
        perform(reconciler.resume(now: clock()))
        Self.yieldUnused(to: inbox)
        for await message in messages {
            // Results of what is still under way are the next pair's to find.
            if case .keeperLost = message { return .keeperLost }
            take(message)
            if isDone { break }
            answerLast()
        }
        return .idle
    }

    /// Tells the results that were held back, and ends the watchers' streams when this was the end.
    func answerLast() {
        for entry in last {
            entry.reply.send(.result(entry.result))
            entry.reply.finish()
        }
        last = []
        guard isDone else { return }
        for watcher in watchers { watcher.finish() }
    }

    private static func yieldUnused(to inbox: AsyncStream<Message>.Continuation) {
        Task {
            // Nobody cancels this task.
            try? await Task.sleep(for: patience)
            inbox.yield(.unused)
        }
    }

    /// Whether nothing is left to look after.
    private var isDone: Bool { isUsed && reconciler.isIdle && open.isEmpty && preparing == 0 }

    /// Whether nothing is known of the project any more.
    var isGone: Bool {
        reconciler.state.containers.isEmpty && reconciler.state.networks.isEmpty
            && reconciler.state.volumes.allSatisfy { $0.wanted != nil }
    }

    // Messages

    private func take(_ message: Message) {
        switch message {
        case .event(let event): take(event)
        case .machine(.gone(let name)): expectExit(of: name)
        case .machine(.health(let name, let health)): take(.health(container: name, health))
        case .machine(.warning(let text)): tell(.warning(text))
        case .exit(let exit): take(exit)
        case .overdue(let name, let identity):
            guard processes[identity] != nil else { return }
            // A word that was meant for an earlier process of this name is none about this one.
            if let pidfd = try? identity.open(), pidfd.isAlive(after: 0) { return }
            processes[identity] = nil
            // The keeper writes first and tells then; its word may have been lost.
            let exit = directory.exit(of: identity)
            end(name, code: exit?.status, at: exit.map { WallTime(nanoseconds: $0.nanoseconds) } ?? clock())
            directory.forgetExit(identity)
        case .command(let route, let body, let reply):
            isUsed = true
            begin(route, body, reply)
        case .unused: isUsed = true
        case .prepared(let prepared):
            preparing -= 1
            if let failure = prepared.failure {
                fail(prepared.reply, failure)
            } else {
                prepared.command(self)
            }
        case .keeperLost: break  // The end of the loop.
        case .terminated:
            writeDiary("asked to end: stopping the containers of the project")
            perform(reconciler.request(now: clock()) { $0.stop() }.actions)
        }
    }

    private func take(_ event: Reconciler.Event) {
        let before = reconciler.state
        perform(reconciler.handle(event, now: clock()))
        if case .ended(.start(let name), .done) = event {
            announce(.started, name)
            note(name)
        }
        if case .health(let name, let health) = event { announce(.health, name) { $0.health = health } }
        for container in before.containers where reconciler.state[container: container.name] == nil {
            announce(.removed, container)
        }
        settleRuns()
    }

    /// Notes a container's process, whose exit may have come before.
    private func note(_ name: String) {
        guard let process = try? directory.process(of: name) else { return }
        let identity = ProcessIdentity(pid: process.pid, start: process.start)
        if let exit = takeEarly(identity) {
            take(exit, of: name)
        } else {
            processes[identity] = name
            if gone.remove(name) != nil || ProcessIdentity(of: process.pid) != identity { expectExit(of: name) }
        }
    }

    /// The exit of a process that came before the process was known.
    private func takeEarly(_ identity: ProcessIdentity) -> ProcessExit? {
        if identity.start != 0 { return early.removeValue(forKey: identity) }
        // It had ended, and been reaped, before anybody could ask when it was started.
        return early.first { $0.key.pid == identity.pid }.flatMap { early.removeValue(forKey: $0.key) }
    }

    private func take(_ exit: ProcessExit) {
        let nameless = ProcessIdentity(pid: exit.identity.pid, start: 0)
        if let name = processes.removeValue(forKey: exit.identity) ?? processes.removeValue(forKey: nameless) {
            return take(exit, of: name)
        }
        // A helper of a command, or a container whose start is not done yet: no start takes that long.
        let oldest = (clock() + .seconds(-60)).nanoseconds
        for identity in early.values.filter({ $0.nanoseconds < oldest }).map(\.identity) {
            early[identity] = nil
            directory.forgetExit(identity)
        }
        early[exit.identity] = exit
    }

    /// The record goes when the state says what it said.
    private func take(_ exit: ProcessExit, of name: String) {
        end(name, code: exit.status, at: WallTime(nanoseconds: exit.nanoseconds))
        directory.forgetExit(exit.identity)
    }

    /// A process has gone; its exit code comes by way of its parent, if that is still the keeper.
    private func expectExit(of name: String) {
        guard let identity = processes.first(where: { $0.value == name })?.key else {
            // Its start is not taken in yet, or its end is already.
            gone.insert(name)
            return
        }
        Task { [inbox] in
            // Whoever reaps it, when it is reaped there is nothing more to come.
            for _ in 0..<100 where ProcessIdentity(of: identity.pid) == identity {
                // Nobody cancels this task.
                try? await Task.sleep(for: .milliseconds(5))
            }
            inbox.yield(.overdue(container: name, identity))
        }
    }

    private func end(_ name: String, code: Int32?, at time: WallTime) {
        gone.remove(name)
        machine.hasEnded(name)
        perform(reconciler.handle(.exited(container: name, code: code, at: time), now: clock()))
        announce(.exited, name) { [reconciler] event in
            event.code = code ?? 255
            event.restarts = reconciler.state[container: name]?.restartTime != nil
        }
        settleRuns()
    }

    // Actions

    private func perform(_ actions: [Reconciler.Action]) {
        for action in actions {
            switch action {
            case .save(let name): save(name)
            case .saveResources: attempt { try directory.writeResources(of: reconciler.state) }
            case .begin(let operation): begin(operation)
            case .report(let progress): tell(.progress(progress))
            case .publish:
                Task { [machine, inbox] in
                    do { try await machine.publish() } catch {
                        inbox.yield(.machine(.warning("published ports and names are not up to date: \(error)")))
                    }
                    inbox.yield(.event(.published))
                }
            case .wake(let moment): sleep(until: moment)
            case .answer(let id, let failures): answer(id, failures)
            }
        }
    }

    private func begin(_ operation: Step.Operation) {
        let state: ContainerState?
        if case .container(let name) = operation.subject {
            state = reconciler.state[container: name]
        } else {
            state = nil
        }
        Task { [machine, inbox] in
            let outcome = await machine.perform(operation, on: state)
            inbox.yield(.event(.ended(operation, outcome)))
        }
    }

    private func save(_ name: String) {
        guard let container = reconciler.state[container: name] else { return }
        attempt { try directory.write(container) }
    }

    private func sleep(until moment: WallTime) {
        wake?.cancel()
        let rest = moment - clock()
        wake = Task { [inbox] in
            guard (try? await Task.sleep(for: max(.zero, rest))) != nil else { return }
            inbox.yield(.event(.wake))
        }
    }

    /// A state that can't be written is told of; the project goes on.
    private func attempt(_ body: () throws -> Void) {
        do { try body() } catch { tell(.warning("\(error)")) }
    }

    // Commands

    private func begin(_ route: String, _ body: [UInt8], _ reply: ControlReply) {
        do {
            switch route {
            case "POST /up": try up(Self.decode(UpRequest.self, body), reply)
            case "POST /run": try run(Self.decode(RunRequest.self, body), reply)
            case "POST /down", "POST /stop", "POST /start", "POST /restart", "POST /rm":
                change(String(route.dropFirst(6)), try Self.decode(ServicesRequest.self, body), reply)
            case "POST /kill": try kill(Self.decode(ServicesRequest.self, body), reply)
            case "GET /events":
                watchers.removeAll { !$0.isOpen }
                watchers.append(reply)
                reply.send(.watching)
            case "GET /state":
                for container in reconciler.state.containers { reply.send(.warning("\(container)")) }
                reply.finish()
            default: reply.refuse(.notFound)
            }
        } catch { fail(reply, ExecutionError("the request can't be read: \(error)")) }
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ body: [UInt8]) throws -> Value {
        try JSONDecoder().decode(type, from: Data(body))
    }

    private func up(_ request: UpRequest, _ reply: ControlReply) throws {
        let project = try Self.project(request.tree, request)
        prepare(project, reply) { supervisor, wish in
            supervisor.describe(request)
            supervisor.command(reply, request) { state, result in
                result.orphans = state.up(wish, request.options)
                let services = Set(wish.services.map(\.name))
                for container in state.containers
                where container.isRunning && container.goal == .keep && services.contains(container.service) {
                    reply.send(.progress(Progress(.container, container.name, "Running", .done)))
                }
            }
        }
    }

    private static func project(_ tree: String, _ request: UpRequest) throws -> ProjectRequest {
        ProjectRequest(
            tree: try JSONReader.read(SourceFile(name: "the project", bytes: Array(tree.utf8))),
            directory: request.directory,
            knownServices: request.knownServices
        )
    }

    private func describe(_ request: UpRequest) {
        attempt { try directory.write(.init(directory: request.directory, files: request.files)) }
    }

    private func prepare(
        _ project: ProjectRequest,
        _ reply: ControlReply,
        _ then: @escaping @Sendable (Supervisor, ProjectWish) -> Void
    ) {
        preparing += 1
        let state = reconciler.state
        Task { [machine, inbox] in
            do {
                let wish = try await machine.prepare(project, state)
                inbox.yield(.prepared(Prepared(reply: reply, command: { then($0, wish) }, failure: nil)))
            } catch {
                inbox.yield(.prepared(Prepared(reply: reply, command: { _ in }, failure: ExecutionError(error))))
            }
        }
    }

    private func command(
        _ reply: ControlReply,
        _ request: UpRequest,
        container: String? = nil,
        _ change: (inout ProjectState, inout CommandResult) -> Void
    ) {
        let awaited = request.awaited.map { Reconciler.Awaited.readiness(services: $0) } ?? .steps
        command(reply, awaited, timeout: request.waitTimeout, container: container, change)
    }

    private func command(
        _ reply: ControlReply,
        _ awaited: Reconciler.Awaited = .steps,
        timeout: Int? = nil,
        container: String? = nil,
        _ change: (inout ProjectState, inout CommandResult) -> Void
    ) {
        var entry = OpenRequest(reply: reply, container: container)
        let now = clock()
        let (id, actions) = reconciler.request(
            awaiting: awaited,
            deadline: timeout.map { now + .seconds($0) },
            now: now
        ) { change(&$0, &entry.result) }
        open[id] = entry
        perform(actions)
        settleRuns()
    }

    private func change(_ verb: String, _ request: ServicesRequest, _ reply: ControlReply) {
        let services = request.services
        let awaited: Reconciler.Awaited
        if request.awaitsReadiness {
            let all = Set(reconciler.state.containers.map(\.service))
            awaited = .readiness(services: services.isEmpty ? all : services)
        } else {
            awaited = .steps
        }
        command(reply, awaited, timeout: request.waitTimeout) { state, _ in
            switch verb {
            case "down":
                state.down(
                    services: services,
                    removesVolumes: request.removesVolumes,
                    stopTimeout: request.timeout
                )
            case "stop": state.stop(services: services, stopTimeout: request.timeout)
            case "start": state.start(services: services)
            case "restart":
                state.restart(
                    services: services,
                    withDependents: request.withDependents,
                    stopTimeout: request.timeout
                )
            default: state.removeStopped(services: services, removesVolumes: request.removesVolumes)
            }
        }
        guard let timeout = request.timeout else { return }
        for container in reconciler.state.containers where container.isRunning && container.stopTimeout == timeout {
            machine.hasten(container.name, timeout: timeout)
        }
    }

    /// A signal that ends a container is a wish to have it ended; any other one is only passed on.
    private func kill(_ request: ServicesRequest, _ reply: ControlReply) throws {
        let targets = reconciler.state.containers.filter {
            $0.isRunning && (request.services.isEmpty || request.services.contains($0.service))
        }
        guard request.signal != 9 else {
            command(reply) { state, _ in state.stop(services: request.services, stopTimeout: 0) }
            // At once, also for those that have been given time to end.
            for target in targets { _ = try machine.signal(target.name, 9) }
            return
        }
        for target in targets {
            _ = try machine.signal(target.name, request.signal)
            reply.send(.progress(Progress(.container, target.name, "Killed", .done)))
        }
        reply.send(.result(CommandResult()))
        reply.finish()
    }

    private func run(_ request: RunRequest, _ reply: ControlReply) throws {
        let alone = try Self.project(request.tree, request.up)
        let project = try Self.project(request.up.tree, request.up)
        prepare(project, reply) { supervisor, wish in
            supervisor.prepare(alone, reply) { supervisor, own in
                guard let definition = own.services.first?.definition else { return }
                supervisor.describe(request.up)
                let awaiting = request.hasDescriptors ? request.container : nil
                supervisor.command(reply, request.up, container: awaiting) { state, _ in
                    _ = state.up(wish, request.up.options)
                    for (name, digest) in own.networks where !state.networks.contains(where: { $0.name == name }) {
                        state.networks.append(.init(name: name, wanted: digest))
                    }
                    for (name, digest) in own.volumes where !state.volumes.contains(where: { $0.name == name }) {
                        state.volumes.append(.init(name: name, wanted: digest))
                    }
                    var once = definition
                    once.restart = .never
                    state.containers.append(
                        ContainerState(
                            name: request.container,
                            service: request.service,
                            number: 0,
                            definition: once,
                            goal: .start
                        )
                    )
                }
            }
        }
    }

    // Answers

    private func answer(_ id: Int, _ failures: [Reconciler.Failure]) {
        guard var entry = open[id] else { return }
        entry.result.failures += failures.map { failure in
            // Some messages name their object themselves.
            let isNamed = [failure.subject, "network \(failure.subject)"].contains { failure.message.hasPrefix($0) }
            return CommandFailure(isNamed ? failure.message : "\(failure.subject): \(failure.message)")
        }
        entry.isSettled = true
        entry.result.status = failures.first { $0.subject == entry.container }?.status
        open[id] = entry
        guard !entry.result.failures.isEmpty else {
            if entry.container == nil { finish(id) }
            return
        }
        // What could not be started is not to stay when it would not stay after its end.
        if let name = entry.container, (try? directory.record(of: name))?.isRemovedAtEnd == true {
            let removal = reconciler.request(now: clock()) { state in
                state[container: name]?.goal = .remove
                state[container: name]?.failure = nil
            }
            perform(removal.actions)
        } else {
            finish(id)
        }
    }

    /// A command that was run has ended when its container has, and is gone when it should be.
    private func settleRuns() {
        for (id, entry) in open where entry.isSettled {
            guard let name = entry.container else { continue }
            guard let container = reconciler.state[container: name] else {
                finish(id)
                continue
            }
            guard let status = container.endStatus, container.actual?.isUnclean == false else { continue }
            open[id]?.result.status = status
            if (try? directory.record(of: name))?.isRemovedAtEnd == true {
                perform(
                    reconciler.request(now: clock()) { $0[container: name]?.goal = .remove }.actions
                )
            } else {
                finish(id)
            }
        }
    }

    private func finish(_ id: Int) {
        guard let entry = open.removeValue(forKey: id) else { return }
        // Whether this was the last one shows when the message that led here is taken in.
        last.append(entry)
        if open.isEmpty { releaseIdleMemory() }
    }

    private func fail(_ reply: ControlReply, _ error: ExecutionError) {
        var entry = OpenRequest(reply: reply)
        entry.result.failures = [CommandFailure(error.message, place: error.place, hint: error.hint)]
        last.append(entry)
    }

    private func tell(_ line: ControlLine) {
        for entry in open.values { entry.reply.send(line) }
        if case .warning(let text) = line, open.isEmpty { writeDiary("warning: \(text)") }
    }

    private func announce(
        _ kind: ContainerEvent.Kind,
        _ name: String,
        _ fill: (inout ContainerEvent) -> Void = { _ in }
    ) {
        guard let container = reconciler.state[container: name] else { return }
        announce(kind, container, fill)
    }

    private func announce(
        _ kind: ContainerEvent.Kind,
        _ container: ContainerState,
        _ fill: (inout ContainerEvent) -> Void = { _ in }
    ) {
        watchers.removeAll { !$0.isOpen }
        guard !watchers.isEmpty else { return }
        var event = ContainerEvent(kind, container: container.name, service: container.service)
        fill(&event)
        for watcher in watchers { watcher.send(.event(event)) }
    }
}
