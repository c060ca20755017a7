import ArgumentParser
import ComposeModel
import Orchestrator
import Supervisor

/// `roost create`.
struct Create: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make the project's containers, and do not start them.")

    @ParentCommand var parent: Roost

    @Flag(help: "Build images first.") var build = false
    @Flag(help: "Make containers anew whether or not they changed.") var forceRecreate = false
    @Flag(help: "Build no image, not even one that is missing.") var noBuild = false
    @Flag(help: "Leave containers as they are even if their definition changed.") var noRecreate = false
    @Option(help: "When to fetch images: always, missing, never or policy, which is what each service says.")
    var pull = PullChoice.policy
    @Flag(help: "Show no progress of fetching images.") var quietPull = false
    @Flag(help: "Remove containers of services that the file does not know.") var removeOrphans = false
    @Option(parsing: .singleValue, help: "How many containers a service has: SERVICE=NUMBER.") var scale: [String] = []
    @Flag(name: .shortAndLong, help: "Say yes to every question; there are none.") var yes = false
    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func validate() throws {
        if build && noBuild { throw ValidationError("--build and --no-build exclude each other") }
        if noRecreate && forceRecreate {
            throw ValidationError("--no-recreate and --force-recreate exclude each other")
        }
    }

    func run() throws {
        var options = UpOptions()
        options.starts = false
        options.recreation = forceRecreate ? .always : noRecreate ? .never : .changed
        options.dependencyRecreation = noRecreate ? .never : .changed
        options.recreated = Set(services)
        options.removesOrphans = removeOrphans
        try ProjectReading.reporting {
            var command = UpCommand(title: "create", options: options, pull: pull, isPullQuiet: quietPull)
            command.images = build ? .all : noBuild ? .none : .missing
            try command.perform(parent.project, services: services, scale: try UpCommand.scales(scale, "--scale "))
        }
    }
}

/// `roost scale`.
struct Scale: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Change how many containers services have.")

    @ParentCommand var parent: Roost

    @Flag(help: "Leave out what the services depend on.") var noDeps = false
    @Argument(help: "How many: SERVICE=NUMBER.") var wishes: [String]

    func run() throws {
        try ProjectReading.reporting {
            let scales = try UpCommand.scales(wishes, "scale ")
            var options = UpOptions()
            options.recreated = Set(scales.keys)
            let command = UpCommand(title: "scale", options: options, leavesOutDependencies: noDeps)
            try command.perform(parent.project, services: scales.keys.sorted(), scale: scales)
        }
    }
}

/// What `up`, `create` and `scale` have in common.
struct UpCommand {
    let title: String
    let options: UpOptions
    var leavesOutDependencies = false
    var pull = PullChoice.policy
    var isPullQuiet = false
    /// Which images are built first.
    var images = ImageBuilding.Wish.missing

    /// Has the project brought where it should be, and shows how it goes.
    func perform(_ project: ProjectOptions, services: [String], scale: [String: Int]) throws {
        var loaded = try RunnableProject(
            project,
            services: services,
            scale: scale,
            leavesOutDependencies: leavesOutDependencies
        )
        if project.dryRun { return try Self.showPlan(of: loaded, options) }
        try ImageFetch.before(loaded, project, choice: pull, isQuiet: isPullQuiet, builds: images == .all)
        try ImageBuilding(loaded, project).build(loaded.project.services, images)
        try loaded.providers.bringUp(loaded.project.name, &loaded.tree)
        let session = CommandSession(project: loaded.project.name, title: title, options: project)
        var request = UpRequest(
            tree: JSONPrinter.print(loaded.tree),
            directory: loaded.directory,
            files: loaded.files,
            knownServices: loaded.knownServices,
            options: project.completed(options)
        )
        if !loaded.providers.all.isEmpty { request.providers = loaded.providers.all }
        var client = try session.connectOrStart()
        let result = try session.perform("POST /up", request, on: &client)
        try Self.check(result, session, loaded)
    }

    /// Shows what would be done.
    static func showPlan(of loaded: RunnableProject, _ options: UpOptions) throws {
        let directory = ProjectDirectory(project: loaded.project.name, roots: ProjectReading.roots)
        var state = try directory.state()
        let wish = try ProjectWish(
            ProjectRequest(tree: loaded.tree, directory: loaded.directory, knownServices: loaded.knownServices),
            roots: ProjectReading.roots
        )
        _ = state.up(wish, options)
        let plan = Planner.plan(state, now: WallTime.now)
        ProcessContext.writeOutput(plan.isEmpty ? "nothing to do\n" : plan.description)
    }

    /// Tells what was left alone and what went wrong; ends the command when anything did.
    static func check(_ result: CommandResult, _ session: CommandSession, _ loaded: RunnableProject) throws {
        if !result.orphans.isEmpty && !ProcessContext.isOn("COMPOSE_IGNORE_ORPHANS") {
            ProcessContext.writeError(
                "warning: the file does not know the services of \(result.orphans.joined(separator: ", ")); "
                    + "--remove-orphans removes them\n"
            )
        }
        try session.check(result, tree: loaded.tree)
    }

    /// Reads `SERVICE=NUMBER`; `option` is what stands before it.
    static func scales(_ texts: [String], _ option: String) throws -> [String: Int] {
        var result: [String: Int] = [:]
        for text in texts {
            let parts = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty, let count = Int(parts[1]), count >= 0 else {
                throw UserError("\(option)takes SERVICE=NUMBER, not \"\(text)\"")
            }
            result[parts[0]] = count
        }
        return result
    }
}
