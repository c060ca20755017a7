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
        begin(link, project: project, roots: roots)
        // The main thread has nothing to do: everything happens on others.
        while true { pause() }
    }

    private static func begin(_ link: consuming KeeperLink, project: String, roots: StateRoots) {
        let handed = Handed(link)
        Task { exit(await SupervisorProcess.run(handed.take(), project: project, roots: roots)) }
    }

    /// A link on its way into the one task that takes it.
    private final class Handed: @unchecked Sendable {
        // Set before the task begins, taken once within it.
        private var link: KeeperLink?

        init(_ link: consuming KeeperLink) { self.link = consume link }

        func take() -> KeeperLink {
            guard let taken = link.take() else { fatalError("a link is taken once") }
            return taken
        }
    }
}
