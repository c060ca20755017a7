import ContainerRuntime
import Glibc
import LinuxSystem

/// What a command does while a program of a container has our standard descriptors.
struct RuntimeForeground: ~Copyable {
    /// The two ends over which a program's terminal comes.
    final class Terminal {
        private let socket: DescriptorSocket
        var sending: Int32 { socket.sending }
        init(_ socket: consuming DescriptorSocket) { self.socket = socket }
        func receive() throws -> OwnedDescriptor { try socket.receive() }
    }

    private let signals: SignalWatch
    /// What listens to a program that is to say when it is ready.
    var readiness: ReadinessRelay?

    /// The socket of the service manager that we are a service of: sd_notify(3).
    static var manager: String? { ProcessContext.variable("NOTIFY_SOCKET").flatMap { $0.isEmpty ? nil : $0 } }

    /// Takes the signals that are passed on; to be made before the program is started.
    init(isWanted: Bool) throws {
        signals = try SignalWatch(isWanted ? [SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGWINCH] : [])
    }

    /// The way for a terminal of the program's own.
    static func terminal(isWanted: Bool) throws -> Terminal? {
        isWanted ? Terminal(try DescriptorSocket.make()) : nil
    }

    /// Waits until a child of ours has ended, and passes on signals or what is typed; returns its status.
    borrowing func wait(for process: borrowing LaunchedProcess, terminal: Terminal?) throws -> Int32 {
        let readiness = readiness
        let notice = { Self.passOn(readiness) }
        if let master = try terminal?.receive() {
            TerminalRelay.setSize(of: master.rawValue)
            guard isatty(STDIN_FILENO) == 1 else {
                TerminalRelay.relay(master.rawValue, signals, beside: readiness?.descriptor, notice)
                notice()
                return try process.waitForExit().shellStatus
            }
            let raw = try RawTerminal(STDIN_FILENO)
            TerminalRelay.relay(master.rawValue, signals, beside: readiness?.descriptor, notice)
            raw.restore()
            notice()
            return try process.waitForExit().shellStatus
        }
        while true {
            let watched = [process.descriptor.rawValue, signals.descriptor, readiness?.descriptor ?? -1]
            let ready = waitReadable(watched)
            // What it has said last is not lost when it has ended.
            if ready[0] || ready[2] { notice() }
            if ready[0] { return try process.waitForExit().shellStatus }
            if ready[1], let signal = signals.next() {
                try? sendSignal(signal, to: process.descriptor.rawValue)  // it may just have ended
            }
        }
    }

    /// Passes on what a program says of itself.
    ///
    /// We are the service ourselves, so the manager is not told of another process.
    private static func passOn(_ readiness: ReadinessRelay?) {
        do { _ = try readiness?.receive(mainProcess: nil) } catch { ProcessContext.writeError("warning: \(error)\n") }
    }
}
