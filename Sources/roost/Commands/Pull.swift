import ArgumentParser
import ComposeModel
import ImageStore
import OCISpec
import Orchestrator
import TerminalOutput

/// `roost pull`.
struct Pull: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Fetch the images of services from registries.")

    /// What `--policy` may say.
    enum Policy: String, ExpressibleByArgument { case missing, always }

    @ParentCommand var parent: Roost

    @Flag(help: "Leave out the images that can be built.") var ignoreBuildable = false
    @Flag(help: "Fetch what can be fetched, and warn of the rest.") var ignorePullFailures = false
    @Flag(help: "Fetch the images of the services' dependencies too.") var includeDeps = false
    @Option(help: "When to fetch: missing or always (default: as each service says, and always without a word).")
    var policy: Policy?
    @Flag(name: .shortAndLong, help: "Show errors only.") var quiet = false
    @Flag(inversion: .prefixedNo, help: .hidden) var parallel = true
    @Option(parsing: .singleValue, help: "A registry that may speak plain HTTP, or prove nothing: HOST[:PORT].")
    var insecureRegistry: [String] = []
    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func run() throws {
        try ProjectReading.reporting {
            let loaded = try RunnableProject(parent.project, services: services)
            let chosen = loaded.project.services.filter { service in
                (services.isEmpty || includeDeps || services.contains(service.name))
                    && !(ignoreBuildable && service.isBuilt)
            }
            var images = try ServiceImages(chosen, directory: loaded.directory, choice: .policy)
            images.adapt { given in
                switch policy {
                case .always: .always
                case .missing: .missing
                // Without any word in the file, somebody who asks for images wants to have them.
                case nil: given ?? .always
                }
            }
            var fetch = ImageFetch(parent.project, title: "pull", isQuiet: quiet)
            fetch.insecureHosts = insecureRegistry
            fetch.ignoresFailures = ignorePullFailures
            for service in images.withoutName {
                fetch.printer.report(Progress(.image, service, "Skipped", .done, message: "it names no image"))
            }
            let now = Int(WallTime.now.nanoseconds / 1_000_000_000)
            let due = try images.due(fetch.store, now: now)
            for (wish, reason) in due.skipped { fetch.printer.report(Progress(.image, wish.text, reason, .done)) }
            guard !parent.project.dryRun else { return fetch.show(due.fetched) }
            try fetch.fetch(due.fetched, of: loaded.tree)
        }
    }
}

/// `roost image pull`.
struct ImagePull: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Fetch images from registries."
    )

    @Option(help: "The platform, where an image is for several: OS/ARCHITECTURE[/VARIANT].") var platform: String?
    @Option(parsing: .singleValue, help: "A registry that may speak plain HTTP, or prove nothing: HOST[:PORT].")
    var insecureRegistry: [String] = []
    @Flag(name: .shortAndLong, help: "Show errors only.") var quiet = false
    @Argument(help: "The images, as in redis:7 or ghcr.io/owner/app@sha256:….") var names: [String]

    func validate() throws {
        if let platform, Platform(platform) == nil {
            throw ValidationError("--platform takes OS/ARCHITECTURE[/VARIANT], not \"\(platform)\"")
        }
    }

    func run() throws {
        try ProjectReading.reporting {
            let wishes = try names.map { text in
                ServiceImages.Wish(
                    name: try Self.name(text),
                    text: text,
                    platform: platform.flatMap { Platform($0) },
                    policy: .always,
                    isBuilt: false,
                    services: []
                )
            }
            var fetch = ImageFetch(Roost.projectOptions, title: "pull", isQuiet: quiet)
            fetch.insecureHosts = insecureRegistry
            try fetch.fetch(wishes)
        }
    }

    /// Reads an image's name on the command line.
    static func name(_ text: String) throws -> ImageName {
        guard let name = ImageName(text) else {
            throw UserError("\"\(text)\" is no name of an image; write it as in redis:7 or ghcr.io/owner/app@sha256:…")
        }
        return name
    }
}
