import ArgumentParser

/// The command line: arguments, output, exit codes.
struct Roost: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost",
        abstract: "Run Compose projects on Linux with nothing underneath.",
        subcommands: [Config.self, Logs.self, Ls.self, Ps.self, Runtime.self, Version.self]
    )

    @OptionGroup var project: ProjectOptions
}

Roost.main(BooleanArguments.normalised(Array(CommandLine.arguments.dropFirst())))
