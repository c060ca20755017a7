import Glibc
import LinuxSystem
import OCISpec

/// Where content lies that registries send, until all of an image is there.
///
/// Any number of processes work in this directory. Whoever holds flock(2) on the file of a blob's digest writes that blob
/// and unpacks it; what is finished gets a name with the boot's, since after a loss of power it may not be whole.
struct IntakeFiles: Hashable, Sendable {
    // Without a name nothing is told apart from what was there before the boot, which is at worst fetched again.
    private static let boot = String(((try? readFile("/proc/sys/kernel/random/boot_id")) ?? "").prefix(8))

    let store: StoreFiles

    var directory: String { "\(store.root)/downloads" }

    /// What has come of a blob so far; also the file that is locked.
    func partial(_ digest: ContentDigest) -> String { "\(directory)/\(digest.hexadecimal)" }
    /// A blob that has been verified since the host booted.
    func verified(_ digest: ContentDigest) -> String { "\(directory)/\(digest.hexadecimal).\(Self.boot)" }
    /// A layer that has been unpacked since the host booted.
    func layer(_ diffID: ContentDigest) -> String { "\(directory)/\(diffID.hexadecimal).layer.\(Self.boot)" }

    /// Makes the directory.
    func make() throws(ImageError) {
        try makeStoreDirectories(store.root, mode: 0o711)
        try makeStoreDirectories(directory, mode: 0o700)
    }

    /// The file that holds a blob, verified: still here, or in the store.
    func blob(_ digest: ContentDigest) -> String? {
        // In the order in which a commit moves it: looked for the other way round it could be in neither place.
        [verified(digest), store.blob(digest)].first { access($0, F_OK) == 0 }
    }

    /// The directory that holds an unpacked layer: still here, or in the store.
    func unpacked(_ diffID: ContentDigest) -> String? {
        [layer(diffID), store.layer(diffID)].first { access($0, F_OK) == 0 }
    }

    /// Opens and locks the file of a blob; nil while another process or task holds it.
    func lock(_ digest: ContentDigest) throws(ImageError) -> OwnedDescriptor? {
        let path = partial(digest)
        while true {
            let raw = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard raw >= 0 else {
                throw .kernel("take in \(digest)", SyscallError(call: "open", subject: path, errno: .current))
            }
            let file = OwnedDescriptor(adopting: raw)
            guard flock(raw, LOCK_EX | LOCK_NB) == 0 else {
                let reason = Errno.current
                if reason.rawValue == EWOULDBLOCK { return nil }
                if reason.rawValue == EINTR { continue }
                throw .kernel("take in \(digest)", SyscallError(call: "flock", subject: path, errno: reason))
            }
            // Whoever held it before may have given the file another name.
            let (mine, theirs) = try attempt("take in \(digest)") { () throws(SyscallError) in
                (try file.metadata(), try FileMetadata.of(path))
            }
            if mine.inode == theirs?.inode { return file }
        }
    }

    /// Removes blobs and layers that are here, but for what somebody holds.
    func discard(blobs: [ContentDigest], layers: [ContentDigest]) throws(ImageError) {
        guard access(directory, F_OK) == 0 else { return }
        for digest in blobs {
            guard let file = try lock(digest) else { continue }
            unlink(verified(digest))
            unlink(partial(digest))
            withExtendedLifetime(file.rawValue) {}
        }
        try attempt("clear \(directory)") { () throws(SyscallError) in
            let place = try OwnedDescriptor.directory(directory)
            for diffID in layers { try place.removeTree("\(diffID.hexadecimal).layer.\(Self.boot)") }
        }
    }

    /// Removes what nobody has touched for a while and nobody holds; what survived a boot is partial again.
    ///
    /// Returns how many bytes of files went.
    @discardableResult
    func clear(olderThan seconds: Int64) throws(ImageError) -> Int64 {
        guard access(directory, F_OK) == 0 else { return 0 }
        return try attempt("clear \(directory)") { () throws(SyscallError) in
            let place = try OwnedDescriptor.directory(directory)
            let entries = DirectoryEntries()
            var freed: Int64 = 0
            while true {
                let batch = try entries.next(place)
                if batch.isEmpty { return freed }
                for entry in batch {
                    guard let found = try place.metadata(ofEntry: entry.name) else { continue }
                    let name = String(decoding: entry.name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
                    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
                    let isOfThisBoot = parts.last.map(String.init) == Self.boot
                    if found.kind == .regular, parts.count == 2, !isOfThisBoot {
                        // Nobody else knows this name: the boot that gave it is over.
                        _ = rename("\(directory)/\(name)", "\(directory)/\(parts[0])")
                        continue
                    }
                    let isStale =
                        parts.count > 1 && parts.last == "layer" || (name.contains(".layer.") && !isOfThisBoot)
                    guard isStale || time(nil) - Int(found.modified.seconds) > seconds else { continue }
                    guard try isFree(String(parts[0]), place) else { continue }
                    if found.kind == .regular { freed += found.size }
                    try place.removeTree(entry.name)
                }
            }
        }
    }

    /// Whether nobody holds the blob that an entry belongs to.
    private func isFree(_ digits: String, _ place: borrowing OwnedDescriptor) throws(SyscallError) -> Bool {
        let raw = openat(place.rawValue, digits, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard raw >= 0 else { return true }
        return try OwnedDescriptor(adopting: raw).tryLock()
    }
}
