import LinuxSystem
import Orchestrator

/// What those who asked are told.
extension Supervisor {
    func answer(_ id: Int, _ failures: [Reconciler.Failure]) {
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
        removeUnmade(failures)
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

    /// A container of `roost run` that could not even be made is nothing that anybody can use.
    private func removeUnmade(_ failures: [Reconciler.Failure]) {
        let names = failures.map(\.subject).filter { name in
            guard let container = reconciler.state[container: name] else { return false }
            return container.isOneOff && container.actual == nil && container.goal != .remove
        }
        guard !names.isEmpty else { return }
        let removal = reconciler.request(now: clock()) { state in
            for name in names {
                state[container: name]?.goal = .remove
                state[container: name]?.failure = nil
            }
        }
        perform(removal.actions)
    }

    /// A command that was run has ended when its container has, and is gone when it should be.
    func settleRuns() {
        for (id, entry) in open where entry.isSettled {
            guard let name = entry.container else { continue }
            guard let container = reconciler.state[container: name] else {
                finish(id)
                continue
            }
            guard let status = container.endStatus, container.actual?.isUnclean == false else { continue }
            open[id]?.result.status = status
            if !removeAtEnd(name) { finish(id) }
        }
    }

    /// Has a container of `roost run --rm` removed that has ended; false when it is to stay.
    @discardableResult
    func removeAtEnd(_ name: String) -> Bool {
        guard (try? directory.record(of: name))?.isRemovedAtEnd == true else { return false }
        guard reconciler.state[container: name]?.goal != .remove else { return true }
        let removal = reconciler.request(now: clock()) { state in
            state[container: name]?.goal = .remove
            state[container: name]?.failure = nil
        }
        perform(removal.actions)
        return true
    }

    /// Has containers of `roost run --rm` removed for which nobody waits.
    ///
    /// Who waited at a supervisor that died has had time to come back.
    func removeUnawaited() {
        let awaited = expected.union(open.values.compactMap(\.container))
        for container in reconciler.state.containers
        where container.isOneOff && container.hasEnded && container.goal != .remove
            && container.actual?.isUnclean == false && !awaited.contains(container.name)
        { removeAtEnd(container.name) }
    }

    func finish(_ id: Int) {
        guard let entry = open.removeValue(forKey: id) else { return }
        if let container = entry.container { outputs.giveBack(lentTo: container) }
        // Whether this was the last one shows when the message that led here is taken in.
        last.append(entry)
        if open.isEmpty { releaseIdleMemory() }
    }

    func fail(_ reply: ControlReply, _ error: ExecutionError) {
        var entry = OpenRequest(reply: reply)
        entry.result.failures = [CommandFailure(error.message, place: error.place, hint: error.hint)]
        last.append(entry)
    }

    func tell(_ line: ControlLine) {
        for entry in open.values { entry.reply.send(line) }
        if case .warning(let text) = line, open.isEmpty { writeDiary("warning: \(text)") }
    }

    func announce(
        _ kind: ContainerEvent.Kind,
        _ name: String,
        _ fill: (inout ContainerEvent) -> Void = { _ in }
    ) {
        guard let container = reconciler.state[container: name] else { return }
        announce(kind, container, fill)
    }

    func announce(
        _ kind: ContainerEvent.Kind,
        _ container: ContainerState,
        _ fill: (inout ContainerEvent) -> Void = { _ in }
    ) {
        var event = ContainerEvent(kind, container: container.name, service: container.service)
        event.time = clock()
        event.isOneOff = container.isOneOff
        fill(&event)
        if past.count == Self.longestPast { past.removeFirst(Self.longestPast / 2) }
        past.append(event)
        watchers.removeAll { !$0.isOpen }
        guard !watchers.isEmpty else { return }
        // A container that has gone has no record any more; whoever watches has heard of its id before.
        let record = try? directory.record(of: container.name)
        event.id = record?.id
        event.image = record?.image
        for watcher in watchers { watcher.send(.event(event)) }
    }

    /// How many events are remembered at most.
    private static let longestPast = 512
}
