import Crypto
import Glibc
import LinuxSystem
import OCISpec

/// The store's files: where they are, and the ways to change them that a crash leaves whole.
struct StoreFiles: Hashable, Sendable {
    /// The store's directory, absolute.
    let root: String

    var index: String { "\(root)/index.json" }
    var staging: String { "\(root)/staging" }

    func blob(_ digest: ContentDigest) -> String { "\(root)/blobs/sha256/\(digest.hexadecimal)" }
    func layer(_ diffID: ContentDigest) -> String { "\(root)/layers/\(diffID.hexadecimal)" }

    /// Makes the store's directories, which nobody but root enters: layers hold set-user-ID programs of images.
    func make() throws(ImageError) {
        try makeStoreDirectories(root, mode: 0o711)
        for name in ["blobs", "blobs/sha256", "layers", "staging", "imports"] {
            try makeStoreDirectories("\(root)/\(name)", mode: 0o700)
        }
    }

    /// Writes down that this is an image layout; under the lock.
    private func markLayout() throws(ImageError) {
        let layout = "\(root)/oci-layout"
        if access(layout, F_OK) != 0 { try replaceDurably(layout, Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)) }
    }

    /// Runs `body` as the only writer of the store, after what a crashed writer left has been cleared.
    ///
    /// Waits for another writer to end: flock(2).
    func withLock<R>(_ body: () throws(ImageError) -> R) throws(ImageError) -> R {
        try make()
        let lock = try lockFile("\(root)/lock")
        defer { _ = flock(lock.rawValue, LOCK_UN) }
        try markLayout()
        try attempt("clear \(staging)") { () throws(SyscallError) in try clearStaging() }
        // What isn't needed is gone at once, most of all on a full disk; what stays is the next writer's to clear.
        defer { try? clearStaging() }
        return try body()
    }

    private func clearStaging() throws(SyscallError) {
        let directory = try OwnedDescriptor.directory(staging)
        let entries = DirectoryEntries()
        while true {
            let batch = try entries.next(directory)
            if batch.isEmpty { return }
            for entry in batch { try directory.removeTree(entry.name) }
        }
    }
}

/// Opens a file to lock, makes it when it isn't there, and waits for the exclusive lock: flock(2).
func lockFile(_ path: String) throws(ImageError) -> OwnedDescriptor {
    let purpose = "lock \(path)"
    let raw = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard raw >= 0 else { throw .kernel(purpose, SyscallError(call: "open", subject: path, errno: .current)) }
    let file = OwnedDescriptor(adopting: raw)
    while flock(raw, LOCK_EX) != 0 {
        let reason = Errno.current
        guard reason.rawValue == EINTR else {
            throw .kernel(purpose, SyscallError(call: "flock", subject: path, errno: reason))
        }
    }
    return file
}

/// Makes a directory and those above it, as `mkdir -p` does; those above get mode 0755.
func makeStoreDirectories(_ path: String, mode: mode_t) throws(ImageError) {
    guard mkdir(path, mode) != 0 else { return }
    let reason = Errno.current
    if reason.rawValue == EEXIST { return }
    guard reason.rawValue == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
        throw .kernel("make a directory", SyscallError(call: "mkdir", subject: path, errno: reason))
    }
    try makeStoreDirectories(String(path[..<slash]), mode: 0o755)
    try makeStoreDirectories(path, mode: mode)
}

/// Replaces a file as a whole: written and synced under another name, then renamed.
///
/// The other name is the same every time: whoever writes holds a lock.
func replaceDurably(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o600) throws(ImageError) {
    let temporary = "\(path).new"
    func fail(_ call: String) -> ImageError {
        .kernel("write \(path)", SyscallError(call: call, subject: temporary, errno: .current))
    }
    let raw = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
    guard raw >= 0 else { throw fail("open") }
    let file = OwnedDescriptor(adopting: raw)
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes { write(raw, $0.baseAddress?.advanced(by: done), bytes.count - done) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw fail("write") }
        done += count
    }
    guard fdatasync(file.rawValue) == 0 else { throw fail("fdatasync") }
    guard rename(temporary, path) == 0 else { throw fail("rename") }
}

/// Reads a file of at most `limit` bytes; nil when there is none.
func readWhole(_ path: String, limit: Int) throws(ImageError) -> [UInt8]? {
    let raw = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if raw < 0 && errno == ENOENT { return nil }
    guard raw >= 0 else {
        throw .kernel("read \(path)", SyscallError(call: "open", subject: path, errno: .current))
    }
    let file = OwnedDescriptor(adopting: raw)
    let metadata = try attempt("read \(path)") { () throws(SyscallError) in try file.metadata() }
    guard metadata.kind == .regular else { throw ImageError(.invalidArchive, "read \(path): not a regular file") }
    guard metadata.size <= limit else {
        throw ImageError(.tooLarge, "read \(path): \(metadata.size) bytes, where \(limit) are allowed")
    }
    var bytes = [UInt8](repeating: 0, count: Int(metadata.size))
    var done = 0
    while done < bytes.count {
        let wanted = bytes.count - done
        let count = bytes.withUnsafeMutableBytes { read(raw, $0.baseAddress?.advanced(by: done), wanted) }
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else {
            throw .kernel("read \(path)", SyscallError(call: "read", subject: path, errno: .current))
        }
        if count == 0 { break }
        done += count
    }
    bytes.removeLast(bytes.count - done)
    return bytes
}

extension ContentDigest {
    /// The digest of some bytes.
    init(of bytes: some Sequence<UInt8>) {
        self.init(SHA256.hash(data: Array(bytes)))
    }

    /// A digest as the library computes it.
    init(_ digest: SHA256.Digest) {
        guard let value = ContentDigest(bytes: digest) else { preconditionFailure("a SHA-256 has 32 bytes") }
        self = value
    }
}
