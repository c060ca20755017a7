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
    func wait() async { _ = await wait(timer: nil) }

    /// Waits until the gate is open, at most for `limit`; returns whether it is.
    func wait(atMost limit: Duration) async -> Bool {
        await wait { ticket in
            // A cancelled sleep has nothing to tell: the gate is open.
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            self.state.withLock { $0.waiters.removeValue(forKey: ticket) }?.resume(returning: false)
        }
    }

    private func wait(timer: (@Sendable (_ ticket: Int) async -> Void)?) async -> Bool {
        let clock = Mutex<Task<Void, Never>?>(nil)
        defer { clock.withLock { $0 }?.cancel() }
        return await withCheckedContinuation { continuation in
            let ticket: Int? = state.withLock { state in
                guard !state.isOpen else { return nil }
                state.next += 1
                state.waiters[state.next] = continuation
                return state.next
            }
            guard let ticket else { return continuation.resume(returning: true) }
            // Not before there is somebody to wake: the shortest of times may be over at once.
            if let timer { clock.withLock { $0 = Task { await timer(ticket) } } }
        }
    }
}
