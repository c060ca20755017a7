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

    func validate() throws {
        guard let progress, progress != "auto", ProgressView.Mode(rawValue: progress) == nil else { return }
        throw ValidationError("there is no progress \"\(progress)\"; choose auto, tty, plain, json or quiet")
    }

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
        return options
    }
}

/// Loads the project that `options` name; writes mistakes and warnings to standard error.
func loadProject(_ options: LoadOptions) throws -> Loader<DiskFileReader>.Loaded {
    let diagnostics = DiagnosticCollector()
    let loaded = Loader(options, reader: DiskFileReader(), diagnostics: diagnostics).load()
    ProcessContext.writeError(DiagnosticRenderer().render(diagnostics.all))
    guard let loaded else { throw ExitCode.failure }
    return loaded
}
