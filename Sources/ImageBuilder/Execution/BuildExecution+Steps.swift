import ContainerRuntime
import ImageStore
import LinuxSystem
import OCISpec
import Synchronization

extension BuildExecution {
    // MARK: doing

    /// Does a step in a directory of its own, and keeps what it changed.
    func execute(_ step: BuildStep, _ beginning: StepBeginning, id: String) throws -> BuildSnapshot {
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
                    let found = try shared.findRepository(url, as: inputs.settings, commit: commit)
                    return try shared.fetchRepository(
                        found,
                        as: inputs.settings,
                        keepsGitDirectory: keepsGitDirectory
                    )
                },
                download: { try self.shared.fetchFile(self.wish($0, checksum: $1, beginning)) }
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
    func enqueueLayer(of id: StepID) throws {
        guard let layer = result(id)?.layers.last, !layer.isEmpty else { return }
        let snapshot = layer.snapshot
        if let written = snapshot.layer, snapshot.latestTime == inputs.settings.latestTime, shared.store.has(written) {
            return
        }
        schedule.change { $0.add(.layer(id)) }
    }

    /// Writes the archive of a step's layer.
    func writeLayer(of id: StepID) throws {
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
