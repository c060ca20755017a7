import ArgumentParser
import ComposeModel
import Glibc
import LinuxSystem
import Orchestrator
import Supervisor

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
    @Flag(help: "Build images first; Roost can't yet.") var build = false
    @Flag(help: "Build no image; none is.") var noBuild = false
    @Option(help: "When to pull images: missing or never; Roost can't pull yet, so both use what is in the store.")
    var pull = "missing"
    @Flag(help: .hidden) var quietPull = false
    @Flag(help: .hidden) var quietBuild = false
    @Flag(inversion: .prefixedNo, help: .hidden) var menu = false
    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func validate() throws {
        if build { throw ValidationError("--build: images are not built yet; bring them in with roost load") }
        guard ["missing", "never", "if_not_present"].contains(pull) else {
            throw ValidationError("--pull \(pull): images are not pulled yet; bring them in with roost load")
        }
        if noRecreate && (forceRecreate || alwaysRecreateDeps) {
            throw ValidationError("--no-recreate goes with neither --force-recreate nor --always-recreate-deps")
        }
        if ProcessContext.isOn("COMPOSE_IGNORE_ORPHANS") && upOptions.removesOrphans {
            throw ValidationError("orphans can't be both ignored (COMPOSE_IGNORE_ORPHANS) and removed")
        }
        if detach && (abortOnContainerExit || abortOnContainerFailure || exitCodeFrom != nil) {
            throw ValidationError("--detach does not go with --abort-on-container-exit, -failure or --exit-code-from")
        }
    }

    func run() throws { try ProjectReading.reporting { try bringUp() } }

    private func bringUp() throws {
        var loaded = try RunnableProject(
            parent.project,
            services: services,
            scale: try scales(),
            leavesOutDependencies: noDeps
        )
        if let name = exitCodeFrom, loaded.project.service(name) == nil {
            throw UserError("there is no service \"\(name)\" for --exit-code-from")
        }
        if dryRun || parent.project.dryRun { return try showPlan(loaded) }
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
        let isForeground = !(detach || wait || noStart)
        let since = ProjectReading.now
        let interrupts = try SignalWatch(isForeground ? [SIGINT, SIGTERM] : [])
        var client = try session.connectOrStart()
        let result = try session.perform("POST /up", request, on: &client, interrupts: interrupts)
        if !result.orphans.isEmpty && !ProcessContext.isOn("COMPOSE_IGNORE_ORPHANS") {
            ProcessContext.writeError(
                "warning: the file does not know the services of \(result.orphans.joined(separator: ", ")); "
                    + "--remove-orphans removes them\n"
            )
        }
        try session.check(result, tree: loaded.tree)
        guard isForeground else { return }
        try foreground(loaded, since, interrupts).run()
    }

    private var upOptions: UpOptions {
        var options = UpOptions()
        options.recreation = forceRecreate ? .always : noRecreate ? .never : .changed
        options.recreated = alwaysRecreateDeps ? [] : Set(services)
        options.removesOrphans = removeOrphans || ProcessContext.isOn("COMPOSE_REMOVE_ORPHANS")
        options.starts = !noStart
        options.stopTimeout = timeout
        return options
    }

    private func scales() throws -> [String: Int] {
        var result: [String: Int] = [:]
        for text in scale {
            let parts = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty, let count = Int(parts[1]), count >= 0 else {
                throw UserError("--scale takes SERVICE=NUMBER, not \"\(text)\"")
            }
            result[parts[0]] = count
        }
        return result
    }

    private func showPlan(_ loaded: RunnableProject) throws {
        let directory = ProjectDirectory(project: loaded.project.name, roots: ProjectReading.roots)
        var state = try directory.state()
        let wish = try ProjectWish(
            ProjectRequest(tree: loaded.tree, directory: loaded.directory, knownServices: loaded.knownServices),
            roots: ProjectReading.roots
        )
        _ = state.up(wish, upOptions)
        let plan = Planner.plan(state, now: ProjectReading.now)
        ProcessContext.writeOutput(plan.isEmpty ? "nothing to do\n" : plan.description)
    }

    private func foreground(
        _ loaded: RunnableProject,
        _ since: WallTime,
        _ interrupts: consuming InterruptWatch
    ) -> ForegroundSession {
        var shown = Set(attach.isEmpty ? (services.isEmpty || attachDependencies ? [] : services) : attach)
        if shown.isEmpty { shown = Set(loaded.project.services.filter(\.isAttached).map(\.name)) }
        shown.subtract(noAttach)
        return ForegroundSession(
            project: loaded.project.name,
            options: parent.project,
            shown: shown,
            stopped: Set(services),
            stopTimeout: timeout,
            abortsOnExit: abortOnContainerExit || (exitCodeFrom != nil && !abortOnContainerFailure),
            abortsOnFailure: abortOnContainerFailure,
            exitCodeFrom: exitCodeFrom,
            output: .init(isColoured: !noColor, showsNames: !noLogPrefix, showsTimes: timestamps),
            since: since,
            interrupts: interrupts
        )
    }
}
