import ArgumentParser
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
            """,
        version: "Roost version \(Version.number)",
        subcommands: [
            Config.self, Copy.self, Create.self, Down.self, Events.self, Exec.self, Export.self,
            Images.self, Kill.self, Load.self, Logs.self, Ls.self, Pause.self, Port.self, Ps.self, Remove.self,
            Restart.self, Run.self, Runtime.self, Scale.self, Start.self, Stats.self, Stop.self, Top.self,
            Unpause.self, Up.self, Version.self, Volumes.self, Wait.self,
            Bridge.self, Build.self, Commit.self, Publish.self, Pull.self, Push.self, Watch.self,
        ]
    )

    /// The options that stand before the command.
    var project: ProjectOptions { Self.projectOptions }

    private static let arguments = Arguments(Array(CommandLine.arguments.dropFirst()))
    /// Parsed apart from the command, whose options may have the same letters.
    private static let projectOptions: ProjectOptions = {
        do { return try ProjectOptions.parse(arguments.leading) } catch {
            ProcessContext.writeError("error: \(ProjectOptions.message(for: error))\n")
            exit(withError: ExitCode.failure)
        }
    }()

    /// Runs the command that the process was started for.
    ///
    /// What is wrong with the arguments ends it with 1 as everything does, not with a status of its own.
    static func start() -> Never {
        _ = projectOptions
        do {
            var command = try parseAsRoot(arguments.rest)
            try command.run()
        } catch {
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            ProcessContext.writeError(fullMessage(for: error) + "\n")
            exit(withError: ExitCode.failure)
        }
        exit()
    }
}

if CommandLine.arguments.first == SupervisorLauncher.keeperName {
    // Returns only in the supervisors that the keeper starts.
    SupervisorMain.run(project: CommandLine.arguments.dropFirst().first ?? "")
}
Roost.start()
