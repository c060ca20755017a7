import ArgumentParser

/// The command line: arguments, output, exit codes.
struct Roost: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost",
        abstract: "Run Compose projects on Linux with nothing underneath.",
        subcommands: [Runtime.self, Version.self]
    )
}

/// `roost version`.
struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the version of Roost.")

    func run() { print("Roost version 0.1.0") }
}

Roost.main()
