import LinuxSystem
import OCISpec

/// A scope of systemd's: the unit that a container's control group is, where systemd makes groups.
struct SystemdScope: Hashable, Sendable {
    /// As in `system.slice`.
    let slice: String
    /// As in `docker-0123.scope`.
    let unit: String

    /// Reads `cgroupsPath` in the form `slice:prefix:name`; each part has its usual value when it is empty.
    init(cgroupsPath: String, id: ContainerID) throws(ContainerError) {
        let place = "linux.cgroupsPath"
        var parts = cgroupsPath.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if cgroupsPath.isEmpty { parts = ["", "roost", "\(id)"] }
        guard parts.count == 3 else {
            throw .invalid(place, "'\(cgroupsPath)' is not slice:prefix:name, as --systemd-cgroup wants it")
        }
        slice = parts[0].isEmpty ? "system.slice" : parts[0]
        let name = parts[2].isEmpty ? "\(id)" : parts[2]
        unit = (parts[1].isEmpty ? name : "\(parts[1])-\(name)") + ".scope"
        for part in [slice, unit] {
            let isKnown = part.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "_.-@\\:".utf8.contains(byte)
                }
            }
            guard isKnown, part.utf8.count < 256, !part.hasPrefix(".") else {
                throw .invalid(place, "'\(part)' is not the name of a unit")
            }
        }
        _ = try SystemdScope.path(of: slice)
    }

    /// The path of its control group: `/a.slice/a-b.slice/UNIT` for `a-b.slice`.
    var path: String {
        // The slice was looked at when the scope was named.
        ((try? SystemdScope.path(of: slice)) ?? "") + "/" + unit
    }

    private static func path(of slice: String) throws(ContainerError) -> String {
        guard slice.hasSuffix(".slice") else {
            throw .invalid("linux.cgroupsPath", "'\(slice)' is not the name of a slice, which ends in .slice")
        }
        let name = slice.dropLast(".slice".count)
        if name == "-" { return "" }
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        guard !parts.contains(where: \.isEmpty) else {
            throw .invalid("linux.cgroupsPath", "'\(slice)' is not the name of a slice: a dash too many")
        }
        var (path, prefix) = ("", "")
        for part in parts {
            prefix += prefix.isEmpty ? "\(part)" : "-\(part)"
            path += "/\(prefix).slice"
        }
        return path
    }

    /// What systemd is to know of a scope with a process in it.
    func properties(process pid: Int32, _ resources: ResourcesSpec?) -> [(name: String, value: DBusValue)] {
        [
            ("Description", .string("container \(unit)")), ("Slice", .string(slice)),
            ("PIDs", .words([UInt32(bitPattern: pid)])), ("Delegate", .boolean(true)),
            ("DefaultDependencies", .boolean(false)),
            // Nothing of a scope that has failed is kept.
            ("CollectMode", .string("inactive-or-failed")),
        ] + SystemdScope.limits(resources ?? ResourcesSpec())
    }

    /// Limits as systemd has them: it would undo what it does not know of.
    ///
    /// What it has no word for stays in the files.
    static func limits(_ resources: ResourcesSpec) -> [(name: String, value: DBusValue)] {
        var limits: [(name: String, value: DBusValue)] = []
        func amount(_ value: Int64) -> DBusValue { .long(value < 0 ? UInt64.max : UInt64(value)) }
        if let limit = resources.memory?.limit, limit != 0 { limits.append(("MemoryMax", amount(limit))) }
        if let low = resources.memory?.reservation, low != 0 { limits.append(("MemoryLow", amount(low))) }
        if let swap = resources.memory?.swap, let limit = resources.memory?.limit, swap >= limit, limit > 0 {
            limits.append(("MemorySwapMax", amount(swap - limit)))
        }
        if let shares = resources.cpu?.shares, shares != 0 {
            limits.append(("CPUWeight", .long(CgroupPlan.weight(shares: shares))))
        }
        if let quota = resources.cpu?.quota {
            let period = resources.cpu?.period ?? 100_000
            let each = quota > 0 && period > 0 ? UInt64(quota) &* 1_000_000 / period : UInt64.max
            // In whole steps of systemd's own, one percent of a processor.
            limits.append(("CPUQuotaPerSecUSec", .long(each == UInt64.max ? each : (each + 9999) / 10_000 * 10_000)))
        }
        if let limit = resources.pids?.limit { limits.append(("TasksMax", amount(limit <= 0 ? -1 : limit))) }
        return limits
    }
}
