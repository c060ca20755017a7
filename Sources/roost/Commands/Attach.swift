import ArgumentParser
import ComposeModel
import ContainerRuntime
import Glibc
import LinuxSystem
import Orchestrator
import Supervisor

/// `roost attach`.
struct Attach: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connect to the program of a service's container: its input, its output and its signals."
    )

    @ParentCommand var parent: Roost

    @Option(help: "The keys that end the connection on a terminal (default: ctrl-p,ctrl-q).") var detachKeys: String?
    @Option(help: "The number of the container of the service.") var index = 0
    @Flag(help: "Do not pass on standard input.") var noStdin = false
    @Flag(inversion: .prefixedNo, help: "Pass signals on to the program.") var sigProxy = true
    @Argument(help: "The service.") var service: String

    func run() throws {
        try ProjectReading.reporting {
            let directory = ProjectDirectory(project: try parent.project.name(), roots: ProjectReading.roots)
            let container = try ContainerChoice(service: service, index: index).running(in: directory)
            guard let definition = try ProjectImages(directory).definition(of: container),
                let process = try directory.process(of: container.name),
                let pidfd = try ProcessIdentity(pid: process.pid, start: process.start).open()
            else { throw UserError("\(container.name) has just ended") }
            let hasInput = !noStdin && definition.service.keepsInputOpen
            if definition.service.hasTerminal {
                let keys = try DetachKeys(detachKeys ?? "ctrl-p,ctrl-q")
                if try !showTerminal(of: container, directory, pidfd, hasInput: hasInput, keys) { return }
            } else if try !showLines(of: container, directory, pidfd, hasInput: hasInput) {
                return
            }
            throw ExitCode(try status(of: container, directory))
        }
    }

    /// How the container's program ended.
    private func status(of container: ContainerState, _ directory: ProjectDirectory) throws -> Int32 {
        let id = try directory.record(of: container.name)?.id
        var status: Int32 = 0
        try StateWatch(directory).follow { state in
            guard let now = state[container: container.name], try directory.record(of: now.name)?.id == id else {
                return true
            }
            status = now.endStatus ?? 0
            // One that its policy starts again has ended all the same.
            return !now.isRunning || now.actual?.phase != container.actual?.phase
        }
        return status
    }

    // Without a terminal

    /// Shows lines until the program ends; false when somebody does not want to see more.
    private func showLines(
        of container: ContainerState,
        _ directory: ProjectDirectory,
        _ pidfd: borrowing OwnedDescriptor,
        hasInput: Bool
    ) throws -> Bool {
        let signals = try SignalWatch([SIGINT, SIGTERM, SIGHUP, SIGQUIT])
        var selection = LogFollower.Selection()
        selection.services = [container.service]
        selection.number = container.number
        selection.since = WallTime.now
        let storage = ProjectReading.roots.storage
        let follower = try LogFollower(directory, storage: storage, selection: selection) { WallTime.now }
        func show(_ container: ContainerState, _ record: LogRecord) {
            ProcessContext.write(record.text, to: record.stream == .stdout ? STDOUT_FILENO : STDERR_FILENO)
        }
        try follower.readExisting(show)
        try follower.beginFollowing(show)
        let target = hasInput ? try OwnedDescriptor.existingPipe("\(directory.container(container.name))/stdin") : nil
        let writing: Int32
        switch target {
        case .some(let pipe): writing = pipe.rawValue
        case .none: writing = -1
        }
        var input = writing >= 0 ? STDIN_FILENO : -1
        while true {
            let ready = waitReadable([follower.descriptor, pidfd.rawValue, input, signals.descriptor])
            if ready[0] { try follower.takeNews(show) }
            if ready[2], !TerminalRelay.copy(from: STDIN_FILENO, to: writing) { input = -1 }
            if ready[3], let signal = signals.next() {
                guard sigProxy else { return false }
                try Container.signal(pidfd.rawValue, signal)
            }
            if ready[1] {
                // The last lines are written before the state says that it has ended.
                _ = try status(of: container, directory)
                try follower.takeNews(show)
                follower.catchUp(with: container.name, show)
                return true
            }
        }
    }

    // With a terminal

    /// Relays between two terminals until the program ends; false when the keys to end it were typed.
    private func showTerminal(
        of container: ContainerState,
        _ directory: ProjectDirectory,
        _ pidfd: borrowing OwnedDescriptor,
        hasInput: Bool,
        _ keys: DetachKeys
    ) throws -> Bool {
        let signals = try SignalWatch([SIGWINCH])
        repeat {
            // Waits for a supervisor that is about to come back.
            _ = try SupervisorClient.connect(directory)
            let place = try OwnedDescriptor.directory(directory.path)
            let desk = try PacketSocket.connect(to: "/proc/self/fd/\(place.rawValue)/lend.sock")
            try PacketSocket.send("attach \(container.name)", [], over: desk.rawValue)
            guard let packet = try PacketSocket.receive(from: desk.rawValue), let raw = packet.descriptors.first else {
                throw UserError("the terminal of \(container.name) is not to be had: it is that of a `roost run`")
            }
            let master = OwnedDescriptor(adopting: raw)
            if isatty(STDOUT_FILENO) == 1 { TerminalRelay.setSize(of: master.rawValue) }
            let hasKeys = hasInput && isatty(STDIN_FILENO) == 1
            let terminal = hasKeys ? try RawTerminal(STDIN_FILENO) : nil
            let hasEnded = relay(master.rawValue, desk.rawValue, signals, keys, hasInput: hasInput)
            terminal?.restore()
            if !hasEnded { return false }
            // When the program goes on, it was its supervisor that ended.
        } while pidfd.isAlive(after: 100)
        return true
    }

    private func relay(
        _ master: Int32,
        _ output: Int32,
        _ signals: borrowing SignalWatch,
        _ keys: DetachKeys,
        hasInput: Bool
    ) -> Bool {
        var keys = keys
        var input = hasInput ? STDIN_FILENO : -1
        while true {
            let ready = waitReadable([output, input, signals.descriptor])
            if ready[2], signals.next() != nil { TerminalRelay.setSize(of: master) }
            if ready[1] {
                var buffer = [UInt8](repeating: 0, count: 4096)
                let count = unsafe read(input, &buffer, buffer.count)
                if count <= 0 {
                    input = -1
                } else {
                    let typed = keys.take(buffer[..<count])
                    ProcessContext.write(typed, to: master)
                    if keys.areComplete { return false }
                }
            }
            if ready[0], !TerminalRelay.copy(from: output, to: STDOUT_FILENO) { return true }
        }
    }
}

/// Finds the keys that end a connection in what is typed.
struct DetachKeys {
    private let keys: [UInt8]
    private var found = 0

    /// Reads `ctrl-p,ctrl-q` or single characters, with commas between.
    init(_ text: String) throws {
        keys = try text.split(separator: ",").map { part in
            if part.utf8.count == 1, let byte = part.utf8.first { return byte }
            if part.hasPrefix("ctrl-"), let last = part.utf8.last, part.utf8.count == 6 {
                switch last {
                case UInt8(ascii: "a")...UInt8(ascii: "z"): return last - UInt8(ascii: "a") + 1
                case UInt8(ascii: "@"): return 0
                case UInt8(ascii: "["), UInt8(ascii: "\\"), UInt8(ascii: "]"), UInt8(ascii: "^"), UInt8(ascii: "_"):
                    return last - UInt8(ascii: "@")
                default: break
                }
            }
            throw UserError("--detach-keys takes characters and ctrl-<letter>, with commas between, not \"\(text)\"")
        }
    }

    /// Whether all of the keys have been typed, one after the other.
    var areComplete: Bool { !keys.isEmpty && found == keys.count }

    /// What of the typed bytes goes to the program: all but the beginning of the keys, which is kept back.
    mutating func take(_ typed: some Sequence<UInt8>) -> [UInt8] {
        var passed: [UInt8] = []
        guard !keys.isEmpty else { return Array(typed) }
        for byte in typed {
            if areComplete { break }
            if byte == keys[found] {
                found += 1
                continue
            }
            passed += keys[..<found]
            found = byte == keys[0] ? 1 : 0
            if found == 0 { passed.append(byte) }
        }
        return passed
    }
}
