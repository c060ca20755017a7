import Orchestrator
import Supervisor

/// Looks at a project's state as often as something happens.
struct StateWatch {
    private let directory: ProjectDirectory

    init(_ directory: ProjectDirectory) { self.directory = directory }

    /// Shows `body` the state now and after everything that happens, until it says that it has seen enough or nothing
    /// can happen any more.
    func follow(_ body: (ProjectState) throws -> Bool) throws {
        while let fresh = try SupervisorClient.connect(directory) {
            let line = SupervisorLine(fresh)
            guard try line.watch() else { continue }
            if try body(directory.state()) { return }
            while true {
                let (lines, isOpen) = try line.lines()
                if !lines.isEmpty, try body(directory.state()) { return }
                if !isOpen { break }
            }
        }
        _ = try body(directory.state())
    }
}
