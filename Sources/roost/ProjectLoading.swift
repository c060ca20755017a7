import ArgumentParser
import ComposeModel
import YAMLComposer

/// A project that is ready to be handed to its supervisor.
struct RunnableProject {
    /// The canonical tree; nothing in it depends on our environment any more.
    var tree: YAMLNode
    let project: Project
    let directory: String
    let files: [String]
    let knownServices: Set<String>
    /// Services of other programs; the tree does not have them.
    let providers: Providers

    /// Loads the project with `services` and what they depend on, and checks that all of it can be run.
    ///
    /// Mistakes and warnings go to standard error, each with its place.
    init(
        _ options: ProjectOptions,
        services: [String],
        scale: [String: Int] = [:],
        leavesOutDependencies: Bool = false
    )
        throws
    {
        let diagnostics = DiagnosticCollector()
        let loadOptions = options.loadOptions(services: services)
        guard let loaded = Loader(loadOptions, reader: DiskFileReader(), diagnostics: diagnostics).load() else {
            throw Self.failure(diagnostics)
        }
        tree = loaded.tree
        if leavesOutDependencies && !services.isEmpty {
            tree.edit("services") { all in
                for name in all.mapping?.keys ?? [] where !services.contains(name) { all.remove(name) }
            }
        }
        Self.apply(scale, to: &tree, diagnostics)
        Self.resolveSecrets(in: &tree, loaded.environment, diagnostics)
        providers = Providers(takenFrom: &tree, diagnostics)
        UnsupportedAttributes(diagnostics: diagnostics).check(tree)
        guard let project = Project(tree: tree, directory: loaded.directory, diagnostics: diagnostics),
            !diagnostics.hasErrors
        else { throw Self.failure(diagnostics) }
        report(diagnostics.all)
        self.project = project
        directory = loaded.directory
        files = loaded.files
        knownServices = loaded.knownServices
    }

    private static func failure(_ diagnostics: DiagnosticCollector) -> any Error {
        report(diagnostics.all)
        return ExitCode.failure
    }

    private static func apply(_ scale: [String: Int], to tree: inout YAMLNode, _ diagnostics: DiagnosticCollector) {
        for (name, count) in scale.sorted(by: { $0.key < $1.key }) {
            guard tree["services"]?[name] != nil else {
                diagnostics.error("there is no service \"\(name)\" to scale", at: nil)
                continue
            }
            tree.edit("services") { all in
                all.edit(name) { service in
                    service.set("scale", .int(count))
                    service.edit("deploy") { $0.remove("replicas") }
                }
            }
        }
    }

    /// The supervisor does not have our environment, so values from it are handed over as they are now.
    private static func resolveSecrets(
        in tree: inout YAMLNode,
        _ environment: [String: String],
        _ diagnostics: DiagnosticCollector
    ) {
        for kind in ["secrets", "configs"] {
            tree.edit(kind) { objects in
                objects.editEntries { key, object in
                    guard let name = object["environment"]?.string else { return }
                    if let value = environment[name] {
                        object.remove("environment")
                        object.set("content", .string(value))
                    } else {
                        diagnostics.error(
                            "\(kind).\(key): the environment has no \(name)",
                            at: object["environment"]?.mark,
                            hint: "set it, in the shell or in .env"
                        )
                    }
                }
            }
        }
    }
}
