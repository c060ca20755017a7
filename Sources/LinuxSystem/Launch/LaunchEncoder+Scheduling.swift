import CLinux
import Glibc

extension LaunchEncoder {
    mutating func encodeScheduling(_ step: LaunchStep) {
        switch step {
        case .setScheduler(let scheduling):
            // struct sched_attr: size, policy, flags, nice, priority, runtime, deadline, period
            let head = UInt64(48) | UInt64(scheduling.policy.rawValue) << 32
            let order = UInt64(UInt32(bitPattern: scheduling.nice)) | UInt64(scheduling.priority) << 32
            let attributes = list.words([
                head, scheduling.flags.rawValue, order, scheduling.runtime, scheduling.deadline, scheduling.period,
            ])
            list.call(SYS_sched_setattr, [.null, attributes, .null])
        case .setAffinity(let processors):
            list.call(
                SYS_sched_setaffinity,
                [.null, .flags(processors.words.count * 8), list.words(processors.words)]
            )
        case .setIOPriority(let priority):
            let wholeProcess = 1  // IOPRIO_WHO_PROCESS
            list.call(SYS_ioprio_set, [.flags(wholeProcess), .null, .flags(priority.number)])
        case .setMemoryPolicy(let policy):
            let nodes = policy.nodes?.words ?? []
            list.call(
                SYS_set_mempolicy,
                [
                    .flags(policy.mode.rawValue | policy.flags.rawValue), nodes.isEmpty ? .null : list.words(nodes),
                    .flags(nodes.isEmpty ? 0 : nodes.count * 64 + 1),
                ]
            )
        case .setPersonality(let domain): list.call(SYS_personality, [.number(domain)])
        default: break
        }
    }

    mutating func raiseLoopback() {
        let socket = list.scratchSlot()
        list.call(
            SYS_socket,
            [.flags(AF_INET), .flags(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), .null],
            .init(into: socket)
        )
        // struct ifreq: the name, and IFF_UP with IFF_RUNNING
        let request: [UInt8] = Array("lo".utf8) + [UInt8](repeating: 0, count: 14) + [0x41, 0]
        list.call(
            SYS_ioctl,
            [.slot(socket), .flags(SIOCSIFFLAGS), list.bytes(request + [UInt8](repeating: 0, count: 22))]
        )
        close(socket)
    }
}
