import ArgumentParser
import LinuxSystem
import Supervisor

/// The command line: arguments, output, exit codes.
struct Roost: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost",
        abstract: "Run Compose projects on Linux with nothing underneath.",
        subcommands: [
            Config.self, Down.self, Exec.self, Kill.self, Load.self, Logs.self, Ls.self, Ps.self, Remove.self,
            Restart.self, Run.self, Runtime.self, Start.self, Stop.self, Up.self, Version.self,
        ]
    )

    @OptionGroup var project: ProjectOptions
}

if CommandLine.arguments.first == SupervisorLauncher.keeperName {
    // Returns only in the supervisors that the keeper starts.
    SupervisorMain.run(project: CommandLine.arguments.dropFirst().first ?? "")
}
Roost.main(BooleanArguments.normalised(Array(CommandLine.arguments.dropFirst())))
