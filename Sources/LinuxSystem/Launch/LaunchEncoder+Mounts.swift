import CLinux
import Glibc

/// Steps that make, move and cover mounts.
extension LaunchEncoder {
    /// Encodes one of the steps about mounts, or one about files.
    mutating func encodeMount(_ step: LaunchStep) {
        switch step {
        case .setPropagation(let propagation):
            list.call(
                SYS_mount,
                [.null, list.string("/"), .null, .number(propagation.flag | UInt64(MS_REC)), .null]
            )
        case .copyMount(let path, let slot):
            list.call(
                SYS_open_tree,
                [.currentDirectory, list.string(path), .flags(openTreeClone | openTreeCloseOnExec)],
                .init(into: slot.index)
            )
        case .pivot(let slot):
            let oldRoot = open("/", flags: O_PATH, resolve: 0)
            moveMount(slot.index, to: oldRoot)
            close(oldRoot)
            pivot(to: slot.index)
        case .coverRoot(let slot):
            let oldRoot = open("/", flags: O_PATH, resolve: 0)
            moveMount(slot.index, to: oldRoot)
            close(oldRoot)
            list.call(SYS_fchdir, [.slot(slot.index)])
            list.call(SYS_chroot, [list.string(".")])
            list.call(SYS_chdir, [list.string("/")])
        case .makeFilesystem(let recipe, let slot): makeFilesystem(recipe, into: slot.index)
        case .attachAt(let slot, let path, let symlinks, let keeps):
            let target = open(path, flags: O_PATH, resolve: resolution(symlinks))
            moveMount(slot.index, to: target)
            close(target)
            if !keeps { close(slot.index) }
        case .mask(let path, let slot): mask(path, with: slot?.index)
        case .remount(let path, let attributes): remount(path, attributes)
        case .setAttributes(let slot, let attributes, let recursive):
            setAttributes(slot.index, attributes, recursive: recursive)
        default: break
        }
    }

    /// To a mount that is attached somewhere.
    mutating func pivot(to slot: Int) {
        list.call(SYS_fchdir, [.slot(slot)])
        list.call(SYS_pivot_root, [list.string("."), list.string(".")])
        // The old root now lies over the new one; what it covers appears when it goes.
        list.call(SYS_umount2, [list.string("."), .flags(MNT_DETACH)])
        list.call(SYS_chdir, [list.string("/")])
    }

    private mutating func makeFilesystem(_ recipe: FilesystemRecipe, into slot: Int) {
        let context = list.scratchSlot()
        list.call(SYS_fsopen, [list.string(recipe.type), .flags(fsopenCloseOnExec)], .init(into: context))
        let source = recipe.source.map { [FilesystemRecipe.Parameter("source", $0)] } ?? []
        for parameter in source + recipe.parameters {
            if let value = parameter.value {
                list.call(
                    SYS_fsconfig,
                    [
                        .slot(context), .flags(FSCONFIG_SET_STRING.rawValue), list.string(parameter.key),
                        list.string(value), .null,
                    ]
                )
            } else {
                list.call(
                    SYS_fsconfig,
                    [.slot(context), .flags(FSCONFIG_SET_FLAG.rawValue), list.string(parameter.key), .null, .null]
                )
            }
        }
        list.call(SYS_fsconfig, [.slot(context), .flags(FSCONFIG_CMD_CREATE.rawValue), .null, .null, .null])
        list.call(
            SYS_fsmount,
            [.slot(context), .flags(fsmountCloseOnExec), .number(recipe.attributes.rawValue)],
            .init(into: slot)
        )
        close(context)
    }

    mutating func moveMount(_ source: Int, to target: Int) {
        list.call(
            SYS_move_mount,
            [
                .slot(source), list.string(""), .slot(target), list.string(""),
                .flags(MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
            ]
        )
    }

    private mutating func setAttributes(_ slot: Int, _ attributes: MountAttributes, recursive: Bool) {
        // struct mount_attr: attr_set, attr_clr, propagation, userns_fd
        let argument = list.words([attributes.rawValue, attributes.cleared, 0, 0])
        list.call(
            SYS_mount_setattr,
            [
                .slot(slot), list.string(""), .flags(AT_EMPTY_PATH | (recursive ? atRecursive : 0)), argument,
                .flags(32),
            ]
        )
    }

    private mutating func mask(_ path: String, with slot: Int?) {
        let target = list.scratchSlot()
        open(
            path,
            flags: O_PATH,
            resolve: UInt64(RESOLVE_NO_SYMLINKS),
            into: target,
            outcome: .init(into: target, ignoring: [ENOENT, ENOTDIR], skipOnError: slot == nil ? 2 : 3)
        )
        if let slot {
            list.call(
                SYS_move_mount,
                [
                    .slot(slot), list.string(""), .slot(target), list.string(""),
                    .flags(MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
                ],
                .init(ignoring: [EINVAL], skipOnSuccess: 1)
            )  // EINVAL: a file can't lie over a directory
        }
        list.call(
            SYS_mount,
            [list.string("tmpfs"), list.string(path), list.string("tmpfs"), .flags(MS_RDONLY), .null]
        )
        close(target)
        if let slot { close(slot) }
    }

    private mutating func remount(_ path: String, _ attributes: MountAttributes) {
        let copy = list.scratchSlot()
        list.call(
            SYS_open_tree,
            [
                .currentDirectory, list.string(path),
                .flags(openTreeClone | openTreeCloseOnExec | UInt32(atRecursive)),
            ],
            .init(into: copy, ignoring: [ENOENT, ENOTDIR], skipOnError: 3)
        )
        setAttributes(copy, attributes, recursive: true)
        list.call(
            SYS_move_mount,
            [.slot(copy), list.string(""), .currentDirectory, list.string(path), .flags(MOVE_MOUNT_F_EMPTY_PATH)]
        )
        close(copy)
    }
}
