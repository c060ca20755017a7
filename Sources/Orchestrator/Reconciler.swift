/// The machine that brings a project where it should be: events in, actions out, no I/O.
///
/// Whatever happens, it plans anew from what is there then, and begins every step that waits for nothing.
package struct Reconciler: Sendable {
    /// What is wanted and what is there.
    package private(set) var state: ProjectState
    /// How many operations are under way at once at most while somebody waits for an answer; nil for no limit.
    package var limit: Int?
    private var inFlight: [Subject: Step.Operation] = [:]
    /// The definitions that containers under way are made from; a command may ask for others meanwhile.
    private var making: [String: String] = [:]
    private var requests: [Request] = []
    private var isPublishing = false
    private var isUnpublished = false
    private var wake: WallTime?
    private var nextRequest = 1

    private struct Request: Sendable {
        let id: Int
        let awaited: Awaited
        let deadline: WallTime?
        var failures: [Failure] = []
    }

    /// What a request waits for, beyond the steps it causes.
    package enum Awaited: Hashable, Sendable {
        /// Nothing more.
        case steps
        /// Every container of these services is ready, or has done its work.
        case readiness(services: Set<String>)
    }

    /// Something that went wrong for a request.
    package struct Failure: Hashable, Codable, Sendable {
        /// The container, network or volume.
        package var subject: String
        /// What happened.
        package var message: String
        /// What a shell gives for it: 126 or 127 for a program that could not be executed.
        package var status: Int32?

        /// A failure of `subject`.
        package init(subject: String, message: String, status: Int32? = nil) {
            self.subject = subject
            self.message = message
            self.status = status
        }
    }

    /// How an operation ended.
    package enum Outcome: Hashable, Sendable {
        /// It is done; what went wrong beside it, whoever asked for it is told.
        case done(at: WallTime, flaw: String? = nil)
        /// It is not, and why; for a program that could not be executed, with the status that a shell gives.
        case failed(String, status: Int32? = nil)
    }

    /// Something that happened.
    package enum Event: Sendable {
        /// An operation that was begun has ended.
        case ended(Step.Operation, Outcome)
        /// A container's process has ended; the status is nil when nobody saw it.
        case exited(container: String, code: Int32?, at: WallTime)
        /// A health check has come to another verdict.
        case health(container: String, ContainerState.Health)
        /// The changes asked for by `publish` are in force.
        case published
        /// The moment asked for has come.
        case wake
    }

    /// Something to do.
    package enum Action: Hashable, Sendable {
        /// Writes the state of these containers (nil: a container that is gone) before anything that follows is done.
        case save(container: String)
        /// Writes the state of networks and volumes.
        case saveResources
        /// Begins an operation; its end comes back as an event.
        case begin(Step.Operation)
        /// Tells everyone who watches.
        case report(Progress)
        /// Brings published ports and names in line with the containers that are ready.
        case publish
        /// Asks for a `wake` at that moment, instead of any other asked for before.
        case wake(at: WallTime)
        /// Answers a request.
        case answer(request: Int, failures: [Failure])
    }

    /// A machine for a project in `state`.
    package init(state: ProjectState) { self.state = state }

    /// Whether there is nothing left to look after: nothing runs, rests, is under way or waited for.
    package var isIdle: Bool {
        requests.isEmpty && inFlight.isEmpty && !isPublishing && !isUnpublished
            && state.containers.allSatisfy {
                !$0.isRunning && $0.restartTime == nil && !($0.actual?.isUnclean ?? false)
            }
    }

    /// Takes up work that was left: after a start, before the first event.
    package mutating func resume(now: WallTime) -> [Action] {
        isUnpublished = true
        return settle(before: state, now: now)
    }

    /// Carries out a command; its answer comes as an action that carries the number returned here.
    package mutating func request(
        awaiting awaited: Awaited = .steps,
        deadline: WallTime? = nil,
        now: WallTime,
        _ command: (inout ProjectState) -> Void
    ) -> (id: Int, actions: [Action]) {
        let before = state
        command(&state)
        let id = nextRequest
        nextRequest += 1
        requests.append(Request(id: id, awaited: awaited, deadline: deadline))
        return (id, settle(before: before, now: now))
    }

    /// Takes in an event.
    package mutating func handle(_ event: Event, now: WallTime) -> [Action] {
        let before = state
        var actions: [Action] = []
        switch event {
        case .ended(let operation, let outcome):
            if let subject = operation.subject { inFlight[subject] = nil }
            actions += end(operation, outcome, now: now)
        case .exited(let name, let code, let at):
            exit(name, code: code, at: at)
        case .health(let name, let health):
            if state[container: name]?.isRunning == true {
                state[container: name]?.actual?.health = health
                isUnpublished = true
            }
        case .published: isPublishing = false
        case .wake: wake = nil
        }
        return actions + settle(before: before, now: now)
    }

    // Events

    private mutating func end(_ operation: Step.Operation, _ outcome: Outcome, now: WallTime) -> [Action] {
        switch outcome {
        case .done(let at, let flaw):
            complete(operation, at: at)
            if let flaw {
                requests.indices.forEach { requests[$0].failures.append(.init(subject: operation.name, message: flaw)) }
            }
            return Progress(ended: operation).map { [.report($0)] } ?? []
        case .failed(let message, let status):
            let subject = fail(operation, message, now: now)
            for index in requests.indices {
                requests[index].failures.append(.init(subject: subject, message: message, status: status))
            }
            return Progress(failed: operation, message).map { [.report($0)] } ?? []
        }
    }

    private mutating func complete(_ operation: Step.Operation, at: WallTime) {
        switch operation {
        case .createNetwork(let name): Self.update(&state.networks, name) { $0.actual = $0.wanted ?? "" }
        case .createVolume(let name): Self.update(&state.volumes, name) { $0.actual = $0.wanted ?? "" }
        case .removeNetwork(let name): Self.forget(&state.networks, name)
        case .removeVolume(let name): Self.forget(&state.volumes, name)
        case .create(let name), .recreate(let name):
            guard var container = state[container: name] else { return }
            container.actual = .init(digest: making.removeValue(forKey: name) ?? "")
            container.renewsVolumes = nil
            state[container: name] = container
        case .start(let name):
            state[container: name]?.noteStart(at: at)
            isUnpublished = true
        case .stop: break  // The process's end came as an event of its own.
        case .clean(let name): state[container: name]?.actual?.isUnclean = false
        case .remove(let name):
            state[container: name] = nil
            isUnpublished = true
        case .wait: break
        }
    }

    /// Returns the name of what failed.
    private mutating func fail(_ operation: Step.Operation, _ message: String, now: WallTime) -> String {
        switch operation {
        case .createNetwork(let name), .removeNetwork(let name):
            Self.update(&state.networks, name) { $0.failure = message }
            return name
        case .createVolume(let name), .removeVolume(let name):
            Self.update(&state.volumes, name) { $0.failure = message }
            return name
        case .start(let name):
            guard var container = state[container: name] else { return name }
            container.actual?.isUnclean = true
            if container.goal == .keep {
                // It has run before, so what is in the way may pass: the restart policy has the say.
                container.actual?.phase = .exited(code: 127, at: now)
                container.actual?.restarts += 1
            } else {
                container.goal = .create
                container.failure = message
            }
            state[container: name] = container
            return name
        case .create(let name), .recreate(let name), .stop(let name), .clean(let name), .remove(let name):
            state[container: name]?.failure = message
            return name
        case .wait: return ""
        }
    }

    private mutating func exit(_ name: String, code: Int32?, at: WallTime) {
        guard var container = state[container: name], var actual = container.actual else { return }
        if case .running(let since) = actual.phase, at - since >= RestartPolicy.recovery { actual.restarts = 0 }
        actual.phase = code.map { .exited(code: $0, at: at) } ?? .lost(at: at)
        actual.health = .none
        actual.isUnclean = true
        container.actual = actual
        container.isHeld = nil
        if container.goal == .restart { container.goal = .start }
        state[container: name] = container
        isUnpublished = true
    }

    private static func update(
        _ resources: inout [ProjectState.Resource],
        _ name: String,
        _ body: (inout ProjectState.Resource) -> Void
    ) {
        if let index = resources.firstIndex(where: { $0.name == name }) { body(&resources[index]) }
    }

    /// A resource that was removed is gone, unless it is wanted in another form.
    private static func forget(_ resources: inout [ProjectState.Resource], _ name: String) {
        update(&resources, name) { $0.actual = nil }
        resources.removeAll { $0.name == name && $0.wanted == nil }
    }

    // Decisions

    /// Plans, begins what can begin, and answers who has waited long enough.
    private mutating func settle(before: ProjectState, now: WallTime) -> [Action] {
        // What nobody wants and what was never made is nothing to keep, once its making is not under way any more.
        state.networks.removeAll { $0.isNothing && inFlight[.network($0.name)] == nil }
        state.volumes.removeAll { $0.isNothing && inFlight[.volume($0.name)] == nil }
        var plan = Planner.plan(state, now: now)
        if !plan.obstacles.isEmpty {
            giveUp(plan.obstacles)
            plan = Planner.plan(state, now: now)
        }
        var (actions, saves) = changes(since: before, plan)
        for step in plan.steps where step.after.isEmpty {
            guard let subject = step.operation.subject, inFlight[subject] == nil else { continue }
            // The end of any of them lets the next one begin.
            if let limit, !requests.isEmpty, inFlight.count >= limit { continue }
            inFlight[subject] = step.operation
            switch step.operation {
            case .create(let name), .recreate(let name):
                making[name] = state[container: name]?.definition.digest
            default: break
            }
            // What a step relies on is written before it, and no more: others can work meanwhile.
            if case .container(let name) = subject, saves.remove(name) != nil { actions.append(.save(container: name)) }
            if let progress = Progress(begun: step.operation) { actions.append(.report(progress)) }
            actions.append(.begin(step.operation))
        }
        actions += saves.sorted().map { .save(container: $0) }
        if isUnpublished && !isPublishing {
            isUnpublished = false
            isPublishing = true
            actions.append(.publish)
        }
        actions += answers(plan, now: now)
        let moments = [plan.nextWake] + requests.flatMap { [$0.deadline, settling($0.awaited, now: now)] }
        let moment = moments.compactMap(\.self).min()
        if let moment, moment != wake {
            wake = moment
            actions.append(.wake(at: moment))
        }
        return actions
    }

    /// What has changed and has to be known to a successor: resources as an action, containers by name.
    ///
    /// That a container was made need not be known when its start comes next: it would be made anew.
    private func changes(since before: ProjectState, _ plan: Plan) -> ([Action], Set<String>) {
        var actions: [Action] = []
        if before.networks != state.networks || before.volumes != state.volumes { actions.append(.saveResources) }
        let starting = Set(
            plan.steps.compactMap { step -> String? in
                if case .start(let name) = step.operation, step.after.isEmpty { name } else { nil }
            }
        )
        var changed = Set<String>()
        func compare(_ former: ContainerState, _ container: ContainerState) {
            let wasMade = former.actual == nil && container.actual?.phase == .created
            if former != container && !(wasMade && starting.contains(container.name)) { changed.insert(container.name) }
        }
        // Most events change one container, and none comes or goes.
        let pairs = zip(before.containers.indices, state.containers.indices)
        let firstOther = pairs.first { before.containers[$0].name != state.containers[$1].name }?.0
        let common = firstOther ?? min(before.containers.count, state.containers.count)
        for index in 0..<common { compare(before.containers[index], state.containers[index]) }
        var others = Dictionary(uniqueKeysWithValues: before.containers[common...].map { ($0.name, $0) })
        for container in state.containers[common...] {
            if let former = others.removeValue(forKey: container.name) {
                compare(former, container)
            } else {
                changed.insert(container.name)
            }
        }
        changed.formUnion(others.keys)
        return (actions, changed)
    }

    /// Containers whose start became impossible stay as they are; every request learns why.
    private mutating func giveUp(_ obstacles: [Plan.Obstacle]) {
        for obstacle in obstacles {
            state[container: obstacle.container]?.failure = obstacle.reason
            for index in requests.indices {
                requests[index].failures.append(.init(subject: obstacle.container, message: obstacle.reason))
            }
        }
    }

    private mutating func answers(_ plan: Plan, now: WallTime) -> [Action] {
        if requests.isEmpty { return [] }
        let isBusy = isPublishing || isAskedForMore(plan)
        var actions: [Action] = []
        var open: [Request] = []
        for var request in requests {
            if let deadline = request.deadline, deadline <= now {
                request.failures.append(.init(subject: state.project, message: "not ready within the time allowed"))
            } else if isBusy {
                open.append(request)
                continue
            } else {
                switch readiness(request.awaited, now: now) {
                case .open where request.failures.isEmpty:
                    open.append(request)
                    continue
                case .open, .reached: break
                case .failed(let failures): request.failures += failures
                }
            }
            actions.append(.answer(request: request.id, failures: request.failures))
        }
        requests = open
        return actions
    }

    /// Whether anything is under way or to be done that a command asked for, and not just a restart policy.
    private func isAskedForMore(_ plan: Plan) -> Bool {
        let kept = Set(state.containers.lazy.filter { $0.goal == .keep }.map(\.name))
        func isAskedFor(_ operation: Step.Operation) -> Bool {
            switch operation.subject {
            case .container(let name): !kept.contains(name)
            case .network, .volume: true
            case nil: if case .wait(.condition) = operation { true } else { false }
            }
        }
        return inFlight.values.contains(where: isAskedFor) || plan.steps.contains { isAskedFor($0.operation) }
    }
}
