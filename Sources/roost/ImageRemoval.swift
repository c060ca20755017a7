import ComposeModel
import ImageStore
import OCISpec
import Orchestrator
import TerminalOutput
import YAMLComposer

/// The images of a project that go with it: `roost down --rmi all`.
///
/// They are looked for before the project ends and removed afterwards.
struct ImageRemoval {
    private let store: ImageStore
    private let options: ProjectOptions
    /// The images by id, each with the name it is known by.
    private var images: [ContentDigest: String] = [:]

    /// Finds the images of `services`, or all: those of the containers, and those that the file names.
    init(_ options: ProjectOptions, _ services: [String]) throws {
        self.options = options
        let directory = ProjectDirectory(project: try options.name(), roots: ProjectReading.roots)
        let used = ProjectImages(directory)
        store = used.store
        for container in try directory.state().containers
        where services.isEmpty || services.contains(container.service) {
            guard let definition = try used.definition(of: container) else { continue }
            add(definition.imageID, definition.service.image ?? definition.imageID, in: "/")
        }
        // Without a file, or with one that has mistakes, the containers are all there is to go by.
        let loader = Loader(
            options.loadOptions(services: services),
            reader: DiskFileReader(),
            diagnostics: DiagnosticCollector()
        )
        guard let loaded = loader.load() else { return }
        for service in loaded.tree["services"]?.mapping?.entries.map(\.value) ?? [] {
            guard let name = service["image"]?.string else { continue }
            add(name, name, in: loaded.directory)
        }
    }

    private mutating func add(_ text: String, _ name: String, in directory: String) {
        guard let reference = try? ImageReference(text, projectDirectory: directory) else { return }
        // What is not in the store can't be removed from it; an archive is not taken in to be removed.
        switch reference {
        case .rootfs, .dockerArchive, .ociArchive, .ociLayout: return
        case .identifier(let id): images[id] = images[id] ?? name
        case .name:
            guard let image = try? store.resolve(reference), let id = ContentDigest(rawValue: image.id) else { return }
            images[id] = name
        }
    }

    /// Removes them, but for those from which other containers are made.
    func perform() throws {
        guard !images.isEmpty else { return }
        let printer = options.progressPrinter("down")
        defer { printer.finish() }
        let taken = try Self.users()
        for (id, name) in images.sorted(by: { $0.value < $1.value }) {
            if let user = taken[id.rawValue] {
                printer.report(Progress(.image, name, "Resource is still in use", .done))
                printer.interrupted {
                    ProcessContext.writeError("warning: image \(name) is used by \(user), and stays\n")
                }
                continue
            }
            printer.report(Progress(.image, name, "Removing", .working))
            let isRemoved = try store.remove(id)
            printer.report(Progress(.image, name, isRemoved ? "Removed" : "Not in the store", .done))
        }
    }

    /// A container for each image from which one is made, in any project.
    private static func users() throws -> [String: String] {
        var result: [String: String] = [:]
        for directory in ProjectDirectory.all(below: ProjectReading.roots) {
            let images = ProjectImages(directory)
            for container in try directory.state().containers {
                if let definition = try images.definition(of: container) {
                    result[definition.imageID] = container.name
                }
            }
        }
        return result
    }
}
