import ArgumentParser
import ContainerRuntime

/// `roost runtime pause`.
struct RuntimePause: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Stop the processes of a container where they are."
    )

    @Argument(help: "The container's id.") var id: String

    func run() throws { try RuntimeContainer(ContainerID(id), in: RuntimeProgram.settings.store).pause() }
}
