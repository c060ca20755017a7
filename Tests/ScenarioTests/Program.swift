import CLinux
import Foundation
import Glibc
import LinuxSystem
import Testing

/// How a program ended, and what it wrote.
struct Outcome: Equatable {
    /// The exit status; 128 and the number of the signal that ended it.
    var status: Int32
    var stdout: String
    var stderr: String
}

/// A program that runs beside the test, with everything that it writes kept.
final class Program {
    /// What its first three descriptors are.
    enum Input {
        case none
        /// A pipe with a text that ends.
        case text(String)
        /// A pipe that stays open until `closeInput`.
        case open
        /// A terminal of 80 columns for all three; what it shows is the program's `stdout`.
        case terminal
    }

    // What the C library hides or macros make: `POSIX_SPAWN_SETSID`, `TIOCSPTLCK`, `TIOCGPTN`.
    private static let newSession: Int32 = 0x80
    private static let unlockTerminal: UInt = 0x4004_5431
    private static let terminalNumber: UInt = 0x8004_5430

    struct Failure: Error, CustomStringConvertible { var description: String }

    let pid: pid_t
    private let title: String
    private let pidfd: Int32
    private var input: Int32 = -1
    private var outputs: [Int32] = [-1, -1]
    private var collected: [[UInt8]] = [[], []]
    private var status: Int32?

    /// Everything that came on its standard output so far, or on its terminal, there without carriage returns.
    var stdout: String { String(decoding: collected[0], as: UTF8.self).replacing("\r\n", with: "\n") }
    /// Everything that came on its standard error so far.
    var stderr: String { String(decoding: collected[1], as: UTF8.self) }

    /// Starts it in a session of its own, so that no signal of the tests' terminal reaches it.
    init(_ arguments: [String], environment: [String: String], directory: String, input kind: Input) throws {
        title = arguments.joined(separator: " ")
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        var theirs: [Int32] = []
        defer { for descriptor in theirs { close(descriptor) } }
        if case .terminal = kind {
            let (master, slave) = try Self.makeTerminal()
            outputs[0] = master
            // The leader of a session gets the first terminal that it opens as its own.
            posix_spawn_file_actions_addopen(&actions, 0, slave, O_RDWR, 0)
            for number: Int32 in 1...2 { posix_spawn_file_actions_adddup2(&actions, 0, number) }
        } else {
            switch kind {
            case .none, .terminal: posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            case .text, .open:
                let ends = try Self.makePipe()
                input = ends.write
                theirs.append(ends.read)
                posix_spawn_file_actions_adddup2(&actions, ends.read, 0)
            }
            for number in 0...1 {
                let ends = try Self.makePipe()
                outputs[number] = ends.read
                theirs.append(ends.write)
                posix_spawn_file_actions_adddup2(&actions, ends.write, Int32(number + 1))
            }
        }
        var defaults = sigset_t()
        var mask = sigset_t()
        sigfillset(&defaults)
        sigemptyset(&mask)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setsigmask(&attributes, &mask)
        let flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | Self.newSession
        posix_spawnattr_setflags(&attributes, Int16(flags))
        // Which executes the program in its own place, so the process is the program's.
        let command = ["/usr/bin/env", "-C", directory] + arguments
        var argv: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, command[0], &actions, &attributes, &argv, &envp)
        guard code == 0 else { throw Failure(description: "can't start \(title): errno \(code)") }
        pid = child
        pidfd = Int32(clinux_syscall(Int64(SYS_pidfd_open), UInt64(child), 0, 0, 0, 0, 0))
        guard pidfd >= 0 else { throw Failure(description: "pidfd_open: errno \(-pidfd)") }
        for descriptor in outputs where descriptor >= 0 { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
        if case .text(let text) = kind {
            type(text)
            closeInput()
        }
    }

    deinit {
        if status == nil {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
        for descriptor in outputs + [input, pidfd] where descriptor >= 0 { close(descriptor) }
    }

    /// Writes into its standard input, or on its terminal.
    func type(_ text: String) {
        var bytes = Array(text.utf8)[...]
        let descriptor = input >= 0 ? input : outputs[0]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Ends its standard input.
    func closeInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    func signal(_ number: Int32) { kill(pid, number) }

    /// Waits until it has written the text, on either output, and returns everything.
    @discardableResult
    func wait(for text: String, within limit: Duration = .seconds(30)) throws -> String {
        try wait("\"\(text)\"", within: limit) { $0.contains(text) || $1.contains(text) }
        return stdout + stderr
    }

    /// Waits until what it has written, its output and its errors, is as expected.
    func wait(_ what: String, within limit: Duration = .seconds(30), until done: (String, String) -> Bool) throws {
        let end = ContinuousClock.now + limit
        while !done(stdout, stderr) {
            guard outputs.contains(where: { $0 >= 0 }) else {
                throw Failure(description: "\(title) ended without \(what):\n\(stdout)\(stderr)")
            }
            guard poll(until: end, with: false) else {
                throw Failure(description: "\(title) did not write \(what) within \(limit):\n\(stdout)\(stderr)")
            }
        }
    }

    /// Waits until it has ended, with all that it wrote; one that takes longer is killed, and that is an error.
    @discardableResult
    func end(within limit: Duration = .seconds(30)) throws -> Outcome {
        let end = ContinuousClock.now + limit
        while status == nil {
            guard poll(until: end, with: true) else {
                throw Failure(description: "\(title) did not end within \(limit):\n\(stdout)\(stderr)")
            }
        }
        closeInput()
        // Nobody may hold what it wrote to: `roost up -d | cat` would never end.
        let grace = ContinuousClock.now + .seconds(10)
        while outputs.contains(where: { $0 >= 0 }) {
            guard poll(until: grace, with: false) else {
                throw Failure(description: "\(title) has ended, but some process still has its output open")
            }
        }
        return Outcome(status: status ?? -1, stdout: stdout, stderr: stderr)
    }

    /// Waits for output, or its end, and takes it; false when the time is over.
    private func poll(until end: ContinuousClock.Instant, with exit: Bool) -> Bool {
        var entries = outputs.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        entries.append(pollfd(fd: exit ? pidfd : -1, events: Int16(POLLIN), revents: 0))
        let left = ContinuousClock.now.duration(to: end).components
        let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
        guard milliseconds > 0, Glibc.poll(&entries, nfds_t(entries.count), Int32(milliseconds)) > 0 else {
            return false
        }
        for number in outputs.indices where entries[number].revents != 0 { take(number) }
        if entries[2].revents != 0 {
            var raw: Int32 = 0
            if waitpid(pid, &raw, 0) == pid {
                status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : 128 + (raw & 0x7f)
            }
        }
        return true
    }

    private func take(_ number: Int) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(outputs[number], &buffer, buffer.count)
            if count > 0 {
                collected[number] += buffer[..<count]
            } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                // A terminal whose last user has gone answers EIO.
                close(outputs[number])
                outputs[number] = -1
                return
            } else if errno == EAGAIN {
                return
            }
        }
    }

    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        let code = ends.withUnsafeMutableBufferPointer {
            clinux_syscall(Int64(SYS_pipe2), UInt64(UInt(bitPattern: $0.baseAddress)), UInt64(O_CLOEXEC), 0, 0, 0, 0)
        }
        guard code == 0 else { throw Failure(description: "pipe2: errno \(-code)") }
        return (ends[0], ends[1])
    }

    private static func makeTerminal() throws -> (master: Int32, slave: String) {
        let master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var locked: Int32 = 0
        var number: UInt32 = 0
        guard master >= 0, ioctl(master, unlockTerminal, &locked) == 0, ioctl(master, terminalNumber, &number) == 0
        else {
            throw Failure(description: "no terminal: errno \(errno)")
        }
        var size = winsize(ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
        return (master, "/dev/pts/\(number)")
    }
}
