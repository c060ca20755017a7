import Glibc
import LinuxSystem
import OCISpec

/// A scope of systemd's: the unit that a container's control group is, where systemd makes groups.
struct SystemdScope: Hashable, Sendable {
    /// As in `system.slice`.
    let slice: String
    /// As in `docker-0123.scope`.
    let unit: String

    /// Reads `cgroupsPath` in the form `slice:prefix:name`; each part has its usual value when it is empty, which for
    /// the slice is that of users where the manager is a user's.
    init(cgroupsPath: String, id: ContainerID, isUsers: Bool = false) throws(ContainerError) {
        let place = "linux.cgroupsPath"
        var parts = cgroupsPath.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if cgroupsPath.isEmpty { parts = ["", "roost", "\(id)"] }
        guard parts.count == 3 else {
            throw .invalid(place, "'\(cgroupsPath)' is not slice:prefix:name, as --systemd-cgroup wants it")
        }
        let usual = isUsers ? "user.slice" : "system.slice"
        switch parts[0] {
        case "": slice = usual
        case "-": slice = "-.slice"
        default: slice = parts[0]
        }
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
    ///
    /// Annotations `org.systemd.property.NAME` are properties too, and win.
    func properties(process pid: Int32, _ spec: RuntimeSpec) throws(ContainerError) -> [DBusProperty] {
        var properties: [DBusProperty] = [
            ("Description", .string("container \(unit)")), ("Slice", .string(slice)),
            ("PIDs", .words([UInt32(bitPattern: pid)])), ("Delegate", .boolean(true)),
            ("DefaultDependencies", .boolean(false)),
            // Nothing of a scope that has failed is kept.
            ("CollectMode", .string("inactive-or-failed")),
        ]
        properties += ["CPU", "IO", "Memory", "Tasks"].map { ("\($0)Accounting", .boolean(true)) }
        properties += try SystemdScope.limits(spec.linux?.resources ?? ResourcesSpec())
        for (key, text) in (spec.annotations ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard key.hasPrefix(SystemdScope.annotation) else { continue }
            let name = String(key.dropFirst(SystemdScope.annotation.count))
            guard name.first?.isUppercase == true, name.utf8.allSatisfy({ isalnum(Int32($0)) != 0 }) else {
                throw .invalid("annotations.\(key)", "'\(name)' is not the name of a property")
            }
            guard let value = DBusValue(text: text) else {
                throw .invalid("annotations.\(key)", "'\(text)' is not a value as in 'uint64 5', true or \"'text'\"")
            }
            properties.removeAll { $0.name == name }
            properties.append((name, value))
        }
        return properties
    }

    private static let annotation = "org.systemd.property."

    /// Limits as systemd has them: it would undo what it does not know of.
    ///
    /// What it has no word for stays in the files.
    static func limits(_ resources: ResourcesSpec) throws(ContainerError) -> [DBusProperty] {
        var limits: [DBusProperty] = []
        if let memory = resources.memory { limits += self.limits(memory) }
        if let cpu = resources.cpu { limits += try self.limits(cpu) }
        if let weight = resources.blockIO?.weight, weight != 0 {
            limits.append(("IOWeight", .long(CgroupPlan.ioWeight(weight))))
        }
        if let limit = resources.pids?.limit { limits.append(("TasksMax", amount(limit <= 0 ? -1 : limit))) }
        for (file, text) in (resources.unified ?? [:]).sorted(by: { $0.key < $1.key }) {
            let own = try self.limits(file, text)
            limits.removeAll { known in own.contains { $0.name == known.name } }
            limits += own
        }
        return limits
    }

    private static func amount(_ value: Int64) -> DBusValue { .long(value < 0 ? UInt64.max : UInt64(value)) }

    private static func limits(_ memory: ResourcesSpec.Memory) -> [DBusProperty] {
        var limits: [DBusProperty] = []
        if let limit = memory.limit, limit != 0 { limits.append(("MemoryMax", amount(limit))) }
        if let low = memory.reservation, low != 0 { limits.append(("MemoryLow", amount(low))) }
        if let swap = memory.swap {
            if swap <= 0 {
                limits.append(("MemorySwapMax", amount(swap)))
            } else if let limit = memory.limit, limit > 0, swap >= limit {
                limits.append(("MemorySwapMax", amount(swap - limit)))
            }
        }
        return limits
    }

    private static func limits(_ cpu: ResourcesSpec.CPU) throws(ContainerError) -> [DBusProperty] {
        var limits: [DBusProperty] = []
        if let shares = cpu.shares, shares != 0 {
            limits.append(("CPUWeight", .long(CgroupPlan.weight(shares: shares))))
        }
        if cpu.quota != nil || cpu.period != nil {
            limits += bandwidth(cpu.quota.flatMap { $0 > 0 ? UInt64($0) : nil }, cpu.period ?? 100_000)
        }
        for (name, list, place) in [("AllowedCPUs", cpu.cpus, "cpus"), ("AllowedMemoryNodes", cpu.mems, "mems")] {
            guard let list, !list.isEmpty else { continue }
            guard let mask = mask(list) else {
                throw .invalid("linux.resources.cpu.\(place)", "'\(list)' is not a list of numbers as in 0-3,5")
            }
            limits.append((name, .bytes(mask)))
        }
        return limits
    }

    /// Time of processors a second, in whole steps of systemd's own, one percent of one; nil is without limit.
    private static func bandwidth(_ quota: UInt64?, _ period: UInt64) -> [DBusProperty] {
        var each = UInt64.max
        if let quota, period > 0 {
            let (product, isTooMuch) = quota.multipliedReportingOverflow(by: 1_000_000)
            if !isTooMuch { each = (product / period + 9999) / 10_000 * 10_000 }
        }
        return [("CPUQuotaPerSecUSec", .long(each)), ("CPUQuotaPeriodUSec", .long(period))]
    }

    /// A list of processors or memory nodes as bits, the lowest first; nil when it is none: cpuset(7), "List format".
    static func mask(_ list: String) -> [UInt8]? {
        var mask: [UInt8] = []
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.trimmingPrefix { $0 == " " }.split(separator: "-", omittingEmptySubsequences: false).map {
                UInt16($0)
            }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
                first <= last, last < 8192
            else { return nil }
            for number in first...last {
                while mask.count <= number / 8 { mask.append(0) }
                mask[Int(number / 8)] |= 1 << (number % 8)
            }
        }
        return mask
    }

    /// What systemd has for a file of the unified hierarchy; nothing where it does not write that file itself.
    private static func limits(_ file: String, _ text: String) throws(ContainerError) -> [DBusProperty] {
        let text = text.trimmingPrefix { $0.isWhitespace }
        let words = text.split(whereSeparator: \.isWhitespace)
        let number = words.first == "max" ? UInt64.max : words.first.flatMap { UInt64($0) }
        switch file {
        case "memory.max", "memory.high", "memory.low", "memory.min", "memory.swap.max", "pids.max", "cpu.weight":
            guard let number, let name = names[file] else { return [] }
            return [(name, .long(number))]
        case "cpu.max":
            guard let number else { return [] }
            let period = words.count > 1 ? UInt64(words[1]) : nil
            return bandwidth(number == .max ? nil : number, period ?? 100_000)
        case "cpuset.cpus", "cpuset.mems":
            guard let name = names[file], let mask = mask(String(text)) else { return [] }
            return [(name, .bytes(mask))]
        default: return []
        }
    }

    private static let names = [
        "memory.max": "MemoryMax", "memory.high": "MemoryHigh", "memory.low": "MemoryLow", "memory.min": "MemoryMin",
        "memory.swap.max": "MemorySwapMax", "pids.max": "TasksMax", "cpu.weight": "CPUWeight",
        "cpuset.cpus": "AllowedCPUs", "cpuset.mems": "AllowedMemoryNodes",
    ]
}

/// A property of a unit.
typealias DBusProperty = (name: String, value: DBusValue)

extension DBusValue {
    /// Reads a value as engines write it into annotations, of the types that units' properties have: GLib, "GVariant
    /// Text Format".
    init?(text: String) {
        let text = text.trimmingPrefix { $0.isWhitespace }
        let words = text.split(whereSeparator: \.isWhitespace)
        if text.hasPrefix("[") {
            guard text.hasSuffix("]") else { return nil }
            let parts = text.dropFirst().dropLast().split(separator: ",")
            let strings = parts.compactMap { DBusValue.quoted($0.drop { $0 == " " }) }
            guard strings.count == parts.count, !strings.isEmpty else { return nil }
            self = .strings(strings)
        } else if let string = DBusValue.quoted(text) {
            self = .string(string)
        } else if words.count == 2 {
            switch words[0] {
            case "uint64": guard let number = UInt64(words[1]) else { return nil }; self = .long(number)
            case "int64": guard let number = Int64(words[1]) else { return nil }; self = .signedLong(number)
            case "uint32": guard let number = UInt32(words[1]) else { return nil }; self = .word(number)
            case "int32": guard let number = Int32(words[1]) else { return nil }; self = .signedWord(number)
            default: return nil
            }
        } else if words.count == 1 {
            switch words[0] {
            case "true": self = .boolean(true)
            case "false": self = .boolean(false)
            default: guard let number = Int32(words[0]) else { return nil }; self = .signedWord(number)
            }
        } else {
            return nil
        }
    }

    /// The text between quotes of one kind, without escapes.
    private static func quoted(_ text: Substring) -> String? {
        guard text.utf8.count >= 2, let quote = text.first, quote == "'" || quote == "\"", text.last == quote else {
            return nil
        }
        let inner = text.dropFirst().dropLast()
        return inner.contains { $0 == quote || $0 == "\\" } ? nil : String(inner)
    }
}
