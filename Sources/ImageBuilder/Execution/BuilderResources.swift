import ContainerRuntime
package import ImageStore
import LinuxSystem
import OCISpec
import Synchronization

/// What all builds of one process share: the store, its results, a place to work in, a network.
///
/// Made when a command begins to build; `close` ends it and leaves nothing behind.
package final class BuilderResources: Sendable {
    package let store: ImageStore
    package let snapshots: BuildSnapshots
    let place: WorkPlace
    /// Ends builds when another one of the same command has failed.
    let interruption = Interruption()
    let network: BuildNetwork
    let filters: FilterCache
    let digests: FileDigests
    let repositories = GitCheckouts()
    let contexts = FetchedContexts()
    private let downloads: DownloadedFiles
    /// Keys of steps that are being done, so that two builds don't do the same.
    let underWay = Monitor<Set<String>>([])
    /// Keeps results where they are.
    private let hold: OwnedDescriptor
    private let guardian = Mutex<BuildGuard?>(nil)
    private let intake = Mutex<ImageIntake?>(nil)
    private let startGuard: @Sendable (String) throws -> BuildGuard

    /// The resources of this process.
    ///
    /// `startGuard` starts the process that clears away what this one leaves when it is killed; it is given this
    /// process's name, and called when there is something to clear away. What others have left is removed first.
    package init(
        store: ImageStore,
        filters: String,
        fetcher: any FileFetcher,
        startGuard: @escaping @Sendable (String) throws -> BuildGuard
    ) throws {
        self.store = store
        snapshots = BuildSnapshots(in: store)
        try snapshots.make()
        hold = try snapshots.hold()
        let runtime = store.runtimeDirectory
        BuildLeftovers.sweep(snapshots, runtimeDirectory: runtime)
        place = WorkPlace(snapshots: snapshots, runtimeDirectory: runtime)
        network = BuildNetwork(owner: place.owner, runtimeDirectory: runtime)
        self.filters = FilterCache(directory: filters)
        downloads = DownloadedFiles(snapshots, place, fetcher, limit: store.limits.layerBytes)
        digests = FileDigests(path: "\(snapshots.directory)/digests")
        self.startGuard = startGuard
    }

    /// Makes sure that somebody clears away what this process may leave.
    func ensureGuard() throws {
        try guardian.withLock { guardian in
            if guardian == nil { guardian = try startGuard(place.owner) }
        }
    }

    /// Has layers of the store stay where they are as long as this process builds.
    func hold(_ layers: [ContentDigest]) throws {
        guard !layers.isEmpty else { return }
        let intake = try intake.withLock { intake in
            let known = try intake ?? store.beginIntake()
            intake = known
            return known
        }
        _ = try intake.hold(layers: layers)
    }

    /// Unpacks a layer that was written here; a directory that lasts as long as these resources unless it is moved.
    ///
    /// Blocks. Throws `BuildError`.
    func unpack(_ blob: String) throws -> String {
        let path = try place.makePath("layer")
        let file = try OwnedDescriptor.reading(blob)
        do throws(ImageError) {
            let unpack = try LayerUnpack.begin(
                into: path,
                reading: file,
                subject: "a layer",
                limits: store.limits,
                isHashed: false,
                program: store.program
            )
            return try unpack.finish().directory
        } catch { throw BuildError(.system, "\(error)") }
    }

    /// Does something for a key while nobody else does, in this process.
    func alone<Result>(_ key: String, _ body: () throws -> Result) rethrows -> Result {
        underWay.await { $0.insert(key).inserted ? () : nil }
        defer { underWay.change { _ = $0.remove(key) } }
        return try body()
    }

    /// The file that an address has.
    ///
    /// Blocks. Throws `BuildError`.
    func fetchFile(_ wish: FileWish) throws -> DownloadedFile {
        try alone("download \(wish.address)") { try downloads.file(wish) }
    }

    /// Removes what this process has made for its builds, but their results.
    package func close() {
        digests.save()
        intake.withLock { $0 = nil }
        network.remove()
        BuildLeftovers.removeGroup(of: place.owner)
        place.remove()
        guardian.withLock { guardian in
            guardian?.dismiss()
            guardian = nil
        }
    }
}
