/// Capabilities by name: capabilities(7).
package struct CapabilityNames: Hashable, Sendable {
    /// Whether `ALL` is among them.
    package var all = false
    /// The names without `CAP_`, in upper case.
    package var names: Set<String> = []

    /// No capability.
    package init() {}

    /// Every name the kernel has; the last ones came with Linux 5.8 and 5.9.
    static let known: Set<String> = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
        "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
        "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
        "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
        "CHECKPOINT_RESTORE",
    ]

    /// Adds a name in either case, with or without `CAP_`; false when there is none of that name.
    mutating func insert(_ text: String) -> Bool {
        var name = text.uppercased()
        if name.hasPrefix("CAP_") { name.removeFirst(4) }
        if name == "ALL" {
            all = true
        } else if Self.known.contains(name) {
            names.insert(name)
        } else {
            return false
        }
        return true
    }

    /// The known name that `text` was probably meant to be.
    static func nearest(to text: String) -> String? {
        let lower = text.lowercased()
        let bare = lower.hasPrefix("cap_") ? String(lower.dropFirst(4)) : lower
        return NearestKey.match(bare, among: known.map { $0.lowercased() })?.uppercased()
    }
}
