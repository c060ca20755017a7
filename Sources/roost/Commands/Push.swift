import ArgumentParser
import ComposeModel
import ImageStore
import Orchestrator
import TerminalOutput

/// `roost push`.
struct Push: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send the images that services build to their registries."
    )

    @ParentCommand var parent: Roost

    @Flag(help: "Send what can be sent, and warn of the rest.") var ignorePushFailures = false
    @Flag(help: "Send the images of the services' dependencies too.") var includeDeps = false
    @Flag(name: .shortAndLong, help: "Show errors only.") var quiet = false
    @Option(parsing: .singleValue, help: "A registry that may speak plain HTTP, or prove nothing: HOST[:PORT].")
    var insecureRegistry: [String] = []
    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func run() throws {
        try ProjectReading.reporting {
            let loaded = try RunnableProject(parent.project, services: services)
            var delivery = ImageDelivery(parent.project, isQuiet: quiet)
            delivery.insecureHosts = insecureRegistry
            delivery.ignoresFailures = ignorePushFailures
            var images: [(name: ImageName, text: String)] = []
            for service in loaded.project.services
            where services.isEmpty || includeDeps || services.contains(service.name) {
                // As in Docker Compose: what a registry has given is not sent back to it.
                guard service.isBuilt, let text = service.image, let name = ImageName(text) else {
                    delivery.printer.report(Progress(.image, service.image ?? service.name, "Skipped", .done))
                    continue
                }
                if !images.contains(where: { $0.name == name }) { images.append((name, text)) }
            }
            guard !parent.project.dryRun else {
                defer { delivery.printer.finish() }
                for image in images {
                    delivery.printer.report(Progress(.image, image.text, "Would be pushed", .done))
                }
                return
            }
            try delivery.send(images)
        }
    }
}

/// `roost image push`.
struct ImagePush: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "push", abstract: "Send images to registries.")

    @Option(parsing: .singleValue, help: "A registry that may speak plain HTTP, or prove nothing: HOST[:PORT].")
    var insecureRegistry: [String] = []
    @Flag(name: .shortAndLong, help: "Show errors only.") var quiet = false
    @Argument(help: "The images by the names that they have in the store.") var names: [String]

    func run() throws {
        try ProjectReading.reporting {
            var delivery = ImageDelivery(Roost.projectOptions, isQuiet: quiet)
            delivery.insecureHosts = insecureRegistry
            try delivery.send(names.map { (try ImagePull.name($0), $0) })
        }
    }
}
