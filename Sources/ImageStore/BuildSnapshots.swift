import Crypto
import FoundationEssentials
import Glibc
package import LinuxSystem
import OCISpec

/// What one step of a build has changed, as it is recorded.
package struct BuildSnapshot: Codable, Hashable, Sendable {
    package var version = 1
    /// The key of the step that made it, 64 hexadecimal digits.
    package var id: String
    /// When it was made, in nanoseconds since the epoch.
    package var created: Int64
    /// How long the step took, in nanoseconds.
    package var duration: Int64
    /// Bytes that its files take.
    package var size: Int64
    /// The step, for people.
    package var title: String
    /// Whether the step has changed nothing.
    package var isEmpty: Bool
    /// The boot in which it was made; nil when all of it is on the disk.
    package var boot: String?
    /// The layer of images that it has become.
    package var layer: WrittenLayer?
    /// The latest time in that layer: `SOURCE_DATE_EPOCH`.
    package var latestTime: Int64?

    /// A result that is no layer yet.
    package init(id: String, title: String, created: Int64, duration: Int64, size: Int64, isEmpty: Bool) {
        self.id = id
        self.title = title
        self.created = created
        self.duration = duration
        self.size = size
        self.isEmpty = isEmpty
        boot = Boot.name
    }
}

/// This boot.
enum Boot {
    /// Its random name: random(4).
    static let name = String(((try? readFile("/proc/sys/kernel/random/boot_id")) ?? "").prefix(8))
}

/// The results of build steps on disk, by their keys: what makes the next build fast.
///
/// A result is a directory in the form of an overlay's upper one, in `snapshots/<id>/fs`; when it has become a layer of
/// an image it is that layer's directory, and there is no copy. `keys/<key>` leads to the result of a key. Everything is made elsewhere
/// and renamed, so what is found is whole; what was not yet on the disk at a loss of power is known by its boot, and
/// passed over. Builds hold the lock as readers; whoever removes results holds it alone: flock(2).
package struct BuildSnapshots: Hashable, Sendable {
    /// `<store>/build`.
    package let directory: String
    private let files: StoreFiles

    /// The results in a store; nothing is made yet.
    package init(in store: ImageStore) {
        files = store.files
        directory = "\(store.root)/build"
    }

    /// Where builds work until a result is whole: one directory for each process, named after it.
    package var workDirectory: String { "\(directory)/work" }
    /// The directories of `RUN --mount=type=cache`.
    package var cachesDirectory: String { "\(directory)/caches" }
    /// Files that builds have fetched.
    package var downloadsDirectory: String { "\(directory)/downloads" }
    /// This boot's random name: what another one has written may not be whole.
    package var boot: String { Boot.name }

    /// Makes the directories, for root alone.
    package func make() throws(ImageError) {
        // It is made last.
        if access(cachesDirectory, F_OK) == 0 { return }
        try makeStoreDirectories(files.root, mode: 0o711)
        for name in ["", "/snapshots", "/keys", "/work", "/caches"] {
            try makeStoreDirectories("\(directory)\(name)", mode: 0o700)
        }
    }

    /// Keeps all results where they are for as long as the value lives.
    ///
    /// Waits for one who removes results.
    package func hold() throws(ImageError) -> OwnedDescriptor { try lock(LOCK_SH) }

    /// Lets nobody build until the value ends; nil when a build is under way.
    package func holdAlone() throws(ImageError) -> OwnedDescriptor? {
        do { return try lock(LOCK_EX | LOCK_NB) } catch {
            guard error.cause?.errno.rawValue == EWOULDBLOCK else { throw error }
            return nil
        }
    }

    private func lock(_ operation: CInt) throws(ImageError) -> OwnedDescriptor {
        let path = "\(directory)/lock"
        let raw = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard raw >= 0 else {
            throw .kernel("hold the build cache", SyscallError(call: "open", subject: path, errno: .current))
        }
        let file = OwnedDescriptor(adopting: raw)
        while flock(file.rawValue, operation) != 0 {
            let reason = Errno.current
            guard reason.rawValue == EINTR else {
                throw .kernel("hold the build cache", SyscallError(call: "flock", subject: path, errno: reason))
            }
        }
        return file
    }

    // MARK: finding

    /// The result of a key; nil when there is none that can be used.
    package func find(_ key: String) -> BuildSnapshot? {
        var buffer = [UInt8](repeating: 0, count: 128)
        let count = buffer.withUnsafeMutableBytes { buffer in
            guard let start = buffer.bindMemory(to: CChar.self).baseAddress else { return -1 }
            return readlink("\(directory)/keys/\(key)", start, buffer.count)
        }
        guard count > 0 else { return nil }
        let id = String(decoding: buffer[..<count], as: UTF8.self)
        return isPlainName(id) ? record(id) : nil
    }

    /// A result by its own id, checked to be there.
    private func record(_ id: String) -> BuildSnapshot? {
        // What can't be read is made anew.
        guard let bytes = try? readBytes("\(directory)/snapshots/\(id)/record.json"),
            let record = try? JSONDecoder().decode(BuildSnapshot.self, from: Data(bytes)),
            record.version == 1, record.id == id, record.boot == nil || record.boot == Boot.name,
            record.isEmpty || access(path(of: record), F_OK) == 0
        else { return nil }
        return record
    }

    /// The directory with a result's files.
    package func path(of snapshot: BuildSnapshot) -> String {
        // Recorded as a layer before it is moved there.
        guard let layer = snapshot.layer, ownDirectory(of: snapshot) == nil else { return ownPath(of: snapshot) }
        return files.layer(layer.diffID)
    }

    /// The directory with a result's files, unless it has become that of a layer.
    package func ownDirectory(of snapshot: BuildSnapshot) -> String? {
        let own = ownPath(of: snapshot)
        return access(own, F_OK) == 0 ? own : nil
    }

    private func ownPath(of snapshot: BuildSnapshot) -> String { "\(directory)/snapshots/\(snapshot.id)/fs" }

    /// Whether the store has a layer unpacked.
    package func isUnpacked(_ layer: WrittenLayer) -> Bool { access(files.layer(layer.diffID), F_OK) == 0 }

    /// Opens the directory with a result's files, wherever it is at the moment.
    package func open(_ snapshot: BuildSnapshot) throws(ImageError) -> OwnedDescriptor {
        do throws(SyscallError) { return try OwnedDescriptor.path(path(of: snapshot)) } catch {
            // It has become a layer since its record was read.
            guard error.errno.rawValue == ENOENT, let now = record(snapshot.id) else {
                throw .kernel("use the result of an earlier build", error)
            }
            return try attempt("use the result of an earlier build") { () throws(SyscallError) in
                try OwnedDescriptor.path(path(of: now))
            }
        }
    }

    /// Notes that a result was used now, for those who look for what nobody uses.
    package func touch(_ snapshot: BuildSnapshot) {
        // Whoever removes the oldest first is mistaken about this one otherwise, and nothing more.
        _ = utimensat(AT_FDCWD, "\(directory)/snapshots/\(snapshot.id)", nil, 0)
    }

    // MARK: adding

    /// Takes a directory `fs` within `work` as the result of a step; one that is there already stays.
    package func add(_ snapshot: BuildSnapshot, from work: String) throws(ImageError) -> BuildSnapshot {
        try write(snapshot, at: "\(work)/record.json")
        let place = "\(directory)/snapshots/\(snapshot.id)"
        if rename(work, place) != 0 {
            let reason = Errno.current
            guard [ENOTEMPTY, EEXIST].contains(reason.rawValue) else {
                throw .kernel("keep a step's result", SyscallError(call: "rename", subject: place, errno: reason))
            }
            // Another build was faster; what is there but can't be used makes room.
            if let known = record(snapshot.id) {
                try alias(snapshot.id, to: known)
                return known
            }
            try attempt("keep a step's result") { () throws(SyscallError) in
                try OwnedDescriptor.directory("\(directory)/snapshots").removeTree(snapshot.id)
            }
            guard rename(work, place) == 0 else {
                throw .kernel("keep a step's result", SyscallError(call: "rename", subject: place, errno: .current))
            }
        }
        try alias(snapshot.id, to: snapshot)
        return snapshot
    }

    /// Has a key lead to a result: symlink(2), rename(2).
    package func alias(_ key: String, to snapshot: BuildSnapshot) throws(ImageError) {
        let link = "\(directory)/keys/\(key)"
        if symlink(snapshot.id, link) == 0 { return }
        let temporary = "\(link).\(getpid())"
        unlink(temporary)
        guard symlink(snapshot.id, temporary) == 0, rename(temporary, link) == 0 else {
            throw .kernel("keep a step's result", SyscallError(call: "symlink", subject: link, errno: .current))
        }
    }

    /// Replaces a result's record.
    package func update(_ snapshot: BuildSnapshot) throws(ImageError) {
        try write(snapshot, at: "\(directory)/snapshots/\(snapshot.id)/record.json")
    }

    private func write(_ snapshot: BuildSnapshot, at path: String) throws(ImageError) {
        let bytes = try encoded(snapshot)
        try attempt("keep a step's result") { () throws(SyscallError) in try replaceFile(path, bytes) }
    }

    // MARK: removing

    /// All results, those that can't be used too, with the time of their last use in nanoseconds since the epoch.
    package func all() -> [(id: String, snapshot: BuildSnapshot?, lastUse: Int64)] {
        namesInDirectory("\(directory)/snapshots").map { id in
            let metadata = try? FileMetadata.of("\(directory)/snapshots/\(id)")
            let time = metadata?.modified
            return (id, record(id), (time?.seconds ?? 0) * 1_000_000_000 + (time?.nanoseconds ?? 0))
        }
    }

    /// Removes a result, but not the layer of an image that it has become.
    package func remove(_ id: String) throws(ImageError) {
        try attempt("remove a step's result") { () throws(SyscallError) in
            // The record first: without it the rest is nothing.
            unlink("\(directory)/snapshots/\(id)/record.json")
            try OwnedDescriptor.directory("\(directory)/snapshots").removeTree(id)
        }
    }

    /// Removes keys that lead to nothing.
    package func removeDeadKeys() {
        for key in namesInDirectory("\(directory)/keys") where find(key) == nil { unlink("\(directory)/keys/\(key)") }
    }
}

/// Whether a process is gone that named itself `<pid>.<start time>`.
package func isGone(_ owner: String) -> Bool {
    let parts = owner.split(separator: ".")
    guard parts.count == 2, let pid = Int32(parts[0]), let start = UInt64(parts[1]) else { return true }
    return ProcessIdentity(of: pid)?.start != start
}
