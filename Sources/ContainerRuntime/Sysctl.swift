import LinuxSystem

/// A kernel parameter of a container: sysctl(8).
///
/// Only parameters that belong to one of the container's own namespaces exist here; all others are the host's.
struct Sysctl: Hashable {
    /// The path beneath `/proc/sys`.
    let path: String
    let value: String

    private static let ofIPC: Set<String> = [
        "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax",
        "kernel/shmmni", "kernel/shm_rmid_forced",
    ]

    /// Reads a key with dots between its parts, or with slashes when a part holds a dot: sysctl.d(5).
    init(key: String, value: String, owned: Namespaces) throws(ContainerError) {
        let place = "linux.sysctl.\(key)"
        let separator = key.first { $0 == "." || $0 == "/" } ?? "."
        // The other one stands for the separator inside a part: net.ipv4.conf.eth0/1.forwarding.
        let swapped = key.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 }
        let path = separator == "." ? String(swapped) : key
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count > 1, !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else {
            throw .invalid(place, "is not the name of a kernel parameter")
        }
        guard let owner = Sysctl.owner(of: path, parts) else {
            throw .invalid(place, "belongs to the host, not to a namespace of the container")
        }
        guard owned.contains(owner) else {
            throw .invalid(place, "needs a \(owner) namespace of the container's own")
        }
        (self.path, self.value) = (path, value)
    }

    private static func owner(of path: String, _ parts: [Substring]) -> Namespaces? {
        if parts[0] == "net" { return .network }
        if ofIPC.contains(path) || path.hasPrefix("fs/mqueue/") { return .ipc }
        return path == "kernel/domainname" ? .uts : nil
    }
}
