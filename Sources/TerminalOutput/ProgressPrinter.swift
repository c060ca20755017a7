import Glibc
package import Orchestrator
import LinuxSystem
import Synchronization

/// Shows the progress of a command on a descriptor, and keeps its picture moving until `finish`.
///
/// SIGINT, SIGTERM and SIGHUP, where nobody else handles them, give the cursor back before they end the process.
package final class ProgressPrinter: Sendable {
    private struct State {
        var view: ProgressView
        var isFinished = false
        var isMoving = false
    }

    private let state: Mutex<State>
    private let outlet: TerminalOutlet
    private let isLive: Bool
    private let start = ContinuousClock.now

    /// A printer for the command `title`, on standard error unless told otherwise; the descriptor is lent.
    package init(_ title: String, mode: ProgressView.Mode, isColoured: Bool, descriptor: CInt = STDERR_FILENO) {
        state = Mutex(State(view: ProgressView(title, mode: mode, isColoured: isColoured)))
        outlet = TerminalOutlet(descriptor: descriptor)
        isLive = mode == .tty
        if isLive { CursorRescue.install(descriptor) }
    }

    /// Shows a change.
    package func report(_ progress: Progress) {
        let begins = state.withLock { state in
            guard !state.isFinished else { return false }
            outlet.write(state.view.update(progress, at: ContinuousClock.now - start))
            guard isLive, !state.isMoving else { return false }
            state.isMoving = true
            outlet.write(state.view.frame(at: ContinuousClock.now - start, size: outlet.size))
            return true
        }
        if begins { startMoving() }
    }

    /// Has `body` write to the terminal where the picture stood; the picture comes again below.
    package func interrupted(by body: () -> Void) {
        state.withLock { state in
            outlet.write(state.view.clear(size: outlet.size))
            body()
        }
    }

    /// Shows the last picture and gives the terminal back; nothing is shown from here on.
    package func finish() {
        state.withLock { state in
            guard !state.isFinished else { return }
            state.isFinished = true
            outlet.write(state.view.finish(at: ContinuousClock.now - start, size: outlet.size))
        }
        if isLive { CursorRescue.remove() }
    }

    /// One thread draws a picture ten times a second: a command may block wherever it likes meanwhile.
    private func startMoving() {
        // Without a thread the picture changes only when there is news.
        try? OwnThread.start { while self.move() { usleep(TerminalOutlet.intervalMicroseconds) } }
    }

    private func move() -> Bool {
        state.withLock { state in
            guard !state.isFinished else { return false }
            outlet.write(state.view.frame(at: ContinuousClock.now - start, size: outlet.size))
            return true
        }
    }
}

/// Gives the cursor back when a signal ends the process.
private enum CursorRescue {
    private static let signals = [SIGINT, SIGTERM, SIGHUP]
    /// Where the cursor is hidden; -1 for nowhere.
    ///
    /// Read in a signal handler.
    private static let descriptor = Atomic<CInt>(-1)

    static func install(_ descriptor: CInt) {
        Self.descriptor.store(descriptor, ordering: .relaxed)
        for signal in signals {
            var old = sigaction()
            guard unsafe sigaction(signal, nil, &old) == 0 else { continue }
            // Whoever handles a signal, or wants it ignored, also gets to call `finish`.
            guard unsafe old.__sigaction_handler.sa_handler == nil else { continue }
            var action = sigaction()
            unsafe action.__sigaction_handler.sa_handler = { number in
                let descriptor = CursorRescue.descriptor.load(ordering: .relaxed)
                let text: StaticString = "\u{1B}[?25h"
                if descriptor >= 0 { _ = unsafe Glibc.write(descriptor, text.utf8Start, text.utf8CodeUnitCount) }
                // The handler is gone by now, so this one ends the process once we return.
                raise(number)
            }
            action.sa_flags = CInt(bitPattern: UInt32(SA_RESETHAND))
            unsafe sigaction(signal, &action, nil)
        }
    }

    static func remove() { descriptor.store(-1, ordering: .relaxed) }
}
