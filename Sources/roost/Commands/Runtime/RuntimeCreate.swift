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
        try Self.run(options.request, id)
    }

    /// Makes a container of a bundle.
    static func run(_ request: BundleRequest, _ id: String) throws {
        let kept = try RuntimeDescriptors.kept(request.preserveFds)
        _ = try request.create(id, request.read(), keeping: kept)
    }
}
