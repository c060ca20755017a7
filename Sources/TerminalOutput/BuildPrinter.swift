import Glibc
package import ImageBuilder
import LinuxSystem
import Synchronization

/// Shows builds on a descriptor, several at a time, and keeps the picture moving until `finish`.
package final class BuildPrinter: Sendable {
    private struct State {
        var view: BuildView
        var isFinished = false
        var isMoving = false
    }

    private let state: Mutex<State>
    private let outlet: TerminalOutlet
    private let namesServices: Bool
    private let isLive: Bool
    private let start = ContinuousClock.now

    /// A printer; the descriptor is lent.
    ///
    /// With `namesServices` every step names the service that it is for.
    package init(mode: ProgressView.Mode, isColoured: Bool, descriptor: CInt, namesServices: Bool) {
        state = Mutex(State(view: BuildView(mode: mode, isColoured: isColoured)))
        outlet = TerminalOutlet(descriptor: descriptor)
        self.namesServices = namesServices
        isLive = mode == .tty
    }

    /// Hears how the build of a service goes.
    package func reporter(for service: String) -> any BuildReporter {
        ServiceReporter(printer: self, service: service, prefix: namesServices ? "\(service) " : "")
    }

    /// Says that an image is there.
    package func built(_ service: String, _ name: String, _ id: String) {
        change { view, _ in view.note("\(service): built \(name) \(id.dropFirst("sha256:".count).prefix(12))") }
    }

    /// Has `body` write to the terminal where the picture stood.
    package func interrupted(by body: () -> Void) {
        state.withLock { state in
            outlet.write(state.view.clear())
            body()
        }
    }

    /// Takes the picture away; nothing moves from here on.
    package func finish() {
        state.withLock { state in
            guard !state.isFinished else { return }
            state.isFinished = true
            outlet.write(state.view.clear())
        }
    }

    fileprivate func change(_ body: (inout BuildView, Duration) -> String) {
        let begins = state.withLock { state in
            guard !state.isFinished else { return false }
            let time = ContinuousClock.now - start
            let text = body(&state.view, time)
            if !text.isEmpty { outlet.write(state.view.clear() + text) }
            guard isLive, !state.isMoving, state.view.isMoving else { return false }
            state.isMoving = true
            return true
        }
        if begins { startMoving() }
    }

    private func startMoving() {
        // Without a thread the picture changes only when there is news.
        try? OwnThread.start { self.move() }
    }

    private func move() {
        while true {
            usleep(TerminalOutlet.intervalMicroseconds)
            let goesOn = state.withLock { state in
                guard !state.isFinished, state.view.isMoving else {
                    if !state.isFinished { outlet.write(state.view.clear()) }
                    state.isMoving = false
                    return false
                }
                outlet.write(state.view.frame(at: ContinuousClock.now - start, size: outlet.size))
                return true
            }
            if !goesOn { return }
        }
    }
}

private struct ServiceReporter: BuildReporter {
    let printer: BuildPrinter
    let service: String
    let prefix: String

    private func key(_ step: BuildStep) -> String { "\(service) \(step.id)" }

    private func label(_ step: BuildStep) -> String {
        prefix.isEmpty ? step.label : step.label.replacing("[", with: "[\(prefix)", maxReplacements: 1)
    }

    func planned(_ steps: [BuildStep]) {}

    func began(_ step: BuildStep) {
        printer.change { view, time in view.begin(key(step), label(step), step.title, at: time) }
    }

    func wrote(_ step: BuildStep, _ bytes: [UInt8]) {
        printer.change { view, time in view.write(key(step), bytes, at: time) }
    }

    func fetched(_ step: BuildStep, _ done: Int64, of total: Int64?) {
        printer.change { view, time in view.fetch(key(step), done, of: total, at: time) }
    }

    func ended(_ step: BuildStep, _ outcome: StepOutcome) {
        printer.change { view, time in view.end(key(step), label(step), step.title, outcome, at: time) }
    }
}
