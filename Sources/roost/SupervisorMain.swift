import Glibc
import LinuxSystem
import Orchestrator
import Supervisor

/// What our program is when it was started as a keeper.
enum SupervisorMain {
    /// Becomes the project's keeper, and in the processes that it starts the project's supervisor.
    static func run(project: String) -> Never {
        let roots = StateRoots(environment: ProcessContext.environment, isRoot: geteuid() == 0)
        let link: KeeperLink
        do { link = try Keeper.run() } catch {
            ProcessContext.writeError("roost: \(error)\n")
            exit(1)
        }
        let signals: SignalWatch
        do { signals = try SignalWatch([SIGTERM]) } catch {
            ProcessContext.writeError("roost: \(error)\n")
            exit(1)
        }
        begin(link, signals, project: project, roots: roots)
        // The main thread has nothing to do: everything happens on others.
        while true { pause() }
    }

    private static func begin(
        _ link: consuming KeeperLink,
        _ signals: consuming SignalWatch,
        project: String,
        roots: StateRoots
    ) {
        let handed = Handed(link, signals)
        let environment = CommandSession.environment
        Task {
            let status = await SupervisorProcess.run(
                handed.takeLink(),
                project: project,
                roots: roots,
                environment: environment,
                signals: handed.takeSignals()
            )
            exit(status)
        }
    }

    /// What is on its way into the one task that takes it.
    private final class Handed: @unchecked Sendable {
        // Set before the task begins, taken once within it.
        private var link: KeeperLink?
        private var signals: SignalWatch?

        init(_ link: consuming KeeperLink, _ signals: consuming SignalWatch) {
            self.link = consume link
            self.signals = consume signals
        }

        func takeLink() -> KeeperLink {
            guard let taken = link.take() else { fatalError("a link is taken once") }
            return taken
        }

        func takeSignals() -> SignalWatch {
            guard let taken = signals.take() else { fatalError("signals are taken once") }
            return taken
        }
    }
}
