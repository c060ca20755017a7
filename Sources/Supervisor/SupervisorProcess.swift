import Glibc
package import LinuxSystem
import NIOCore
import NIOPosix
package import Orchestrator
import Synchronization

/// The life of a supervisor's process, from the keeper's fork to its end.
package enum SupervisorProcess {
    /// Supervises `project` until there is nothing left to look after; returns the status to end with.
    ///
    /// A status other than 0 has the keeper start another supervisor.
    ///
    /// SIGTERM, which `signals` takes, stops the project as `roost stop` does.
    package static func run(
        _ link: consuming KeeperLink,
        project: String,
        roots: StateRoots,
        environment: [String],
        signals: consuming SignalWatch
    ) async -> Int32 {
        let isFirst = link.restarts == 0
        do {
            try await supervise(link, project: project, roots: roots, environment: environment, signals: signals)
            return 0
        } catch is PairIsBusy {
            if isFirst { tellStarter(SupervisorLauncher.busy) }
            // All containers are the other pair's: its lock lasts as long as they have a keeper.
            return 0
        } catch {
            writeDiary("\(error)")
            guard isFirst else { return 1 }
            // Whoever waits for us hears why, and nobody tries again what can't work.
            tellStarter("\(error)")
            return 0
        }
    }

    private static func supervise(
        _ link: consuming KeeperLink,
        project: String,
        roots: StateRoots,
        environment: [String],
        signals: consuming SignalWatch
    ) async throws {
        let directory = ProjectDirectory(project: project, roots: roots)
        let isFirst = link.restarts == 0
        // One pair for each project: the lock is the pair's, since all its processes share this descriptor.
        try await lockDirectory(directory)
        try directory.prepare()
        let keeper = SharedLink(link)
        let clock: @Sendable () -> WallTime = { .now }
        let poller = try Poller()
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        // Most of a step is the kernel's work, and some of it waits: for grace periods, and for locks of the network.
        let threads = NIOThreadPool(numberOfThreads: max(4, min(24, 3 * System.coreCount)))
        threads.start()
        let inbox = AsyncStream.makeStream(of: Supervisor.Message.self)
        let outputs = ContainerOutputCollectors(
            directory: directory,
            storage: roots.storage,
            poller: poller,
            clock: clock,
            kept: keeper.takeKept()
        ) { descriptor, name in keeper.keep(descriptor, name) }
        var configuration = Machine.Configuration(
            directory: directory,
            roots: roots,
            threads: threads,
            loops: loops,
            poller: poller,
            hasKeeper: true,
            clock: clock,
            outputs: outputs
        ) { inbox.continuation.yield(.machine($0)) }
        // Every container takes several descriptors of ours; its own limit stays what ours was.
        configuration.descriptorLimit = try ResourceLimit.raise(.nofile)
        let machine = try Machine(configuration)
        try keeper.beginDraining(with: poller, into: inbox.continuation)
        let terminations = SharedWatch(signals)
        _ = try poller.watch(terminations.descriptor, .level) {
            if terminations.next() != nil { inbox.continuation.yield(.terminated) }
        }
        let state = try await takeOver(directory, with: machine)
        // In nobody's way: what it removes is nobody's.
        Task { await machine.sweepAfterBoot() }
        outputs.releaseKept()
        let supervisor = Supervisor(
            directory: directory,
            machine: machine,
            outputs: outputs,
            state: state,
            clock: clock,
            inbox: inbox
        )
        let socket = "/proc/self/fd/\(Keeper.Inherited.directory)/control.sock"
        removeFile(directory.socket)
        let server = ControlServer()
        let listener = try await server.start(at: socket, on: loops) { route, body, reply in
            inbox.continuation.yield(.command(route, body, reply))
        }
        // The directory lets in nobody else; this holds also for a descriptor of it that got out.
        guard chmod(socket, 0o600) == 0 else { throw SyscallError(call: "chmod", subject: socket, errno: .current) }
        let lending = try LendingDesk(directory: directory.path, outputs: outputs, poller: poller)
        if isFirst { tellStarter("") }
        let end = await supervisor.run()
        if end == .keeperLost {
            // What containers, sockets and rules there are, the next pair takes over as it finds them.
            return try SupervisorLauncher.succeed(
                in: directory,
                executable: "/proc/self/exe",
                environment: environment,
                held: keeper.held
            )
        }
        // From here on a command that comes finds nobody, and starts a pair of its own.
        removeFile(directory.socket)
        lending.close()
        if supervisor.isGone {
            await machine.removeGroup()
            try directory.remove()
        }
        // Only now: who asked for the end is told of it when nothing is left.
        supervisor.answerLast()
        await server.close(listener)
        // What the kernel still does for threads of ours that remove links, it does alone: nobody need wait for our end.
        if supervisor.isGone { flock(Keeper.Inherited.directory, LOCK_UN) }
    }

    /// The state as it really is, written down; what the keeper wrote of ended processes is then of no more use.
    private static func takeOver(_ directory: ProjectDirectory, with machine: Machine) async throws -> ProjectState {
        let before = try directory.state()
        let exits = directory.exits()
        let state = await machine.adopt(before)
        for (old, new) in zip(before.containers, state.containers) where old != new { try directory.write(new) }
        for exit in exits { directory.forgetExit(exit) }
        return state
    }

    /// Another pair looks after the project.
    private struct PairIsBusy: Error, CustomStringConvertible {
        var description: String { "another supervisor looks after the project" }
    }

    private static func lockDirectory(_ directory: ProjectDirectory) async throws {
        // A former pair that is on its way out needs a moment.
        for _ in 0..<200 {
            if flock(Keeper.Inherited.directory, LOCK_EX | LOCK_NB) == 0 {
                // It may have taken the directory away, and somebody may have made another one.
                guard directory.isSame(as: Keeper.Inherited.directory) else { throw PairIsBusy() }
                return
            }
            guard errno == EWOULDBLOCK || errno == EINTR else {
                throw SyscallError(call: "flock", subject: "the project's directory", errno: .current)
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw PairIsBusy()
    }

    /// Tells whoever started the pair that it is ready, or why not.
    private static func tellStarter(_ text: String) {
        var text = text
        // A starter that has gone away hears nothing.
        _ = text.withUTF8 { write(Keeper.Inherited.ready, $0.baseAddress, $0.count) }
        close(Keeper.Inherited.ready)
    }
}

/// The line to the keeper, for many threads: its calls are single system calls.
private final class SharedLink: Sendable {
    private let link: KeeperLink
    private let copies = Mutex<[String: Int32]>([:])
    private let watch = Mutex<Poller.Watch?>(nil)

    init(_ link: consuming KeeperLink) { self.link = link }

    /// What the keeper holds copies of; lent by those who had it hold them.
    var held: [String: Int32] { copies.withLock { $0 } }

    func takeKept() -> [String: Int32] { link.takeKept() }

    /// Has the keeper hold a descriptor; without it a terminal is lost with this supervisor, and nothing else is.
    func keep(_ descriptor: Int32?, _ name: String) {
        copies.withLock { $0[name] = descriptor }
        do throws(SyscallError) {
            if let descriptor { try link.keep(descriptor, as: name) } else { try link.forget(name) }
        } catch {
            // A keeper that is gone is noticed elsewhere, and its successor gets everything.
            if ![EPIPE, ENOTCONN, ECONNRESET].contains(error.errno.rawValue) { writeDiary("\(error)") }
        }
    }

    /// Has exits come in, and the end of the keeper.
    func beginDraining(with poller: Poller, into inbox: AsyncStream<Supervisor.Message>.Continuation) throws {
        try watch.withLock {
            $0 = try poller.watch(link.descriptor, .level) { [self] in drain(poller, into: inbox) }
        }
    }

    private func drain(_ poller: Poller, into inbox: AsyncStream<Supervisor.Message>.Continuation) {
        do {
            while let exit = try link.nextExit() { inbox.yield(.exit(exit)) }
        } catch {
            // The end can be read for ever.
            if let watch = watch.withLock({ $0.take() }) { poller.end(watch) }
            inbox.yield(.keeperLost)
        }
    }
}

/// Signals for the poller's thread.
private final class SharedWatch: Sendable {
    private let watch: SignalWatch

    init(_ watch: consuming SignalWatch) { self.watch = watch }

    var descriptor: Int32 { watch.descriptor }

    func next() -> Int32? { watch.next() }
}
