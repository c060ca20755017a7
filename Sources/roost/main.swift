import ArgumentParser

/// The command line: arguments, output, exit codes.
struct Roost: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost",
        abstract: "Run Compose projects on Linux with nothing underneath.",
        subcommands: [Config.self, Runtime.self, Version.self]
    )

    @OptionGroup var project: ProjectOptions
}

Roost.main()
