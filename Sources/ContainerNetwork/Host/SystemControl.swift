import FoundationEssentials
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
        if network.subnet(.v6) != nil {
            changes += try Self.keepRouterAdvertisements()
            if let change = try SystemControl("net/ipv6/conf/all/forwarding").set("1") { changes.append(change) }
        }
        return changes
    }

    /// A host that forwards no longer learns its own default route from router advertisements, unless told to go on
    /// (accept_ra 2); it must not lose its connection because a container gets one.
    private static func keepRouterAdvertisements() throws(SyscallError) -> [String] {
        let root = "/proc/sys/net/ipv6/conf"
        // A kernel without version 6 has no such directory.
        let interfaces = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        var changes: [String] = []
        for interface in interfaces.sorted() where !["all", "default", "lo"].contains(interface) {
            guard try isSet("\(root)/\(interface)/accept_ra"), try !isSet("\(root)/\(interface)/forwarding") else {
                continue
            }
            if let change = try SystemControl("net/ipv6/conf/\(interface)/accept_ra").set("2") {
                changes.append(change)
            }
        }
        return changes
    }

    /// Whether a setting is 1; one that is not there, as its interface has gone, is not.
    private static func isSet(_ path: String) throws(SyscallError) -> Bool {
        do { return try readFile(path, limit: 64).hasPrefix("1\n") } catch {
            guard error.errno.rawValue == ENOENT else { throw error }
            return false
        }
    }
}
