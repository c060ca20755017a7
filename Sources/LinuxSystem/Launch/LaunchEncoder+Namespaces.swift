import CLinux
import Glibc

extension LaunchEncoder {
    mutating func encodeNamespace(_ step: LaunchStep) {
        switch step {
        case .fork(let kinds):
            // struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal (0 with CLONE_PARENT), stack,
            // stack_size, tls, set_tid, set_tid_size, cgroup
            let flags = kinds.rawValue | UInt64(CLONE_PARENT)
            let arguments = list.words([flags] + Array(repeating: 0, count: 10))
            list.call(SYS_clone3, [arguments, .flags(88)], .init(forks: true))
        case .makeTime(let offsets, let procfs): makeTime(offsets, procfs.index)
        case .hide: list.call(SYS_prctl, [.flags(PR_SET_DUMPABLE), .null, .null, .null, .null])
        case .joinKeyring(let name):
            // A kernel without keys, and a user who has as many as one may have.
            list.call(SYS_keyctl, [.flags(joinSessionKeyring), list.string(name)], .init(ignoring: [ENOSYS, EDQUOT]))
        default: break
        }
    }

    /// A new namespace is only for those that come later: so it is joined like any other.
    private mutating func makeTime(_ offsets: [String], _ procfs: Int) {
        list.call(SYS_unshare, [.number(Namespaces.time.rawValue)])
        let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)
        if !offsets.isEmpty {
            let file = open("self/timens_offsets", beneath: .slot(procfs), flags: O_WRONLY, resolve: resolve)
            writeValue(offsets.map { $0 + "\n" }.joined(), to: file)
        }
        let directory = open("self/ns", beneath: .slot(procfs), flags: O_PATH | O_DIRECTORY, resolve: resolve)
        let namespace = list.scratchSlot()
        list.call(
            SYS_openat,
            [.slot(directory), list.string("time_for_children"), .flags(O_RDONLY | O_CLOEXEC)],
            .init(into: namespace)
        )
        close(directory)
        list.call(SYS_setns, [.slot(namespace), .number(Namespaces.time.rawValue)])
        close(namespace)
    }

    mutating func encodeTree(_ step: LaunchStep) {
        switch step {
        case .enter(let slot, let path, let host):
            open("/", flags: O_PATH, resolve: 0, into: host.index, outcome: .init(into: host.index))
            let place = open(path, flags: O_PATH, resolve: UInt64(RESOLVE_NO_MAGICLINKS))
            moveMount(slot.index, to: place)
            close(place)
            list.call(SYS_fchdir, [.slot(slot.index)])
            list.call(SYS_chroot, [list.string(".")])
        case .changeRoot(let slot):
            list.call(SYS_fchdir, [.slot(slot.index)])
            list.call(SYS_chroot, [list.string(".")])
        case .leave(let slot, let host):
            list.call(SYS_fchdir, [.slot(host.index)])
            list.call(SYS_chroot, [list.string(".")])
            pivot(to: slot.index)
            close(host.index)
        case .detach(let path): list.call(SYS_umount2, [list.string(path), .flags(MNT_DETACH)])
        case .copyTree(let path, let slot):
            list.call(
                SYS_open_tree,
                [
                    .currentDirectory, list.string(path),
                    .flags(openTreeClone | openTreeCloseOnExec | UInt32(atRecursive)),
                ],
                .init(into: slot.index)
            )
        case .change(let slot, let change):
            for part in change.parts {
                // struct mount_attr: attr_set, attr_clr, propagation, userns_fd
                let argument = list.words([part.set.rawValue, part.allCleared, part.propagation?.flag ?? 0, 0])
                let flags = AT_EMPTY_PATH | (part.isRecursive ? atRecursive : 0)
                list.call(
                    SYS_mount_setattr,
                    [.slot(slot.index), list.string(""), .flags(flags), argument, .flags(32)]
                )
            }
        default: break
        }
    }
}

/// `KEYCTL_JOIN_SESSION_KEYRING`.
private let joinSessionKeyring: CInt = 1
