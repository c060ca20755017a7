import ArgumentParser
import ComposeModel
import ImageStore
import OCISpec
import Orchestrator
import RegistryClient
import YAMLComposer

/// A project whose images are named by the digests that their registries know them by.
struct PinnedImages {
    /// The project's tree.
    private(set) var tree: YAMLNode

    /// Asks the registries for every image, all at once; where none answers, what was pulled before counts.
    ///
    /// Those that nobody knows are reported at their place.
    init(_ loaded: Loader<DiskFileReader>.Loaded) throws {
        tree = loaded.tree
        let roots = ProjectReading.roots
        let store = ImageStore(root: roots.storage, runtimeDirectory: roots.runtime)
        let diagnostics = DiagnosticCollector()
        var names: [String: ImageName] = [:]
        for entry in tree["services"]?.mapping?.entries ?? [] {
            guard let image = entry.value["image"], let text = image.string, !text.isEmpty else { continue }
            let path = "services.\(entry.key).image"
            do throws(ImageError) {
                if case .name(let name) = try ImageReference(text, projectDirectory: loaded.directory) {
                    names[text] = name
                } else {
                    diagnostics.warning("\(path) stays as it is: \(text) is no image of a registry", at: image.mark)
                }
            } catch { diagnostics.error("\(path): \(error)", at: image.mark, path: path) }
        }
        let answers = try Self.ask(names, store)
        tree.edit("services") { services in
            services.editEntries { name, service in
                service.edit("image") { image in
                    guard let text = image.string, let name = names[text], let answer = answers[text] else { return }
                    Self.pin(&image, name, answer, store, diagnostics)
                }
            }
        }
        report(diagnostics.all)
        if diagnostics.hasErrors { throw ExitCode.failure }
    }

    private static func ask(
        _ names: [String: ImageName],
        _ store: ImageStore
    ) throws -> [String: Result<ContentDigest, RegistryError>] {
        var answers = names.compactMapValues { name in name.digest.map { Result<_, RegistryError>.success($0) } }
        let open = names.filter { $0.value.digest == nil }
        guard !open.isEmpty else { return answers }
        let found = try RegistryAccess.run(environment: ProcessContext.environment, store: store) { access in
            await withTaskGroup(of: (String, Result<ContentDigest, RegistryError>).self) { group in
                for (text, name) in open {
                    group.addTask {
                        do throws(RegistryError) {
                            return (text, .success(try await access.puller.digest(of: name)))
                        } catch { return (text, .failure(error)) }
                    }
                }
                var all: [String: Result<ContentDigest, RegistryError>] = [:]
                for await (text, answer) in group { all[text] = answer }
                return all
            }
        }
        answers.merge(found) { $1 }
        return answers
    }

    private static func pin(
        _ image: inout YAMLNode,
        _ name: ImageName,
        _ answer: Result<ContentDigest, RegistryError>,
        _ store: ImageStore,
        _ diagnostics: DiagnosticCollector
    ) {
        switch answer {
        case .success(let digest):
            image.content = .string(name.digest == nil ? "\(name)@\(digest)" : "\(name)")
        case .failure(let error):
            // What the store can't tell either is told as the registry's failure.
            let stored = try? store.stored(name)
            let repository = "\(name.domain)/\(name.repository)@"
            let known = stored?.repositoryDigests.first { $0.hasPrefix(repository) }
            guard let stored else { return diagnostics.error("\(error)", at: image.mark) }
            let digest = known.map { String($0.dropFirst(repository.count)) } ?? "\(stored.manifestDigest)"
            diagnostics.warning("\(error); the digest is the one in the store", at: image.mark)
            image.content = .string("\(name)@\(digest)")
        }
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
}
