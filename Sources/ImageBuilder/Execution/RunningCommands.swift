import Glibc
import LinuxSystem
import Synchronization

/// Commands that run at the moment, so that all of them can be ended at once.
final class RunningCommands: Sendable {
    private struct State {
        var next = 0
        var processes: [Int: CInt] = [:]
        var isEnded = false
    }

    private let state = Mutex(State())

    /// Remembers a process by its pidfd, which is lent until it is removed; one that comes too late is ended at once.
    func add(_ pidfd: CInt) -> Int {
        state.withLock { state in
            state.next += 1
            state.processes[state.next] = pidfd
            if state.isEnded { Self.end(pidfd) }
            return state.next
        }
    }

    /// Forgets a process that has ended.
    func remove(_ ticket: Int) { _ = state.withLock { $0.processes.removeValue(forKey: ticket) } }

    /// Ends all of them, with all that they have started.
    func endAll() {
        state.withLock { state in
            state.isEnded = true
            for process in state.processes.values { Self.end(process) }
        }
    }

    // One that has ended needs no signal.
    private static func end(_ pidfd: CInt) { try? sendSignal(SIGKILL, to: pidfd) }
}
