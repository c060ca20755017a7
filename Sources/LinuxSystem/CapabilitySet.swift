/// A set of capabilities: capabilities(7).
///
/// Bit n of the raw value is capability n.
package struct CapabilitySet: OptionSet, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The kernel's names in order of number, without `CAP_`; the last one came with Linux 5.9.
    private static let names = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
        "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
        "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
        "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
        "CHECKPOINT_RESTORE",
    ]

    /// The names of all capabilities in order of number, without `CAP_`.
    package static var allNames: [String] { names }

    /// How many capabilities this build knows by name.
    package static var knownCount: Int { names.count }

    /// Every capability that has a name.
    package static let all = CapabilitySet(rawValue: (1 << UInt64(names.count)) - 1)

    /// The capability of a name in either case, with or without `CAP_`; nil for a name the kernel doesn't have.
    package init?(named name: String) {
        var upper = name.uppercased()
        if upper.hasPrefix("CAP_") { upper.removeFirst(4) }
        guard let number = CapabilitySet.names.firstIndex(of: upper) else { return nil }
        self.init(rawValue: 1 << UInt64(number))
    }

    /// Whether capability `number` is in the set.
    package func contains(number: Int) -> Bool { rawValue >> UInt64(number) & 1 == 1 }

    /// The names without `CAP_`, in order of number; `all` and `none` for those sets.
    package var description: String {
        if self == .all { return "all" }
        if isEmpty { return "none" }
        return CapabilitySet.names.enumerated().filter { contains(number: $0.offset) }.map(\.element).joined(
            separator: ","
        )
    }
}

extension CapabilitySet {
    /// What this process may pass on: its permitted set as far as its bounding set has it, from proc_pid_status(5).
    package static func ofThisProcess() throws(SyscallError) -> CapabilitySet {
        var sets: [Substring: UInt64] = [:]
        for line in try readFile("/proc/self/status").split(separator: "\n") where line.hasPrefix("Cap") {
            let fields = line.split(separator: ":")
            sets[fields[0]] = fields.last.flatMap { UInt64($0.drop { $0 == "\t" }, radix: 16) }
        }
        return CapabilitySet(rawValue: (sets["CapPrm"] ?? 0) & (sets["CapBnd"] ?? 0)).intersection(.all)
    }
}

extension CapabilitySet {
    /// The names without `CAP_`, in order of number.
    package var names: [String] {
        CapabilitySet.names.enumerated().filter { contains(number: $0.offset) }.map(\.element)
    }
}
