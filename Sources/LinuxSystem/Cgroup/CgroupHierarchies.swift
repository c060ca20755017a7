import CLinux
import Glibc

/// Where a host has its control groups: cgroups(7).
///
/// A host is pure v2 when the unified hierarchy has the controllers, pure v1 when there is no unified hierarchy, and
/// hybrid when controllers lie in v1 hierarchies beside a unified one.
package struct CgroupHierarchies: Hashable, Sendable {
    /// The mount point of the unified (v2) hierarchy.
    package var unified: String?
    /// The mount points of v1 hierarchies by controller, as in `memory`.
    package var legacy: [String: String] = [:]

    /// Those that this process sees.
    ///
    /// Where systemd and others have the one hierarchy of a pure v2 host, statfs(2) tells; elsewhere the mounts do.
    package static func ofHost() throws(SyscallError) -> CgroupHierarchies {
        var status = statfs()
        if statfs(standardPlace, &status) == 0, status.f_type == CgroupHierarchies.magic {
            var found = CgroupHierarchies()
            found.unified = standardPlace
            return found
        }
        return CgroupHierarchies(mountinfo: try readFile("/proc/self/mountinfo"))
    }

    private static let standardPlace = "/sys/fs/cgroup"
    /// `CGROUP2_SUPER_MAGIC`: statfs(2).
    private static let magic = 0x6367_7270

    private init() {}

    /// Reads `/proc/self/mountinfo`: proc_pid_mountinfo(5).
    ///
    /// What something else is mounted over is not there: a private view of v2 over a hybrid host's is pure v2.
    package init(mountinfo: String) {
        let mounts = mountinfo.split(separator: "\n").compactMap(Mount.init)
        // A bind mount of one group is not the hierarchy.
        for mount in mounts where mount.root == "/" && mount.isVisible(among: mounts) {
            let place = CgroupHierarchies.unescaped(mount.place)
            switch mount.type {
            case "cgroup2": unified = unified ?? place
            case "cgroup":
                for option in mount.options.split(separator: ",") where CgroupHierarchies.isController(option) {
                    legacy[String(option), default: place] = legacy[String(option)] ?? place
                }
            default: break
            }
        }
    }

    /// A line of mountinfo.
    private struct Mount {
        let id, parent, root, place, type, options: Substring

        init?(line: Substring) {
            // 31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw,mode=755
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 3, dash > 5 else { return nil }
            (id, parent, root, place) = (fields[0], fields[1], fields[3], fields[4])
            (type, options) = (fields[dash + 1], fields[dash + 3])
        }

        /// Whether its path leads to it; asked only of control groups, whose mounts are few.
        func isVisible(among mounts: [Mount]) -> Bool {
            guard type == "cgroup" || type == "cgroup2" else { return false }
            var (mount, below) = (self, self)
            for _ in mounts {
                // What covers the one beneath it may be the one that the way leads to.
                if mounts.contains(where: { $0.id != below.id && mount.isCovered(by: $0) }) { return false }
                guard let above = mounts.first(where: { $0.id == mount.parent }) else { return true }
                (mount, below) = (above, mount)
            }
            return true
        }

        private func isCovered(by other: Mount) -> Bool {
            if other.id == id { return false }
            if other.parent == id { return other.place == place }
            return other.parent == parent && (place.hasPrefix(other.place + "/") || other.place == "/" && place != "/")
        }
    }

    /// The unified hierarchy without those of v1, which are never another user's to write to.
    package var unifiedAlone: CgroupHierarchies {
        var other = self
        other.legacy = [:]
        return other
    }

    private static func isController(_ option: Substring) -> Bool {
        !["rw", "ro", "xattr", "noprefix", "clone_children"].contains(option) && !option.hasPrefix("release_agent=")
    }

    /// Undoes the octal escapes of proc(5) for blanks and backslashes.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3,
                let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
