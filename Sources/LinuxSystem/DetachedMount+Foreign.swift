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
        let (result, call) = try OwnThread.run { visit(pidfd, copying: path) }
        let mount = OwnedDescriptor(adopting: try SyscallError.check(result, call, path))
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

    /// One visit by a thread that stays there; a descriptor or a negated errno, and the call that it is of.
    private static func visit(_ pidfd: CInt, copying path: String) -> (CInt, String) {
        // setns(2) refuses a thread that shares its root and working directory with others.
        var result = CInt(clinux_syscall(Int64(SYS_unshare), UInt64(CLONE_FS), 0, 0, 0, 0, 0))
        guard result >= 0 else { return (result, "unshare(CLONE_FS)") }
        result = CInt(clinux_syscall(Int64(SYS_setns), UInt64(pidfd), UInt64(Namespaces.mount.rawValue), 0, 0, 0, 0))
        guard result >= 0 else { return (result, "setns(CLONE_NEWNS)") }
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
        return (result, "open_tree")
    }
}
