import Glibc
import ImageStore
import LinuxSystem
import Synchronization

/// Where one process builds: directories named after it, so that others know what a killed one has left.
final class WorkPlace: Sendable {
    /// `<pid>.<start time>`.
    let owner: String
    /// On the disk, beside the results.
    let directory: String
    /// Among what is running, which is in memory: secrets and small files of steps.
    let memory: String
    /// The control group of its steps.
    var group: String { Self.group(of: owner) }
    private let count = Mutex(0)

    static func group(of owner: String) -> String { "/roost/build-\(owner)" }

    /// The places of this process; nothing is made yet.
    init(snapshots: BuildSnapshots, runtimeDirectory: String) {
        let identity = ProcessIdentity(of: getpid())
        owner = "\(getpid()).\(identity?.start ?? 0)"
        directory = "\(snapshots.workDirectory)/\(owner)"
        memory = "\(runtimeDirectory)/build/\(owner)"
    }

    /// A name that nothing has yet.
    func next() -> Int {
        count.withLock {
            $0 += 1
            return $0
        }
    }

    /// Makes a directory of a step on the disk, with `fs` and `work` in it.
    func makeStep() throws(SyscallError) -> StepPlace {
        let path = "\(directory)/\(next())"
        try makeDirectories(path)
        for name in ["fs", "work"] { try makeDirectories("\(path)/\(name)", mode: 0o755) }
        return StepPlace(path: path)
    }

    /// A path on the disk that nothing has yet.
    func makePath(_ name: String) throws(SyscallError) -> String {
        try makeDirectories(directory)
        return "\(directory)/\(name)-\(next())"
    }

    /// Makes a directory of a step in memory, for root alone.
    func makeMemory() throws(SyscallError) -> String {
        let path = "\(memory)/\(next())"
        try makeDirectories(path)
        return path
    }

    /// Removes both places.
    func remove() {
        for path in [directory, memory] { Self.removeDirectory(path) }
    }

    /// Removes a directory with all that is in it; what can't be removed is the next build's to remove.
    static func removeDirectory(_ path: String) {
        guard let cut = path.lastIndex(of: "/"), fileExists(path) else { return }
        try? OwnedDescriptor.directory(String(path[..<cut])).removeTree(String(path[path.index(after: cut)...]))
    }
}

/// A step's directory on the disk: `fs` takes what it changes, `work` is overlayfs's.
struct StepPlace {
    let path: String
    var changes: String { "\(path)/fs" }
    var work: String { "\(path)/work" }
    /// Places to mount on that the filesystem lacks.
    var stubs: String { "\(path)/stubs" }
    /// What lies below the changes when nothing else does.
    var empty: String { "\(path)/empty" }

    /// Removes the sign that overlayfs leaves so that nobody mounts a layer again that was not written out.
    func forgetVolatility() throws(SyscallError) {
        try OwnedDescriptor.directory("\(work)/work").removeTree("incompat")
    }

    /// Removes all but the changes.
    func removeScaffold() throws(SyscallError) {
        let place = try OwnedDescriptor.directory(path)
        try place.removeTree("work")
        try place.removeTree("stubs")
        try place.removeTree("empty")
    }
}
