import Synchronization

/// A wish to end that those hear of who do something at the time, and those who come later.
final class Interruption: Sendable {
    private struct State {
        var isRaised = false
        var next = 0
        var listeners: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    /// Whether it has been raised.
    var isRaised: Bool { state.withLock { $0.isRaised } }

    /// Has everybody end.
    func raise() {
        let listeners = state.withLock { state in
            state.isRaised = true
            return Array(state.listeners.values)
        }
        for listener in listeners { listener() }
    }

    /// Runs `body`; `listener` is called, by another thread, when it shall end.
    func during<Result>(_ listener: @escaping @Sendable () -> Void, _ body: () throws -> Result) rethrows -> Result {
        let (ticket, isLate) = state.withLock { state in
            state.next += 1
            state.listeners[state.next] = listener
            return (state.next, state.isRaised)
        }
        defer { _ = state.withLock { $0.listeners.removeValue(forKey: ticket) } }
        if isLate { listener() }
        return try body()
    }
}
