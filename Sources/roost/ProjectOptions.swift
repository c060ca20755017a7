import ArgumentParser
import ComposeModel
import TerminalOutput
import YAMLComposer

/// The options that say which project a command is about; they stand before the command.
struct ProjectOptions: ParsableArguments {
    @Option(name: .shortAndLong, parsing: .singleValue, help: "A Compose file; may be given more than once.")
    var file: [String] = []

    @Option(name: .shortAndLong, help: "The name of the project.")
    var projectName: String?

    @Option(parsing: .singleValue, help: "A profile to enable; may be given more than once.")
    var profile: [String] = []

    @Option(parsing: .singleValue, help: "A file of variables; may be given more than once.")
    var envFile: [String] = []

    @Option(help: "The directory of the project (default: that of the first Compose file).")
    var projectDirectory: String?

    @Option(help: "Colours and moving pictures: never, always or auto.")
    var ansi: TerminalStyle.Choice?

    @Option(help: "How progress is shown: auto, tty, plain, json or quiet.")
    var progress: String?

    @Option(help: "How mistakes in the files are shown: text or json.")
    var diagnostics = DiagnosticForm.text

    @Flag(help: "Show what would be done, and do nothing.")
    var dryRun = false

    @Flag(help: "Keep networks, volumes, configs and secrets that no service uses.")
    var allResources = false

    @Option(parsing: .unconditional, help: "How much a command does at once; -1 is no limit.")
    var parallel: Int?

    @Flag(help: "Put \"_\" between the parts of container names, not \"-\".") var compatibility = false
    /// Says more in docker compose; here everything is said.
    @Flag(help: .hidden) var verbose = false
    @Flag(help: .hidden) var noAnsi = false
    @Option(help: .hidden) var workdir: String?

    /// What holds where none of them is given.
    ///
    /// Made without the argument parser, which takes as long to find nothing as a short command for all the rest.
    static var absent: ProjectOptions {
        var options = ProjectOptions()
        (options.file, options.profile, options.envFile) = ([], [], [])
        (options.projectName, options.projectDirectory, options.workdir) = (nil, nil, nil)
        (options.ansi, options.progress, options.parallel) = (nil, nil, nil)
        options.diagnostics = .text
        (options.dryRun, options.allResources, options.compatibility) = (false, false, false)
        (options.verbose, options.noAnsi) = (false, false)
        return options
    }

    mutating func validate() throws {
        if noAnsi { ansi = ansi ?? .never }
        projectDirectory = projectDirectory ?? workdir
        if let progress { try Self.check(progress: progress) }
    }

    /// Checks that a word stands for a way of showing progress.
    static func check(progress: String) throws {
        guard !progress.isEmpty, progress != "auto", ProgressView.Mode(rawValue: progress) == nil else { return }
        throw ValidationError("there is no progress \"\(progress)\"; choose auto, tty, plain, json or quiet")
    }

    /// Made when a project is named that lies on another machine.
    private static let remoteProjects = RemoteProjects(
        environment: ProcessContext.environment,
        roots: ProjectReading.roots
    )

    /// What the loader is asked for, with what the process knows.
    func loadOptions(services: [String]) -> LoadOptions {
        var options = LoadOptions(
            environment: ProcessContext.environment,
            workingDirectory: ProcessContext.workingDirectory
        )
        options.files = file
        options.projectName = projectName
        options.profiles = profile
        options.environmentFiles = envFile
        options.projectDirectory = projectDirectory
        options.services = services
        options.keepsUnusedResources = allResources
        options.fetch = { reference throws(RemoteFailure) in try Self.remoteProjects.project(reference) }
        return options
    }
}

/// Loads the project that `options` name; writes mistakes and warnings to standard error.
func loadProject(_ options: LoadOptions) throws -> Loader<DiskFileReader>.Loaded {
    let diagnostics = DiagnosticCollector()
    let loaded = Loader(options, reader: DiskFileReader(), diagnostics: diagnostics).load()
    report(diagnostics.all)
    guard let loaded else { throw ExitCode.failure }
    return loaded
}
