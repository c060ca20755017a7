import CLinux
import Glibc

/// How the kernel shares processors with a process: sched(7), sched_setattr(2).
package struct Scheduling: Hashable, Sendable, CustomStringConvertible {
    /// The raw value is the kernel's `SCHED_…`.
    package enum Policy: UInt32, Hashable, Sendable, CaseIterable {
        case other = 0, fifo, roundRobin, batch, idle = 5, deadline
    }

    /// The raw value is the kernel's `SCHED_FLAG_…` bits.
    package struct Flags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt64
        package init(rawValue: UInt64) { self.rawValue = rawValue }
    }

    package var policy: Policy
    package var flags: Flags = []
    /// From -20 to 19; for `other` and `batch`.
    package var nice: Int32 = 0
    /// From 1 to 99; for `fifo` and `roundRobin`.
    package var priority: UInt32 = 0
    /// In nanoseconds, for `deadline`, as the two that follow.
    package var runtime: UInt64 = 0
    package var deadline: UInt64 = 0
    package var period: UInt64 = 0

    /// A policy, with nothing said beside it.
    package init(_ policy: Policy) { self.policy = policy }

    /// The policy, and what is said beside it.
    package var description: String {
        var words = ["\(policy)"]
        if nice != 0 { words.append("nice \(nice)") }
        if priority != 0 { words.append("priority \(priority)") }
        if policy == .deadline { words.append("\(runtime)/\(deadline)/\(period)") }
        if !flags.isEmpty { words.append("flags \(flags.rawValue)") }
        return words.joined(separator: " ")
    }
}

/// The order in which a process gets at disks: ioprio_set(2).
package struct IOPriority: Hashable, Sendable, CustomStringConvertible {
    /// The raw value is the kernel's `IOPRIO_CLASS_…`.
    package enum Class: Int32, Hashable, Sendable, CaseIterable { case realTime = 1, bestEffort, idle }

    package var `class`: Class
    /// From 0, the first, to 7.
    package var level: Int32

    /// A class, and the level in it.
    package init(_ class: Class, level: Int32) {
        self.class = `class`
        self.level = level
    }

    /// What ioprio_set(2) takes.
    var number: Int32 { self.class.rawValue << 13 | level }

    /// Class and level.
    package var description: String { "\(self.class) \(level)" }
}

/// Where the memory of a process comes from on a machine with several nodes: set_mempolicy(2).
package struct MemoryPolicy: Hashable, Sendable, CustomStringConvertible {
    /// The raw value is the kernel's `MPOL_…`.
    package enum Mode: UInt32, Hashable, Sendable, CaseIterable {
        case `default` = 0, preferred, bind, interleave, local, preferredMany, weightedInterleave
    }

    /// The raw value is the kernel's `MPOL_F_…` bits.
    package struct Flags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
    }

    package var mode: Mode
    package var flags: Flags
    /// Nodes by number.
    package var nodes: ProcessorSet?

    /// A policy for some nodes, or for none in particular.
    package init(_ mode: Mode, flags: Flags, nodes: ProcessorSet?) {
        (self.mode, self.flags, self.nodes) = (mode, flags, nodes)
    }

    /// The mode, the nodes and the flags.
    package var description: String {
        "\(mode)\(nodes.map { " nodes \($0)" } ?? "")\(flags.isEmpty ? "" : " flags \(flags.rawValue)")"
    }
}

/// Processors by number: cpuset(7), "List format".
package struct ProcessorSet: Hashable, Sendable, CustomStringConvertible {
    /// More than any machine has.
    private static let highest = 8191

    /// 64 processors a word, the lowest first.
    package private(set) var words: [UInt64] = []

    /// Reads a list like `0-3,7`; nil when it is none, or empty.
    package init?(list: String) {
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
                .map { Int($0.trimmingBlanks) }
            guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil,
                0 <= first, first <= last, last <= ProcessorSet.highest
            else { return nil }
            for number in first...last {
                while words.count <= number / 64 { words.append(0) }
                words[number / 64] |= 1 << UInt64(number % 64)
            }
        }
    }

    /// Confines the calling thread, and what it starts, to them: sched_setaffinity(2).
    package func confineThisThread() throws(SyscallError) {
        let result = words.withUnsafeBytes {
            clinux_syscall(
                Int64(SYS_sched_setaffinity),
                0,
                UInt64($0.count),
                UInt64(UInt(bitPattern: $0.baseAddress)),
                0,
                0,
                0
            )
        }
        _ = try SyscallError.check(CInt(result), "sched_setaffinity", "processors \(self)")
    }

    /// The numbers, each by itself.
    package var description: String {
        (0..<words.count * 64).filter { words[$0 / 64] >> UInt64($0 % 64) & 1 == 1 }.map { "\($0)" }
            .joined(separator: ",")
    }
}

extension Substring {
    fileprivate var trimmingBlanks: Substring {
        let start = drop { $0 == " " }
        return start.lastIndex { $0 != " " }.map { start[...$0] } ?? ""
    }
}
