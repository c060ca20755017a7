import ArgumentParser
import Orchestrator
import Supervisor

/// `roost wait`.
struct Wait: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Wait until the containers of services have ended; end with the status of the last one."
    )
    /// The status when waiting itself fails.
    private static let failure = ExitCode(42)

    @ParentCommand var parent: Roost

    @Flag(help: "End the project as soon as the first container has ended.") var downProject = false
    @Argument(help: "The services.") var services: [String]

    func run() throws {
        let status: Int32
        do {
            let directory = ProjectDirectory(project: try parent.project.name(), roots: ProjectReading.roots)
            status = try wait(directory)
        } catch {
            ProcessContext.writeError("error: \(error)\n")
            throw Self.failure
        }
        if downProject { try ServiceCommand.perform("down", ServicesRequest(), parent.project) }
        throw ExitCode(status)
    }

    private func wait(_ directory: ProjectDirectory) throws -> Int32 {
        var open: Set<String> = []
        var last: Int32 = 0
        let state = try directory.state()
        for service in services {
            let containers = state.containers(of: service).filter { $0.actual != nil }
            guard !containers.isEmpty else {
                throw UserError("project \(directory.project) has no container of a service \"\(service)\"")
            }
            open.formUnion(containers.map(\.name))
        }
        try StateWatch(directory).follow { state in
            let ended = state.containers.filter { open.contains($0.name) && $0.hasEnded && $0.restartTime == nil }
            for container in ended.sorted(by: { Self.end(of: $0) < Self.end(of: $1) }) {
                let status = container.endStatus ?? 0
                ProcessContext.writeOutput("container \"\(container.name)\" exited with status code \(status)\n")
                open.remove(container.name)
                last = status
                if downProject { return true }
            }
            let known = Set(state.containers.map(\.name))
            if let gone = open.subtracting(known).min() { throw UserError("\(gone) was removed") }
            return open.isEmpty
        }
        return last
    }

    private static func end(of container: ContainerState) -> WallTime { container.endTime ?? WallTime(nanoseconds: 0) }
}
