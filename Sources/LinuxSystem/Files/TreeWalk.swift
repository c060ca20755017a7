import CLinux
import Glibc

/// Takes the parts of a tree, each with its name and what inode(7) keeps about it.
package protocol TreeSink: AnyObject {
    /// A directory begins; what comes until `leave` lies in it.
    func enter(_ name: [CChar], _ metadata: FileMetadata) throws(SyscallError)
    /// The directory that was entered last has ended.
    func leave() throws(SyscallError)
    /// A file, open for reading at its start; lent.
    func file(_ name: [CChar], _ metadata: FileMetadata, _ content: borrowing OwnedDescriptor) throws(SyscallError)
    /// A symbolic link.
    func link(_ name: [CChar], _ metadata: FileMetadata, to target: [UInt8]) throws(SyscallError)
    /// Something that is none of these, and is passed over.
    func leaveOut(_ name: [CChar], _ metadata: FileMetadata) throws(SyscallError)
}

/// Walks a tree that somebody else may change meanwhile, by descriptor: no link in it is ever followed, and nothing but
/// directories and regular files is ever opened.
package struct TreeWalk: ~Copyable {
    /// How deep directories may lie in each other; each takes two descriptors.
    package static let deepest = 256

    private let entries = DirectoryEntries()
    private let staysInMount: Bool

    /// A walk that looks into other mounts unless told to stay in one; never into those of the kernel's own.
    package init(staysInMount: Bool = false) { self.staysInMount = staysInMount }

    /// Hands what `object` names to `sink`, under `name`, which ends with a zero byte.
    ///
    /// `object` was opened with `O_PATH` and `O_NOFOLLOW`. Throws `ELOOP` for a tree that is too deep.
    package borrowing func walk(
        _ object: borrowing OwnedDescriptor,
        as name: [CChar],
        to sink: some TreeSink
    ) throws(SyscallError) {
        try walk(object, as: name, to: sink, depth: 0)
    }

    private borrowing func walk(
        _ object: borrowing OwnedDescriptor,
        as name: [CChar],
        to sink: some TreeSink,
        depth: Int
    ) throws(SyscallError) {
        let metadata = try object.metadata()
        switch metadata.kind {
        case .directory:
            guard depth < Self.deepest else {
                throw SyscallError(call: "open", subject: text(name), errno: Errno(rawValue: ELOOP))
            }
            let directory = try object.reopened(O_RDONLY | O_DIRECTORY, text(name))
            try sink.enter(name, metadata)
            try walkEntries(of: directory, to: sink, depth: depth)
            try sink.leave()
        case .regular: try sink.file(name, metadata, object.reopened(O_RDONLY | O_NOCTTY, text(name)))
        case .symbolicLink: try sink.link(name, metadata, to: object.linkTarget(text(name)))
        case .characterDevice, .blockDevice, .fifo, .socket: try sink.leaveOut(name, metadata)
        }
    }

    private borrowing func walkEntries(
        of directory: borrowing OwnedDescriptor,
        to sink: some TreeSink,
        depth: Int
    ) throws(SyscallError) {
        while true {
            let batch = try entries.next(directory)
            if batch.isEmpty { return }
            for entry in batch {
                do throws(SyscallError) {
                    let child = try directory.openAt(
                        path: entry.name,
                        O_PATH | O_NOFOLLOW,
                        staysInMount ? [.beneath, .noLinks, .sameMount] : [.beneath, .noLinks]
                    )
                    if child.isOfKernel { continue }
                    try walk(child, as: entry.name, to: sink, depth: depth + 1)
                } catch {
                    switch error.errno.rawValue {
                    // It has gone since its name was read.
                    case ENOENT where error.call == "openat2": continue
                    // Another mount: its place is shown, and nothing of what is there.
                    case EXDEV where error.call == "openat2":
                        let place = try directory.openAt(path: entry.name, O_PATH | O_NOFOLLOW, [.beneath, .noLinks])
                        let metadata = try place.metadata()
                        guard metadata.kind == .directory else { continue }
                        try sink.enter(entry.name, metadata)
                        try sink.leave()
                    default: throw error
                    }
                }
            }
        }
    }
}

extension OwnedDescriptor {
    /// Opens what an `O_PATH` descriptor names, whatever has its name by now: `/proc/self/fd`, proc_pid_fd(5).
    package borrowing func reopened(
        _ flags: CInt,
        _ subject: @autoclosure () -> String
    ) throws(SyscallError) -> OwnedDescriptor {
        let path = "/proc/self/fd/\(rawValue)"
        return OwnedDescriptor(adopting: try SyscallError.checkErrno(open(path, flags | O_CLOEXEC), "open", subject()))
    }

    /// Where the symbolic link leads that an `O_PATH` descriptor names: readlinkat(2) with an empty path.
    package borrowing func linkTarget(_ subject: @autoclosure () -> String) throws(SyscallError) -> [UInt8] {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlinkat(rawValue, "", &buffer, buffer.count)
        guard count >= 0 else { throw SyscallError(call: "readlinkat", subject: subject(), errno: .current) }
        return buffer.prefix(count).map { UInt8(bitPattern: $0) }
    }

    /// Whether it lies in a filesystem that shows the kernel and holds no files: statfs(2).
    package var isOfKernel: Bool {
        var status = statfs()
        guard fstatfs(rawValue, &status) == 0 else { return false }
        // procfs, sysfs, cgroup, cgroup2, devpts, mqueue
        return [0x9FA0, 0x6265_6572, 0x27_E0EB, 0x6367_7270, 0x1CD1, 0x1980_0202].contains(Int(status.f_type))
    }

    /// Names a path of the host, or the link that it is, without opening it: open(2) with `O_PATH`.
    package static func named(_ path: String, followsLast: Bool) throws(SyscallError) -> OwnedDescriptor {
        let flags = O_PATH | O_CLOEXEC | (followsLast ? 0 : O_NOFOLLOW)
        return OwnedDescriptor(adopting: try SyscallError.checkErrno(open(path, flags), "open", path))
    }

    /// Names a path, or the link that it is, as if this directory were the root, without opening it: openat2(2).
    package borrowing func namedInRoot(_ path: String, followsLast: Bool) throws(SyscallError) -> OwnedDescriptor {
        try openAt(
            path: Array((path.isEmpty ? "." : path).utf8CString),
            O_PATH | (followsLast ? 0 : O_NOFOLLOW),
            [.inRoot, .noMagicLinks]
        )
    }

    /// Opens a FIFO of the host for writing, which has a reader; what can't be written at once waits: fifo(7).
    package static func existingPipe(_ path: String) throws(SyscallError) -> OwnedDescriptor {
        let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW
        return OwnedDescriptor(adopting: try SyscallError.checkErrno(open(path, flags), "open", path))
    }

    /// Makes a file of the host, empty, for us alone: open(2) with `O_CREAT`.
    package static func newFile(_ path: String) throws(SyscallError) -> OwnedDescriptor {
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
        return OwnedDescriptor(adopting: try SyscallError.checkErrno(open(path, flags, 0o600), "open", path))
    }
}

private func text(_ name: [CChar]) -> String {
    String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
