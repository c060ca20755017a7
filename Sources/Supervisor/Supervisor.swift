import LinuxSystem
import Orchestrator

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
        /// Of `/run`: the container that descriptors were lent to.
        var container: String?
    }

    /// A command that is under way.
    struct OpenRequest {
        let reply: ControlReply
        var result = CommandResult()
        /// Of `/run`: the container whose end is the command's.
        var container: String?
        var isSettled = false
    }

    let directory: ProjectDirectory
    let machine: Machine
    let outputs: ContainerOutputCollectors
    let clock: @Sendable () -> WallTime
    let inbox: AsyncStream<Message>.Continuation
    let messages: AsyncStream<Message>
    var reconciler: Reconciler
    var open: [Int: OpenRequest] = [:]
    /// Results that are told when everything is cleared away.
    var last: [OpenRequest] = []
    var watchers: [ControlReply] = []
    /// What happened lately, for those who begin to watch while it does.
    var past: [ContainerEvent] = []
    var preparing = 0
    /// Whether somebody has asked for something: whoever had us started is about to.
    var isUsed = false
    var wake: Task<Void, Never>?
    /// Exits of processes whose start has not been taken in yet.
    var early: [ProcessIdentity: ProcessExit] = [:]
    /// Containers whose process has gone, as far as anybody knows before their start is taken in.
    var gone: Set<String> = []
    /// Containers of `roost run --rm` that were there at the start: who waited for them may be on the way back.
    var expected: Set<String>
    /// The containers' processes.
    var processes: [ProcessIdentity: String] = [:]

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
        expected = Set(
            state.containers.filter { $0.isOneOff && (try? directory.record(of: $0.name))?.isRemovedAtEnd == true }
                .map(\.name)
        )
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

    static func yieldUnused(to inbox: AsyncStream<Message>.Continuation) {
        Task {
            // Nobody cancels this task.
            try? await Task.sleep(for: patience)
            inbox.yield(.unused)
        }
    }

    /// Whether nothing is left to look after.
    var isDone: Bool { isUsed && expected.isEmpty && reconciler.isIdle && open.isEmpty && preparing == 0 }

    /// Whether nothing is known of the project any more.
    var isGone: Bool {
        reconciler.state.containers.isEmpty && reconciler.state.networks.isEmpty
            && reconciler.state.volumes.allSatisfy { $0.wanted != nil }
    }

    // Messages

    func take(_ message: Message) {
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
        case .unused:
            isUsed = true
            expected = []
            removeUnawaited()
        case .prepared(let prepared):
            preparing -= 1
            if let failure = prepared.failure {
                if let container = prepared.container { outputs.giveBack(lentTo: container) }
                fail(prepared.reply, failure)
            } else if !prepared.reply.isOpen {
                // Whoever asked has gone before anything was begun, and wants nothing of it any more.
                if let container = prepared.container { outputs.giveBack(lentTo: container) }
            } else {
                prepared.command(self)
            }
        case .keeperLost: break  // The end of the loop.
        case .terminated:
            writeDiary("asked to end: stopping the containers of the project")
            perform(reconciler.request(now: clock()) { $0.stop() }.actions)
        }
    }

    func take(_ event: Reconciler.Event) {
        let before = reconciler.state
        perform(reconciler.handle(event, now: clock()))
        switch event {
        case .ended(.start(let name), .done):
            announce(.started, name)
            note(name)
        case .ended(.create(let name), .done), .ended(.recreate(let name), .done): announce(.created, name)
        case .ended(.stop(let name), .done): announce(.stopped, name)
        case .ended(.clean, .done): removeUnawaited()
        default: break
        }
        if case .health(let name, let health) = event { announce(.health, name) { $0.health = health } }
        // An event has containers go, or none.
        if reconciler.state.containers.count < before.containers.count {
            for container in before.containers where reconciler.state[container: container.name] == nil {
                announce(.removed, container)
            }
        }
        settleRuns()
    }

    // Actions

    func perform(_ actions: [Reconciler.Action]) {
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

    func begin(_ operation: Step.Operation) {
        let state: ContainerState?
        if case .container(let name) = operation.subject {
            state = reconciler.state[container: name]
        } else {
            state = nil
        }
        if case .stop(let name) = operation, let state, losesItsNetworks(state) { machine.holdNamespace(of: name) }
        Task { [machine, inbox] in
            let outcome = await machine.perform(operation, on: state)
            inbox.yield(.event(.ended(operation, outcome)))
        }
    }

    /// Whether a container goes together with all networks that it is on.
    private func losesItsNetworks(_ container: ContainerState) -> Bool {
        container.goal == .remove
            && reconciler.state.networks.allSatisfy {
                $0.wanted == nil || !container.definition.networks.contains($0.name)
            }
    }

    func save(_ name: String) {
        guard let container = reconciler.state[container: name] else { return }
        attempt { try directory.write(container) }
    }

    func sleep(until moment: WallTime) {
        wake?.cancel()
        let rest = moment - clock()
        wake = Task { [inbox] in
            guard (try? await Task.sleep(for: max(.zero, rest))) != nil else { return }
            inbox.yield(.event(.wake))
        }
    }

    /// A state that can't be written is told of; the project goes on.
    func attempt(_ body: () throws -> Void) {
        do { try body() } catch { tell(.warning("\(error)")) }
    }

}
