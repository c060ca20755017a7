import CLinux
import Glibc

extension DetachedMount {
    /// Copies the mount at a path of the host, with mounts below it where `recursive`, and changes the copy.
    ///
    /// open_tree(2), Linux 5.2, and mount_setattr(2), Linux 5.12. Where `change` has no word about propagation, that is
    /// the original's.
    package static func copy(
        of path: String,
        recursive: Bool,
        change: MountChange
    ) throws(SyscallError) -> DetachedMount {
        let recursion: UInt32 = recursive ? UInt32(atRecursive) : 0
        let flags = UInt64(openTreeClone | openTreeCloseOnExec | recursion)
        let result = path.withCString {
            clinux_syscall(
                Int64(SYS_open_tree),
                UInt64(bitPattern: Int64(AT_FDCWD)),
                UInt64(UInt(bitPattern: $0)),
                flags,
                0,
                0,
                0
            )
        }
        let mount = DetachedMount(
            adopting: OwnedDescriptor(adopting: try SyscallError.check(CInt(result), "open_tree", path))
        )
        try mount.apply(change, subject: path)
        return mount
    }

    /// Changes attributes and propagation: mount_setattr(2), Linux 5.12.
    package borrowing func apply(_ change: MountChange, subject: String) throws(SyscallError) {
        for part in change.parts {
            var request = mount_attr()
            request.attr_set = part.set.rawValue
            request.attr_clr = part.allCleared
            request.propagation = part.propagation?.flag ?? 0
            try set(&request, isRecursive: part.isRecursive, subject: subject)
        }
    }

    /// Shows the files with the ids that a user namespace has for theirs: mount_setattr(2), `MOUNT_ATTR_IDMAP`,
    /// Linux 5.12.
    ///
    /// Throws `EINVAL` for a filesystem that can't.
    package borrowing func mapIDs(
        by namespace: borrowing OwnedDescriptor,
        recursive: Bool,
        subject: String
    ) throws(SyscallError) {
        var request = mount_attr()
        request.attr_set = 0x10_0000
        request.userns_fd = UInt64(namespace.rawValue)
        try set(&request, isRecursive: recursive, subject: subject)
    }

    private borrowing func set(
        _ request: inout mount_attr,
        isRecursive: Bool,
        subject: String
    ) throws(SyscallError) {
        let flags = UInt32(AT_EMPTY_PATH) | (isRecursive ? UInt32(atRecursive) : 0)
        let number = descriptor.rawValue
        let result = withUnsafePointer(to: &request) { request in
            "".withCString { empty in
                clinux_syscall(
                    Int64(SYS_mount_setattr),
                    UInt64(number),
                    UInt64(UInt(bitPattern: empty)),
                    UInt64(flags),
                    UInt64(UInt(bitPattern: request)),
                    UInt64(MemoryLayout<mount_attr>.size),
                    0
                )
            }
        }
        _ = try SyscallError.check(CInt(result), "mount_setattr", subject)
    }
}
