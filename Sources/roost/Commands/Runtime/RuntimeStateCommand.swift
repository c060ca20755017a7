import ArgumentParser
import ContainerRuntime
import FoundationEssentials

/// `roost runtime state`.
struct RuntimeStateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "state",
        abstract: "Print the state of a container as JSON."
    )

    @Argument(help: "The container's id.") var id: String

    func run() throws {
        let container = try RuntimeContainer(ContainerID(id), in: RuntimeProgram.settings.store)
        // Hooks learn of a container that is being made from what they are given; to others it is not there yet.
        guard container.record.process != nil else {
            throw UserError("container does not exist: \(id) is being created, or that was cut short")
        }
        ProcessContext.writeOutput(try RuntimeJSON.text(container.state))
    }
}

/// JSON as the runtime prints it.
enum RuntimeJSON {
    /// A value on lines of its own.
    static func text(_ value: some Encodable, isPretty: Bool = true) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }
}
