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
    func settleRuns() {
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

    func finish(_ id: Int) {
        guard let entry = open.removeValue(forKey: id) else { return }
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
        watchers.removeAll { !$0.isOpen }
        guard !watchers.isEmpty else { return }
        var event = ContainerEvent(kind, container: container.name, service: container.service)
        fill(&event)
        for watcher in watchers { watcher.send(.event(event)) }
    }
}
