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
    package static func run(_ link: consuming KeeperLink, project: String, roots: StateRoots) async -> Int32 {
        let isFirst = link.restarts == 0
        do {
            try await supervise(link, project: project, roots: roots)
            return 0
        } catch {
            writeDiary("\(error)")
            if isFirst {
                // Whoever waits for us hears why, and nobody tries again what can't work.
                tellStarter(error is PairIsBusy ? SupervisorLauncher.busy : "\(error)")
                return 0
            }
            return 1
        }
    }

    private static func supervise(_ link: consuming KeeperLink, project: String, roots: StateRoots) async throws {
        let directory = ProjectDirectory(project: project, roots: roots)
        let isFirst = link.restarts == 0
        // One pair for each project: the lock is the pair's, since all its processes share this descriptor.
        try await lockDirectory(directory)
        try directory.prepare()
        let keeper = SharedLink(link)
        let clock: @Sendable () -> WallTime = { now() }
        let poller = try Poller()
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let threads = NIOThreadPool(numberOfThreads: max(2, min(8, System.coreCount)))
        threads.start()
        let inbox = AsyncStream.makeStream(of: Supervisor.Message.self)
        let outputs = ContainerOutputCollectors(
            directory: directory,
            storage: roots.storage,
            poller: poller,
            clock: clock,
            kept: keeper.takeKept()
        ) { descriptor, name in keeper.keep(descriptor, name) }
        let machine = try Machine(
            .init(
                directory: directory,
                roots: roots,
                threads: threads,
                loops: loops,
                poller: poller,
                hasKeeper: true,
                clock: clock,
                outputs: outputs
            ) { inbox.continuation.yield(.machine($0)) }
        )
        _ = try poller.watch(keeper.descriptor, .level) { keeper.drain(into: inbox.continuation) }
        let state = await machine.adopt(try directory.state(), exits: directory.takeExits())
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
        let lending = try LendingDesk(directory: directory.path, outputs: outputs, poller: poller)
        if isFirst { tellStarter("") }
        await supervisor.run()
        // From here on a command that comes finds nobody, and starts a pair of its own.
        removeFile(directory.socket)
        lending.close()
        await server.close(listener)
        if supervisor.isGone {
            await machine.removeGroup()
            try directory.remove()
        }
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

    private static func now() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}

/// The line to the keeper, for many threads: its calls are single system calls.
private final class SharedLink: Sendable {
    private let link: KeeperLink

    init(_ link: consuming KeeperLink) { self.link = link }

    var descriptor: Int32 { link.descriptor }

    func takeKept() -> [String: Int32] { link.takeKept() }

    /// Has the keeper hold a descriptor; without it a terminal is lost with this supervisor, and nothing else is.
    func keep(_ descriptor: Int32?, _ name: String) {
        do throws(SyscallError) {
            if let descriptor { try link.keep(descriptor, as: name) } else { try link.forget(name) }
        } catch { writeDiary("\(error)") }
    }

    func drain(into inbox: AsyncStream<Supervisor.Message>.Continuation) {
        do {
            while let exit = try link.nextExit() { inbox.yield(.exit(exit)) }
        } catch {
            inbox.yield(.keeperLost)
        }
    }
}
