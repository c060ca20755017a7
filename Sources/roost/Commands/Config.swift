import ArgumentParser
import ComposeModel
import YAMLComposer

/// `roost config`.
struct Config: ParsableCommand {
    /// The forms of output.
    enum Format: String, ExpressibleByArgument { case yaml, json }

    static let configuration = CommandConfiguration(
        abstract: "Check the project's files and show what they mean together."
    )

    @ParentCommand var parent: Roost

    @Option(help: "The form of the output: yaml or json.") var format: Format = .yaml
    @Flag(name: .shortAndLong, help: "Check only; show nothing.") var quiet = false
    @Flag(help: "Show the names of the services.") var services = false
    @Flag(help: "Show the names of the volumes.") var volumes = false
    @Flag(help: "Show the names of the networks.") var networks = false
    @Flag(help: "Show the images.") var images = false
    @Flag(help: "Show the names of the profiles.") var profiles = false
    @Flag(help: "Show the variables that the files refer to.") var variables = false
    @Flag(help: "Leave variables as they are written.") var noInterpolate = false
    @Flag(help: "Leave out what is only implied.") var noNormalize = false
    @Flag(help: "Leave paths as they are written.") var noPathResolution = false
    @Flag(help: "Do not check that the parts fit together.") var noConsistency = false
    @Flag(help: "Leave environment files unread.") var noEnvResolution = false
    @Argument(help: "The services to show; their dependencies follow.") var names: [String] = []

    func run() throws {
        var options = parent.project.loadOptions(services: names)
        options.interpolates = !noInterpolate
        options.normalises = !noNormalize
        options.resolvesPaths = !noPathResolution
        options.checksConsistency = !noConsistency
        options.resolvesEnvironment = !noEnvResolution
        if variables { return try showVariables(options) }
        if profiles { options.profiles = ["*"] }
        let loaded = try loadProject(options)
        if quiet { return }
        ProcessContext.writeOutput(text(of: loaded.tree))
    }

    private func text(of project: YAMLNode) -> String {
        if services { return lines(project["services"]?.mapping?.keys ?? []) }
        if volumes { return lines(project["volumes"]?.mapping?.keys ?? []) }
        if networks { return lines(project["networks"]?.mapping?.keys ?? []) }
        let all = project["services"]?.mapping?.entries.map(\.value) ?? []
        if images { return lines(imageNames(project)) }
        if profiles {
            return lines(Array(Set(all.flatMap { $0["profiles"]?.sequence ?? [] }.compactMap(\.string))).sorted())
        }
        // A dollar sign in the output is doubled, so that the output means the same when it is read again.
        let tree = ConfigTree(form: format == .json ? .json : .yaml, escapesDollars: !noInterpolate).tree(of: project)
        return format == .json ? JSONPrinter.print(tree) + "\n" : YAMLPrinter.print(tree)
    }

    /// Services that are built and name no image give it their own name.
    private func imageNames(_ project: YAMLNode) -> [String] {
        let name = project["name"]?.string ?? ""
        return (project["services"]?.mapping?.entries ?? []).map { $0.value["image"]?.string ?? "\(name)-\($0.key)" }
    }

    private func showVariables(_ options: LoadOptions) throws {
        let diagnostics = DiagnosticCollector()
        let found = Loader(options, reader: DiskFileReader(), diagnostics: diagnostics).variables()
        ProcessContext.writeError(DiagnosticRenderer().render(diagnostics.all))
        guard let found else { throw ExitCode.failure }
        let rows =
            [["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"]]
            + found.map { [$0.name, $0.isRequired ? "true" : "false", $0.defaultValue, $0.alternateValue] }
        let width = 20
        let texts = rows.map { row in
            row.map { $0 + String(repeating: " ", count: max(1, width - $0.count)) }.joined()
        }
        ProcessContext.writeOutput(lines(texts))
    }

    private func lines(_ names: [String]) -> String { names.map { $0 + "\n" }.joined() }
}
