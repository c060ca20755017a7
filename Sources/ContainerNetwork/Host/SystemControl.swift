import Glibc
import LinuxSystem

/// A file below /proc/sys, as the calling thread's network namespace sees it.
struct SystemControl {
    let path: String

    init(_ path: String) { self.path = path }

    /// Writes the value if it is not there yet; returns "net.ipv4.ip_forward = 1" if it wrote.
    ///
    /// A kernel without the feature (ENOENT) has nothing to set.
    @discardableResult
    func set(_ value: String) throws(SyscallError) -> String? {
        do {
            let present = try readFile("/proc/sys/\(path)", limit: 8192)
            guard present.prefix(while: { $0 != "\n" }) != value else { return nil }
            try writeFile("/proc/sys/\(path)", value)
            return "\(path.split(separator: "/").joined(separator: ".")) = \(value)"
        } catch {
            guard error.errno.rawValue == ENOENT else { throw error }
            return nil
        }
    }
}

/// The kernel's settings that a bridge needs.
struct BridgeSettings {
    let network: BridgeNetwork

    init(_ network: BridgeNetwork) { self.network = network }

    /// Applies them in the calling thread's namespace; returns what it changed beyond the bridge itself.
    func apply() throws(SyscallError) -> [String] {
        let own = "net/ipv6/conf/\(network.bridge)"
        if network.subnet(.v6) == nil {
            // Else every container could reach the host's services through link-local addresses.
            try SystemControl("\(own)/disable_ipv6").set("1")
        } else {
            // A container's router advertisement must not become the host's default route (CVE-2020-13401).
            try SystemControl("\(own)/accept_ra").set("0")
        }
        var changes: [String] = []
        guard !network.isInternal else { return changes }
        if network.subnet(.v4) != nil, let change = try SystemControl("net/ipv4/ip_forward").set("1") {
            changes.append(change)
        }
        if network.subnet(.v6) != nil, let change = try SystemControl("net/ipv6/conf/all/forwarding").set("1") {
            changes.append(change)
        }
        return changes
    }
}
