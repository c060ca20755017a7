import ArgumentParser

/// `roost runtime`: the built-in OCI runtime, with runc's command line.
struct Runtime: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The built-in OCI runtime, with runc's command line.",
        usage: "roost runtime [<options of the runtime>] <command> …",
        discussion: """
            Options that stand before the command:
              --root <directory>    Where the state of containers is kept.
              --log <file>          Where errors are written to, beside standard error.
              --log-format <form>   How they are written there: text or json.
            """,
        version:
            "roost-runtime version \(Version.number)\nspec: 1.2.0\n+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF",
        subcommands: commands.filter { RuntimeProgram.commandName.map($0.name.elementsEqual) ?? true }.map(\.type)
    )

    private static let commands: [(name: String, type: any ParsableCommand.Type)] = [
        ("checkpoint", RuntimeCheckpoint.self), ("create", RuntimeCreate.self), ("delete", RuntimeDelete.self),
        ("events", RuntimeEvents.self), ("exec", RuntimeExec.self),
        ("features", RuntimeFeatures.self), ("kill", RuntimeKill.self), ("list", RuntimeList.self),
        ("pause", RuntimePause.self), ("plan", RuntimePlan.self), ("ps", RuntimePs.self),
        ("restore", RuntimeRestore.self), ("resume", RuntimeResume.self), ("run", RuntimeRun.self),
        ("spec", RuntimeSpecCommand.self),
        ("start", RuntimeStart.self), ("state", RuntimeStateCommand.self), ("update", RuntimeUpdate.self),
    ]

    /// Whether there is a command of this name.
    static func knows(_ name: String) -> Bool { commands.contains { $0.name == name } }
}
