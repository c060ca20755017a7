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

    private static let intervalMicroseconds: useconds_t = 100_000
    private let state: Mutex<State>
    private let descriptor: CInt
    private let namesServices: Bool
    private let isLive: Bool
    private let start = ContinuousClock.now

    /// A printer; the descriptor is lent.
    ///
    /// With `namesServices` every step names the service that it is for.
    package init(mode: ProgressView.Mode, isColoured: Bool, descriptor: CInt, namesServices: Bool) {
        state = Mutex(State(view: BuildView(mode: mode, isColoured: isColoured)))
        self.descriptor = descriptor
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
            write(state.view.clear())
            body()
        }
    }

    /// Takes the picture away; nothing moves from here on.
    package func finish() {
        state.withLock { state in
            guard !state.isFinished else { return }
            state.isFinished = true
            write(state.view.clear())
        }
    }

    fileprivate func change(_ body: (inout BuildView, Duration) -> String) {
        let begins = state.withLock { state in
            guard !state.isFinished else { return false }
            let time = ContinuousClock.now - start
            let text = body(&state.view, time)
            if !text.isEmpty { write(state.view.clear() + text) }
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
            usleep(Self.intervalMicroseconds)
            let goesOn = state.withLock { state in
                guard !state.isFinished, state.view.isMoving else {
                    if !state.isFinished { write(state.view.clear()) }
                    state.isMoving = false
                    return false
                }
                write(state.view.frame(at: ContinuousClock.now - start, size: size))
                return true
            }
            if !goesOn { return }
        }
    }

    private var size: ProgressView.Size {
        var window = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 else {
            return .init(columns: 80, rows: 24)
        }
        return .init(columns: Int(window.ws_col), rows: Int(window.ws_row))
    }

    private func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
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

    func ended(_ step: BuildStep, _ outcome: StepOutcome) {
        printer.change { view, time in view.end(key(step), label(step), step.title, outcome, at: time) }
    }
}
