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

    struct State {
        var results: [StepID: StepFilesystem] = [:]
        var trees: [StepID: SourceTree] = [:]
        var blobs: [StepID: String] = [:]
        var content: [FileSelection: String] = [:]
    }

    let inputs: Inputs
    let shared: BuilderResources
    let reporter: any BuildReporter
    let run: RunSurroundings
    let state = Mutex(State())
    let schedule: Monitor<StepSchedule>
    private let layerSteps: Set<StepID>

    var plan: BuildPlan { inputs.plan }

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
                    let identities = try identities(of: step, nil), let snapshot = try find(step, identities)
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

    // MARK: doing

    private func perform(_ step: BuildStep) throws {
        let clock = ContinuousClock()
        let start = clock.now
        let beginning = StepBeginning(step, reporter)
        do {
            if step.mayUseCache, let quick = try identities(of: step, nil), let known = try find(step, quick) {
                return finish(step, known)
            }
            guard let identities = try identities(of: step, beginning) else { return }
            let key = key(of: step, identities)
            if step.mayUseCache, let known = try find(step, identities) {
                // What it is made from changed, and the files that it takes did not.
                if let quick = try self.identities(of: step, nil) {
                    try shared.snapshots.alias(self.key(of: step, quick), to: known)
                }
                return finish(step, known)
            }
            let made = try shared.alone(key) { () throws -> BuildSnapshot? in
                // Another build may have done it while this one waited.
                if step.mayUseCache, try find(step, identities) != nil { return nil }
                beginning.announce()
                return try execute(step, beginning, id: step.mayUseCache ? key : Self.randomID())
            }
            guard let snapshot = try made ?? find(step, identities) else {
                throw BuildError(.system, "the result of \(step.title) has gone; build again")
            }
            var keys: Set<String> = [key]
            if let quick = try self.identities(of: step, nil) { keys.insert(self.key(of: step, quick)) }
            for key in keys where key != snapshot.id { try shared.snapshots.alias(key, to: snapshot) }
            keep(step.id, filesystem(of: step, adding: SnapshotLayer(snapshot, in: shared.snapshots)))
            // Another build has done it.
            reporter.ended(step, made != nil ? .done(clock.now - start) : .cached)
        } catch {
            if beginning.isAnnounced { reporter.ended(step, .failed(clock.now - start)) }
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
