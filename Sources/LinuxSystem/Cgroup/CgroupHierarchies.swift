/// Where a host has its control groups: cgroups(7).
///
/// A host is pure v2 when the unified hierarchy has the controllers, pure v1 when there is no unified hierarchy, and
/// hybrid when controllers lie in v1 hierarchies beside a unified one.
package struct CgroupHierarchies: Hashable, Sendable {
    /// The mount point of the unified (v2) hierarchy.
    package var unified: String?
    /// The mount points of v1 hierarchies by controller, as in `memory`.
    package var legacy: [String: String] = [:]

    /// Reads `/proc/self/mountinfo`: proc_pid_mountinfo(5).
    package init(mountinfo: String) {
        for line in mountinfo.split(separator: "\n") {
            // 31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw,mode=755
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 3, dash > 5 else { continue }
            // A bind mount of one group is not the hierarchy.
            guard fields[3] == "/" else { continue }
            let place = CgroupHierarchies.unescaped(fields[4])
            switch fields[dash + 1] {
            case "cgroup2": unified = unified ?? place
            case "cgroup":
                for option in fields[dash + 3].split(separator: ",") where CgroupHierarchies.isController(option) {
                    legacy[String(option), default: place] = legacy[String(option)] ?? place
                }
            default: break
            }
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
