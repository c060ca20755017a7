import Glibc
import LinuxSystem

/// Places to mount on that a filesystem lacks, as a layer above it for the time of one step.
///
/// What a command changes lies in another directory, so nothing has to be found and removed there afterwards, which a
/// command could lead elsewhere (CVE-2024-23652).
struct StubLayer {
    private let path: String

    /// A layer in a directory, which is made.
    init(_ path: String) { self.path = path }

    /// Adds an empty directory or file at a place, with copies of the directories above it.
    func add(_ place: RootPath, isDirectory: Bool, in root: borrowing OwnedDescriptor) throws(SyscallError) {
        try makeDirectories(path, mode: 0o755)
        var current = try OwnedDescriptor.directory(path)
        var reached: [String] = []
        for name in place.present {
            reached.append(name)
            let like = try root.openAt(path: reached.joined(separator: "/"), O_PATH | O_NOFOLLOW, [.inRoot, .noLinks])
                .metadata()
            current = try enter(name, in: current, like)
        }
        for (index, name) in place.missing.enumerated() {
            if index < place.missing.count - 1 || isDirectory {
                current = try enter(name, in: current, FileMetadata(kind: .directory, permissions: 0o755))
            } else {
                let raw = openat(current.rawValue, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
                _ = OwnedDescriptor(adopting: try SyscallError.checkErrno(raw, "openat", name))
            }
        }
    }

    private func enter(
        _ name: String,
        in directory: borrowing OwnedDescriptor,
        _ like: FileMetadata
    ) throws(SyscallError) -> OwnedDescriptor {
        let isNew = mkdirat(directory.rawValue, name, 0o755) == 0
        guard isNew || errno == EEXIST else {
            throw SyscallError(call: "mkdirat", subject: name, errno: .current)
        }
        let made = try directory.openAt(path: name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, [.beneath, .noLinks])
        guard isNew else { return made }
        _ = try SyscallError.checkErrno(fchown(made.rawValue, like.owner, like.group), "fchown", name)
        _ = try SyscallError.checkErrno(fchmod(made.rawValue, mode_t(like.permissions)), "fchmod", name)
        return made
    }
}
