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

    @Flag(name: .shortAndLong, help: "Leave the container running in the background.") var detach = false
    @Option(help: "The program, instead of the image's or the service's.") var entrypoint: String?
    @Option(name: .shortAndLong, parsing: .singleValue, help: "A variable for the command: NAME=VALUE.")
    var env: [String] = []
    @Option(name: .shortAndLong, parsing: .singleValue, help: "A label: NAME=VALUE.") var label: [String] = []
    @Option(parsing: .singleValue, help: "A capability more for the command.") var capAdd: [String] = []
    @Option(parsing: .singleValue, help: "A capability less for the command.") var capDrop: [String] = []
    @Option(help: "A name for the container.") var name: String?
    @Flag(help: "Do not start what the service depends on.") var noDeps = false
    @Flag(
        name: [.customShort("T"), .customLong("no-tty"), .customLong("no-TTY")],
        help: "Give the command no terminal."
    )
    var noTTY = false
    @Flag(name: .shortAndLong, help: "Kept for those who write it; input is always passed on.") var interactive = false
    @Flag(name: .shortAndLong, help: "Kept for those who write it; a terminal is given where there is one.")
    var tty = false
    @Option(name: .shortAndLong, parsing: .singleValue, help: "Publish a port: HOST:CONTAINER.") var publish: [String] =
        []
    @Flag(name: .long, help: "Remove the container when the command has ended.") var rm = false
    @Flag(name: [.customShort("P"), .long], help: "Publish the service's own ports.") var servicePorts = false
    @Flag(help: "Answer to the service's names on its networks.") var useAliases = false
    @Option(name: .shortAndLong, help: "The user: NAME or NUMBER, with :GROUP or not.") var user: String?
    @Option(name: .shortAndLong, help: "The directory in the container.") var workdir: String?
    @Flag(name: .shortAndLong, help: "Show no progress.") var quiet = false
    @Argument(help: "The service.") var service: String
    @Argument(parsing: .captureForPassthrough, help: "The command, instead of the service's.") var command: [String] =
        []

    func validate() throws {
        if !publish.isEmpty {
            throw ValidationError("--publish is not supported yet; --service-ports publishes the service's")
        }
        if useAliases { throw ValidationError("--use-aliases is not supported yet") }
    }

    func run() throws { try ProjectReading.reporting { try runOnce() } }

    private func runOnce() throws {
        var loaded = try RunnableProject(parent.project, services: [service])
        try loaded.providers.bringUp(loaded.project.name, &loaded.tree)
        let hasTerminal = !noTTY && !detach && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
        let container = name ?? "\(loaded.project.name)-\(service)-run-\(Self.newSuffix())"
        let alone = ownTree(loaded.tree, hasTerminal: hasTerminal)
        loaded.tree.edit("services") { all in
            all.remove(service)
            if noDeps { for other in all.mapping?.keys ?? [] { all.remove(other) } }
        }
        var up = UpRequest(
            tree: JSONPrinter.print(loaded.tree),
            directory: loaded.directory,
            files: loaded.files,
            knownServices: loaded.knownServices,
            options: UpOptions()
        )
        up.options.recreation = .never
        if !loaded.providers.all.isEmpty { up.providers = loaded.providers.all }
        let request = RunRequest(
            up: up,
            service: service,
            container: container,
            hasDescriptors: !detach,
            tree: JSONPrinter.print(alone)
        )
        let session = CommandSession(project: loaded.project.name, title: "run", options: parent.project)
        var client = try session.connectOrStart()
        if detach {
            let result = try session.perform("POST /run", request, on: &client)
            try session.check(result, tree: loaded.tree)
            return ProcessContext.writeOutput("\(container)\n")
        }
        let status =
            try hasTerminal
            ? runWithTerminal(request, session, &client)
            : runWithDescriptors(request, session, &client)
        throw ExitCode(status)
    }

    private func runWithDescriptors(
        _ request: RunRequest,
        _ session: CommandSession,
        _ client: inout SupervisorClient
    ) throws -> Int32 {
        let desk = try session.connectToLendingDesk()
        try PacketSocket.send(request.container, [0, 1, 2], over: desk.rawValue)
        _ = try PacketSocket.receive(from: desk.rawValue)
        let signals = try SignalWatch([SIGINT, SIGTERM, SIGHUP, SIGQUIT])
        let result = try session.run(request, on: &client, signals: signals)
        try session.check(result)
        return result.status ?? 0
    }

    private func runWithTerminal(
        _ request: RunRequest,
        _ session: CommandSession,
        _ client: inout SupervisorClient
    ) throws -> Int32 {
        let desk = try session.connectToLendingDesk()
        try PacketSocket.send(request.container, [], over: desk.rawValue)
        _ = try PacketSocket.receive(from: desk.rawValue)
        let signals = try SignalWatch([SIGWINCH])
        try client.send("POST /run", request)
        while true {
            let ready = waitReadable([client.descriptor, desk.rawValue])
            if ready[1], let packet = try PacketSocket.receive(from: desk.rawValue), let raw = packet.descriptors.first
            {
                session.printer.finish()
                let master = OwnedDescriptor(adopting: raw)
                TerminalRelay.setSize(of: master.rawValue)
                let terminal = try RawTerminal(STDIN_FILENO)
                TerminalRelay.relay(master.rawValue, signals)
                terminal.restore()
                break
            }
            if ready[0] {
                let isOpen = try client.receive()
                while let line = try client.bufferedLine() {
                    if let result = session.take(line) {
                        try session.check(result)
                        return result.status ?? 0
                    }
                }
                if !isOpen { throw session.lost }
            }
        }
        let result = try session.finish(&client)
        try session.check(result)
        return result.status ?? 0
    }

    /// The project with this service alone, as it is to run.
    private func ownTree(_ tree: YAMLNode, hasTerminal: Bool) -> YAMLNode {
        var tree = tree
        tree.edit("services") { all in
            for other in all.mapping?.keys ?? [] where other != service { all.remove(other) }
            all.edit(service) { own in
                if let entrypoint {
                    own.set("entrypoint", .list(ShellWords.split(entrypoint) ?? [entrypoint], at: own.mark))
                    own.remove("command")
                }
                if !command.isEmpty { own.set("command", .list(command, at: own.mark)) }
                own.setDefault("environment", .mapping(YAMLMapping()))
                own.edit("environment") { variables in
                    for text in env {
                        let sign = text.firstIndex(of: "=")
                        let name = sign.map { String(text[..<$0]) } ?? text
                        let value =
                            sign.map { String(text[text.index(after: $0)...]) } ?? ProcessContext.environment[text]
                        if let value { variables.set(name, .string(value)) }
                    }
                }
                own.setDefault("labels", .mapping(YAMLMapping()))
                own.edit("labels") { labels in
                    for text in label {
                        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                        labels.set(String(parts[0]), .string(parts.count > 1 ? String(parts[1]) : ""))
                    }
                    if rm { labels.set(Machine.removalLabel, .string("true")) }
                }
                for (key, names) in [("cap_add", capAdd), ("cap_drop", capDrop)] where !names.isEmpty {
                    let former = own[key]?.sequence?.compactMap(\.string) ?? []
                    own.set(key, .list(former + names.filter { !former.contains($0) }, at: own.mark))
                }
                if let user { own.set("user", .string(user)) }
                if let workdir { own.set("working_dir", .string(workdir)) }
                own.set("tty", .bool(hasTerminal))
                own.set("stdin_open", .bool(false))
                own.set("restart", .string("no"))
                own.set("scale", .int(1))
                own.edit("deploy") { deploy in
                    deploy.remove("replicas")
                    deploy.remove("restart_policy")
                }
                own.remove("container_name")
                if !servicePorts { own.remove("ports") }
            }
        }
        return tree
    }

    private static func newSuffix() -> String {
        let digits = String(UInt64.random(in: 0..<1 << 48), radix: 16)
        return String(repeating: "0", count: 12 - digits.count) + digits
    }
}

extension YAMLNode.Content {
    /// A sequence of texts.
    fileprivate static func list(_ texts: [String], at mark: SourceMark) -> YAMLNode.Content {
        .sequence(texts.map { YAMLNode(.string($0), at: mark) })
    }
}
