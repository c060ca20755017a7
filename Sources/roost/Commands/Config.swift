import ArgumentParser
import ComposeModel
import TerminalOutput
import YAMLComposer

/// `roost config`.
struct Config: ParsableCommand {
    /// The forms of output.
    enum Format: String, ExpressibleByArgument { case yaml, json }

    static let configuration = CommandConfiguration(
        abstract: "Check the project's files and show what they mean together."
    )

    @ParentCommand var parent: Roost

    @Option(help: "The form of the output: yaml or json.") var format: Format?
    @Option(name: .shortAndLong, help: "Write to this file instead of standard output.") var output: String?
    @Flag(name: .shortAndLong, help: "Check only; show nothing.") var quiet = false
    @Flag(help: "Show the names of the services.") var services = false
    @Flag(help: "Show the names of the volumes.") var volumes = false
    @Flag(help: "Show the names of the networks.") var networks = false
    @Flag(help: "Show the models.") var models = false
    @Option(help: "Show the digests of services: names with commas between, or \"*\".") var hash: String?
    @Flag(help: "Show the names of the profiles.") var profiles = false
    @Flag(help: "Show the images.") var images = false
    @Flag(help: "Show the variables that the files refer to.") var variables = false
    @Flag(help: "Show the variables that values are taken from.") var environment = false
    @Option(help: "Show where a value came from, and what it overrode: services.web.environment.DB_HOST.")
    var explain: String?
    @Flag(help: "Name images by the digests that their registries have now.") var resolveImageDigests = false
    @Flag(help: "Show an override file with the digests of the images.") var lockImageDigests = false
    @Flag(help: "Leave variables as they are written.") var noInterpolate = false
    @Flag(help: "Leave out what is only implied.") var noNormalize = false
    @Flag(help: "Leave paths as they are written.") var noPathResolution = false
    @Flag(help: "Do not check that the parts fit together.") var noConsistency = false
    @Flag(help: "Leave environment files unread.") var noEnvResolution = false
    @Argument(help: "The services to show; their dependencies follow.") var names: [String] = []

    func run() throws {
        try ProjectReading.reporting {
            let text = try text()
            // Lists are shown all the same, as by Docker Compose.
            if quiet && !showsList { return }
            if let output { return try OutputFile.write(text, to: output) }
            ProcessContext.writeOutput(text)
        }
    }

    private var showsList: Bool {
        services || volumes || networks || models || hash != nil || profiles || images || variables || environment
            || explain != nil
    }

    /// The first of these options decides what is shown, as in Docker Compose.
    private func text() throws -> String {
        let options = loadOptions
        if variables && !showsNames { return try variableTable(options) }
        if let hash, !(services || volumes || networks || models) { return try digests(hash) }
        if showsNames || environment { return lines(try nameList()) }
        if let explain { return try explanation(of: explain, options) }
        let loaded = try loadProject(options)
        guard resolveImageDigests || lockImageDigests else { return show(loaded.tree) }
        let pinned = try PinnedImages(loaded).tree
        return show(lockImageDigests ? PinnedImages.only(pinned) : pinned)
    }

    /// Whether a list is wanted that stands before the table of variables.
    private var showsNames: Bool { services || volumes || networks || models || profiles || images }

    /// The first list of names that is asked for.
    private func nameList() throws -> [String] {
        var options = loadOptions
        options.wantsNamesOnly = true
        if profiles || images || environment, !(services || volumes || networks || models) {
            let loaded = try loadProject(options)
            if profiles { return loaded.knownProfiles.sorted() }
            if images { return imageNames(loaded.tree) }
            return loaded.environment.map { "\($0.key)=\($0.value)" }.sorted()
        }
        // These are of the whole project, whatever services are named; as written, services are those of all profiles.
        options.services = []
        if services && noInterpolate { options.wantsNamesOnly = false }
        let tree = try loadProject(options).tree
        func entries(_ section: String) -> [YAMLMapping.Entry] { tree[section]?.mapping?.entries ?? [] }
        if services { return entries("services").map(\.key) }
        if volumes { return entries("volumes").map(\.key) }
        if networks { return entries("networks").map(\.key) }
        return entries("models").compactMap { $0.value["model"]?.string }
    }

    /// What the loader is asked for.
    private var loadOptions: LoadOptions {
        var options = parent.project.loadOptions(services: names)
        options.interpolates = !noInterpolate
        options.normalises = !noNormalize && !parent.project.compatibility
        options.resolvesPaths = !noPathResolution
        options.checksConsistency = !noConsistency
        options.resolvesEnvironment = !noEnvResolution
        return options
    }

    private func show(_ project: YAMLNode) -> String {
        // A dollar sign in the output is doubled, so that the output means the same when it is read again.
        let form: ConfigTree.Form = format == .json ? .json : .yaml
        let tree = ConfigTree(form: form, escapesDollars: !noInterpolate).tree(of: project)
        return form == .json ? JSONPrinter.print(tree) + "\n" : YAMLPrinter.print(tree)
    }

    /// Services that are built and name no image give it their own name.
    private func imageNames(_ project: YAMLNode) -> [String] {
        let name = project["name"]?.string ?? ""
        return (project["services"]?.mapping?.entries ?? []).map { entry in
            let image = entry.value["image"]?.string ?? ""
            return image.isEmpty ? "\(name)-\(entry.key)" : image
        }
    }

    private func digests(_ names: String) throws -> String {
        var options = loadOptions
        let chosen = names.split(separator: ",").map(String.init)
        if names != "*" { options.services = chosen }
        let tree = try loadProject(options).tree
        let shown = names == "*" ? tree["services"]?.mapping?.keys ?? [] : chosen
        return lines(
            Set(shown).sorted().compactMap { name in ServiceDigest(of: name, in: tree).map { "\(name) \($0)" } }
        )
    }

    private func variableTable(_ options: LoadOptions) throws -> String {
        let diagnostics = DiagnosticCollector()
        let found = Loader(options, reader: DiskFileReader(), diagnostics: diagnostics).variables()
        report(diagnostics.all)
        guard let found else { throw ExitCode.failure }
        switch format {
        case nil:
            var table = TextTable(heading: ["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"], minimumWidth: 20)
            table.rows += found.map { [$0.name, "\($0.isRequired)", $0.defaultValue, $0.alternateValue] }
            return table.text
        case .yaml: return YAMLPrinter.print(VariableUse.tree(of: found, isLowercase: true))
        case .json: return JSONPrinter.print(VariableUse.tree(of: found, isLowercase: false)) + "\n"
        }
    }

    private func explanation(of path: String, _ options: LoadOptions) throws -> String {
        let diagnostics = DiagnosticCollector(keepsHistory: true)
        var options = options
        options.keepsUnusedResources = true
        let loader = Loader(options, reader: DiskFileReader(), diagnostics: diagnostics)
        let explained = loader.explanations(of: path)
        report(diagnostics.all)
        switch explained {
        case nil: throw ExitCode.failure
        case .failure(let missing): throw UserError("\(missing)")
        case .success(let all): return format == .json ? Explanation.json(all) : Explanation.text(all)
        }
    }

    private func lines(_ names: [String]) -> String { names.map { $0 + "\n" }.joined() }
}
