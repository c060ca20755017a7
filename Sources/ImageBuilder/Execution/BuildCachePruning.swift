import Glibc
package import ImageStore
import LinuxSystem

/// Which results of builds are removed, and with them directories of `RUN --mount=type=cache` and files that were fetched.
package struct BuildCachePruning: Sendable {
    /// Bytes that may stay; nil for none.
    package var keptBytes: Int64?
    /// Only what was last used before this time, in nanoseconds since the epoch; nil for all.
    package var usedBefore: Int64?

    /// All of it.
    package init() {}

    /// What was removed.
    package struct Result: Hashable, Sendable {
        /// Results, cache directories and files that were fetched.
        package var count = 0
        /// Bytes that are free now.
        ///
        /// What has become a layer of an image is the image's.
        package var bytes: Int64 = 0
    }

    private struct Candidate {
        var id: String
        /// The directory that it is in when it is no result of a step.
        var place: String?
        var bytes: Int64
        var lastUse: Int64
    }

    /// Removes what was used longest ago first; a crash leaves what is whole, and rubbish that the next one removes.
    ///
    /// Nil when a build is under way: its results can't be told from others. Blocks.
    package func run(in store: ImageStore) throws -> Result? {
        let snapshots = BuildSnapshots(in: store)
        guard fileExists(snapshots.directory) else { return Result() }
        guard let alone = try snapshots.holdAlone() else { return nil }
        defer { withExtendedLifetime(alone.rawValue) {} }
        BuildLeftovers.sweep(snapshots, runtimeDirectory: store.runtimeDirectory)
        let candidates = candidates(snapshots).sorted { $0.lastUse < $1.lastUse }
        var total = candidates.reduce(0) { $0 + $1.bytes }
        var result = Result()
        for candidate in candidates {
            if let keptBytes, total <= keptBytes { break }
            if let usedBefore, candidate.lastUse >= usedBefore { break }
            if let place = candidate.place {
                try OwnedDescriptor.directory(place).removeTree(candidate.id)
            } else {
                try snapshots.remove(candidate.id)
            }
            total -= candidate.bytes
            result.count += 1
            result.bytes += candidate.bytes
        }
        snapshots.removeDeadKeys()
        if namesInDirectory(snapshots.downloadsDirectory).allSatisfy({ $0.hasSuffix(".json") }) {
            // What is known of addresses is worth nothing without a file.
            try OwnedDescriptor.directory(snapshots.directory).removeTree("downloads")
        }
        return result
    }

    /// Bytes that results and cache directories take, and how many there are.
    package static func usage(of store: ImageStore) -> Result {
        let candidates = BuildCachePruning().candidates(BuildSnapshots(in: store))
        return Result(count: candidates.count, bytes: candidates.reduce(0) { $0 + $1.bytes })
    }

    private func candidates(_ snapshots: BuildSnapshots) -> [Candidate] {
        var result = snapshots.all().map { id, snapshot, lastUse in
            let isLayer = snapshot.map { $0.layer != nil && !fileExists("\(snapshots.directory)/snapshots/\(id)/fs") }
            let bytes = isLayer == true ? 0 : snapshot?.size ?? 0
            return Candidate(id: id, place: nil, bytes: bytes, lastUse: lastUse)
        }
        for name in namesInDirectory(snapshots.cachesDirectory) {
            let path = "\(snapshots.cachesDirectory)/\(name)"
            // What has just gone takes nothing.
            let size = (try? StepChanges(of: path))?.size ?? 0
            let time = (try? FileMetadata.of(path))?.modified
            let lastUse = (time?.seconds ?? 0) * 1_000_000_000 + (time?.nanoseconds ?? 0)
            result.append(Candidate(id: name, place: snapshots.cachesDirectory, bytes: size, lastUse: lastUse))
        }
        for name in namesInDirectory(snapshots.downloadsDirectory) where !name.hasSuffix(".json") {
            guard let metadata = try? FileMetadata.of("\(snapshots.downloadsDirectory)/\(name)") else { continue }
            let lastUse = metadata.modified.seconds * 1_000_000_000 + metadata.modified.nanoseconds
            let place = snapshots.downloadsDirectory
            result.append(Candidate(id: name, place: place, bytes: metadata.size, lastUse: lastUse))
        }
        return result
    }
}
