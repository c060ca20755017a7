import FoundationEssentials
import Glibc
import ImageStore
import LinuxSystem

/// Results of steps in a directory that is carried from machine to machine: `cache_to` and `cache_from` with `type=local`.
///
/// `<key>.json` tells of a result, `<key>.layer` is what it has changed. Whoever may write there decides what builds that
/// read it contain; what is read has to have the digest that is told, and no bytes beyond the store's limits.
struct LocalCache {
    private struct Record: Codable {
        var version = 1
        var snapshot: BuildSnapshot
        /// Nil for a step that changed nothing.
        var layer: WrittenLayer?
    }

    let directory: String

    /// Writes a result under its own key, unless it is there.
    func export(_ layer: SnapshotLayer, latestTime: Int64?) throws {
        let path = "\(directory)/\(layer.id).json"
        if fileExists(path) { return }
        try makeDirectories(directory, mode: 0o755)
        var record = Record(snapshot: layer.snapshot)
        record.snapshot.layer = nil
        record.snapshot.boot = nil
        if !layer.isEmpty {
            var options = LayerWriter.Options()
            options.latestTime = latestTime
            let place = "\(directory)/\(layer.id).layer"
            removeFile("\(place).new")
            let source = try OwnedDescriptor.directory("/proc/self/fd/\(try layer.directory())")
            record.layer = try LayerWriter.write(source, to: "\(place).new", options)
            _ = try SyscallError.checkErrno(rename("\(place).new", place), "rename", place)
        }
        let bytes = Array(try JSONEncoder().encode(record))
        // Last: who finds it finds the layer too.
        try replaceFile(path, bytes, mode: 0o644)
    }

    /// Takes the result of a key over; nil when there is none.
    func take(_ key: String, into shared: BuilderResources) throws -> BuildSnapshot? {
        guard let bytes = try? readBytes("\(directory)/\(key).json"),
            let record = try? JSONDecoder().decode(Record.self, from: Data(bytes)), record.version == 1,
            // Nothing comes in under a key that nobody has asked for.
            record.snapshot.id == key
        else { return nil }
        let place = try shared.place.makeStep()
        do {
            if let layer = record.layer {
                try OwnedDescriptor.directory(place.path).removeTree("fs")
                try unpack(layer, key, to: place.changes, shared)
            }
            try place.removeScaffold()
            var snapshot = BuildSnapshot(
                id: key,
                title: record.snapshot.title,
                created: record.snapshot.created,
                duration: record.snapshot.duration,
                size: try StepChanges(of: place.changes).size,
                isEmpty: record.layer == nil
            )
            snapshot.title = String(snapshot.title.prefix(1000))
            return try shared.snapshots.add(snapshot, from: place.path)
        } catch {
            WorkPlace.removeDirectory(place.path)
            throw BuildError(.wrongContent, "the cache \(directory): \(error)")
        }
    }

    private func unpack(_ layer: WrittenLayer, _ id: String, to path: String, _ shared: BuilderResources) throws {
        let place = try OwnedDescriptor.directory(directory)
        let file = try OwnedDescriptor.regularFile("\(id).layer", inRoot: place.rawValue)
        let unpack = try LayerUnpack.begin(
            into: path,
            reading: file,
            subject: "the layer \(id.prefix(12))",
            limits: shared.store.limits,
            program: shared.store.program
        )
        guard try unpack.finish().diffID == layer.diffID else {
            throw BuildError(.wrongContent, "the layer \(id.prefix(12)) has another content than it should; remove it")
        }
    }
}
