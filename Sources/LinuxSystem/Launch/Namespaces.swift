import CLinux

/// A set of namespace kinds: namespaces(7).
///
/// The raw value is the kernel's `CLONE_NEW…` flags.
package struct Namespaces: OptionSet, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The elements together, without the standard library's look-up of types, which takes longer than a whole plan.
    package init(arrayLiteral elements: Namespaces...) {
        self.init(rawValue: elements.reduce(0) { $0 | $1.rawValue })
    }

    /// `CLONE_NEWNS`: mount_namespaces(7).
    package static let mount = Namespaces(rawValue: UInt64(CLONE_NEWNS))
    /// `CLONE_NEWCGROUP`: cgroup_namespaces(7).
    package static let cgroup = Namespaces(rawValue: UInt64(CLONE_NEWCGROUP))
    /// `CLONE_NEWUTS`: uts_namespaces(7).
    package static let uts = Namespaces(rawValue: UInt64(CLONE_NEWUTS))
    /// `CLONE_NEWIPC`: ipc_namespaces(7).
    package static let ipc = Namespaces(rawValue: UInt64(CLONE_NEWIPC))
    /// `CLONE_NEWUSER`: user_namespaces(7).
    package static let user = Namespaces(rawValue: UInt64(CLONE_NEWUSER))
    /// `CLONE_NEWPID`: pid_namespaces(7).
    package static let pid = Namespaces(rawValue: UInt64(CLONE_NEWPID))
    /// `CLONE_NEWNET`: network_namespaces(7).
    package static let network = Namespaces(rawValue: UInt64(CLONE_NEWNET))
    /// `CLONE_NEWTIME`: time_namespaces(7), Linux 5.6.
    package static let time = Namespaces(rawValue: UInt64(CLONE_NEWTIME))

    private static let names: [(Namespaces, String)] = [
        (.user, "user"), (.mount, "mount"), (.pid, "pid"), (.network, "net"), (.ipc, "ipc"), (.uts, "uts"),
        (.cgroup, "cgroup"), (.time, "time"),
    ]

    /// The name of the file below `/proc/PID/ns` that is the one kind in the set.
    package var fileName: String { self == .mount ? "mnt" : description }

    /// The kinds by the names `/proc/PID/ns` and lsns(8) use, joined by commas.
    package var description: String {
        Namespaces.names.filter { contains($0.0) }.map(\.1).joined(separator: ",")
    }
}
