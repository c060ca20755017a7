import LinuxSystem
import Orchestrator

/// How processes that have ended are taken in.
extension Supervisor {
    /// Notes a container's process, whose exit may have come before.
    func note(_ name: String) {
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
    func takeEarly(_ identity: ProcessIdentity) -> ProcessExit? {
        if identity.start != 0 { return early.removeValue(forKey: identity) }
        // It had ended, and been reaped, before anybody could ask when it was started.
        return early.first { $0.key.pid == identity.pid }.flatMap { early.removeValue(forKey: $0.key) }
    }

    func take(_ exit: ProcessExit) {
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
    func take(_ exit: ProcessExit, of name: String) {
        end(name, code: exit.status, at: WallTime(nanoseconds: exit.nanoseconds))
        directory.forgetExit(exit.identity)
    }

    /// A process has gone; its exit code comes by way of its parent, if that is still the keeper.
    func expectExit(of name: String) {
        guard let identity = processes.first(where: { $0.value == name })?.key else {
            // Its start is not taken in yet, or its end is already and there is nothing more to come.
            if let container = reconciler.state[container: name], !container.hasEnded { gone.insert(name) }
            return
        }
        Task { [inbox] in
            // Whoever reaps it, when it is reaped there is nothing more to come.
            var patience = 100
            while patience > 0 && ProcessIdentity(of: identity.pid) == identity {
                // Nobody cancels this task.
                try? await Task.sleep(for: .milliseconds(5))
                patience -= 1
            }
            inbox.yield(.overdue(container: name, identity))
        }
    }

    func end(_ name: String, code: Int32?, at time: WallTime) {
        gone.remove(name)
        machine.hasEnded(name)
        perform(reconciler.handle(.exited(container: name, code: code, at: time), now: clock()))
        announce(.exited, name) { [reconciler] event in
            event.code = code ?? 255
            event.restarts = reconciler.state[container: name]?.restartTime != nil
        }
        settleRuns()
    }
}
