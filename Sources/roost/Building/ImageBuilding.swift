import ArgumentParser
import ComposeModel
import ImageBuilder
import ImageStore
import LinuxSystem
import OCISpec
import Orchestrator
import RegistryClient
import Synchronization
import TerminalOutput
import YAMLComposer

/// The images of a project's services that are built here.
struct ImageBuilding {
    /// Which of them are built.
    enum Wish {
        /// Every one.
        case all
        /// Those that are missing, and those whose policy says so.
        case missing
        /// None; a missing one is an error that its service tells of.
        case none
    }

    let project: Project
    let choices: BuildChoices
    let options: ProjectOptions

    /// The images of a project, built as its files say.
    init(_ loaded: RunnableProject, _ options: ProjectOptions, isQuiet: Bool = false) {
        project = loaded.project
        var choices = BuildChoices()
        choices.isQuiet = isQuiet
        self.choices = choices
        self.options = options
    }

    init(project: Project, choices: BuildChoices, options: ProjectOptions) {
        self.project = project
        self.choices = choices
        self.options = options
    }

    private static var store: ImageStore {
        let roots = ProjectReading.roots
        return roots.images
    }

    /// Builds what is to be built of `services`, and what they are built from; the names of those that were.
    @discardableResult
    func build(_ services: [Service], _ wish: Wish) throws -> [String] {
        let store = Self.store
        let wanted = services.filter { service in
            guard service.isBuilt else { return false }
            switch wish {
            case .all: return true
            case .none: return false
            case .missing: return service.pullPolicy == .build || !isThere(service, store)
            }
        }
        let ordered = try withSources(wanted)
        guard !ordered.isEmpty else { return [] }
        let shared = try Self.resources(store)
        defer { shared.close() }
        let printer = options.buildPrinter(isQuiet: choices.isQuiet, namesServices: ordered.count > 1)
        defer { printer.finish() }
        let fetches = BaseFetches()
        var builds: [String: (request: ServiceImageBuild, source: BaseImages)] = [:]
        for service in ordered {
            guard let request = request(of: service) else { continue }
            builds[service.name] = (request, bases(of: service, store, fetches))
        }
        let all = builds
        let jobs = ordered.map { BuildJobs.Job(name: $0.name, needs: sources(of: $0)) }
        let limit = min(options.stepLimit ?? .max, Self.servicesAtOnce)
        let failures = try BuildJobs(jobs).run(atMost: limit, shared) { name in
            guard let (request, source) = all[name] else { return }
            try Self.build(name, request, source, shared, printer)
        }
        guard let first = failures.first else { return ordered.map(\.name) }
        printer.finish()
        let shown = failures.map { self.shown($0.error) }
        throw shown.first { !($0 is ExitCode) } ?? (shown.isEmpty ? first.error : shown[0])
    }

    private static func resources(_ store: ImageStore) throws -> BuilderResources {
        try BuilderResources(
            store: store,
            filters: ProjectReading.roots.storage + "/filters",
            fetcher: NetworkFetcher()
        ) { owner in
            try BuildGuard.start(
                for: owner,
                store: store,
                executable: CommandSession.executable,
                environment: CommandSession.environment
            )
        }
    }

    /// How many services are built at once; their steps are several more.
    private static let servicesAtOnce = 8

    /// Checks the Dockerfiles of services, and builds nothing; contexts that are elsewhere are fetched for that.
    func check(_ services: [Service]) throws {
        let requests = services.compactMap { service in request(of: service).map { (service, $0) } }
        let shared = requests.contains { $0.1.isRemote } ? try Self.resources(Self.store) : nil
        defer { shared?.close() }
        for (service, request) in requests {
            let source = bases(of: service, Self.store, BaseFetches())
            do {
                let located = try shared.map { try request.located($0) } ?? request
                report(try located.imageBuild().check(images: source))
            } catch { throw shown(error) }
        }
    }

    private func bases(of service: Service, _ store: ImageStore, _ fetches: BaseFetches) -> BaseImages {
        let built = project.services.filter(\.isBuilt).compactMap { ImageName(project.imageName(of: $0)) }
        return BaseImages(
            store: store,
            directory: project.directory,
            refreshes: choices.refreshesBases || service.build?.refreshesBases == true,
            ownImages: Set(built),
            fetches: fetches
        )
    }

    private func isThere(_ service: Service, _ store: ImageStore) -> Bool {
        let name = project.imageName(of: service)
        guard let reference = try? ImageReference(name, projectDirectory: project.directory) else { return false }
        return (try? store.resolve(reference)) != nil
    }

    private func request(of service: Service) -> ServiceImageBuild? {
        service.build.map {
            ServiceImageBuild(
                project: project,
                service: service,
                build: $0,
                choices: choices,
                environment: ProcessContext.environment
            )
        }
    }

    private static func build(
        _ name: String,
        _ request: ServiceImageBuild,
        _ source: BaseImages,
        _ shared: BuilderResources,
        _ printer: BuildPrinter
    ) throws {
        let build = try request.located(shared).imageBuild()
        let outcome = try build.run(shared, images: source, printer.reporter(for: name))
        printer.built(name, build.names[0], "\(outcome.id)")
        printer.interrupted { report(outcome.warnings) }
    }

    /// The services that a service is built from.
    private func sources(of service: Service) -> Set<String> {
        Set(
            (service.build?.contexts ?? []).filter { $0.value.hasPrefix("service:") }
                .map { String($0.value.dropFirst("service:".count)) }
        )
    }

    /// Those that are to be built, each after those it is built from.
    private func withSources(_ services: [Service]) throws -> [Service] {
        var ordered: [Service] = []
        var underWay: [String] = []
        func add(_ service: Service) throws {
            if ordered.contains(where: { $0.name == service.name }) { return }
            guard !underWay.contains(service.name) else {
                throw UserError(
                    "services are built from each other in a circle: \((underWay + [service.name]).joined(separator: " → "))"
                )
            }
            underWay.append(service.name)
            defer { underWay.removeLast() }
            for context in service.build?.contexts ?? [] where context.value.hasPrefix("service:") {
                let name = String(context.value.dropFirst("service:".count))
                guard let other = project.service(name) else {
                    throw UserError("services.\(service.name).build: there is no service \"\(name)\" to build from")
                }
                try add(other)
            }
            ordered.append(service)
        }
        for service in services { try add(service) }
        return ordered
    }

    /// Shows a failed build with its place and its output; what ends the command.
    private func shown(_ error: any Error) -> any Error {
        switch error {
        case let mistakes as ImageBuild.Mistakes: report(mistakes.diagnostics)
        case let failure as BuildError:
            report([Diagnostic(failure.message, at: failure.mark)])
            let tail = failure.output.map { "  | \($0)\n" }.joined()
            if !tail.isEmpty { ProcessContext.writeError("the last lines of its output:\n\(tail)") }
        default: return error
        }
        return ExitCode.failure
    }
}

/// Base images out of the store, by a transport, or from their registries.
struct BaseImages: BaseImageSource {
    let store: ImageStore
    /// Where relative paths begin.
    let directory: String
    /// Whether those are fetched too that the store has.
    var refreshes = false
    /// Images that are built here, and are in no registry.
    var ownImages: Set<ImageName> = []
    let fetches: BaseFetches

    func image(_ reference: String, _ platform: Platform) throws -> Image {
        let reference = try ImageReference(reference, projectDirectory: directory)
        guard case .name(let name) = reference, !ownImages.contains(name) else {
            return try store.resolve(reference, platform: platform)
        }
        if !refreshes {
            do throws(ImageError) { return try store.resolve(reference, platform: platform) } catch {
                guard error.code == .imageNotFound else { throw error }
            }
        }
        try fetches.once("\(name) \(platform)") { try ImageFetch.missing(name, platform, store) }
        return try store.resolve(reference, platform: platform)
    }
}

/// Fetches base images once, however many builds of a command stand on them.
final class BaseFetches: Sendable {
    /// One after the other: the layers of each come several at once.
    private let done = Mutex<Set<String>>([])

    /// Runs `body` unless it has done so for this key; others wait meanwhile.
    func once(_ key: String, _ body: () throws -> Void) throws {
        try done.withLock { done in
            guard !done.contains(key) else { return }
            try body()
            done.insert(key)
        }
    }
}

/// Fetches files for builds.
struct NetworkFetcher: FileFetcher {
    func fetch(_ request: FetchRequest, to path: String) throws -> FetchedFile? {
        var wanted = FileDownload.Request(request.address, known: request.known, limit: request.limit)
        wanted.authorization = request.authorization
        let answer = try FileDownload.perform(
            wanted,
            to: path,
            environment: request.environment,
            progress: request.progress
        )
        return answer.map {
            FetchedFile(digest: $0.digest, entityTag: $0.entityTag, modified: $0.modified)
        }
    }
}
