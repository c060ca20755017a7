import ArgumentParser
import ContainerRuntime

/// `roost runtime start`.
struct RuntimeStart: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Let a created container execute its program."
    )

    @Argument(help: "The container's id.") var id: String

    func run() throws {
        let settings = try RuntimeProgram.settings
        let container = try RuntimeContainer(ContainerID(id), in: settings.store)
        for failure in try container.start() { settings.report.warning("\(failure)") }
    }
}
