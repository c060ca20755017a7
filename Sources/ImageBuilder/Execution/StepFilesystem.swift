import Glibc
package import ImageStore
import LinuxSystem
import Synchronization

/// What a stage starts from: an image whose layers lie unpacked, or a directory of the host.
package final class BaseFilesystem: Sendable {
    /// The image.
    package let image: Image
    /// What the cache knows it by, 64 hexadecimal digits.
    package let key: String
    private let opened = Mutex<[CInt]?>(nil)

    /// The filesystem of an image.
    package init(_ image: Image, key: String) {
        self.image = image
        self.key = key
    }

    deinit { for number in opened.withLock({ $0 ?? [] }) { _ = OwnedDescriptor(adopting: number) } }

    /// Its directories, highest first; lent as long as the value lives.
    func directories() throws -> [CInt] {
        try opened.withLock { opened in
            if let opened { return opened }
            var numbers: [CInt] = []
            let root = image.rootFilesystem
            if let mask = root.mask {
                for path in root.lowerDirectories.dropLast() {
                    numbers.append(try OwnedDescriptor.directory(path).release())
                }
                let base = try root.maskedBase(MaskMount(of: mask))
                numbers.append(base.takeDescriptor().release())
            } else {
                for path in root.lowerDirectories { numbers.append(try OwnedDescriptor.directory(path).release()) }
            }
            opened = numbers
            return numbers
        }
    }
}

/// What one step has changed; shared by all that stand on it.
package final class SnapshotLayer: Sendable {
    private struct State: ~Copyable {
        var snapshot: BuildSnapshot
        var directory: OwnedDescriptor?
        /// The layer that was written of it now, which the store does not have yet.
        var written: WrittenLayer?
        var latestTime: Int64?
    }

    private let snapshots: BuildSnapshots
    private let state: Mutex<State>
    /// The key of the step that made it.
    package let id: String
    /// Whether the step has changed nothing.
    package let isEmpty: Bool

    init(_ snapshot: BuildSnapshot, in snapshots: BuildSnapshots) {
        self.snapshots = snapshots
        id = snapshot.id
        isEmpty = snapshot.isEmpty
        state = Mutex(State(snapshot: snapshot))
    }

    /// What is recorded of it.
    package var snapshot: BuildSnapshot { state.withLock { $0.snapshot } }

    /// Its directory, wherever that is by now; lent as long as the value lives.
    func directory() throws -> CInt {
        try state.withLock { state in
            if let number = state.directory?.rawValue { return number }
            let directory = try snapshots.open(state.snapshot)
            let number = directory.rawValue
            state.directory = consume directory
            return number
        }
    }

    /// Remembers the layer that was written of it.
    func setWritten(_ layer: WrittenLayer, latestTime: Int64?) {
        state.withLock {
            $0.written = layer
            $0.latestTime = latestTime
        }
    }

    /// The layer that was written of it now, or is recorded.
    var layer: WrittenLayer? { state.withLock { $0.written ?? $0.snapshot.layer } }

    /// What its image shall have; `blob` is where the layer was written, nil when the store has it.
    ///
    /// `unpack` puts the blob's files into a directory: where the result has become a layer with other times, which is that
    /// layer's for good.
    func part(blob: String?, unpack: (String) throws -> String) throws -> BuiltImage.Layer? {
        let (snapshot, written) = state.withLock { ($0.snapshot, $0.written ?? $0.snapshot.layer) }
        guard let written else { return nil }
        guard let blob, !snapshots.isUnpacked(written) else { return .init(written, blob: blob, directory: nil) }
        let directory = try snapshots.ownDirectory(of: snapshot) ?? unpack(blob)
        return .init(written, blob: blob, directory: directory)
    }

    /// Records that it is a layer, before it becomes one; where it lies is found either way.
    func recordLayer() throws {
        let changed = state.withLock { state -> BuildSnapshot? in
            guard let written = state.written, state.snapshot.layer != written else { return nil }
            // One that was killed in between has recorded a layer that never came to be.
            if state.snapshot.layer == nil || snapshots.ownDirectory(of: state.snapshot) != nil {
                state.snapshot.layer = written
                state.snapshot.latestTime = state.latestTime
            }
            return state.snapshot
        }
        if let changed { try snapshots.update(changed) }
    }

    /// Records that all of it is on the disk.
    func recordDurability() throws {
        let changed = state.withLock { state -> BuildSnapshot? in
            guard state.snapshot.boot != nil else { return nil }
            state.snapshot.boot = nil
            return state.snapshot
        }
        if let changed { try snapshots.update(changed) }
    }
}

/// The filesystem that a step leaves: a base, and what the steps since have changed.
package struct StepFilesystem: Sendable {
    /// Nil for an empty one.
    package var base: BaseFilesystem?
    /// Lowest first.
    package var layers: [SnapshotLayer]
    /// What the cache knows it by.
    package var key: String

    /// A filesystem of a base and layers, lowest first.
    package init(base: BaseFilesystem?, layers: [SnapshotLayer], key: String) {
        self.base = base
        self.layers = layers
        self.key = key
    }

    /// Whether it is a directory of the host and nothing else, `rootfs:/` perhaps.
    var isHost: Bool { layers.isEmpty && base?.image.directory != nil }

    /// The same with one more layer on top.
    func adding(_ layer: SnapshotLayer) -> StepFilesystem {
        StepFilesystem(base: base, layers: layers + [layer], key: layer.id)
    }

    /// Its directories, highest first, without those that hold nothing; lent as long as the value lives.
    func directories() throws -> [CInt] {
        var numbers: [CInt] = []
        var seen: Set<String> = []
        // overlayfs refuses one directory twice; of two equal layers the higher one alone has the same effect.
        for layer in layers.reversed() where !layer.isEmpty {
            let path = layer.layer.map { "\($0.diffID)" } ?? layer.id
            if seen.insert(path).inserted { numbers.append(try layer.directory()) }
        }
        return numbers + (try base?.directories() ?? [])
    }
}
