import CLinux
import Glibc

extension DetachedMount {
    /// Copies what lies at a path beneath a directory of the host: links lead nowhere but into that directory.
    package static func copy(of path: String, beneath directory: String) throws(SyscallError) -> DetachedMount {
        let root = try OwnedDescriptor.directory(directory)
        let place = try root.openAt(path: path, O_PATH, [.inRoot, .noMagicLinks])
        return try copy(of: "/proc/self/fd/\(place.rawValue)", recursive: true, attributes: [])
    }

    /// Copies the mount that lies at a path in another process's mount namespace: setns(2) with a pidfd, Linux 5.8.
    ///
    /// A thread of its own goes there for that one call, so that the path is resolved as that process would resolve it:
    /// its links lead nowhere but into its own root. Nothing but a mount point is copied, since a process may put links
    /// on the way to another one.
    package static func copy(
        of path: String,
        inNamespaceOf pidfd: CInt,
        attributes: MountAttributes = []
    ) throws(SyscallError) -> DetachedMount {
        let visit = ForeignVisit(path: path, pidfd: pidfd)
        var thread = pthread_t()
        let created = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ForeignVisit>.fromOpaque(argument).takeUnretainedValue().run()
                return nil
            },
            Unmanaged.passUnretained(visit).toOpaque()
        )
        _ = try SyscallError.check(-created, "pthread_create", path)
        _ = try SyscallError.check(-pthread_join(thread, nil), "pthread_join", path)
        let mount = OwnedDescriptor(adopting: try SyscallError.check(visit.result, visit.call, path))
        // Whether it can be written to is not what the other process has, but what `attributes` say.
        try setAttributes(
            attributes,
            clearing: MountAttributes.readOnly.subtracting(attributes),
            propagation: .private,
            of: mount,
            recursively: false,
            subject: path
        )
        return DetachedMount(adopting: mount)
    }
}

/// One visit; the thread that makes it writes its fields, and joining the thread comes before they are read.
private final class ForeignVisit {
    let path: String
    let pidfd: CInt
    var call = ""
    /// A descriptor or a negated errno.
    var result: CInt = -ENOSYS

    init(path: String, pidfd: CInt) {
        self.path = path
        self.pidfd = pidfd
    }

    func run() {
        // setns(2) refuses a thread that shares its root and working directory with others.
        call = "unshare(CLONE_FS)"
        result = CInt(clinux_syscall(Int64(SYS_unshare), UInt64(CLONE_FS), 0, 0, 0, 0, 0))
        guard result >= 0 else { return }
        call = "setns(CLONE_NEWNS)"
        result = CInt(clinux_syscall(Int64(SYS_setns), UInt64(pidfd), UInt64(Namespaces.mount.rawValue), 0, 0, 0, 0))
        guard result >= 0 else { return }
        call = "open_tree"
        result = path.withCString { path in
            CInt(
                clinux_syscall(
                    Int64(SYS_open_tree),
                    UInt64(bitPattern: Int64(AT_FDCWD)),
                    UInt64(UInt(bitPattern: path)),
                    UInt64(openTreeClone | openTreeCloseOnExec),
                    0,
                    0,
                    0
                )
            )
        }
    }
}
