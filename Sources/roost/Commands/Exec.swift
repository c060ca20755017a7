import ArgumentParser
import ContainerRuntime
import Glibc
import LinuxSystem
import Orchestrator

/// `roost exec`.
struct Exec: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run a command in a container that runs.")

    @ParentCommand var parent: Roost

    @Flag(name: .shortAndLong, help: "Leave the command running in the background.") var detach = false
    @Option(name: .shortAndLong, parsing: .singleValue, help: "A variable for the command: NAME=VALUE.")
    var env: [String] = []
    @Option(help: "The number of the service's container.") var index: Int?
    @Flag(
        name: [.customShort("T"), .customLong("no-tty"), .customLong("no-TTY")],
        help: "Give the command no terminal."
    )
    var noTTY = false
    @Flag(name: .shortAndLong, help: "Kept for those who write it; input is always passed on.") var interactive = false
    @Flag(name: .shortAndLong, help: "Kept for those who write it; a terminal is given where there is one.")
    var tty = false
    @Flag(help: "Give the command every privilege.") var privileged = false
    @Option(name: .shortAndLong, help: "The user: NAME or NUMBER, with :GROUP or not.") var user: String?
    @Option(name: .shortAndLong, help: "The directory in the container.") var workdir: String?
    @Argument(help: "The service.") var service: String
    @Argument(parsing: .captureForPassthrough, help: "The command.") var command: [String]

    func run() throws {
        guard !command.isEmpty else { throw ValidationError("say what to run in \(service)") }
        try ProjectReading.reporting {
            let directory = ProjectDirectory(project: try parent.project.name(), roots: ProjectReading.roots)
            let container = try ContainerChoice(service: service, index: index).running(in: directory)
            let isTerminal = !noTTY && !detach && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
            var entry = try ContainerEntry(directory, container: container.name, roots: ProjectReading.roots)
            entry.command = command
            entry.variables = env.map { $0.contains("=") ? $0 : "\($0)=\(ProcessContext.variable($0) ?? "")" }
            entry.user = user
            entry.workingDirectory = workdir
            entry.isPrivileged = privileged
            entry.hasTerminal = isTerminal
            do {
                if detach { return try entry.startDetached() }
                if isTerminal { throw ExitCode(try TerminalRelay.run { size in try entry.start(terminal: size) }) }
                throw ExitCode(try entry.run())
            } catch let error as ContainerError {
                ProcessContext.writeError("error: \(container.name): \(error)\n")
                throw ExitCode(error.shellStatus ?? 1)
            }
        }
    }
}
