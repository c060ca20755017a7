import CLinux
import Glibc

/// A set of capabilities: capabilities(7).
///
/// Bit n of the raw value is capability n.
package struct CapabilitySet: OptionSet, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The elements together, without the standard library's look-up of types, which takes longer than a whole plan.
    package init(arrayLiteral elements: CapabilitySet...) {
        self.init(rawValue: elements.reduce(0) { $0 | $1.rawValue })
    }

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
    /// What this process may pass on: its permitted set as far as its bounding set has it, capget(2) and prctl(2).
    package static func ofThisProcess() throws(SyscallError) -> CapabilitySet {
        // `_LINUX_CAPABILITY_VERSION_3` of this process; the sets come in halves, each effective, permitted, inheritable.
        var header: (version: UInt32, pid: Int32) = (0x2008_0522, 0)
        var halves: (UInt32, low: UInt32, UInt32, UInt32, high: UInt32, UInt32) = (0, 0, 0, 0, 0, 0)
        let result = withUnsafeMutablePointer(to: &header) { header in
            withUnsafeMutablePointer(to: &halves) { halves in
                clinux_syscall(
                    Int64(SYS_capget),
                    UInt64(UInt(bitPattern: header)),
                    UInt64(UInt(bitPattern: halves)),
                    0,
                    0,
                    0,
                    0
                )
            }
        }
        _ = try SyscallError.check(CInt(result), "capget", "this process")
        let permitted = CapabilitySet(rawValue: UInt64(halves.high) << 32 | UInt64(halves.low)).intersection(.all)
        // A number that the kernel does not know is not in its bounding set: EINVAL.
        return CapabilitySet(
            rawValue: (0..<UInt64(knownCount)).reduce(0) { set, number in
                let isBounding = clinux_syscall(Int64(SYS_prctl), UInt64(PR_CAPBSET_READ), number, 0, 0, 0, 0) == 1
                return isBounding ? set | 1 << number : set
            }
        ).intersection(permitted)
    }
}

extension CapabilitySet {
    /// The names without `CAP_`, in order of number.
    package var names: [String] {
        CapabilitySet.names.enumerated().filter { contains(number: $0.offset) }.map(\.element)
    }
}
