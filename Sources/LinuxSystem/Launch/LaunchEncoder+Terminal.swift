import CLinux
import Glibc

extension LaunchEncoder {
    mutating func encodeTerminal(_ step: LaunchStep) {
        switch step {
        case .openTerminal(let slave, let socket, let owner, let size):
            openTerminal(into: slave.index, sendingTo: socket.index, owner: owner, size: size)
        case .controlTerminal(let slot): list.call(SYS_ioctl, [.slot(slot.index), .flags(TIOCSCTTY), .null])
        case .sendDescriptor(let slot, let socket): send(slot.index, to: socket.index)
        case .attachConsole(let slave):
            let copy = list.scratchSlot()
            list.call(
                SYS_open_tree,
                [
                    .slot(slave.index), list.string(""),
                    .flags(openTreeClone | openTreeCloseOnExec | UInt32(AT_EMPTY_PATH)),
                ],
                .init(into: copy)
            )
            let file = list.scratchSlot()
            list.call(
                SYS_openat,
                [
                    .currentDirectory, list.string("/dev/console"),
                    .flags(O_CREAT | O_EXCL | O_CLOEXEC | O_WRONLY), .flags(0o600),
                ],
                .init(into: file, ignoring: [EEXIST], skipOnError: 1)
            )
            close(file)
            let target = open("/dev/console", flags: O_PATH, resolve: UInt64(RESOLVE_NO_SYMLINKS))
            moveMount(copy, to: target)
            close(target)
            close(copy)
        default: break
        }
    }

    /// Never the slave's path: it may be anything by the time it is opened.
    private mutating func openTerminal(into slave: Int, sendingTo socket: Int, owner: UInt32, size: TerminalSize?) {
        let master = open(
            "/dev/pts/ptmx",
            flags: O_RDWR | O_NOCTTY | O_NONBLOCK,
            resolve: UInt64(RESOLVE_NO_SYMLINKS)
        )
        let blocking = CallArgument.flags(O_RDWR)
        list.call(SYS_ioctl, [.slot(master), .flags(terminalLock), list.halfWords([0])])
        list.call(
            SYS_ioctl,
            [.slot(master), .flags(terminalPeer), .flags(O_RDWR | O_NOCTTY | O_CLOEXEC)],
            .init(into: slave)
        )
        list.call(SYS_fcntl, [.slot(master), .flags(F_SETFL), blocking])
        if let size {
            // struct winsize: rows, columns, and two that nobody uses
            let words = [UInt32(size.rows) | UInt32(size.columns) << 16, 0]
            list.call(SYS_ioctl, [.slot(slave), .flags(TIOCSWINSZ), list.halfWords(words)])
        }
        list.call(SYS_fchown, [.slot(slave), .flags(owner), .flags(UInt32.max)])
        send(master, to: socket)
        close(master)
    }

    /// The message holds the number of the descriptor, which must be known beforehand: it is made 0.
    private mutating func send(_ slot: Int, to socket: Int) {
        list.call(SYS_dup3, [.slot(slot), .null, .flags(O_CLOEXEC)])
        list.call(SYS_sendmsg, [.slot(socket), list.descriptorMessage(0), .null], .init(exactly: 1))
    }
}

extension CallList {
    /// A `struct msghdr` with one byte and one descriptor: sendmsg(2), unix(7), `SCM_RIGHTS`.
    mutating func descriptorMessage(_ descriptor: Int32) -> CallArgument {
        // struct cmsghdr: 64 bits of length, level, type, then the data
        let control = halfWords([20, 0, UInt32(SOL_SOCKET), 1, UInt32(bitPattern: descriptor), 0])
        let text = bytes([0])
        guard case .address(let controlPlace) = control, case .address(let textPlace) = text,
            case .address(let vector) = words([UInt64(textPlace), 1])
        else { return .null }
        markAddress(at: vector)
        // name, its length, vector, its count, control, its length, flags
        guard case .address(let message) = words([0, 0, UInt64(vector), 1, UInt64(controlPlace), 24, 0]) else {
            return .null
        }
        markAddress(at: message + 16)
        markAddress(at: message + 32)
        return .address(message)
    }
}

/// `TIOCSPTLCK`.
private let terminalLock: UInt32 = 0x4004_5431
/// `TIOCGPTPEER`.
private let terminalPeer: UInt32 = 0x5441
