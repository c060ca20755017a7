import ArgumentParser
import ContainerRuntime
import Glibc
import LinuxSystem
import OCISpec

/// `roost runtime exec`.
struct RuntimeExec: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec",
        abstract: "Run one more program in a container."
    )

    @Option(help: "A socket that takes the master of the program's terminal.") var consoleSocket: String?
    @Option(help: "The directory in the container.") var cwd: String?
    @Option(name: .shortAndLong, parsing: .singleValue, help: "A variable: NAME=VALUE.") var env: [String] = []
    @Flag(name: .shortAndLong, help: "Give the program a terminal.") var tty = false
    @Option(name: .shortAndLong, help: "The user: UID, or UID:GID.") var user: String?
    @Option(name: [.customShort("g"), .long], parsing: .singleValue, help: "A group to add.")
    var additionalGids: [UInt32] = []
    @Option(name: .shortAndLong, help: "A file with the process, as config.json has it.") var process: String?
    @Flag(name: .shortAndLong, help: "Leave it running, and come back at once.") var detach = false
    @Option(help: "A file to write the process id to.") var pidFile: String?
    @Option(help: "A socket that takes a pidfd of the program.") var pidfdSocket: String?
    @Flag(help: "No program executed from here on gains privileges.") var noNewPrivs = false
    @Option(name: [.customShort("c"), .long], parsing: .singleValue, help: "A capability to add.") var cap: [String] =
        []
    @Option(help: "How many descriptors from 3 on the program gets.") var preserveFds = 0
    @Option(help: "A group below the container's own, as in jobs/one.") var cgroup: String?
    @Option(help: "The label of SELinux.") var processLabel: String?
    @Option(help: "The profile of AppArmor.") var apparmor: String?
    @Flag(help: "Enter a container that is paused, too; the program begins when it is resumed.")
    var ignorePaused = false
    @Argument(help: "The container's id.") var id: String
    @Argument(parsing: .captureForPassthrough, help: "The program and its arguments.") var arguments: [String] = []

    func run() throws {
        let kept = try RuntimeDescriptors.kept(preserveFds)
        let container = try RuntimeContainer(ContainerID(id), in: RuntimeProgram.settings.store)
        let program = try program(container.record.config.process ?? ProcessSpec())
        var options = RuntimeContainer.ExecOptions()
        options.keptDescriptors = kept
        options.group = cgroup
        options.ignoresPause = ignorePaused
        let socket = try consoleSocket.map { try RuntimeDescriptors.socket($0) }
        let terminal = try RuntimeForeground.terminal(
            isWanted: program.terminal == true && !detach && socket == nil
        )
        options.terminal = socket?.number ?? terminal?.sending
        guard program.terminal != true || options.terminal != nil else {
            throw UserError("cannot allocate a tty without --console-socket: give the path of a socket")
        }
        let foreground = try RuntimeForeground(isWanted: !detach)
        let launched = try container.execute(program, options)
        withExtendedLifetime(socket) {}
        try tell(of: launched)
        if detach { return }
        throw ExitCode(try foreground.wait(for: launched, terminal: terminal))
    }

    /// Tells of the program in the ways that are asked for; without them it does not stay.
    private func tell(of launched: borrowing LaunchedProcess) throws {
        do {
            if let pidFile { try RuntimeDescriptors.write(launched.pid, to: pidFile) }
            if let pidfdSocket { try RuntimeDescriptors.send(launched.descriptor, as: "setns", to: pidfdSocket) }
        } catch {
            try? sendSignal(SIGKILL, to: launched.descriptor.rawValue)  // it may just have ended
            _ = try? launched.waitForExit()  // the first error is the one to tell
            throw error
        }
    }

    /// The program: that of a file, or the container's own with what the options say.
    private func program(_ own: ProcessSpec) throws -> ProcessSpec {
        if let process { return try ProcessSpec(file: process) }
        guard !arguments.isEmpty else { throw UserError("say what to run in \(id)") }
        var program = own
        program.args = arguments.first == "--" ? Array(arguments.dropFirst()) : arguments
        program.terminal = tty
        program.consoleSize = nil
        if let cwd { program.cwd = cwd }
        let given = Set(env.map { $0.prefix { $0 != "=" } })
        program.env = (own.env ?? []).filter { !given.contains($0.prefix { $0 != "=" }) } + env
        if noNewPrivs { program.noNewPrivileges = true }
        if let processLabel { program.selinuxLabel = processLabel }
        if let apparmor { program.apparmorProfile = apparmor }
        if let user {
            let numbers = user.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
            guard numbers.count <= 2, let uid = numbers.first ?? nil, let gid = numbers.last ?? nil else {
                throw UserError("--user: \"\(user)\" is not UID or UID:GID")
            }
            program.user = .init(uid: uid, gid: numbers.count == 2 ? gid : own.user?.gid ?? 0)
        }
        if !additionalGids.isEmpty {
            var user = program.user ?? .init()
            user.additionalGids = (user.additionalGids ?? []) + additionalGids
            program.user = user
        }
        for name in cap {
            var sets = program.capabilities ?? .init()
            sets.bounding = (sets.bounding ?? []) + [name]
            sets.effective = (sets.effective ?? []) + [name]
            sets.permitted = (sets.permitted ?? []) + [name]
            program.capabilities = sets
        }
        return program
    }
}
