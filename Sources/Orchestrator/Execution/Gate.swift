import Synchronization

/// Something that happens once, and that any number of tasks wait for.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var next = 0
        var waiters: [Int: CheckedContinuation<Bool, Never>] = [:]
    }

    private let state = Mutex(State())

    /// Lets everyone go on, now and from now on.
    func open() {
        let waiters = state.withLock { state in
            defer { state.waiters = [:] }
            state.isOpen = true
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: true) }
    }

    /// Waits until the gate is open.
    func wait() async {
        let ticket = state.withLock { state in
            state.next += 1
            return state.next
        }
        _ = await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters[ticket] = continuation }
                return state.isOpen
            }
            if isOpen { continuation.resume(returning: true) }
        }
    }

    /// Waits until the gate is open, at most for `limit`; returns whether it is.
    func wait(atMost limit: Duration) async -> Bool {
        let ticket = state.withLock { state in
            state.next += 1
            return state.next
        }
        let timer = Task {
            // A cancelled sleep has nothing to tell: the gate is open.
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            state.withLock { $0.waiters.removeValue(forKey: ticket) }?.resume(returning: false)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters[ticket] = continuation }
                return state.isOpen
            }
            if isOpen { continuation.resume(returning: true) }
        }
    }
}
