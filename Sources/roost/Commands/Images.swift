import ArgumentParser
import ComposeModel
import ImageStore
import OCISpec
import Orchestrator
import Supervisor
import TerminalOutput

/// `roost images`.
struct Images: ParsableCommand {
    /// The forms of output.
    enum Format: String, ExpressibleByArgument { case table, json }

    static let configuration = CommandConfiguration(abstract: "Show the images of the project's containers.")

    @ParentCommand var parent: Roost

    @Option(help: "The form of the output: table or json.") var format: Format = .table
    @Flag(name: .shortAndLong, help: "Show ids only.") var quiet = false
    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func run() throws { ProcessContext.writeOutput(try ProjectReading.reporting(text)) }

    private func text() throws -> String {
        let directory = ProjectDirectory(project: try parent.project.name(), roots: ProjectReading.roots)
        let state = try directory.state()
        try ProjectReading.check(services, in: state)
        let images = ProjectImages(directory)
        let used = try state.containers.filter { container in
            container.actual != nil && (services.isEmpty || services.contains(container.service))
        }
        .sorted { $0.name < $1.name }
        .compactMap { try images.image(of: $0) }
        if quiet {
            return Set(used.map(\.id)).sorted().map { $0 + "\n" }.joined()
        }
        if format == .json { return "[" + used.map(\.json).joined(separator: ",") + "]\n" }
        var table = TextTable(
            heading: ["CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"]
        )
        let now = WallTime.now
        table.rows += used.map { image in
            [
                image.container, image.repository, image.tag, image.platform, String(image.id.prefix(12)),
                Amount.decimal(UInt64(max(0, image.size))), image.created.map { "\((now - $0).inWords) ago" } ?? "N/A",
            ]
        }
        return table.text
    }
}

/// The images that a project's containers were made from.
struct ProjectImages {
    /// An image that a container was made from.
    struct Used {
        var container: String
        var repository: String
        var tag: String
        var platform: String
        /// Hexadecimal digits for an image of the store; the reference for a directory.
        var id: String
        var size: Int64
        var created: WallTime?

        var json: String {
            var object = JSONText()
            object.add("ID", id.contains(":") ? id : "sha256:\(id)")
            object.add("ContainerName", container)
            object.add("Repository", repository)
            object.add("Tag", tag)
            object.add("Platform", platform)
            object.add("Size", size)
            if let created { object.add("Created", Timestamp.text(created)) }
            return object.text
        }
    }

    let directory: ProjectDirectory
    let store: ImageStore

    init(_ directory: ProjectDirectory) {
        self.directory = directory
        let roots = ProjectReading.roots
        store = roots.images
    }

    /// The definition that a container was made from; nil when it is not made yet.
    func definition(of container: ContainerState) throws -> ServiceDefinition? {
        guard let record = try directory.record(of: container.name) else { return nil }
        return ServiceDefinition(text: try directory.definition(record.definition), digest: record.definition)
    }

    /// The image of a container; nil when it is not made yet.
    func image(of container: ContainerState) throws -> Used? {
        guard let definition = try definition(of: container) else { return nil }
        let reference = try ImageReference(definition.imageID, projectDirectory: "/")
        var used = Used(
            container: container.name,
            repository: definition.project.imageName(of: definition.service),
            tag: "<none>",
            platform: "",
            id: definition.imageID,
            size: 0
        )
        if case .name(let name) = try? ImageReference(used.repository, projectDirectory: "/") {
            used.repository =
                name.domain == "docker.io" ? Self.short(name.repository) : "\(name.domain)/\(name.repository)"
            used.tag = name.tag ?? "<none>"
        }
        guard case .identifier(let digest) = reference else { return used }
        used.id = String(digest.hexadecimal)
        // What is gone from the store can't be told any more; the container was made from it all the same.
        guard let image = try? store.resolve(reference) else { return used }
        used.platform = image.configuration.platform.map { "\($0)" } ?? ""
        used.size = try store.size(of: image)
        used.created = image.configuration.created.flatMap { Timestamp.moment($0) }
        return used
    }

    private static func short(_ repository: String) -> String {
        repository.hasPrefix("library/") ? String(repository.dropFirst("library/".count)) : repository
    }
}
