import ArgumentParser
import ComposeModel
import ImageStore
import LinuxSystem

/// `roost build`.
struct Build: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Build the images of services.")

    @ParentCommand var parent: Roost

    @Option(parsing: .singleValue, help: "A build argument: NAME=VALUE, or NAME for the value in the environment.")
    var buildArg: [String] = []
    @Option(help: .hidden) var builder: String?
    @Flag(help: "Check the Dockerfiles, and build nothing.") var check = false
    @Option(name: .shortAndLong, help: "Memory of one step, as in 512m.") var memory: String?
    @Flag(help: "Take no step's result from the cache.") var noCache = false
    @Flag(help: .hidden) var print = false
    @Option(help: .hidden) var progress: String?
    @Option(help: "An attestation of where the image comes from; Roost attaches none.") var provenance: String?
    @Flag(help: "Fetch base images although they are there.") var pull = false
    @Flag(help: "Send the images to their registries.") var push = false
    @Flag(name: .shortAndLong, help: "Show nothing but mistakes.") var quiet = false
    @Option(help: "A bill of materials; Roost attaches none.") var sbom: String?
    @Option(parsing: .singleValue, help: "An SSH agent for steps: default, or NAME=SOCKET.") var ssh: [String] = []
    @Flag(help: "Build the images of dependencies too.") var withDependencies = false
    @Flag(help: .hidden) var compress = false
    @Flag(help: .hidden) var forceRm = false
    @Flag(help: .hidden) var noRm = false
    @Flag(help: .hidden) var parallel = false
    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func validate() throws {
        if let builder, builder != "default" {
            throw ValidationError("--builder \(builder): there is one builder, which is built in; leave it out")
        }
        if print {
            throw ValidationError("--print: Roost has no other form of a build; roost config shows the project")
        }
    }

    func run() throws {
        if let provenance, provenance != "false" {
            ProcessContext.writeError("warning: --provenance \(provenance): no attestation is attached to images\n")
        }
        if let sbom, sbom != "false" {
            ProcessContext.writeError("warning: --sbom \(sbom): no bill of materials is attached to images\n")
        }
        try ProjectReading.reporting {
            let loaded = try RunnableProject(parent.project, services: services)
            var wanted = loaded.project.services
            if !services.isEmpty && !withDependencies { wanted.removeAll { !services.contains($0.name) } }
            let images = ImageBuilding(project: loaded.project, choices: try choices(), options: parent.project)
            if check { return try images.check(wanted) }
            guard wanted.contains(where: \.isBuilt) else {
                return ProcessContext.writeError("none of the services is built; they only name images\n")
            }
            try images.build(wanted, .all)
            guard push else { return }
            let sent = wanted.filter { $0.isBuilt && $0.image != nil }.compactMap { service in
                service.image.flatMap { text in ImageName(text).map { (name: $0, text: text) } }
            }
            try ImageDelivery(parent.project, isQuiet: quiet).send(sent)
        }
    }

    private func choices() throws -> BuildChoices {
        var choices = BuildChoices()
        choices.arguments = try Self.arguments(buildArg, ProcessContext.environment)
        choices.ignoresCache = noCache
        choices.refreshesBases = pull
        choices.isQuiet = quiet
        if let memory {
            guard let bytes = ByteCount(text: memory)?.bytes, bytes > 0 else {
                throw UserError("--memory takes an amount such as 512m, not \"\(memory)\"")
            }
            choices.memoryBytes = Int64(bytes)
        }
        for text in ssh {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            choices.agents[parts[0]] = parts.count == 2 ? parts[1] : ""
        }
        return choices
    }

    /// Reads `NAME=VALUE` and `NAME`; a name that the environment lacks is no argument.
    static func arguments(_ texts: [String], _ environment: [String: String]) throws(UserError) -> [String: String] {
        var result: [String: String] = [:]
        for text in texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard !parts[0].isEmpty else { throw UserError("--build-arg takes NAME=VALUE, not \"\(text)\"") }
            result[parts[0]] = parts.count == 2 ? parts[1] : environment[parts[0]]
        }
        return result
    }
}
