/// One container of a project: what is wanted of it and what is there.
package struct ContainerState: Hashable, Codable, Sendable {
    /// What commands want of a container.
    package enum Goal: String, Codable, Sendable {
        /// It exists; whether it runs is nobody's business.
        case create
        /// It runs as soon as what it depends on allows.
        case start
        /// It ends if it runs, and then runs anew.
        case restart
        /// It was started; its restart policy says what happens after its end.
        case keep
        /// It does not run.
        case stop
        /// It does not exist.
        case remove
    }

    /// How far a container that exists has come.
    package enum Phase: Hashable, Codable, Sendable {
        /// Never started.
        case created
        /// Its process lives.
        case running(since: WallTime)
        /// Its process has ended: with a status, or 128 and the number of the signal that killed it.
        case exited(code: Int32, at: WallTime)
        /// Its process has ended while nobody was there to see with what status.
        case lost(at: WallTime)
    }

    /// What the health check says.
    package enum Health: String, Codable, Sendable {
        /// There is no health check, or the container does not run.
        case none
        /// It runs, and no check has succeeded yet.
        case starting
        /// The last checks succeeded.
        case healthy
        /// So many checks failed in a row as the file allows.
        case unhealthy
    }

    /// A container that exists.
    package struct Actual: Hashable, Codable, Sendable {
        /// The definition it was made from.
        package var digest: String
        /// How far it has come.
        package var phase: Phase
        /// What its health check says.
        package var health: Health = .none
        /// Restarts in a row after a short life.
        package var restarts = 0
        /// What an ended process leaves (control group, name server, mounts) has still to be cleared away.
        package var isUnclean = false

        /// A container made from `digest`.
        package init(digest: String, phase: Phase = .created) {
            self.digest = digest
            self.phase = phase
        }
    }

    /// Its name, unique in the project.
    package let name: String
    /// The service it belongs to.
    package let service: String
    /// Its number among the service's containers, from 1; 0 for one made by `roost run`.
    package let number: Int
    /// The definition it should have.
    package var definition: ContainerDefinition
    /// What is wanted.
    package var goal: Goal
    /// What is there; nil when it does not exist yet.
    package var actual: Actual?
    /// Why the last attempt to bring it where it should be failed; nobody tries again before a command says so.
    package var failure: String?
    /// How long it may take to end, when a command said so; seconds.
    package var stopTimeout: Int?
    /// Whether the volumes that belong to it alone go with it; nil in states written before there was this.
    package var removesVolumes: Bool?
    /// Whether its next making gives it new volumes of its own; nil for no.
    package var renewsVolumes: Bool?
    /// Whether its processes are held still; nil for no.
    package var isHeld: Bool?

    /// A container that does not exist yet.
    package init(name: String, service: String, number: Int, definition: ContainerDefinition, goal: Goal) {
        self.name = name
        self.service = service
        self.number = number
        self.definition = definition
        self.goal = goal
    }

    /// Whether it was made by `roost run`.
    package var isOneOff: Bool { number == 0 }

    /// Whether its process lives.
    package var isRunning: Bool {
        if case .running = actual?.phase { true } else { false }
    }

    /// Whether its process lives and is held still: `roost pause`.
    package var isPaused: Bool { isRunning && isHeld == true }

    /// Whether its process has come to an end.
    package var hasEnded: Bool { endStatus != nil }

    /// The status of a process that has come to an end; 255 when nobody saw it.
    package var endStatus: Int32? {
        switch actual?.phase {
        case .exited(let code, _): code
        case .lost: 255
        case nil, .created, .running: nil
        }
    }

    /// When its process came to an end.
    package var endTime: WallTime? {
        switch actual?.phase {
        case .exited(_, let at), .lost(let at): at
        case nil, .created, .running: nil
        }
    }

    /// Whether requests may be sent to it: it runs, and its health check, if any, succeeds.
    package var isReady: Bool { isRunning && (actual?.health == Health.none || actual?.health == .healthy) }

    /// Takes note that its process was started.
    mutating func noteStart(at time: WallTime) {
        guard var actual else { return }
        actual.phase = .running(since: time)
        actual.health = definition.hasHealthcheck ? .starting : .none
        actual.restarts = goal == .keep ? actual.restarts + 1 : 0
        self.actual = actual
        // A command may have asked for another definition meanwhile; then this is not yet the start it wants.
        if (goal == .start || goal == .restart) && !isDiverged { goal = .keep }
    }

    /// When the restart policy has it started again; nil when it stays as it is.
    package var restartTime: WallTime? {
        guard goal == .keep, let actual else { return nil }
        let ended: WallTime
        switch actual.phase {
        case .created, .running: return nil
        case .exited(_, let at), .lost(let at): ended = at
        }
        guard definition.restart.restarts(afterCode: endStatus ?? 0, restarts: actual.restarts) else { return nil }
        return ended + RestartPolicy.delay(afterRestarts: actual.restarts)
    }
}
