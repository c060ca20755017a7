import ArgumentParser
import ContainerRuntime

/// `roost runtime delete`.
struct RuntimeDelete: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Remove a container and what is left of it."
    )

    @Flag(name: .shortAndLong, help: "End it first when it runs; one that does not exist is no error.")
    var force = false
    @Argument(help: "The container's id.") var id: String

    func run() throws {
        let settings = try RuntimeProgram.settings
        do {
            for failure in try RuntimeContainer.delete(ContainerID(id), in: settings.store, force: force) {
                settings.report.warning("\(failure)")
            }
        } catch {
            guard force, error.code == .noContainer else { throw error }
        }
    }
}
