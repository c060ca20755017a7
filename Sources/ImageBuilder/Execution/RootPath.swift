import Glibc
import LinuxSystem

/// Where a path leads within a root, found without leaving it: links are followed as if the root were "/".
struct RootPath {
    /// The part that is there, without links: its components.
    var present: [String]
    /// The part that is not there.
    var missing: [String]
    /// What the present part is.
    var kind: FileMetadata.Kind

    var isThere: Bool { missing.isEmpty }
    /// All of it, absolute.
    var path: String { "/" + (present + missing).joined(separator: "/") }
    /// All of it, relative to the root; "." for the root.
    var relative: String { present.isEmpty && missing.isEmpty ? "." : (present + missing).joined(separator: "/") }
    var presentRelative: String { present.isEmpty ? "." : present.joined(separator: "/") }

    /// Follows `path` from `root`, a directory that nobody changes meanwhile; with `followsLast` a link at its end too.
    ///
    /// Throws `ELOOP` after forty links, and `ENOTDIR` where it goes on beneath something that is no directory.
    init(
        _ path: String,
        in root: borrowing OwnedDescriptor,
        followsLast: Bool = true
    ) throws(SyscallError) {
        var waiting = Self.components(path)[...]
        present = []
        missing = []
        kind = .directory
        var links = 0
        while let component = waiting.popFirst() {
            if component == ".." {
                _ = present.popLast()
                kind = .directory
                continue
            }
            let candidate = (present + [component]).joined(separator: "/")
            let found: OwnedDescriptor
            do throws(SyscallError) {
                found = try root.openAt(path: candidate, O_PATH | O_NOFOLLOW, [.inRoot, .noMagicLinks, .noLinks])
            } catch {
                guard error.errno.rawValue == ENOENT else { throw error }
                missing = [component] + waiting
                return
            }
            let metadata = try found.metadata()
            guard metadata.kind == .symbolicLink, followsLast || !waiting.isEmpty else {
                present.append(component)
                kind = metadata.kind
                if kind != .directory, !waiting.isEmpty {
                    throw SyscallError(call: "open", subject: "/\(candidate)", errno: Errno(rawValue: ENOTDIR))
                }
                continue
            }
            links += 1
            guard links <= 40 else {
                throw SyscallError(call: "open", subject: path, errno: Errno(rawValue: ELOOP))
            }
            let target = String(decoding: try found.linkTarget(candidate), as: UTF8.self)
            if target.hasPrefix("/") { present = [] }
            kind = .directory
            waiting = Self.components(target) + waiting
        }
    }

    private static func components(_ path: String) -> [String] {
        path.split(separator: "/").filter { $0 != "." }.map { String($0) }
    }
}

/// `O_PATH`, which the C library hides.
let O_PATH: CInt = 0o10000000
