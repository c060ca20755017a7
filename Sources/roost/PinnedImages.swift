import ArgumentParser
import ComposeModel
import ImageStore
import Orchestrator
import YAMLComposer

/// A project whose images are named by the digests that they have in the store.
struct PinnedImages {
    /// The project's tree.
    private(set) var tree: YAMLNode

    /// Looks every image up; those that the store does not have are reported at their place, all at once.
    init(_ loaded: Loader<DiskFileReader>.Loaded) throws {
        tree = loaded.tree
        let roots = ProjectReading.roots
        let store = ImageStore(root: roots.storage, runtimeDirectory: roots.runtime)
        let diagnostics = DiagnosticCollector()
        tree.edit("services") { services in
            services.editEntries { name, service in
                service.edit("image") { image in
                    Self.pin(&image, "services.\(name).image", store, loaded.directory, diagnostics)
                }
            }
        }
        report(diagnostics.all)
        if diagnostics.hasErrors { throw ExitCode.failure }
    }

    /// The names of the images alone: an override file.
    static func only(_ project: YAMLNode) -> YAMLNode {
        let services = project["services"]?.mapping?.compactMapValues { entry in
            entry.value["image"].map { image in
                YAMLNode(
                    .mapping(YAMLMapping([.init(key: "image", keyMark: image.mark, value: image)])),
                    at: image.mark
                )
            }
        }
        return project.with(
            .mapping(
                YAMLMapping([
                    .init(
                        key: "services",
                        keyMark: project.mark,
                        value: project.with(.mapping(services ?? YAMLMapping()))
                    )
                ])
            )
        )
    }

    private static func pin(
        _ image: inout YAMLNode,
        _ path: String,
        _ store: ImageStore,
        _ directory: String,
        _ diagnostics: DiagnosticCollector
    ) {
        guard let text = image.string, !text.isEmpty else { return }
        do throws(ImageError) {
            let reference = try ImageReference(text, projectDirectory: directory)
            guard case .name(let name) = reference else {
                diagnostics.warning("\(path) stays as it is: \(text) is no image of a registry", at: image.mark)
                return
            }
            if name.digest != nil { return image.content = .string("\(name)") }
            if let digest = try store.resolve(reference).manifestDigest {
                image.content = .string("\(name)@\(digest)")
            }
        } catch {
            diagnostics.error("\(path): \(error)", at: image.mark, path: path)
        }
    }
}
