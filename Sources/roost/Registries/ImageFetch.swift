import ArgumentParser
import ComposeModel
import ImageStore
import OCISpec
import Orchestrator
import RegistryClient
import Synchronization
import TerminalOutput
import YAMLComposer

/// Fetches images, and shows how that goes.
struct ImageFetch {
    let store: ImageStore
    let printer: ProgressPrinter
    var insecureHosts: [String] = []
    /// Whether a failure is only a warning.
    var ignoresFailures = false

    /// How many images are fetched at once when nobody says it; their blobs take turns.
    private static let imagesAtOnce = 4
    private let limit: Int

    init(_ options: ProjectOptions, title: String, isQuiet: Bool) {
        let roots = ProjectReading.roots
        store = roots.images
        printer = options.progressPrinter(title, isQuiet: isQuiet)
        limit = options.stepLimit ?? Self.imagesAtOnce
    }

    /// Fetches the images that are due before a command touches any container.
    ///
    /// An image that can be built instead is no failure; with `builds`, those that can be built are.
    static func before(
        _ loaded: RunnableProject,
        _ options: ProjectOptions,
        choice: PullChoice,
        isQuiet: Bool,
        services: [String]? = nil,
        builds: Bool = false
    ) throws {
        // What is built anyway is not fetched first.
        let wanted = loaded.project.services.filter { service in
            (services?.contains(service.name) ?? true) && !(builds && service.isBuilt)
        }
        let images = try ServiceImages(wanted, directory: loaded.directory, choice: choice)
        guard !images.wishes.isEmpty else { return }
        let roots = ProjectReading.roots
        let store = roots.images
        let now = Int(WallTime.now.nanoseconds / 1_000_000_000)
        let due = try images.due(store, now: now).fetched
        guard !due.isEmpty else { return }
        try ImageFetch(options, title: "pull", isQuiet: isQuiet).fetch(due, of: loaded.tree)
    }

    /// Shows what `fetch` would ask registries for.
    func show(_ wishes: [ServiceImages.Wish]) {
        defer { printer.finish() }
        for wish in wishes { printer.report(Progress(.image, wish.text, "Would be pulled", .done)) }
    }

    /// Fetches images, several at once; ends the command when one could not be had.
    ///
    /// What fails is told at its place in `tree`, the project's.
    func fetch(_ wishes: [ServiceImages.Wish], of tree: YAMLNode? = nil) throws {
        defer { printer.finish() }
        let (store, printer, all, limit) = (store, printer, wishes, limit)
        let failures = try RegistryAccess.run(
            environment: ProcessContext.environment,
            store: store,
            insecureHosts: insecureHosts
        ) { access in
            await withTaskGroup(of: (Int, RegistryError)?.self) { group in
                var failures: [(Int, RegistryError)] = []
                for (number, wish) in all.enumerated() {
                    if number >= limit, let ended = await group.next(), let ended { failures.append(ended) }
                    group.addTask {
                        do throws(RegistryError) {
                            try await Self.fetch(wish, access, store, printer)
                            return nil
                        } catch { return (number, error) }
                    }
                }
                for await ended in group { if let ended { failures.append(ended) } }
                return failures.sorted { $0.0 < $1.0 }
            }
        }
        let fatal = failures.filter { !ignoresFailures && !all[$0.0].isBuilt }
        printer.finish()
        let marks = tree.map { SourceMarks($0) }
        report(
            failures.map { number, error in
                let place = all[number].services.first.map { "services.\($0).image" }
                return Diagnostic(
                    error.message,
                    at: place.flatMap { marks?[$0] },
                    severity: fatal.contains { $0.0 == number } ? .error : .warning,
                    path: place
                )
            }
        )
        if !fatal.isEmpty { throw ExitCode.failure }
    }

    /// Fetches one image that something is made from; shows nothing but what is to be told.
    static func missing(_ name: ImageName, _ platform: Platform?, _ store: ImageStore) throws {
        _ = try RegistryAccess.run(environment: ProcessContext.environment, store: store) { access in
            try await access.puller.pull(name, platform: platform) { event in
                if case .note(let text) = event { ProcessContext.writeError("warning: \(text)\n") }
            }
        }
        try store.noteCheck(of: name)
    }

    private static func fetch(
        _ wish: ServiceImages.Wish,
        _ access: RegistryAccess,
        _ store: ImageStore,
        _ printer: ProgressPrinter
    ) async throws(RegistryError) {
        printer.report(Progress(.image, wish.text, "Pulling", .working))
        do throws(RegistryError) {
            let pulled = try await access.puller.pull(
                wish.name,
                platform: wish.platform,
                // What can be built needs no registry.
                isPatient: !wish.isBuilt
            ) { event in
                show(event, of: wish.text, printer)
            }
            do throws(ImageError) { try store.noteCheck(of: wish.name) } catch {
                throw RegistryError(.store, error.message)
            }
            printer.report(Progress(.image, wish.text, pulled.isNew ? "Pulled" : "Up to date", .done))
        } catch {
            printer.report(
                Progress(.image, wish.text, wish.isBuilt ? "To be built" : "Error", wish.isBuilt ? .done : .failed)
            )
            throw error
        }
    }

    /// Shows what happens to a part of an image.
    static func show(_ event: TransferEvent, of image: String, _ printer: ProgressPrinter, verb: String = "Downloading")
    {
        switch event {
        case .note(let text): printer.interrupted { ProcessContext.writeError("warning: \(text)\n") }
        case .blob(let digest, let stage):
            let name = "\(image) \(digest.hexadecimal.prefix(12))"
            switch stage {
            case .waiting: printer.report(Progress(.layer, name, "Waiting", .working))
            case .shared: printer.report(Progress(.layer, name, "Waiting for another command", .working))
            case .moving(let done, let total):
                var progress = Progress(.layer, name, verb, .working)
                progress.bytes = Progress.Bytes(done: done, total: total)
                printer.report(progress)
            case .unpacking: printer.report(Progress(.layer, name, "Unpacking", .working))
            case .done(let wasThere):
                printer.report(Progress(.layer, name, wasThere ? "Exists" : "Done", .done))
            }
        }
    }
}
