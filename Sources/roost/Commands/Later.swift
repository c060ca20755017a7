import ArgumentParser

/// A command of docker compose that Roost does not have yet.
protocol LaterCommand: ParsableCommand, DryRunnable {
    /// What to do instead.
    static var advice: String { get }
    /// Everything that follows the command.
    var arguments: [String] { get }
}

extension LaterCommand {
    static func later(_ abstract: String) -> CommandConfiguration {
        CommandConfiguration(abstract: "\(abstract) Not yet: \(advice).")
    }

    func run() throws {
        if arguments.contains(where: { ["-h", "--help"].contains($0) }) { throw CleanExit.helpRequest(self) }
        ProcessContext.writeError("error: roost can't \(Self._commandName) yet: \(Self.advice)\n")
        throw ExitCode.failure
    }
}

/// `roost publish`.
struct Publish: LaterCommand {
    static let advice = "roost config shows the project as one file"
    static let configuration: CommandConfiguration = later("Put the project into a registry.")
    @Argument(parsing: .captureForPassthrough, help: .hidden) var arguments: [String] = []
}

/// `roost watch`.
struct Watch: LaterCommand {
    static let advice = "run roost up again after a change"
    static let configuration: CommandConfiguration = later("Bring changes of files into containers.")
    @Argument(parsing: .captureForPassthrough, help: .hidden) var arguments: [String] = []
}

/// `roost commit`.
struct Commit: LaterCommand {
    static let advice = "roost export writes what a container has as an archive"
    static let configuration: CommandConfiguration = later("Make an image of a container.")
    @Argument(parsing: .captureForPassthrough, help: .hidden) var arguments: [String] = []
}

/// `roost bridge`.
struct Bridge: LaterCommand {
    static let advice = "roost config shows the project as one file"
    static let configuration: CommandConfiguration = later("Turn the project into files for other systems.")
    @Argument(parsing: .captureForPassthrough, help: .hidden) var arguments: [String] = []
}
