import Orchestrator
import TestSupport

/// A machine that carries out what a reconciler asks for, in an order that a seed decides, with crashes.
///
/// It keeps what a real machine would keep when the supervisor dies: the saved state, and the processes.
struct SimulatedMachine {
    /// What would be in the state directory.
    private(set) var saved: ProjectState
    private(set) var now = WallTime.start
    private(set) var log: [String] = []
    /// The containers whose process lives.
    private(set) var alive: Set<String> = []
    private(set) var answers: [Int: [Reconciler.Failure]] = [:]
    /// The requests that were made since the last crash: a supervisor that dies takes the others with it.
    private(set) var asked: Set<Int> = []
    private var reconciler: Reconciler
    private var pending: [Reconciler.Event] = []
    private var running: [Step.Operation] = []
    private var wake: WallTime?
    private var random: SeededNumbers
    /// Of so many operations one fails; 0 for none.
    var failureRate: UInt64 = 0
    /// How many operations were under way at once at most.
    private(set) var mostRunning = 0
    /// How many may be, until the next crash.
    var limit: Int? {
        get { reconciler.limit }
        set { reconciler.limit = newValue }
    }

    init(_ state: ProjectState, seed: UInt64) {
        saved = state
        reconciler = Reconciler(state: state)
        random = SeededNumbers(seed: seed)
    }

    var state: ProjectState { reconciler.state }
    var isIdle: Bool { running.isEmpty && pending.isEmpty }

    mutating func request(
        awaiting awaited: Reconciler.Awaited = .steps,
        deadline: WallTime? = nil,
        _ command: (inout ProjectState) -> Void
    ) -> Int {
        let (id, actions) = reconciler.request(awaiting: awaited, deadline: deadline, now: now, command)
        asked.insert(id)
        perform(actions)
        return id
    }

    /// The supervisor is killed and a new one takes over.
    ///
    /// Operations under way are cut off: each of them is done, or not, and nobody knows.
    mutating func crash() {
        log.append("crash")
        for operation in running where random.next() % 2 == 0 {
            switch operation {
            case .start(let name): alive.insert(name)
            case .stop(let name): alive.remove(name)
            default: break
            }
        }
        running = []
        pending = []
        asked = []
        answers = [:]
        wake = nil
        // What a takeover finds out: which processes live.
        var state = saved
        for index in state.containers.indices {
            let name = state.containers[index].name
            if state.containers[index].isRunning, !alive.contains(name) {
                state.containers[index].actual?.phase = .lost(at: now)
                state.containers[index].actual?.health = .none
                state.containers[index].actual?.isUnclean = true
                if state.containers[index].goal == .restart { state.containers[index].goal = .start }
            } else if !state.containers[index].isRunning {
                // A process that the state does not know of is ended.
                alive.remove(name)
                if state.containers[index].actual != nil { state.containers[index].actual?.isUnclean = true }
            }
        }
        saved = state
        reconciler = Reconciler(state: state)
        perform(reconciler.resume(now: now))
    }

    /// A container's program ends by itself.
    mutating func exit(_ name: String, code: Int32) {
        guard alive.remove(name) != nil else { return }
        pending.append(.exited(container: name, code: code, at: now))
    }

    /// A health check comes to a verdict, whatever it was before.
    mutating func flap(_ name: String, _ health: ContainerState.Health) {
        guard state[container: name]?.definition.hasHealthcheck == true else { return }
        pending.append(.health(container: name, health))
    }

    mutating func becomeHealthy() {
        for container in state.containers where container.actual?.health == .starting {
            pending.append(.health(container: container.name, .healthy))
        }
    }

    /// One thing happens: an operation ends, an event arrives, or time goes by.
    ///
    /// Returns whether anything was left to happen.
    mutating func step() -> Bool {
        if !pending.isEmpty && (running.isEmpty || random.next() % 2 == 0) {
            let event = pending.removeFirst()
            perform(reconciler.handle(event, now: now))
        } else if !running.isEmpty {
            let operation = running.remove(at: Int(random.next() % UInt64(running.count)))
            now = now + .milliseconds(Int(random.next() % 20))
            finish(operation)
        } else if let moment = wake {
            now = max(now, moment)
            wake = nil
            perform(reconciler.handle(.wake, now: now))
        } else {
            return false
        }
        return true
    }

    private mutating func finish(_ operation: Step.Operation) {
        if failureRate > 0, random.next() % failureRate == 0 {
            guard case .stop = operation else {
                log.append("\(operation) failed")
                return perform(reconciler.handle(.ended(operation, .failed("out of luck")), now: now))
            }
        }
        switch operation {
        case .start(let name):
            precondition(!alive.contains(name), "\(name) was started twice")
            alive.insert(name)
        case .stop(let name):
            if alive.remove(name) != nil {
                perform(reconciler.handle(.exited(container: name, code: 143, at: now), now: now))
            }
        case .remove(let name), .recreate(let name), .clean(let name):
            precondition(!alive.contains(name), "\(operation) while its process lives")
        default: break
        }
        log.append("\(operation)")
        perform(reconciler.handle(.ended(operation, .done(at: now)), now: now))
    }

    private mutating func perform(_ actions: [Reconciler.Action]) {
        for action in actions {
            switch action {
            case .save(let name): saved[container: name] = reconciler.state[container: name]
            case .saveResources:
                saved.networks = reconciler.state.networks
                saved.volumes = reconciler.state.volumes
            case .begin(let operation):
                precondition(
                    !running.contains { $0.subject == operation.subject },
                    "\(operation) while another operation is under way"
                )
                running.append(operation)
                mostRunning = max(mostRunning, running.count)
            case .publish: pending.append(.published)
            case .wake(let moment): wake = moment
            case .answer(let request, let failures): answers[request] = failures
            case .report: break
            }
        }
    }
}
