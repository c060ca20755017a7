import ArgumentParser
import ComposeModel
import ContainerRuntime

/// `roost runtime kill`.
struct RuntimeKill: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "Send a signal to the first process of a container."
    )

    @Flag(name: .shortAndLong, help: "Send it to all processes of the container.") var all = false
    @Argument(help: "The container's id.") var id: String
    @Argument(help: "The signal, a name or a number.") var signal = "TERM"

    func run() throws {
        // 0 is no signal, and asks whether one could be sent: kill(2).
        guard let number = signal == "0" ? 0 : Signal(text: signal)?.number else {
            throw UserError("unknown signal \"\(signal)\"")
        }
        try RuntimeContainer(ContainerID(id), in: RuntimeProgram.settings.store).kill(number, all: all)
    }
}
