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

    /// The file that whoever stages something in a directory holds a lock on: flock(2).
    static let intakeLock = "lock"
    /// The file that names what an intake relies on, one digest a line.
    static let intakeHolds = "holds"

    /// Runs `body` as the only one who makes something visible or removes it, after what dead processes left has been
    /// cleared.
    ///
    /// Waits for others, who take moments: flock(2). Not to be nested.
    func withLock<R: ~Copyable>(_ body: () throws(ImageError) -> R) throws(ImageError) -> R {
        try make()
        let lock = try lockFile("\(root)/lock")
        defer { _ = flock(lock.rawValue, LOCK_UN) }
        try attempt("clear \(staging)") { () throws(SyscallError) in _ = try clearStaging() }
        try recover()
        let layout = "\(root)/oci-layout"
        if access(layout, F_OK) != 0 { try replaceDurably(layout, Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)) }
        return try body()
    }

    /// Removes what dead processes have staged, and returns the directories of those that live.
    ///
    /// Only under the lock.
    @discardableResult
    func clearStaging() throws(SyscallError) -> [String] {
        let directory = try OwnedDescriptor.directory(staging)
        let entries = DirectoryEntries()
        var living: [String] = []
        while true {
            let batch = try entries.next(directory)
            if batch.isEmpty { return living }
            for entry in batch {
                let path = "\(staging)/\(entry.text)"
                if isHeld("\(path)/\(Self.intakeLock)") {
                    living.append(path)
                } else {
                    try directory.removeTree(entry.name)
                }
            }
        }
    }

    /// Whether somebody has a lock on a file.
    private func isHeld(_ path: String) -> Bool {
        let raw = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard raw >= 0 else { return false }
        let file = OwnedDescriptor(adopting: raw)
        return flock(file.rawValue, LOCK_EX | LOCK_NB) != 0
    }

    /// What living intakes rely on: digests of blobs and layers without their algorithm.
    ///
    /// Only under the lock.
    func held() throws(ImageError) -> Set<String> {
        let living = try attempt("read \(staging)") { () throws(SyscallError) in try clearStaging() }
        var held: Set<String> = []
        for directory in living {
            let bytes = try readWhole("\(directory)/\(Self.intakeHolds)", limit: 64 << 20) ?? []
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                held.insert(String(decoding: line, as: UTF8.self))
            }
        }
        return held
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
///
/// `subject` is what a document that came with an image is called, whose limit can be changed.
func readWhole(_ path: String, limit: Int, as subject: String? = nil) throws(ImageError) -> [UInt8]? {
    let raw = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if raw < 0 && errno == ENOENT { return nil }
    guard raw >= 0 else {
        throw .kernel("read \(path)", SyscallError(call: "open", subject: path, errno: .current))
    }
    let file = OwnedDescriptor(adopting: raw)
    let metadata = try attempt("read \(path)") { () throws(SyscallError) in try file.metadata() }
    guard metadata.kind == .regular else { throw ImageError(.invalidArchive, "read \(path): not a regular file") }
    guard metadata.size <= limit else {
        let message = "read \(subject ?? path): \(metadata.size) bytes, where \(limit) are allowed"
        throw subject == nil ? ImageError(.tooLarge, message) : ImageError(beyond: "document-bytes", message)
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
