import Glibc
import LinuxSystem

/// Writes copied files below a directory of a step's filesystem: every file is a new one, and no link is followed.
final class FileCopier: SourceSink {
    /// How what is written differs from what is read.
    struct Options {
        /// Whom files belong to; nil to leave that as it is.
        var owner: (user: UInt32, group: UInt32)?
        var mode: ModeChange?
        /// No file is younger, in seconds since the epoch.
        var latestTime: Int64?
    }

    private let options: Options
    /// The directories on the way, the innermost last; owned, but for the first.
    private var directories: [CInt]
    private var pending: [(metadata: FileMetadata, isNew: Bool)] = []
    /// The name of the top instead of its own; nil when what it holds goes into the first directory itself.
    private let topName: [CChar]?

    /// Writes into `target`, which is lent, under `name`; without a name, what a directory holds goes into `target` itself.
    init(into target: CInt, as name: String?, _ options: Options) {
        self.options = options
        directories = [target]
        topName = name.map { Array($0.utf8CString) }
    }

    deinit { for directory in directories.dropFirst() { close(directory) } }

    private var isAtTop: Bool { pending.isEmpty }
    private var current: CInt { directories[directories.count - 1] }

    func enter(_ name: [CChar], _ metadata: FileMetadata, _ directory: borrowing OwnedDescriptor) throws {
        guard let name = isAtTop ? topName : name else {
            let copy = fcntl(current, F_DUPFD_CLOEXEC, 3)
            directories.append(try SyscallError.checkErrno(copy, "fcntl", "a directory"))
            return pending.append((metadata, false))
        }
        let isNew = mkdirat(current, name, 0o700) == 0
        guard isNew || errno == EEXIST else {
            throw SyscallError(call: "mkdirat", subject: SourceTree.text(name), errno: .current)
        }
        let opened = openat(current, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard opened >= 0 else {
            let reason = Errno.current
            guard [ENOTDIR, ELOOP].contains(reason.rawValue) else {
                throw SyscallError(call: "openat", subject: SourceTree.text(name), errno: reason)
            }
            throw BuildError(
                .notFound,
                "the directory \(SourceTree.text(name)) can't be copied over what is no directory there"
            )
        }
        directories.append(opened)
        pending.append((metadata, isNew))
        if isNew {
            try setOwner(opened, metadata, name)
            try copyAttributes(from: directory.rawValue, to: opened)
        }
    }

    func leave() throws {
        guard let (metadata, isNew) = pending.popLast() else { return }
        let directory = OwnedDescriptor(adopting: directories.removeLast())
        // What was there before keeps its mode; `--chmod` and `--chown` are for what is copied.
        guard isNew else { return }
        let mode = mode(metadata)
        _ = try SyscallError.checkErrno(fchmod(directory.rawValue, mode_t(mode)), "fchmod", "a directory")
        time(metadata).set(of: directory.rawValue)
    }

    func entry(_ name: [CChar], _ metadata: FileMetadata, in directory: borrowing OwnedDescriptor) throws {
        let target = isAtTop ? topName ?? name : name
        // In a layer this device would mean that what lies below is gone; nothing else uses it.
        if metadata.isWhiteout { return }
        switch metadata.kind {
        case .regular:
            let raw = openat(directory.rawValue, name, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
            let source = OwnedDescriptor(adopting: try SyscallError.checkErrno(raw, "openat", SourceTree.text(name)))
            // What it is now: a context may have changed since.
            try write(source, try source.metadata(), as: target)
        case .symbolicLink:
            let link = try directory.openAt(path: name, O_PATH | O_NOFOLLOW, [.beneath, .noLinks])
            let text = try link.linkTarget(SourceTree.text(name)).map { CChar(bitPattern: $0) } + [0]
            try makeRoom(target)
            _ = try SyscallError.checkErrno(symlinkat(text, current, target), "symlinkat", SourceTree.text(target))
            try setLinkOwner(target, metadata)
        case .fifo, .characterDevice, .blockDevice:
            try makeRoom(target)
            let kind = metadata.kind == .fifo ? S_IFIFO : metadata.kind == .blockDevice ? S_IFBLK : S_IFCHR
            let made = mknodat(current, target, kind | 0o600, dev_t(metadata.deviceNumber))
            _ = try SyscallError.checkErrno(made, "mknodat", SourceTree.text(target))
            try setLinkOwner(target, metadata)
            let mode = mode_t(mode(metadata))
            _ = try SyscallError.checkErrno(fchmodat(current, target, mode, 0), "fchmodat", SourceTree.text(target))
        case .socket, .directory: break
        }
    }

    /// Writes a new file with these bytes.
    func writeText(_ bytes: [UInt8], as name: String, mode: UInt32 = 0o644) throws {
        let name = Array(name.utf8CString)
        let file = try makeFile(name)
        try file.writeAll(bytes, subject: SourceTree.text(name))
        var metadata = FileMetadata(kind: .regular, permissions: mode)
        metadata.modified = .init(seconds: options.latestTime ?? 0, nanoseconds: 0)
        try setOwner(file.rawValue, metadata, name)
        let mode = mode_t(self.mode(metadata))
        _ = try SyscallError.checkErrno(fchmod(file.rawValue, mode), "fchmod", SourceTree.text(name))
        time(metadata).set(of: file.rawValue)
    }

    /// Writes a new file with the bytes of another one, for its owner alone; `modified` is in seconds since the epoch.
    func writeFile(_ source: borrowing OwnedDescriptor, modified: Int, as name: String) throws {
        var metadata = try source.metadata()
        metadata.permissions = 0o600
        metadata.modified = .init(seconds: Int64(modified), nanoseconds: 0)
        try write(source, metadata, as: Array(name.utf8CString))
    }

    private func write(
        _ source: borrowing OwnedDescriptor,
        _ metadata: FileMetadata,
        as name: [CChar]
    ) throws {
        let file = try makeFile(name)
        try source.copy(to: file, count: metadata.size, SourceTree.text(name))
        try setOwner(file.rawValue, metadata, name)
        let mode = mode_t(mode(metadata))
        _ = try SyscallError.checkErrno(fchmod(file.rawValue, mode), "fchmod", SourceTree.text(name))
        try copyAttributes(from: source.rawValue, to: file.rawValue)
        time(metadata).set(of: file.rawValue)
    }

    private func makeFile(_ name: [CChar]) throws -> OwnedDescriptor {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        var raw = openat(current, name, flags, 0o600)
        if raw < 0 && errno == EEXIST {
            try makeRoom(name)
            raw = openat(current, name, flags, 0o600)
        }
        return OwnedDescriptor(adopting: try SyscallError.checkErrno(raw, "openat", SourceTree.text(name)))
    }

    /// Removes what has the name; a directory is in the way.
    private func makeRoom(_ name: [CChar]) throws {
        if unlinkat(current, name, 0) == 0 || errno == ENOENT { return }
        let reason = Errno.current
        guard [EISDIR, EPERM].contains(reason.rawValue) else {
            throw SyscallError(call: "unlinkat", subject: SourceTree.text(name), errno: reason)
        }
        throw BuildError(.notFound, "\(SourceTree.text(name)) can't be copied over the directory that is there")
    }

    private func owner(_ metadata: FileMetadata) -> (UInt32, UInt32) {
        options.owner.map { ($0.user, $0.group) } ?? (metadata.owner, metadata.group)
    }

    private func setOwner(_ file: CInt, _ metadata: FileMetadata, _ name: [CChar]) throws(SyscallError) {
        let (user, group) = owner(metadata)
        _ = try SyscallError.checkErrno(fchown(file, user, group), "fchown", SourceTree.text(name))
    }

    private func setLinkOwner(_ name: [CChar], _ metadata: FileMetadata) throws(SyscallError) {
        let (user, group) = owner(metadata)
        let result = fchownat(current, name, user, group, AT_SYMLINK_NOFOLLOW)
        _ = try SyscallError.checkErrno(result, "fchownat", SourceTree.text(name))
        time(metadata).set(ofEntry: name, in: current)
    }

    private func mode(_ metadata: FileMetadata) -> UInt32 {
        options.mode?.applied(to: metadata.permissions, isDirectory: metadata.kind == .directory)
            ?? metadata.permissions
    }

    private func time(_ metadata: FileMetadata) -> FileMetadata.Timestamp {
        guard let latest = options.latestTime, metadata.modified.seconds >= latest else { return metadata.modified }
        return .init(seconds: latest, nanoseconds: 0)
    }

    /// Those that images may have.
    private func copyAttributes(from source: CInt, to target: CInt) throws(SyscallError) {
        for name in try ExtendedAttributes.names(of: source)
        where name.hasPrefix("user.") || name == "security.capability" {
            try ExtendedAttributes.set(name, ExtendedAttributes.value(name, of: source), of: target)
        }
    }
}
