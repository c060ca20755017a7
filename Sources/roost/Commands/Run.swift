import ArgumentParser
import ComposeModel
import Glibc
import LinuxSystem
import Orchestrator
import Supervisor
import TerminalOutput
import YAMLComposer

/// `roost run`.
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run a command once, in a container of its own.")

    @ParentCommand var parent: Roost
    @OptionGroup var options: RunOptions

    @Argument(help: "The service.") var service: String
    @Argument(parsing: .captureForPassthrough, help: "The command, instead of the service's.")
    var command: [String] = []

    func run() throws { try ProjectReading.reporting { try runOnce() } }

    private func runOnce() throws {
        var loaded = try RunnableProject(parent.project, services: [service])
        try ImageFetch.before(
            loaded,
            parent.project,
            choice: options.pull,
            isQuiet: options.quietPull || options.quiet,
            services: options.noDeps ? [service] : nil,
            builds: options.build
        )
        let images = ImageBuilding(loaded, parent.project, isQuiet: options.quietBuild || options.quiet)
        try images.build(loaded.project.services.filter { options.build && $0.name == service }, .all)
        try images.build(loaded.project.services, .missing)
        try loaded.providers.bringUp(loaded.project.name, &loaded.tree)
        let hasTerminal =
            !options.noTTY && !options.detach && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
        let container =
            options.name
            ?? [loaded.project.name, service, "run", Self.newSuffix()].joined(separator: parent.project.nameSeparator)
        let diagnostics = DiagnosticCollector()
        let alone = OneOffService(service, command, options, hasTerminal: hasTerminal)
            .tree(of: loaded, diagnostics)
        ProcessContext.writeError(DiagnosticRenderer().render(diagnostics.all))
        if diagnostics.hasErrors { throw ExitCode.failure }
        loaded.tree.edit("services") { all in
            all.remove(service)
            if options.noDeps { for other in all.mapping?.keys ?? [] { all.remove(other) } }
        }
        var up = UpRequest(
            tree: JSONPrinter.print(loaded.tree),
            directory: loaded.directory,
            files: loaded.files,
            knownServices: loaded.knownServices,
            options: parent.project.completed(UpOptions())
        )
        up.options.recreation = .never
        if !loaded.providers.all.isEmpty { up.providers = loaded.providers.all }
        up.options.removesOrphans = options.removeOrphans
        let request = RunRequest(
            up: up,
            service: service,
            container: container,
            hasDescriptors: !options.detach,
            tree: JSONPrinter.print(alone)
        )
        let session = CommandSession(
            project: loaded.project.name,
            title: "run",
            options: parent.project,
            isQuiet: options.quiet
        )
        try checkName(container, session.directory)
        var client = try session.connectOrStart()
        if options.detach {
            let result = try session.run(request, on: &client, lending: [], signals: SignalWatch([]))
            try session.check(result, tree: loaded.tree)
            return ProcessContext.writeOutput("\(container)\n")
        }
        let status =
            try hasTerminal
            ? runWithTerminal(request, session, &client)
            : runWithDescriptors(request, session, &client)
        throw ExitCode(status)
    }

    /// A name is one container's only.
    private func checkName(_ name: String, _ directory: ProjectDirectory) throws {
        let isPlain = name.utf8.allSatisfy { byte in
            let character = Character(Unicode.Scalar(byte))
            return character.isASCII && (character.isLetter || character.isNumber || "_.-".contains(character))
        }
        guard isPlain, let first = name.first, first.isLetter || first.isNumber, name.utf8.count <= 128 else {
            throw UserError("\"\(name)\" is no name for a container: letters, digits, \"_\", \".\" and \"-\" make one")
        }
        guard try directory.state(of: name) == nil else {
            throw UserError("the name \(name) is taken by a container of this project; choose another --name")
        }
    }

    private func runWithDescriptors(
        _ request: RunRequest,
        _ session: CommandSession,
        _ client: inout SupervisorClient
    ) throws -> Int32 {
        let null = try OwnedDescriptor.null()
        let lent = [options.interactive ? STDIN_FILENO : null.rawValue, STDOUT_FILENO, STDERR_FILENO]
        try session.lend(lent, to: request.container)
        let signals = try SignalWatch([SIGINT, SIGTERM, SIGHUP, SIGQUIT])
        let result = try session.run(request, on: &client, lending: lent, signals: signals)
        try session.check(result)
        return result.status ?? 0
    }

    private func runWithTerminal(
        _ request: RunRequest,
        _ session: CommandSession,
        _ client: inout SupervisorClient
    ) throws -> Int32 {
        var request = request
        let container = request.container
        var desk = try session.awaitTerminal(of: container)
        let signals = try SignalWatch([SIGWINCH])
        try client.send("POST /run", request)
        var isShown = false
        while true {
            let ready = waitReadable([client.descriptor, isShown ? -1 : desk.rawValue])
            if !isShown, ready[1], let packet = try PacketSocket.receive(from: desk.rawValue),
                let raw = packet.descriptors.first
            {
                session.printer.finish()
                let master = OwnedDescriptor(adopting: raw)
                TerminalRelay.setSize(of: master.rawValue)
                let terminal = try RawTerminal(STDIN_FILENO)
                TerminalRelay.relay(master.rawValue, signals)
                terminal.restore()
                isShown = true
                continue
            }
            guard ready[0] || ready[1] else { continue }
            let isOpen = try client.receive()
            while let line = try client.bufferedLine() {
                if let result = session.take(line) {
                    session.printer.finish()
                    try session.check(result)
                    return result.status ?? 0
                }
            }
            if !isOpen {
                try session.ask(again: &request, on: &client) {
                    if !isShown { desk = try session.awaitTerminal(of: container) }
                }
            }
        }
    }

    private static func newSuffix() -> String {
        let digits = String(UInt64.random(in: 0..<1 << 48), radix: 16)
        return String(repeating: "0", count: 12 - digits.count) + digits
    }
}

/// The options of `roost run`.
struct RunOptions: ParsableArguments {
    @Flag(help: "Build the image first.") var build = false
    @Option(parsing: .singleValue, help: "A capability more for the command.") var capAdd: [String] = []
    @Option(parsing: .singleValue, help: "A capability less for the command.") var capDrop: [String] = []
    @Flag(name: .shortAndLong, help: "Leave the container running in the background.") var detach = false
    @Option(help: "The program, instead of the image's or the service's.") var entrypoint: String?
    @Option(name: .shortAndLong, parsing: .singleValue, help: "A variable for the command: NAME=VALUE.")
    var env: [String] = []
    @Option(parsing: .singleValue, help: "A file of variables for the command.") var envFromFile: [String] = []
    @Flag(
        name: [.customShort("i"), .customLong("interactive")],
        inversion: .prefixedNo,
        help: "Pass on standard input."
    )
    var interactive = true
    @Option(name: .shortAndLong, parsing: .singleValue, help: "A label: NAME=VALUE.") var label: [String] = []
    @Option(help: "A name for the container.") var name: String?
    @Flag(help: "Do not start what the service depends on.") var noDeps = false
    @Flag(
        name: [.customShort("T"), .customLong("no-tty"), .customLong("no-TTY")],
        help: "Give the command no terminal."
    )
    var noTTY = false
    @Flag(name: .shortAndLong, help: .hidden) var tty = false
    @Option(name: .shortAndLong, parsing: .singleValue, help: "Publish a port: [[ADDRESS:]HOST:]CONTAINER[/PROTOCOL].")
    var publish: [String] = []
    @Option(help: "When to fetch images: always, missing, never or policy, which is what each service says.")
    var pull = PullChoice.policy
    @Flag(name: .shortAndLong, help: "Show no progress.") var quiet = false
    @Flag(help: .hidden) var quietBuild = false
    @Flag(help: "Show no progress of fetching images.") var quietPull = false
    @Flag(help: "Remove containers of services that the file does not know.") var removeOrphans = false
    @Flag(name: .long, help: "Remove the container when the command has ended.") var rm = false
    @Flag(name: [.customShort("P"), .long], help: "Publish the service's own ports.") var servicePorts = false
    @Flag(help: "Answer to the service's names on its networks.") var useAliases = false
    @Option(name: .shortAndLong, help: "The user: NAME or NUMBER, with :GROUP or not.") var user: String?
    @Option(name: .shortAndLong, parsing: .singleValue, help: "Mount something: [SOURCE:]TARGET[:ro].")
    var volume: [String] = []
    @Option(name: .shortAndLong, help: "The directory in the container.") var workdir: String?

    func validate() throws {
        if servicePorts && !publish.isEmpty {
            throw ValidationError("--service-ports and --publish exclude each other")
        }
    }
}
