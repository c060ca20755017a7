import ArgumentParser
import ComposeModel
import ImageStore
import LinuxSystem
import Orchestrator
import Supervisor
import TerminalOutput

/// What commands about services that are there have in common: they need no Compose file but for the project's name.
enum ServiceCommand {
    /// Sends a request about services and shows what becomes of it.
    static func perform(
        _ verb: String,
        _ request: ServicesRequest,
        _ options: ProjectOptions,
        checksServices: Bool = true
    ) throws {
        try ProjectReading.reporting {
            let session = CommandSession(project: try options.name(), title: verb, options: options)
            guard session.directory.exists else {
                ProcessContext.writeError("warning: nothing of project \(session.directory.project) is there\n")
                return
            }
            let state = try session.directory.state()
            let providers = try session.directory.description()?.providers ?? []
            defer { endProviders(providers, verb, request, of: state.project) }
            if checksServices { try ProjectReading.check(request.services.sorted(), in: state) }
            var client = try session.connectOrStart()
            var request = request
            request.stepLimit = options.stepLimit
            let place = try OwnedDescriptor.directory(session.directory.path)
            let result = try session.perform("POST /\(verb)", request, on: &client)
            // When this was the end of the project, its processes are gone with the command.
            try SupervisorClient.awaitEnd(of: session.directory, at: place)
            try session.check(result)
        }
    }
}

extension ServiceCommand {
    /// What other programs provide ends after the containers that use it, whatever became of these.
    private static func endProviders(
        _ providers: [ProjectDirectory.Provider],
        _ verb: String,
        _ request: ServicesRequest,
        of project: String
    ) {
        guard ["down", "stop"].contains(verb) else { return }
        for provider in providers.reversed()
        where request.services.isEmpty || request.services.contains(provider.service) {
            do { try Providers.run(verb, provider, project) } catch {
                ProcessContext.writeError("warning: \(error)\n")
            }
        }
    }
}

/// `roost down`.
struct Down: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "End the project: remove its containers and networks.")

    @ParentCommand var parent: Roost

    /// Which images are removed.
    enum Images: String, ExpressibleByArgument { case local, all }

    @Option(help: "Remove images of the store too: all, or local for those that were built, which none is yet.")
    var rmi: Images?
    @Flag(name: .shortAndLong, help: "Remove its volumes too, with all data.") var volumes = false
    @Option(name: .shortAndLong, help: "How many seconds a container may take to end.") var timeout: Int?
    @Flag(help: "Remove containers of services that the file does not know; they go anyway.") var removeOrphans = false
    @Argument(help: "The services, with those that depend on them; all when none is named.") var services: [String] = []

    func run() throws {
        var request = ServicesRequest()
        request.services = Set(services)
        request.timeout = timeout
        request.removesVolumes = volumes
        let images = try ProjectReading.reporting { rmi == .all ? try ImageRemoval(parent.project, services) : nil }
        try ServiceCommand.perform("down", request, parent.project)
        try ProjectReading.reporting { try images?.perform() }
        if volumes && services.isEmpty { try ProjectReading.reporting { try removeVolumes() } }
    }

    /// Volumes outlive their project, and may be asked for when nothing else is left of it.
    private func removeVolumes() throws {
        let roots = ProjectReading.roots
        let project = try parent.project.name()
        let store = VolumeStore(in: roots.images)
        let left = try store.list().filter { $0.project == project }
        guard !left.isEmpty else { return }
        let printer = parent.project.progressPrinter("down")
        defer { printer.finish() }
        for volume in left {
            printer.report(Progress(.volume, volume.name, "Removing", .working))
            try store.remove(volume.name)
            printer.report(Progress(.volume, volume.name, "Removed", .done))
        }
    }
}

/// `roost stop`.
struct Stop: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Stop containers without removing them.")

    @ParentCommand var parent: Roost

    @Option(name: .shortAndLong, help: "How many seconds a container may take to end.") var timeout: Int?
    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func run() throws {
        var request = ServicesRequest()
        request.services = Set(services)
        request.timeout = timeout
        try ServiceCommand.perform("stop", request, parent.project)
    }
}

/// `roost start`.
struct Start: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Start containers that are there and do not run.")

    @ParentCommand var parent: Roost

    @Flag(help: "Wait until services are running or healthy.") var wait = false
    @Option(help: "How many seconds to wait at most.") var waitTimeout: Int?
    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func run() throws {
        var request = ServicesRequest()
        request.services = Set(services)
        request.awaitsReadiness = wait
        request.waitTimeout = waitTimeout
        try ServiceCommand.perform("start", request, parent.project)
    }
}

/// `roost restart`.
struct Restart: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Stop containers and start them again.")

    @ParentCommand var parent: Roost

    @Option(name: .shortAndLong, help: "How many seconds a container may take to end.") var timeout: Int?
    @Flag(help: "Leave services alone that asked to be restarted with these.") var noDeps = false
    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func run() throws {
        var request = ServicesRequest()
        request.services = Set(services)
        request.timeout = timeout
        request.withDependents = !noDeps
        try ServiceCommand.perform("restart", request, parent.project)
    }
}

/// `roost kill`.
struct Kill: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send a signal to containers, SIGKILL unless told otherwise."
    )

    @ParentCommand var parent: Roost

    @Option(name: .shortAndLong, help: "The signal, by name or number.") var signal = "SIGKILL"
    @Flag(help: "Has no meaning for signals.") var removeOrphans = false
    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func run() throws {
        var request = ServicesRequest()
        request.services = Set(services)
        guard let signal = Signal(text: signal) else {
            throw ValidationError("there is no signal \"\(signal)\"")
        }
        request.signal = signal.number
        try ServiceCommand.perform("kill", request, parent.project)
    }
}

/// `roost rm`.
struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Remove containers that do not run."
    )

    @ParentCommand var parent: Roost

    @Flag(name: .shortAndLong, help: "Do not ask.") var force = false
    @Flag(name: .shortAndLong, help: "Stop them first.") var stop = false
    @Flag(name: .shortAndLong, help: .hidden) var all = false
    @Flag(name: .shortAndLong, help: "Remove the volumes that belong to them alone too.") var volumes = false
    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func run() throws {
        var request = ServicesRequest()
        request.services = Set(services)
        request.removesVolumes = volumes
        if stop { try ServiceCommand.perform("stop", request, parent.project) }
        guard try ProjectReading.reporting(findsStopped) else { return }
        guard force || confirms() else { throw ExitCode(130) }
        try ServiceCommand.perform("rm", request, parent.project)
    }

    /// Nobody is asked about nothing.
    private func findsStopped() throws -> Bool {
        let directory = ProjectDirectory(project: try parent.project.name(), roots: ProjectReading.roots)
        guard directory.exists else { return true }
        let state = try directory.state()
        try ProjectReading.check(services, in: state)
        let stopped = state.containers.contains { container in
            !container.isRunning && (services.isEmpty || services.contains(container.service))
        }
        if !stopped { ProcessContext.writeError("there are no stopped containers\n") }
        return stopped
    }

    private func confirms() -> Bool {
        ProcessContext.writeError("Remove the stopped containers? [y/N] ")
        return ["y", "yes"].contains(readLine()?.lowercased())
    }
}
