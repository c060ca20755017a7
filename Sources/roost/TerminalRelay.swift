import Glibc
import LinuxSystem
import Orchestrator

/// Carries what is typed to a program's terminal, and what the program shows back.
enum TerminalRelay {
    /// Starts a program with a terminal of our own's size, and relays until it ends; returns its status.
    static func run(_ start: (ContainerEntry.TerminalSize) throws -> ContainerEntry.Started) throws -> Int32 {
        let signals = try SignalWatch([SIGWINCH])
        let started = try start(size)
        let terminal = try RawTerminal(STDIN_FILENO)
        relay(started.master, signals)
        terminal.restore()
        return try started.process.waitForExit().shellStatus
    }

    /// Relays until the terminal has no program any more; does something else when another descriptor is readable.
    static func relay(
        _ master: Int32,
        _ signals: borrowing SignalWatch,
        beside other: Int32? = nil,
        _ react: () -> Void = {}
    ) {
        var input = STDIN_FILENO
        while true {
            let ready = waitReadable([master, input, signals.descriptor, other ?? -1])
            if ready[3] { react() }
            if ready[2], signals.next() != nil { setSize(of: master) }
            if ready[1], !copy(from: input, to: master) { input = -1 }
            if ready[0], !copy(from: master, to: STDOUT_FILENO) { return }
        }
    }

    /// The size of our own terminal; that of a teletype when there is none.
    static var size: ContainerEntry.TerminalSize {
        var window = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 else {
            return .init(rows: 24, columns: 80)
        }
        return .init(rows: window.ws_row, columns: window.ws_col)
    }

    static func setSize(of master: Int32) {
        let size = size
        var window = winsize(ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = unsafe ioctl(master, UInt(TIOCSWINSZ), &window)
    }

    /// Copies what is there; false at the end of either side.
    static func copy(from source: Int32, to target: Int32) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let count = unsafe read(source, &buffer, buffer.count)
        if count < 0 && errno == EINTR { return true }
        guard count > 0 else { return false }
        var rest = buffer[..<count]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe write(target, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { return false }
            rest = rest.dropFirst(written)
        }
        return true
    }
}

/// A terminal that passes on every key as it is, until it is restored: termios(3).
struct RawTerminal: ~Copyable {
    private let descriptor: Int32
    private var former = termios()

    init(_ descriptor: Int32) throws {
        self.descriptor = descriptor
        var mode = termios()
        guard unsafe tcgetattr(descriptor, &mode) == 0 else { throw UserError("standard input is not a terminal") }
        former = mode
        unsafe cfmakeraw(&mode)
        unsafe tcsetattr(descriptor, TCSADRAIN, &mode)
    }

    consuming func restore() {}

    deinit {
        var mode = former
        unsafe tcsetattr(descriptor, TCSADRAIN, &mode)
    }
}
