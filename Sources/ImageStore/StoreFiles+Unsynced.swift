import Crypto
import Glibc
import LinuxSystem
import OCISpec
import Synchronization

/// What became visible without having been written to the disk first.
///
/// Waiting for the disk would take most of the time of a pull, and on a busy machine for what others write as well. So
/// nobody waits: who makes something visible lists it here first, durably. While the machine runs, everybody sees it
/// whole. After a boot, what is listed is not believed: blobs are hashed again, layers removed and unpacked again when
/// they are needed. A process that lives longer writes everything to the disk later, and empties the list.
struct UnsyncedRecord: Codable, Hashable {
    var version = 1
    /// The boot in which it was written.
    var boot: String
    var blobs: Set<ContentDigest> = []
    var layers: Set<ContentDigest> = []
}

extension StoreFiles {
    private var unsynced: String { "\(root)/unsynced.json" }

    /// What is not on the disk for sure; nil when all is.
    func unsyncedRecord() throws(ImageError) -> UnsyncedRecord? {
        guard let bytes = try readWhole(unsynced, limit: 64 << 20) else { return nil }
        return try decodeDocument(UnsyncedRecord.self, bytes, "read \(unsynced)", code: .damagedStore)
    }

    /// Whether there is something from an earlier boot to look at, before anything in the store is believed.
    func needsRecovery() throws(ImageError) -> Bool {
        guard let record = try unsyncedRecord() else { return false }
        return record.boot != bootName
    }

    /// Lists what is about to become visible.
    ///
    /// Only under the lock, before it does.
    func list(blobs: some Sequence<ContentDigest>, layers: some Sequence<ContentDigest>) throws(ImageError) {
        guard !bootName.isEmpty else {
            // Without a name, no later boot could be told from this one.
            return try synchronise()
        }
        var record = try unsyncedRecord() ?? UnsyncedRecord(boot: bootName)
        record.blobs.formUnion(blobs)
        record.layers.formUnion(layers)
        try replaceDurably(unsynced, try encoded(record))
    }

    /// Removes what is listed from an earlier boot and is not what its name says, and all such layers.
    ///
    /// Only under the lock. Images that lose their description that way are no images any more.
    func recover() throws(ImageError) {
        guard let record = try unsyncedRecord(), record.boot != bootName else { return }
        for digest in record.blobs where try !isIntact(digest) {
            guard unlink(blob(digest)) == 0 || errno == ENOENT else {
                throw .kernel("clear \(root)", SyscallError(call: "unlink", subject: blob(digest), errno: .current))
            }
        }
        try attempt("clear \(root)/layers") { () throws(SyscallError) in
            let directory = try OwnedDescriptor.directory("\(root)/layers")
            for layer in record.layers { try directory.removeTree(String(layer.hexadecimal)) }
        }
        if let bytes = try readWhole(index, limit: 64 << 20) {
            var index = try decodeDocument(ImageIndex.self, bytes, "read \(self.index)", code: .damagedStore)
            var kept: [Descriptor] = []
            for entry in index.manifests where try isDescribed(entry) { kept.append(entry) }
            index.manifests = kept
            try replaceDurably(self.index, try encoded(index))
        }
        try synchronise()
        unlink(unsynced)
    }

    private func isDescribed(_ entry: Descriptor) throws(ImageError) -> Bool {
        guard let bytes = try readWhole(blob(entry.digest), limit: 4 << 20) else { return false }
        let manifest = try decodeDocument(ImageManifest.self, bytes, "read \(entry.digest)", code: .damagedStore)
        return fileExists(blob(manifest.config.digest))
    }

    private func isIntact(_ digest: ContentDigest) throws(ImageError) -> Bool {
        let raw = open(blob(digest), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard raw >= 0 else { return false }
        let file = OwnedDescriptor(adopting: raw)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var hash = SHA256()
        while true {
            let count = read(file.rawValue, buffer.baseAddress, buffer.count)
            if count < 0 && errno == EINTR { continue }
            // What can't be read is as good as gone.
            guard count >= 0 else { return false }
            if count == 0 { return ContentDigest(hash.finalize()) == digest }
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]))
        }
    }

    /// Writes everything to the disk, and takes what was listed before from the list: syncfs(2).
    ///
    /// Not under the lock: it may take long. Returns whether something was listed.
    func settle() throws(ImageError) -> Bool {
        guard let before = try unsyncedRecord(), before.boot == bootName else { return false }
        try synchronise()
        try withLock { () throws(ImageError) in
            guard var record = try unsyncedRecord() else { return }
            record.blobs.subtract(before.blobs)
            record.layers.subtract(before.layers)
            if record.blobs.isEmpty && record.layers.isEmpty {
                unlink(unsynced)
            } else {
                try replaceDurably(unsynced, try encoded(record))
            }
        }
        return true
    }

    /// Puts everything of the store on the disk: syncfs(2).
    private func synchronise() throws(ImageError) {
        try attempt("write \(root)") { () throws(SyscallError) in
            try OwnedDescriptor.directory(root).synchroniseFilesystem()
        }
    }
}

/// The boot's random name; empty when /proc does not tell it: random(4).
let bootName = String(((try? readFile("/proc/sys/kernel/random/boot_id")) ?? "").prefix(8))

extension ImageStore {
    /// Has a thread write to the disk what is not there yet, after a while, when there is something; once in a process.
    ///
    /// For processes that live on. When one ends before, the next one does it.
    package func settleLater() {
        guard access("\(root)/unsynced.json", F_OK) == 0 else { return }
        let settling = Settling(files)
        guard Settling.begin() else { return }
        // Without a thread the next process does it.
        try? OwnThread.start { settling.run() }
    }
}

/// The thread of `settleLater`.
private final class Settling: Sendable {
    private static let hasBegun = Mutex(false)
    private let files: StoreFiles

    init(_ files: StoreFiles) { self.files = files }

    /// False when there is one already.
    static func begin() -> Bool {
        hasBegun.withLock { hasBegun in
            defer { hasBegun = true }
            return !hasBegun
        }
    }

    func run() {
        // The kernel writes most of it by itself within this time, and then it takes no others' time.
        repeat { sleep(40) } while (try? files.settle()) == true  // what fails is tried by the next process
        Self.hasBegun.withLock { $0 = false }
    }
}
