import ComposeModel
import Glibc
import LinuxSystem
import Orchestrator
import Synchronization

/// Gives containers their outputs: FIFOs into their logs, a terminal, or the descriptors of whoever runs a command.
final class ContainerOutputCollectors: ContainerOutputs {
    private struct State {
        var collectors: [String: Collection] = [:]
        /// Descriptors that came over the packet socket, by container.
        var lent: [String: [Int32]] = [:]
        /// Where a terminal's master goes that somebody waits for, by container.
        var terminalTakers: [String: @Sendable (borrowing OwnedDescriptor) -> Void] = [:]
        /// What an earlier supervisor had the keeper hold: terminals, and pipes whose writer may have gone.
        var kept: [String: Int32]
    }

    /// A container whose output is collected.
    private struct Collection {
        let request: OutputRequest
        let collector: OutputCollector
    }

    private let directory: ProjectDirectory
    private let storage: String
    private let poller: Poller
    private let clock: @Sendable () -> WallTime
    private let keep: @Sendable (Int32?, String) -> Void
    private let state: Mutex<State>

    /// `keep` has the keeper hold a descriptor under a name, or let go of it when there is none.
    init(
        directory: ProjectDirectory,
        storage: String,
        poller: Poller,
        clock: @escaping @Sendable () -> WallTime,
        kept: [String: Int32],
        keep: @escaping @Sendable (Int32?, String) -> Void
    ) {
        self.directory = directory
        self.storage = storage
        self.poller = poller
        self.clock = clock
        self.keep = keep
        state = Mutex(State(kept: kept))
    }

    /// Takes the descriptors that a container is to have instead of outputs of its own.
    func lend(_ descriptors: [Int32], to container: String) {
        let former = state.withLock { $0.lent.updateValue(descriptors, forKey: container) }
        for descriptor in former ?? [] { close(descriptor) }
    }

    /// Gives back what was lent to a container that does not start any more.
    func giveBack(lentTo container: String) {
        let lent = state.withLock { state in
            state.terminalTakers[container] = nil
            return state.lent.removeValue(forKey: container)
        }
        for descriptor in lent ?? [] { close(descriptor) }
    }

    /// Lets a socket see what a container's terminal shows; returns the terminal's master, or nil without one.
    func show(_ container: String, to socket: consuming OwnedDescriptor) throws -> OwnedDescriptor? {
        guard let collector = state.withLock({ $0.collectors[container]?.collector }) else { return nil }
        return try collector.show(to: socket)
    }

    /// Hands a container's terminal to `take` as soon as there is one.
    func awaitTerminal(of container: String, _ take: @escaping @Sendable (borrowing OwnedDescriptor) -> Void) {
        state.withLock { $0.terminalTakers[container] = take }
    }

    func open(_ request: OutputRequest) throws -> OutputDescriptors {
        if let lent = state.withLock({ $0.lent.removeValue(forKey: request.container) }), lent.count >= 3 {
            for extra in lent.dropFirst(3) { close(extra) }
            return OutputDescriptors(
                input: OwnedDescriptor(adopting: lent[0]),
                output: OwnedDescriptor(adopting: lent[1]),
                error: OwnedDescriptor(adopting: lent[2])
            )
        }
        if request.hasTerminal {
            if state.withLock({ $0.terminalTakers[request.container] }) == nil { try begin(request) }
            return try OutputDescriptors(input: .null(), output: .null(), error: .null())
        }
        let directory = directory.container(request.container)
        let input: OwnedDescriptor
        if request.keepsInputOpen {
            try OutputPipe.make("\(directory)/stdin", owner: request.userID, group: request.groupID)
            input = try OutputPipe.open("\(directory)/stdin", blocks: true)
        } else {
            input = try .null()
        }
        guard request.logging.driver != Logging.Driver.none else {
            return try OutputDescriptors(input: input, output: .null(), error: .null())
        }
        for name in ["stdout", "stderr"] {
            try OutputPipe.make("\(directory)/\(name)", owner: request.userID, group: request.groupID)
        }
        try begin(request)
        return try OutputDescriptors(
            input: input,
            output: OutputPipe.open("\(directory)/stdout", blocks: true),
            error: OutputPipe.open("\(directory)/stderr", blocks: true)
        )
    }

    func resume(_ request: OutputRequest) throws {
        guard !request.hasTerminal else {
            let name = Self.keptName(request.id, "tty")
            guard let master = state.withLock({ $0.kept.removeValue(forKey: name) }) else { return }
            try begin(request)
            return try collect(OwnedDescriptor(adopting: master), .stdout, of: request, "tty")
        }
        guard request.logging.driver != Logging.Driver.none,
            fileExists("\(directory.container(request.container))/stdout")
        else { return }
        try begin(request)
    }

    func attach(terminal: consuming OwnedDescriptor, of container: String) throws {
        if let take = state.withLock({ $0.terminalTakers.removeValue(forKey: container) }) { return take(terminal) }
        guard let running = state.withLock({ $0.collectors[container] }) else { return }
        _ = fcntl(terminal.rawValue, F_SETFL, O_NONBLOCK)
        try collect(terminal, .stdout, of: running.request, "tty")
    }

    func finish(container: String) {
        let (running, lent) = state.withLock { state in
            state.terminalTakers[container] = nil
            return (state.collectors.removeValue(forKey: container), state.lent.removeValue(forKey: container))
        }
        for descriptor in lent ?? [] { close(descriptor) }
        guard let running else { return }
        running.collector.finish()
        if let failure = running.collector.takeFailure() {
            writeDiary("\(container): lines are missing from its log: \(failure)")
        }
        for stream in running.request.hasTerminal ? ["tty"] : ["stdout", "stderr"] {
            keep(nil, Self.keptName(running.request.id, stream))
        }
    }

    /// Lets go of what nobody has taken up: its containers are gone.
    func releaseKept() {
        let unclaimed = state.withLock { state in
            defer { state.kept = [:] }
            return state.kept
        }
        for (name, descriptor) in unclaimed {
            // Pipes were opened anew by their names.
            if !isCollected(name) { keep(nil, name) }
            close(descriptor)
        }
    }

    private func isCollected(_ name: String) -> Bool {
        state.withLock { state in
            state.collectors.values.contains { name.hasPrefix(Self.keptName($0.request.id, "")) }
        }
    }

    /// What the keeper calls a container's stream.
    private static func keptName(_ id: String, _ stream: String) -> String { "\(id.prefix(48)).\(stream)" }

    /// Collects a stream, which the keeper holds too: what is written while there is no supervisor stays in it.
    private func collect(
        _ descriptor: consuming OwnedDescriptor,
        _ stream: LogRecord.Stream,
        of request: OutputRequest,
        _ name: String
    ) throws {
        guard let collector = state.withLock({ $0.collectors[request.container]?.collector }) else { return }
        keep(descriptor.rawValue, Self.keptName(request.id, name))
        try collector.collect(descriptor, stream, isTerminal: request.hasTerminal)
    }

    /// Opens the log, and the FIFOs that lead to it.
    private func begin(_ request: OutputRequest) throws {
        let log = "\(storage)/containers/\(request.id)"
        try makeDirectories(log)
        let collector = try OutputCollector(
            log: try LogFile.open(in: log, limits: LogFile.Limits(request.logging)),
            poller: poller,
            clock: clock
        )
        state.withLock { $0.collectors[request.container] = Collection(request: request, collector: collector) }
        guard !request.hasTerminal else { return }
        let directory = directory.container(request.container)
        for (name, stream) in [("stdout", LogRecord.Stream.stdout), ("stderr", .stderr)] {
            try collect(OutputPipe.open("\(directory)/\(name)", blocks: false), stream, of: request, name)
        }
    }
}

extension LogFile.Limits {
    /// What a service says of its log; the standard where it says nothing.
    init(_ logging: Logging) {
        var limits = Self.standard
        if let size = logging.options["max-size"], let bytes = Self.bytes(size) { limits.sizeBytes = bytes }
        if let files = logging.options["max-file"].flatMap({ Int($0) }) { limits.files = max(1, files) }
        self = limits
    }

    /// `10m`, `512k`, `1g`, or bytes; nil for -1 and what is no size.
    private static func bytes(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isNumber }
        guard let number = Int64(digits), number > 0 else { return nil }
        let factor: Int64 =
            switch text.dropFirst(digits.count).lowercased().first {
            case "k": 1000
            case "m": 1_000_000
            case "g": 1_000_000_000
            default: 1
            }
        return number.multipliedReportingOverflow(by: factor).partialValue
    }
}
