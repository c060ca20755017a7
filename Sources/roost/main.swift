import ArgumentParser
import ComposeModel
import Glibc
import ImageBuilder
import ImageStore
import LinuxSystem
import Supervisor

/// The command line: arguments, output, exit codes.
struct Roost: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost",
        abstract: "Run Compose projects on Linux with nothing underneath.",
        usage: "roost [<options of the project>] <command> …",
        discussion: """
            Options of the project stand before the command:
              -f, --file <file>           A Compose file; may be given more than once.
              -p, --project-name <name>   The name of the project.
              --profile <profile>         A profile to enable; may be given more than once.
              --env-file <file>           A file of variables; may be given more than once.
              --project-directory <path>  The directory of the project (default: that of the first Compose file).
              --ansi <choice>             Colours and moving pictures: never, always or auto.
              --progress <form>           How progress is shown: auto, tty, plain, json or quiet.
              --diagnostics <form>        How mistakes in the files are shown: text or json.
              --parallel <number>         How much is done at once (default: no limit).
              --compatibility             Put "_" between the parts of container names, not "-".
              --dry-run                   Show what would be done, and do nothing.
              --all-resources             Keep what no service uses.
            """,
        version: "Roost version \(Version.number)",
        subcommands: meant
    )

    /// All commands by name.
    static let commands: [(name: String, type: any ParsableCommand.Type)] = [
        ("attach", Attach.self), ("builder", BuilderCommands.self), ("config", Config.self), ("cp", Copy.self),
        ("create", Create.self),
        ("down", Down.self), ("events", Events.self), ("exec", Exec.self), ("export", Export.self),
        ("image", ImageCommands.self), ("images", Images.self), ("kill", Kill.self), ("load", Load.self),
        ("login", Login.self), ("logout", Logout.self), ("logs", Logs.self), ("ls", Ls.self),
        ("network", NetworkCommands.self), ("pause", Pause.self), ("port", Port.self), ("ps", Ps.self),
        ("restart", Restart.self), ("rm", Remove.self), ("run", Run.self), ("runtime", Runtime.self),
        ("save", Save.self), ("system", SystemCommands.self),
        ("scale", Scale.self), ("start", Start.self), ("stats", Stats.self), ("stop", Stop.self), ("top", Top.self),
        ("unpause", Unpause.self), ("up", Up.self), ("version", Version.self), ("volume", VolumeCommands.self),
        ("volumes", Volumes.self), ("wait", Wait.self),
        ("bridge", Bridge.self), ("build", Build.self), ("commit", Commit.self), ("publish", Publish.self),
        ("pull", Pull.self), ("push", Push.self), ("watch", Watch.self),
    ]

    /// The command that the arguments name; all when they name none.
    ///
    /// The parser looks into every command that it is given, which would take a third of a short command's time.
    private static let meant: [any ParsableCommand.Type] = {
        if arguments.rest == ["--version"] { return [] }
        let named = commands.filter { $0.name == arguments.rest.first }
        return (named.isEmpty ? commands : named).map(\.type)
    }()

    /// The options that stand before the command.
    var project: ProjectOptions { Self.projectOptions }

    private static let arguments = Arguments(Array(CommandLine.arguments.dropFirst()))
    /// Parsed apart from the command, whose options may have the same letters.
    static let projectOptions: ProjectOptions = {
        do {
            let options = arguments.leading.isEmpty ? .absent : try ProjectOptions.parse(arguments.leading)
            options.adoptSettings()
            try options.checkSettings()
            return options
        } catch {
            ProcessContext.writeError("error: \(ProjectOptions.message(for: error))\n")
            exit(withError: ExitCode.failure)
        }
    }()

    /// Ends a command that nobody knows, with the one that was probably meant.
    private static func checkCommand() {
        guard let name = arguments.rest.first, !name.hasPrefix("-"), name != "help",
            !commands.contains(where: { $0.name == name })
        else { return }
        let hint = NearestKey.match(name, among: commands.map(\.name)).map { "  hint: did you mean \"roost \($0)\"?\n" }
        ProcessContext.writeError(
            "error: there is no command \"\(name)\"\n" + (hint ?? "")
                + "Usage: roost [<options of the project>] <command> …\n"
                + "  See 'roost --help' for the commands.\n"
        )
        exit(withError: ExitCode.failure)
    }

    /// Runs the command that the process was started for.
    ///
    /// What is wrong with the arguments ends it with 1 as everything does, not with a status of its own.
    static func start() -> Never {
        _ = projectOptions
        checkCommand()
        do {
            var command = try parseAsRoot(arguments.rest)
            if projectOptions.dryRun && !(command is any DryRunnable) && !(command is Roost) {
                throw ValidationError(
                    "--dry-run: \(type(of: command)._commandName) can't be tried without doing it; up can"
                )
            }
            try command.run()
        } catch {
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            ProcessContext.writeError(fullMessage(for: error) + "\n")
            exit(withError: ExitCode.failure)
        }
        exit()
    }
}

if CommandLine.arguments.first == UnpackProgram.name {
    UnpackProgram.run(Array(CommandLine.arguments.dropFirst()))
}
if CommandLine.arguments.first == SupervisorLauncher.keeperName {
    // Returns only in the supervisors that the keeper starts.
    SupervisorMain.run(project: CommandLine.arguments.dropFirst().first ?? "")
}
if CommandLine.arguments.first == BuildGuard.name {
    BuildGuard.run(CommandLine.arguments)
    exit(0)
}
RuntimeProgram.startIfMeant()
Roost.start()
