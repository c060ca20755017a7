import ArgumentParser
import ContainerRuntime

/// `roost runtime resume`.
struct RuntimeResume: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Let the processes of a paused container go on."
    )

    @Argument(help: "The container's id.") var id: String

    func run() throws { try RuntimeContainer(ContainerID(id), in: RuntimeProgram.settings.store).resume() }
}
