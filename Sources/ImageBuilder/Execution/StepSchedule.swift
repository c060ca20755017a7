/// Which steps can be done now: each waits for those it depends on.
struct StepSchedule {
    /// Something to do.
    enum Job: Hashable, Sendable {
        case step(StepID)
        /// Writing the layer that a step has made.
        case layer(StepID)
    }

    private var waiting: [StepID: Set<StepID>] = [:]
    private var dependents: [StepID: [StepID]] = [:]
    private var ready: [Job] = []
    private var underWay = 0
    private(set) var failure: (any Error)?

    /// A schedule of steps, of which some are done already.
    init(_ steps: [BuildStep], done: Set<StepID>) {
        for step in steps where !done.contains(step.id) {
            let open = Set(step.dependencies).subtracting(done)
            if open.isEmpty {
                ready.append(.step(step.id))
            } else {
                waiting[step.id] = open
                for dependency in open { dependents[dependency, default: []].append(step.id) }
            }
        }
    }

    /// Whether nothing is left to do, or nothing more is to be begun.
    var isOver: Bool { underWay == 0 && (failure != nil || (ready.isEmpty && waiting.isEmpty)) }

    /// The next thing to do, which is then under way; nil when there is none now.
    ///
    /// Steps come before layers.
    mutating func next() -> Job? {
        guard failure == nil, !ready.isEmpty else { return nil }
        let index = ready.firstIndex { if case .step = $0 { true } else { false } } ?? ready.startIndex
        underWay += 1
        return ready.remove(at: index)
    }

    /// Something more to do.
    mutating func add(_ job: Job) { ready.append(job) }

    /// A job is done; what waited for it may be ready now.
    mutating func finish(_ job: Job) {
        underWay -= 1
        guard case .step(let id) = job else { return }
        for dependent in dependents.removeValue(forKey: id) ?? [] {
            waiting[dependent]?.remove(id)
            if waiting[dependent]?.isEmpty == true {
                waiting[dependent] = nil
                ready.append(.step(dependent))
            }
        }
    }

    /// Nothing more begins, for a reason from elsewhere.
    mutating func interrupt(_ error: any Error) { if failure == nil { failure = error } }

    /// A job has failed; nothing more begins, and the first failure is the one to tell.
    mutating func fail(_ error: any Error) {
        underWay -= 1
        if failure == nil { failure = error }
    }
}
