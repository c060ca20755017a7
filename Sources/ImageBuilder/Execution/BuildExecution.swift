import ContainerRuntime
import Glibc
import ImageStore
import LinuxSystem
import OCISpec
import Synchronization
import YAMLComposer

/// Does the steps of one plan: looks up what is there, and does the rest as parallel as the steps allow.
final class BuildExecution: Sendable {
    /// What the steps of a plan work with.
    struct Inputs: Sendable {
        var plan: BuildPlan
        var settings: BuildSettings
        /// Images by how the plan names them.
        var images: [ExternalImage: BaseFilesystem]
        /// Opens a context.
        var openContext: @Sendable (BuildContext) throws -> SourceTree
    }

    private struct State {
        var results: [StepID: StepFilesystem] = [:]
        var trees: [StepID: SourceTree] = [:]
        var blobs: [StepID: String] = [:]
        var content: [FileSelection: String] = [:]
    }

    private let inputs: Inputs
    private let shared: BuilderResources
    private let reporter: any BuildReporter
    private let run: RunSurroundings
    private let state = Mutex(State())
    private let schedule: Monitor<StepSchedule>
    private let layerSteps: Set<StepID>

    private var plan: BuildPlan { inputs.plan }

    /// An execution; `perform` does it.
    init(_ inputs: Inputs, _ shared: BuilderResources, _ reporter: any BuildReporter) throws {
        self.inputs = inputs
        self.shared = shared
        self.reporter = reporter
        run = try RunSurroundings(inputs.settings, shared.place, shared.network, filters: shared.filters)
        schedule = Monitor(StepSchedule([], done: []))
        layerSteps = Set(inputs.plan.target.layers)
    }

    /// Does all that is not there; returns the target's layers, lowest first, each with its new blob.
    func perform() throws -> [(layer: SnapshotLayer, blob: String?)] {
        reporter.planned(plan.steps)
        let done = try lookUp()
        schedule.change { $0 = StepSchedule(plan.steps, done: done) }
        for id in layerSteps where done.contains(id) { try enqueueLayer(of: id) }
        if !schedule.change({ $0.isOver }) {
            try shared.hold(layersInUse)
            try shared.interruption.during({ self.interrupt() }) {
                try runOnThreads(max(4, sysconf(CInt(_SC_NPROCESSORS_ONLN)))) { self.work() }
            }
        }
        if let failure = schedule.change({ $0.failure }) { throw failure }
        return plan.target.layers.compactMap { id in
            guard let layer = result(id)?.layers.last else { return nil }
            return (layer, state.withLock { $0.blobs[id] })
        }
    }

    private func work() {
        while true {
            let next = schedule.await { schedule -> StepSchedule.Job?? in
                if schedule.isOver { return .some(nil) }
                if let job = schedule.next() { return job }
                // Those under way end, whatever they find.
                return schedule.failure == nil ? nil : .some(nil)
            }
            guard let job = next else { return }
            do {
                switch job {
                case .step(let id):
                    try perform(plan[id])
                    if layerSteps.contains(id) { try enqueueLayer(of: id) }
                case .layer(let id): try writeLayer(of: id)
                }
                schedule.change { $0.finish(job) }
            } catch {
                schedule.change { $0.fail(error) }
                run.running.endAll()
            }
        }
    }

    private func interrupt() {
        schedule.change { $0.interrupt(BuildError(.interrupted, "another build has failed")) }
        run.running.endAll()
    }

    func result(_ id: StepID) -> StepFilesystem? { state.withLock { $0.results[id] } }

    /// Layers of the store that the steps to come stand on.
    private var layersInUse: [ContentDigest] {
        let known = state.withLock { $0.results.values.flatMap(\.layers) }.compactMap { $0.layer?.diffID }
        return Array(Set(known + inputs.images.values.flatMap(\.image.diffIDs)))
    }

    /// All layers that steps have made or found.
    var allLayers: [SnapshotLayer] { state.withLock { $0.results.values.compactMap(\.layers.last) } }

    private func keep(_ id: StepID, _ result: StepFilesystem) { state.withLock { $0.results[id] = result } }

    // MARK: looking up

    /// Finds what needs not be done, in the order of the plan, without a thread.
    private func lookUp() throws -> Set<StepID> {
        var done: Set<StepID> = []
        for step in plan.steps {
            switch step.operation {
            case .image(let image):
                guard let base = inputs.images[image.image] else {
                    throw BuildError(.notFound, "image \(image.image.reference) was not resolved", at: step.mark)
                }
                keep(step.id, StepFilesystem(base: base, layers: [], key: base.key))
                done.insert(step.id)
            case .context: done.insert(step.id)
            case .copy, .run, .directory:
                guard step.mayUseCache, step.dependencies.allSatisfy(done.contains),
                    let identities = try identities(of: step, isQuick: true), let snapshot = try find(step, identities)
                else { continue }
                keep(step.id, filesystem(of: step, adding: SnapshotLayer(snapshot, in: shared.snapshots)))
                reporter.ended(step, .cached)
                done.insert(step.id)
            }
        }
        return done
    }

    private func find(_ step: BuildStep, _ identities: [BuildInput.Identity]) throws -> BuildSnapshot? {
        let key = key(of: step, identities)
        if let snapshot = shared.snapshots.find(key) {
            shared.snapshots.touch(snapshot)
            return snapshot
        }
        for directory in inputs.settings.cacheSources {
            if let snapshot = try LocalCache(directory: directory).take(key, into: shared) { return snapshot }
        }
        return nil
    }

    /// Writes all results to the directories that are to have them.
    func exportCache() throws {
        for directory in inputs.settings.cacheTargets {
            for step in plan.steps {
                guard step.stage != nil, let layer = result(step.id)?.layers.last else { continue }
                do {
                    try LocalCache(directory: directory).export(layer, latestTime: inputs.settings.latestTime)
                } catch { throw BuildError(.system, "write the cache \(directory): \(error)") }
            }
        }
    }

    private func key(of step: BuildStep, _ identities: [BuildInput.Identity]) -> String {
        CacheKey.of(step, base: step.base.flatMap { result($0)?.key }, inputs: identities)
    }

    private func filesystem(of step: BuildStep, adding layer: SnapshotLayer) -> StepFilesystem {
        let base = step.base.flatMap { result($0) } ?? StepFilesystem(base: nil, layers: [], key: "")
        var filesystem = base.adding(layer)
        if step.isIndependentOfBase {
            // The layer is the same on any base; what stands on both is not.
            var text = CanonicalText()
            text.add("base", base.key)
            text.add("layer", layer.id)
            filesystem.key = text.digest
        }
        return filesystem
    }

    /// What is known of a step's inputs; with `isQuick` without looking into other steps' files, nil when that is not enough.
    private func identities(of step: BuildStep, isQuick: Bool) throws -> [BuildInput.Identity]? {
        var identities: [BuildInput.Identity] = []
        for input in step.inputs {
            switch input {
            case .files(let selection):
                if isQuick, let result = result(selection.source) {
                    identities.append(.result(result.key))
                } else {
                    do { identities.append(.content(try content(of: selection))) } catch let error as BuildError {
                        throw error.at(step.mark)
                    }
                }
            case .repository(let url):
                if isQuick && shared.repositories.known(url) == nil { return nil }
                let environment = inputs.settings.environment
                let found = try shared.findRepository(url, environment: environment, commit: nil)
                identities.append(.content(found.commit))
            case .download(let address):
                // Whether the server has something else now is a question that takes its time.
                if isQuick { return nil }
                let environment = inputs.settings.environment
                let file = try shared.fetchFile(address, checksum: nil, environment: environment)
                identities.append(.content(file.digest.rawValue))
            }
        }
        return identities
    }

    private func content(of selection: FileSelection) throws -> String {
        if let known = state.withLock({ $0.content[selection] }) { return known }
        let digest = try SelectionDigest.of(selection, in: try tree(selection.source), shared.digests)
        let text = String(digest.hexadecimal)
        state.withLock { $0.content[selection] = text }
        return text
    }

    /// The files of a context or of what a step has left.
    func tree(_ id: StepID) throws -> SourceTree {
        if let known = state.withLock({ $0.trees[id] }) { return known }
        let tree: SourceTree
        if case .context(let context) = plan[id].operation {
            tree = try inputs.openContext(context)
        } else {
            let filesystem = result(id)
            let directories = try filesystem?.directories() ?? []
            let subject = plan[id].stage.map { "stage \(label(ofStage: $0))" } ?? plan[id].title
            guard !directories.isEmpty else {
                throw BuildError(.notFound, "there is nothing in \(subject)")
            }
            let mount = try BuildOverlay.mount(directories)
            tree = SourceTree(mount.takeDescriptor(), isContext: false, subject: subject, keeping: filesystem)
        }
        return state.withLock { state in
            let first = state.trees[id] ?? tree
            state.trees[id] = first
            return first
        }
    }

    private func label(ofStage index: Int) -> String {
        plan.stages.first { $0.index == index }?.label ?? "\(index)"
    }

    // MARK: doing

    private func perform(_ step: BuildStep) throws {
        let clock = ContinuousClock()
        let start = clock.now
        var hasBegun = false
        do {
            if step.mayUseCache, let quick = try identities(of: step, isQuick: true), let known = try find(step, quick)
            {
                return finish(step, known)
            }
            guard let identities = try identities(of: step, isQuick: false) else { return }
            let key = key(of: step, identities)
            if step.mayUseCache, let known = try find(step, identities) {
                // What it is made from changed, and the files that it takes did not.
                if let quick = try self.identities(of: step, isQuick: true) {
                    try shared.snapshots.alias(self.key(of: step, quick), to: known)
                }
                return finish(step, known)
            }
            let made = try shared.alone(key) { () throws -> BuildSnapshot? in
                // Another build may have done it while this one waited.
                if step.mayUseCache, try find(step, identities) != nil { return nil }
                reporter.began(step)
                hasBegun = true
                return try execute(step, id: step.mayUseCache ? key : Self.randomID())
            }
            guard let snapshot = try made ?? find(step, identities) else {
                throw BuildError(.system, "the result of \(step.title) has gone; build again")
            }
            var keys: Set<String> = [key]
            if let quick = try self.identities(of: step, isQuick: true) { keys.insert(self.key(of: step, quick)) }
            for key in keys where key != snapshot.id { try shared.snapshots.alias(key, to: snapshot) }
            keep(step.id, filesystem(of: step, adding: SnapshotLayer(snapshot, in: shared.snapshots)))
            // Another build has done it.
            reporter.ended(step, hasBegun ? .done(clock.now - start) : .cached)
        } catch {
            if hasBegun { reporter.ended(step, .failed(clock.now - start)) }
            throw (error as? BuildError ?? BuildError(.system, "\(error)")).at(step.mark)
        }
    }

    private func finish(_ step: BuildStep, _ snapshot: BuildSnapshot) {
        keep(step.id, filesystem(of: step, adding: SnapshotLayer(snapshot, in: shared.snapshots)))
        reporter.ended(step, .cached)
    }

    private static func randomID() -> String {
        (0..<4).map { _ in
            let digits = String(UInt64.random(in: .min ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        .joined()
    }

    private func execute(_ step: BuildStep, id: String) throws -> BuildSnapshot {
        let place = try shared.place.makeStep()
        do {
            let clock = ContinuousClock()
            let start = clock.now
            let base = step.base.flatMap { result($0) }
            let copying = CopyStep(
                latestTime: inputs.settings.latestTime,
                tree: { try self.tree($0) },
                archives: AddedArchive(store: shared.store, place: shared.place),
                repository: { [shared, inputs] url, commit, keepsGitDirectory in
                    let environment = inputs.settings.environment
                    let found = try shared.findRepository(url, environment: environment, commit: commit)
                    return try shared.fetchRepository(
                        found,
                        environment: environment,
                        keepsGitDirectory: keepsGitDirectory
                    )
                },
                download: { [shared, inputs] address, checksum in
                    try shared.fetchFile(address, checksum: checksum, environment: inputs.settings.environment)
                }
            )
            switch step.operation {
            case .image, .context: break
            case .directory(let operation): try copying.makeDirectory(operation, on: base, in: place)
            case .copy(let operation):
                try copying.copy(operation, onto: base, accounts: base, in: place)
            case .run(let operation):
                try shared.ensureGuard()
                try execute(operation, of: step, on: base, in: place)
            }
            try place.removeScaffold()
            let changes = try StepChanges(of: place.changes)
            let snapshot = BuildSnapshot(
                id: id,
                title: step.title,
                created: Self.now(),
                duration: (clock.now - start).nanoseconds,
                size: changes.size,
                isEmpty: changes.entries == 0
            )
            return try shared.snapshots.add(snapshot, from: place.path)
        } catch {
            WorkPlace.removeDirectory(place.path)
            throw error
        }
    }

    private func execute(
        _ operation: RunOperation,
        of step: BuildStep,
        on base: StepFilesystem?,
        in place: StepPlace
    ) throws {
        let tail = Mutex(OutputTail())
        let mounts = try RunMounts(
            settings: inputs.settings,
            place: shared.place,
            snapshots: shared.snapshots,
            tree: { try self.tree($0) },
            filesystem: { self.result($0) }
        )
        .make(operation.mounts)
        let reporter = reporter
        let command = RunStep(operation: operation, surroundings: run) { bytes in
            let bytes = Array(bytes)
            tail.withLock { $0.add(bytes) }
            reporter.wrote(step, bytes)
        }
        let status: ProcessStatus
        do { status = try command.run(on: base, in: place, mounts) } catch let error as ContainerError {
            guard let code = error.shellStatus else { throw BuildError(.system, "\(error)") }
            throw BuildError(.commandFailed(status: code), "\(error)")
        }
        withExtendedLifetime(mounts) {}
        guard status == .exited(0) else {
            let how =
                switch status {
                case .exited(let code): "ended with status \(code)"
                case .signaled(let signal): "was ended by signal \(signal)"
                }
            var error = BuildError(.commandFailed(status: status.shellStatus), "\(step.title) \(how)")
            error.output = tail.withLock { $0.lines }
            throw error
        }
    }

    private static func now() -> Int64 {
        let now = FileMetadata.Timestamp.now
        return now.seconds * 1_000_000_000 + now.nanoseconds
    }

    // MARK: layers

    /// Has a step's layer written unless the store has it, as it is wanted now.
    private func enqueueLayer(of id: StepID) throws {
        guard let layer = result(id)?.layers.last, !layer.isEmpty else { return }
        let snapshot = layer.snapshot
        if let written = snapshot.layer, snapshot.latestTime == inputs.settings.latestTime, shared.store.has(written) {
            return
        }
        schedule.change { $0.add(.layer(id)) }
    }

    private func writeLayer(of id: StepID) throws {
        guard let layer = result(id)?.layers.last else { return }
        let blob = try shared.place.makePath("blob")
        var options = LayerWriter.Options()
        options.compression = inputs.settings.compression
        options.latestTime = inputs.settings.latestTime
        let directory = try OwnedDescriptor.directory("/proc/self/fd/\(try layer.directory())")
        let written: WrittenLayer
        do { written = try LayerWriter.write(directory, to: blob, options) } catch {
            throw BuildError(.system, "\(error)", at: plan[id].mark)
        }
        state.withLock { $0.blobs[id] = blob }
        layer.setWritten(written, latestTime: options.latestTime)
    }
}

extension BuildError {
    /// The same at an instruction, unless it has a place already.
    func at(_ mark: SourceMark?) -> BuildError {
        var error = self
        error.mark = error.mark ?? mark
        return error
    }
}

extension Duration {
    /// In whole nanoseconds.
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}

/// The last lines of what a command writes.
struct OutputTail {
    private var bytes: [UInt8] = []
    private static let limit = 8192

    mutating func add(_ more: [UInt8]) {
        bytes += more
        if bytes.count > 2 * Self.limit { bytes.removeFirst(bytes.count - Self.limit) }
    }

    /// At most twenty.
    var lines: [String] {
        bytes.split(separator: 0x0A).suffix(20).map { String(decoding: $0, as: UTF8.self) }
    }
}
