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
        let kept = try RuntimeDescriptors.kept(options.preserveFds)
        _ = try options.create(id, options.read(), keeping: kept)
    }
}
