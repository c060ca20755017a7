import CLinux
import Glibc

/// Writes a tree below a directory that somebody else may change meanwhile: every file is a new one, and no link is
/// followed on the way.
package final class TreeWriter: TreeSink {
    /// How what is written differs from what was read.
    package struct Options: Sendable {
        /// Whether files keep their owners; otherwise they are those of root.
        package var keepsOwners = false
        /// Whether set-user-ID and set-group-ID stay.
        package var keepsPrivileges = true

        /// Owners are not kept, privileges are.
        package init() {}
    }

    private let options: Options
    /// The directories on the way, the innermost last; owned, but for the first.
    private var directories: [Int32]
    private var pending: [FileMetadata] = []
    /// The name that the top of the tree gets instead of its own; nil when its content goes into `root` itself.
    private let topName: [CChar]?
    /// What was passed over, for people.
    package private(set) var leftOut: [String] = []

    /// Writes into `root`, which is lent, under `name`; without a name, what the tree's top holds goes into `root`.
    package init(into root: borrowing OwnedDescriptor, as name: String?, _ options: Options) {
        self.options = options
        directories = [root.rawValue]
        topName = name.map { Array($0.utf8CString) }
    }

    deinit { for directory in directories.dropFirst() { close(directory) } }

    private var isAtTop: Bool { pending.isEmpty }
    private var current: Int32 { directories[directories.count - 1] }

    package func enter(_ name: [CChar], _ metadata: FileMetadata) throws(SyscallError) {
        guard let name = isAtTop ? topName : name else {
            // Its descriptor is the caller's, so a copy is closed at the end.
            let copy = fcntl(current, F_DUPFD_CLOEXEC, 3)
            directories.append(try SyscallError.checkErrno(copy, "fcntl", "a directory"))
            return pending.append(metadata)
        }
        // Nobody but us until it has its mode and owner.
        let isNew = mkdirat(current, name, 0o700) == 0
        guard isNew || Glibc.errno == EEXIST else {
            throw SyscallError(call: "mkdirat", subject: text(name), errno: .current)
        }
        let opened = openat(current, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        directories.append(try SyscallError.checkErrno(opened, "openat", text(name)))
        pending.append(metadata)
        if isNew || options.keepsOwners { try setOwner(current, metadata, text(name)) }
    }

    package func leave() throws(SyscallError) {
        guard let metadata = pending.popLast() else { return }
        let directory = OwnedDescriptor(adopting: directories.removeLast())
        // The directory that is written into stays as it is.
        if isAtTop && topName == nil { return }
        _ = try SyscallError.checkErrno(fchmod(directory.rawValue, mode_t(mode(metadata))), "fchmod", "a directory")
        setTime(directory.rawValue, metadata)
    }

    package func file(
        _ name: [CChar],
        _ metadata: FileMetadata,
        _ content: borrowing OwnedDescriptor
    ) throws(SyscallError) {
        let name = isAtTop ? topName ?? name : name
        let target = try makeFile(name)
        try content.copy(to: target, count: metadata.size, text(name))
        try setOwner(target.rawValue, metadata, text(name))
        let isSet = fchmod(target.rawValue, mode_t(mode(metadata)))
        _ = try SyscallError.checkErrno(isSet, "fchmod", text(name))
        setTime(target.rawValue, metadata)
    }

    package func link(_ name: [CChar], _ metadata: FileMetadata, to target: [UInt8]) throws(SyscallError) {
        let name = isAtTop ? topName ?? name : name
        let text = target.map { CChar(bitPattern: $0) } + [0]
        for _ in 0..<Self.attempts {
            try remove(name)
            if symlinkat(text, current, name) == 0 {
                let (user, group) = options.keepsOwners ? (metadata.owner, metadata.group) : (0, 0)
                // Of a link nothing depends on who owns it.
                _ = fchownat(current, name, user, group, AT_SYMLINK_NOFOLLOW)
                return
            }
            guard Glibc.errno == EEXIST else { break }
        }
        throw SyscallError(call: "symlinkat", subject: LinuxSystem.text(name), errno: .current)
    }

    package func leaveOut(_ name: [CChar], _ metadata: FileMetadata) { leftOut.append(text(name)) }

    /// Somebody who makes the same name again and again is not waited for forever.
    private static let attempts = 16

    private func makeFile(_ name: [CChar]) throws(SyscallError) -> OwnedDescriptor {
        for _ in 0..<Self.attempts {
            do throws(SyscallError) { try remove(name) } catch {
                // A mount point, as a container's /etc/hosts is one: what is there is written anew.
                guard error.errno.rawValue == EBUSY else { throw error }
                return try truncated(name)
            }
            let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
            let raw = openat(current, name, flags, 0o600)
            if raw >= 0 { return OwnedDescriptor(adopting: raw) }
            guard Glibc.errno == EEXIST else { break }
        }
        throw SyscallError(call: "openat", subject: text(name), errno: .current)
    }

    private func truncated(_ name: [CChar]) throws(SyscallError) -> OwnedDescriptor {
        let named = OwnedDescriptor(
            adopting: try SyscallError.checkErrno(
                openat(current, name, O_PATH | O_NOFOLLOW | O_CLOEXEC),
                "openat",
                text(name)
            )
        )
        guard try named.metadata().kind == .regular else {
            throw SyscallError(call: "openat", subject: text(name), errno: Errno(rawValue: EBUSY))
        }
        return try named.reopened(O_WRONLY | O_TRUNC, text(name))
    }

    /// Removes what has the name, unless it is a directory, which is an error.
    private func remove(_ name: [CChar]) throws(SyscallError) {
        if unlinkat(current, name, 0) == 0 || Glibc.errno == ENOENT { return }
        throw SyscallError(call: "unlinkat", subject: text(name), errno: .current)
    }

    private func mode(_ metadata: FileMetadata) -> UInt32 {
        options.keepsPrivileges ? metadata.permissions : metadata.permissions & 0o1777
    }

    private func setOwner(_ file: Int32, _ metadata: FileMetadata, _ subject: String) throws(SyscallError) {
        let (user, group) = options.keepsOwners ? (metadata.owner, metadata.group) : (0, 0)
        _ = try SyscallError.checkErrno(fchown(file, user, group), "fchown", subject)
    }

    private func setTime(_ file: Int32, _ metadata: FileMetadata) {
        let time = timespec(
            tv_sec: Int(clamping: metadata.modified.seconds),
            tv_nsec: Int(clamping: metadata.modified.nanoseconds)
        )
        // A filesystem that can't keep the time loses nothing else.
        _ = futimens(file, [time, time])
    }
}

extension OwnedDescriptor {
    /// Copies up to `count` bytes from where this file stands.
    ///
    /// By copy_file_range(2) where the two filesystems can do it, else by read(2) and write(2).
    package borrowing func copy(
        to target: borrowing OwnedDescriptor,
        count: Int64,
        _ subject: @autoclosure () -> String
    ) throws(SyscallError) {
        do throws(SyscallError) { return try copyRange(to: target, count: count) } catch {
            guard [EXDEV, EINVAL, EOPNOTSUPP, ENOSYS].contains(error.errno.rawValue) else { throw error }
        }
        // Nothing was copied: what can't be done is refused at once.
        var left = count
        var buffer = [UInt8](repeating: 0, count: 1 << 17)
        while left > 0 {
            let got = read(rawValue, &buffer, min(buffer.count, Int(clamping: left)))
            if got < 0 && Glibc.errno == EINTR { continue }
            guard got >= 0 else { throw SyscallError(call: "read", subject: subject(), errno: .current) }
            if got == 0 { return }
            try target.writeAll(Array(buffer[..<got]), subject: subject())
            left -= Int64(got)
        }
    }
}

private func text(_ name: [CChar]) -> String {
    String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
