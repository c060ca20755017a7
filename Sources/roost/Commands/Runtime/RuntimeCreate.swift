import ArgumentParser
import ContainerRuntime

/// `roost runtime create`.
struct RuntimeCreate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a container that waits right before its program."
    )

    @OptionGroup var options: RuntimeBundleOptions
    @Argument(help: "The container's id.") var id: String

    func run() throws {
        _ = try options.create(id, keeping: RuntimeDescriptors.kept(options.preserveFds))
    }
}
