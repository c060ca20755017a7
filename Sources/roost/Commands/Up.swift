import ArgumentParser
import ComposeModel
import Glibc
import LinuxSystem
import Orchestrator
import Supervisor
import TerminalOutput

/// `roost up`.
struct Up: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make and start the project's containers.")

    @ParentCommand var parent: Roost

    @Flag(name: .shortAndLong, help: "Leave the containers running in the background.") var detach = false
    @Flag(help: "Wait until services are running or healthy; implies --detach.") var wait = false
    @Option(help: "How many seconds to wait at most.") var waitTimeout: Int?
    @Flag(help: "Stop all containers when any of them ends.") var abortOnContainerExit = false
    @Flag(help: "Stop all containers when any of them fails.") var abortOnContainerFailure = false
    @Option(help: "End with the status of this service's container; implies --abort-on-container-exit.")
    var exitCodeFrom: String?
    @Option(parsing: .singleValue, help: "How many containers a service has: SERVICE=NUMBER.") var scale: [String] = []
    @Flag(help: "Make containers, and do not start them.") var noStart = false
    @Flag(help: "Show what would be done, and do nothing.") var dryRun = false
    @Flag(help: "Make containers anew whether or not they changed.") var forceRecreate = false
    @Flag(help: "Leave containers as they are even if their definition changed.") var noRecreate = false
    @Flag(help: "Make the containers of dependencies anew too.") var alwaysRecreateDeps = false
    @Flag(help: "Leave out what the services depend on.") var noDeps = false
    @Flag(help: "Remove containers of services that the file does not know.") var removeOrphans = false
    @Option(name: .shortAndLong, help: "How many seconds a container may take to end.") var timeout: Int?
    @Flag(help: "No colours.") var noColor = false
    @Flag(help: "No names before the lines.") var noLogPrefix = false
    @Flag(help: "Show when each line was written.") var timestamps = false
    @Option(parsing: .singleValue, help: "Show the output of these services only.") var attach: [String] = []
    @Option(parsing: .singleValue, help: "Do not show the output of these services.") var noAttach: [String] = []
    @Flag(help: "Show the output of dependencies too.") var attachDependencies = false
    @Flag(name: .shortAndLong, help: "Say yes to every question; there are none.") var yes = false
    @Flag(help: "Build images first.") var build = false
    @Flag(help: "Build no image, not even one that is missing.") var noBuild = false
    @Option(help: "When to fetch images: always, missing, never or policy, which is what each service says.")
    var pull = PullChoice.policy
    @Flag(name: [.customShort("V"), .long], help: "Give containers new volumes of their own instead of the former.")
    var renewAnonVolumes = false
    @Flag(name: .shortAndLong, help: "Watch files; Roost can't yet.") var watch = false
    @Flag(help: "Show no progress of fetching images.") var quietPull = false
    @Flag(help: .hidden) var quietBuild = false
    @Flag(inversion: .prefixedNo, help: "A menu of keys; Roost has none, and Ctrl-C ends.") var menu = false
    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func validate() throws {
        if build && noBuild { throw ValidationError("--build and --no-build exclude each other") }
        if watch { throw ValidationError("--watch: Roost does not watch files yet; run roost up again after a change") }
        if noRecreate && (forceRecreate || alwaysRecreateDeps || renewAnonVolumes) {
            throw ValidationError(
                "--no-recreate goes with none of --force-recreate, --always-recreate-deps and --renew-anon-volumes"
            )
        }
        if ProcessContext.isOn("COMPOSE_IGNORE_ORPHANS") && upOptions.removesOrphans {
            throw ValidationError("orphans can't be both ignored (COMPOSE_IGNORE_ORPHANS) and removed")
        }
        if (detach || wait) && (abortOnContainerExit || abortOnContainerFailure || exitCodeFrom != nil) {
            throw ValidationError("--detach does not go with --abort-on-container-exit, -failure or --exit-code-from")
        }
        if detach && (!attach.isEmpty || attachDependencies || menu) {
            throw ValidationError("--detach does not go with --attach, --attach-dependencies or --menu")
        }
        if !attach.isEmpty && attachDependencies {
            throw ValidationError("--attach and --attach-dependencies exclude each other")
        }
        if let waitTimeout, waitTimeout < 0 { throw ValidationError("--wait-timeout takes a number of seconds") }
    }

    func run() throws { try ProjectReading.reporting { try bringUp() } }

    private func bringUp() throws {
        var loaded = try RunnableProject(
            parent.project,
            services: services,
            scale: try UpCommand.scales(scale, "--scale "),
            leavesOutDependencies: noDeps
        )
        if let name = exitCodeFrom, loaded.project.service(name) == nil {
            throw UserError("there is no service \"\(name)\" for --exit-code-from")
        }
        if dryRun || parent.project.dryRun { return try UpCommand.showPlan(of: loaded, upOptions) }
        try ImageFetch.before(loaded, parent.project, choice: pull, isQuiet: quietPull, builds: build)
        try ImageBuilding(loaded, parent.project, isQuiet: quietBuild)
            .build(loaded.project.services, build ? .all : noBuild ? .none : .missing)
        try loaded.providers.bringUp(loaded.project.name, &loaded.tree)
        let session = CommandSession(project: loaded.project.name, title: "up", options: parent.project)
        var request = UpRequest(
            tree: JSONPrinter.print(loaded.tree),
            directory: loaded.directory,
            files: loaded.files,
            knownServices: loaded.knownServices,
            options: upOptions
        )
        if !loaded.providers.all.isEmpty { request.providers = loaded.providers.all }
        if wait {
            request.awaited = Set(services.isEmpty ? loaded.project.services.map(\.name) : services)
            request.waitTimeout = waitTimeout
        }
        if !(detach || wait || noStart) { return try bringUpAttached(loaded, request, session) }
        var client = try session.connectOrStart()
        let result = try session.perform("POST /up", request, on: &client)
        try UpCommand.check(result, session, loaded)
    }

    private func bringUpAttached(_ loaded: RunnableProject, _ request: UpRequest, _ session: CommandSession) throws {
        let interrupts = try SignalWatch([SIGINT, SIGTERM])
        let foreground = ForegroundSession(session, wishes(loaded), interrupts: interrupts)
        try foreground.run(request) { try UpCommand.check($0, session, loaded) }
    }

    private var upOptions: UpOptions {
        var options = UpOptions()
        options.recreation = forceRecreate || renewAnonVolumes ? .always : noRecreate ? .never : .changed
        options.dependencyRecreation = alwaysRecreateDeps ? .always : noRecreate ? .never : .changed
        options.recreated = Set(services)
        options.renewsAnonymousVolumes = renewAnonVolumes
        options.removesOrphans = removeOrphans || ProcessContext.isOn("COMPOSE_REMOVE_ORPHANS")
        options.starts = !noStart
        options.stopTimeout = timeout
        return parent.project.completed(options)
    }

    private func wishes(_ loaded: RunnableProject) -> ForegroundSession.Wishes {
        var shown = Set(attach)
        if shown.isEmpty {
            let isLimited = !services.isEmpty && !attachDependencies
            shown = Set(loaded.project.services.filter(\.isAttached).map(\.name))
            if isLimited { shown = Set(services) }
        }
        shown.subtract(noAttach)
        var wishes = ForegroundSession.Wishes()
        wishes.shown = shown
        wishes.watched = services.isEmpty ? shown : Set(services)
        wishes.stopped = Set(services)
        wishes.stopTimeout = timeout
        wishes.abortsOnExit = abortOnContainerExit || (exitCodeFrom != nil && !abortOnContainerFailure)
        wishes.abortsOnFailure = abortOnContainerFailure
        wishes.exitCodeFrom = exitCodeFrom
        wishes.printing.isColoured = !noColor && parent.project.isColoured(STDOUT_FILENO)
        wishes.printing.showsNames = !noLogPrefix
        wishes.printing.showsTimes = timestamps
        return wishes
    }
}
