import CLinux
import Glibc

/// A mount that no path leads to: alive as long as its descriptor, or until it is attached somewhere.
package struct DetachedMount: ~Copyable, Sendable {
    /// Names the mount's root; usable as a directory descriptor.
    package let descriptor: OwnedDescriptor

    /// Takes over the descriptor of a mount that is detached.
    package init(adopting descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

    private init(descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

    /// Gives up the wrapper and hands over the descriptor.
    package consuming func takeDescriptor() -> OwnedDescriptor { descriptor }

    /// Makes a filesystem: fsopen(2), fsconfig(2), fsmount(2), Linux 5.2.
    package static func filesystem(_ recipe: FilesystemRecipe) throws(SyscallError) -> DetachedMount {
        let context = OwnedDescriptor(
            adopting: try withCString(recipe.type, call: "fsopen", subject: recipe.type) { type in
                clinux_syscall(Int64(SYS_fsopen), type, UInt64(fsopenCloseOnExec), 0, 0, 0, 0)
            }
        )
        for parameter in recipe.parameters { try configure(context.rawValue, parameter, type: recipe.type) }
        let created = clinux_syscall(
            Int64(SYS_fsconfig),
            UInt64(context.rawValue),
            UInt64(FSCONFIG_CMD_CREATE.rawValue),
            0,
            0,
            0,
            0
        )
        guard created >= 0 else {
            throw SyscallError(
                call: "fsconfig(FSCONFIG_CMD_CREATE)",
                subject: "\(recipe)",
                errno: Errno(rawValue: CInt(-created))
            )
        }
        let mount = clinux_syscall(
            Int64(SYS_fsmount),
            UInt64(context.rawValue),
            UInt64(fsmountCloseOnExec),
            recipe.attributes.rawValue,
            0,
            0,
            0
        )
        return DetachedMount(
            descriptor: OwnedDescriptor(adopting: try SyscallError.check(CInt(mount), "fsmount", "\(recipe)"))
        )
    }

    /// Copies the mount at a path of the host: open_tree(2), Linux 5.2, and mount_setattr(2), Linux 5.12.
    ///
    /// With `recursive`, mounts below it come along and get the attributes and the propagation too. Without a word about
    /// propagation a copy is private: that of a shared mount would otherwise stay the twin of what it was copied from.
    package static func copy(
        of path: String,
        recursive: Bool,
        attributes: MountAttributes,
        propagation: MountPropagation = .private
    ) throws(SyscallError) -> DetachedMount {
        let recursion: UInt32 = recursive ? UInt32(atRecursive) : 0
        let copy = OwnedDescriptor(
            adopting: try withCString(path, call: "open_tree", subject: path) { path in
                clinux_syscall(
                    Int64(SYS_open_tree),
                    UInt64(bitPattern: Int64(AT_FDCWD)),
                    path,
                    UInt64(openTreeClone | openTreeCloseOnExec | recursion),
                    0,
                    0,
                    0
                )
            }
        )
        try setAttributes(attributes, propagation: propagation, of: copy, recursively: recursive, subject: path)
        return DetachedMount(descriptor: copy)
    }

    /// Makes the mount itself read-only, and leaves those below it as they are: mount_setattr(2), Linux 5.12.
    package borrowing func setReadOnly() throws(SyscallError) {
        try Self.setAttributes(
            .readOnly,
            propagation: .private,
            of: descriptor,
            recursively: false,
            subject: "a bind mount"
        )
    }

    /// Sets attributes and propagation: mount_setattr(2), Linux 5.12.
    static func setAttributes(
        _ attributes: MountAttributes,
        clearing cleared: MountAttributes = [],
        propagation: MountPropagation,
        of mount: borrowing OwnedDescriptor,
        recursively: Bool,
        subject: String
    ) throws(SyscallError) {
        var request = mount_attr()
        request.attr_set = attributes.rawValue
        request.attr_clr = cleared.rawValue | attributes.cleared
        request.propagation = propagation.flag
        let flags = UInt32(AT_EMPTY_PATH) | (recursively ? UInt32(atRecursive) : 0)
        let descriptor = mount.rawValue
        let result = withUnsafePointer(to: &request) { request in
            "".withCString { empty in
                clinux_syscall(
                    Int64(SYS_mount_setattr),
                    UInt64(descriptor),
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

    private static func configure(
        _ context: CInt,
        _ parameter: FilesystemRecipe.Parameter,
        type: String
    ) throws(SyscallError) {
        let result = parameter.key.withCString { key -> Int64 in
            let key = UInt64(UInt(bitPattern: key))
            guard let value = parameter.value else {
                return clinux_syscall(
                    Int64(SYS_fsconfig),
                    UInt64(context),
                    UInt64(FSCONFIG_SET_FLAG.rawValue),
                    key,
                    0,
                    0,
                    0
                )
            }
            return value.withCString { value in
                clinux_syscall(
                    Int64(SYS_fsconfig),
                    UInt64(context),
                    UInt64(FSCONFIG_SET_STRING.rawValue),
                    key,
                    UInt64(UInt(bitPattern: value)),
                    0,
                    0
                )
            }
        }
        let subject = parameter.value.map { "\(type) \(parameter.key)=\($0)" } ?? "\(type) \(parameter.key)"
        _ = try SyscallError.check(CInt(result), "fsconfig", subject)
    }

    private static func withCString(
        _ text: String,
        call: String,
        subject: String,
        _ body: (UInt64) -> Int64
    ) throws(SyscallError) -> CInt {
        let result = text.withCString { body(UInt64(UInt(bitPattern: $0))) }
        return try SyscallError.check(CInt(result), call, subject)
    }
}
