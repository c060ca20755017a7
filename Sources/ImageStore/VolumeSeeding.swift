import Glibc
package import LinuxSystem

extension VolumeStore {
    /// Fills a new, empty volume with what the image has at the place where it is mounted.
    ///
    /// `root` is the container's root. The volume's directory also gets the owner and mode of the image's. A volume that
    /// was filled once, or holds anything, stays as it is; a crash in the middle starts over. No link of the image leads
    /// out of `root`, and device nodes are not copied.
    package func seed(
        _ name: String,
        from root: borrowing DetachedMount,
        path: String
    ) throws(ImageError) {
        let purpose = "fill the volume \(name) from \(path)"
        let marker = "\(directory)/\(name)/seeded"
        guard access(marker, F_OK) != 0 else { return }
        guard let source = try openSource(root.descriptor, path, purpose) else { return try mark(marker, purpose) }
        let lock = try lockFile("\(directory)/\(name)/.lock")
        defer { _ = flock(lock.rawValue, LOCK_UN) }
        guard access(marker, F_OK) != 0 else { return }
        let data = dataDirectory(name)
        let started = "\(directory)/\(name)/seeding"
        let target = try attempt(purpose) { () throws(SyscallError) in try OwnedDescriptor.directory(data) }
        let isEmpty = try attempt(purpose) { () throws(SyscallError) in
            if access(started, F_OK) == 0 { try Self.empty(target) }
            return try DirectoryEntries().next(OwnedDescriptor.directory(data)).isEmpty
        }
        if isEmpty {
            try mark(started, purpose)
            try attempt(purpose) { () throws(SyscallError) in
                try TreeCopy().copyContent(of: source, to: target, depth: 0)
            }
        }
        try mark(marker, purpose)
        unlink(started)
    }

    /// Nil when the image has nothing there, or no directory: docker leaves the volume empty too.
    private func openSource(
        _ root: borrowing OwnedDescriptor,
        _ path: String,
        _ purpose: String
    ) throws(ImageError) -> OwnedDescriptor? {
        do throws(SyscallError) {
            return try root.openAt(path: path, O_RDONLY | O_DIRECTORY, [.inRoot, .noMagicLinks, .sameMount])
        } catch {
            if [ENOENT, ENOTDIR, ELOOP].contains(error.errno.rawValue) { return nil }
            throw .kernel(purpose, error)
        }
    }

    private func mark(_ path: String, _ purpose: String) throws(ImageError) {
        let raw = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard raw >= 0 else { throw .kernel(purpose, SyscallError(call: "open", subject: path, errno: .current)) }
        _ = OwnedDescriptor(adopting: raw)
    }

    private static func empty(_ directory: borrowing OwnedDescriptor) throws(SyscallError) {
        let entries = DirectoryEntries()
        while true {
            let batch = try entries.next(directory)
            if batch.isEmpty { break }
            for entry in batch { try directory.removeTree(entry.name) }
        }
        lseek(directory.rawValue, 0, SEEK_SET)
    }
}

/// Copies a tree by descriptors, with owners, modes, times and attributes.
private struct TreeCopy: ~Copyable {
    /// Where one process's descriptors end, and images do long before.
    private static let deepest = 200

    borrowing func copyContent(
        of source: borrowing OwnedDescriptor,
        to target: borrowing OwnedDescriptor,
        depth: Int
    ) throws(SyscallError) {
        guard depth < Self.deepest else {
            throw SyscallError(
                call: "openat2",
                subject: "a directory \(depth) levels deep",
                errno: Errno(rawValue: EMFILE)
            )
        }
        let entries = DirectoryEntries()
        while true {
            let batch = try entries.next(source)
            if batch.isEmpty { break }
            for entry in batch { try copy(entry.name, from: source, to: target, depth) }
        }
        try copyMetadata(of: source, to: target)
    }

    private borrowing func copy(
        _ name: [CChar],
        from source: borrowing OwnedDescriptor,
        to target: borrowing OwnedDescriptor,
        _ depth: Int
    ) throws(SyscallError) {
        guard let metadata = try source.metadata(ofEntry: name) else { return }
        switch metadata.kind {
        case .directory:
            _ = try check(mkdirat(target.rawValue, name, 0o700), "mkdirat", name)
            let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
            let from = try source.openAt(path: name, flags, [.beneath, .noLinks, .sameMount])
            let to = try target.openAt(path: name, flags, [.beneath, .noLinks, .sameMount])
            try copyContent(of: from, to: to, depth: depth + 1)
        case .regular:
            let from = try source.openAt(path: name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, [.beneath, .noLinks])
            let to = try target.openAt(
                path: name,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                mode: 0o600,
                [.beneath, .noLinks]
            )
            try copyBytes(of: from, to: to, metadata.size)
            try copyMetadata(of: from, to: to)
        case .symbolicLink:
            var text = [CChar](repeating: 0, count: 4097)
            let count = readlinkat(source.rawValue, name, &text, 4096)
            _ = try check(CInt(count), "readlinkat", name)
            text[count] = 0
            _ = try check(symlinkat(text, target.rawValue, name), "symlinkat", name)
            try copyIdentity(metadata, to: target, name)
        case .fifo:
            _ = try check(mknodat(target.rawValue, name, S_IFIFO | 0o600, 0), "mknodat", name)
            try copyIdentity(metadata, to: target, name)
            _ = try check(fchmodat(target.rawValue, name, mode_t(metadata.permissions), 0), "fchmodat", name)
        case .characterDevice, .blockDevice, .socket: break
        }
    }

    private borrowing func copyBytes(
        of source: borrowing OwnedDescriptor,
        to target: borrowing OwnedDescriptor,
        _ size: Int64
    ) throws(SyscallError) {
        do throws(SyscallError) { try source.copyRange(to: target, count: size) } catch {
            // The call's ways to say that these two filesystems can't.
            guard [EXDEV, EINVAL, EOPNOTSUPP, ENOSYS].contains(error.errno.rawValue) else { throw error }
            lseek(source.rawValue, 0, SEEK_SET)
            lseek(target.rawValue, 0, SEEK_SET)
            try copyThroughMemory(source, target)
        }
    }

    private borrowing func copyThroughMemory(
        _ source: borrowing OwnedDescriptor,
        _ target: borrowing OwnedDescriptor
    ) throws(SyscallError) {
        var buffer = [UInt8](repeating: 0, count: 1 << 17)
        while true {
            let count = read(source.rawValue, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw SyscallError(call: "read", subject: "a file", errno: .current) }
            if count == 0 { return }
            var done = 0
            while done < count {
                let written = buffer.withUnsafeBytes {
                    write(target.rawValue, $0.baseAddress?.advanced(by: done), count - done)
                }
                if written < 0 && errno == EINTR { continue }
                guard written > 0 else { throw SyscallError(call: "write", subject: "a file", errno: .current) }
                done += written
            }
        }
    }

    private borrowing func copyMetadata(
        of source: borrowing OwnedDescriptor,
        to target: borrowing OwnedDescriptor
    ) throws(SyscallError) {
        let metadata = try source.metadata()
        let file = target.rawValue
        _ = try SyscallError.checkErrno(fchown(file, metadata.owner, metadata.group), "fchown", "a file")
        _ = try SyscallError.checkErrno(fchmod(file, mode_t(metadata.permissions)), "fchmod", "a file")
        for name in try ExtendedAttributes.names(of: source.rawValue)
        where name == "security.capability" || name.hasPrefix("user.") {
            let value = try ExtendedAttributes.value(name, of: source.rawValue)
            try ExtendedAttributes.set(name, value, of: file)
        }
        let time = metadata.modified.specification
        _ = try SyscallError.checkErrno(futimens(file, [time, time]), "futimens", "a file")
    }

    private borrowing func copyIdentity(
        _ metadata: FileMetadata,
        to directory: borrowing OwnedDescriptor,
        _ name: [CChar]
    ) throws(SyscallError) {
        let result = fchownat(directory.rawValue, name, metadata.owner, metadata.group, AT_SYMLINK_NOFOLLOW)
        _ = try check(result, "fchownat", name)
        let time = metadata.modified.specification
        _ = try check(utimensat(directory.rawValue, name, [time, time], AT_SYMLINK_NOFOLLOW), "utimensat", name)
    }

    private borrowing func check(_ result: CInt, _ call: String, _ name: [CChar]) throws(SyscallError) -> CInt {
        try SyscallError.checkErrno(
            result,
            call,
            printable(name.dropLast().map { UInt8(bitPattern: $0) })
        )
    }
}
