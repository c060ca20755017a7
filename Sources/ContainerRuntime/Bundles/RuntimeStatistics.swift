import LinuxSystem

/// What `roost runtime events` tells of a container, in runc's form.
package struct RuntimeStatistics: Encodable, Hashable, Sendable {
    package struct CPU: Encodable, Hashable, Sendable {
        package struct Usage: Encodable, Hashable, Sendable {
            /// In nanoseconds, as the two that follow.
            package var total: UInt64 = 0
            package var kernel: UInt64 = 0
            package var user: UInt64 = 0
        }
        package struct Throttling: Encodable, Hashable, Sendable {
            package var periods: UInt64 = 0
            package var throttledPeriods: UInt64 = 0
            /// In nanoseconds.
            package var throttledTime: UInt64 = 0
        }
        package var usage = Usage()
        package var throttling = Throttling()
    }

    package struct Memory: Encodable, Hashable, Sendable {
        /// In bytes.
        package struct Entry: Encodable, Hashable, Sendable {
            package var limit: UInt64 = 0
            package var usage: UInt64 = 0
            package var max: UInt64 = 0
            package var failcnt: UInt64 = 0
        }
        package var cache: UInt64 = 0
        package var usage = Entry()
        package var swap = Entry()
        package var kernel = Entry()
        package var kernelTCP = Entry()
        /// Every line of `memory.stat`.
        package var raw: [String: UInt64] = [:]
    }

    package struct Pids: Encodable, Hashable, Sendable {
        package var current: UInt64 = 0
        /// Left out when there is none.
        package var limit: UInt64?
    }

    package struct BlockIO: Encodable, Hashable, Sendable {
        package struct Entry: Encodable, Hashable, Sendable {
            package var major: UInt64
            package var minor: UInt64
            package var op: String
            package var value: UInt64
        }
        package var ioServiceBytesRecursive: [Entry] = []
        package var ioServicedRecursive: [Entry] = []
    }

    package struct HugePages: Encodable, Hashable, Sendable {
        package var usage: UInt64 = 0
        package var max: UInt64 = 0
        package var failcnt: UInt64 = 0
    }

    package struct Nothing: Encodable, Hashable, Sendable {}

    package var cpu = CPU()
    package var cpuset = Nothing()
    package var memory = Memory()
    package var pids = Pids()
    package var blkio = BlockIO()
    package var hugetlb: [String: HugePages] = [:]
    package var intel_rdt = Nothing()
    package var network_interfaces: [Nothing]?
}

extension RuntimeContainer {
    /// What the container uses now, as far as this host's control groups count it.
    package func statistics() throws(ContainerError) -> RuntimeStatistics {
        let group = try group.group
        var found = RuntimeStatistics()
        if let directory = group.unifiedDirectory { found.takeProcessorTime(directory) }
        if let directory = group.unifiedDirectory, fileExists("\(directory)/memory.current") {
            found.takeMemory(directory)
        } else if let directory = group.legacyDirectory("memory"), fileExists(directory) {
            found.takeLegacyMemory(directory)
        }
        for directory in [group.unifiedDirectory, group.legacyDirectory("pids")].compactMap({ $0 })
        where fileExists("\(directory)/pids.current") {
            found.pids.current = CounterFile.number("\(directory)/pids.current") ?? 0
            found.pids.limit = CounterFile.number("\(directory)/pids.max")
        }
        if found.pids.current == 0 { found.pids.current = UInt64(try processes().count) }
        if let directory = group.unifiedDirectory {
            found.takeDisks("\(directory)/io.stat")
            found.takeHugePages(directory)
        }
        return found
    }

    /// How often the kernel has ended a process of the container for want of memory.
    package func memoryKills() throws(ContainerError) -> UInt64 {
        let group = try group.group
        if let directory = group.unifiedDirectory,
            let count = CounterFile.counters("\(directory)/memory.events")["oom_kill"]
        {
            return count
        }
        guard let directory = group.legacyDirectory("memory") else { return 0 }
        return CounterFile.counters("\(directory)/memory.oom_control")["oom_kill"] ?? 0
    }
}

extension RuntimeStatistics {
    fileprivate mutating func takeProcessorTime(_ directory: String) {
        let counters = CounterFile.counters("\(directory)/cpu.stat")
        func nanoseconds(_ name: String) -> UInt64 { (counters[name] ?? 0) &* 1000 }
        cpu.usage = .init(
            total: nanoseconds("usage_usec"),
            kernel: nanoseconds("system_usec"),
            user: nanoseconds("user_usec")
        )
        cpu.throttling = .init(
            periods: counters["nr_periods"] ?? 0,
            throttledPeriods: counters["nr_throttled"] ?? 0,
            throttledTime: nanoseconds("throttled_usec")
        )
    }

    fileprivate mutating func takeMemory(_ directory: String) {
        memory.raw = CounterFile.counters("\(directory)/memory.stat")
        memory.cache = memory.raw["file"] ?? 0
        memory.usage = .init(
            limit: CounterFile.number("\(directory)/memory.max") ?? UInt64.max,
            usage: CounterFile.number("\(directory)/memory.current") ?? 0,
            max: CounterFile.number("\(directory)/memory.peak") ?? 0,
            failcnt: CounterFile.counters("\(directory)/memory.events")["max"] ?? 0
        )
        memory.swap = .init(
            limit: CounterFile.number("\(directory)/memory.swap.max") ?? UInt64.max,
            usage: CounterFile.number("\(directory)/memory.swap.current") ?? 0
        )
    }

    fileprivate mutating func takeLegacyMemory(_ directory: String) {
        memory.raw = CounterFile.counters("\(directory)/memory.stat")
        memory.cache = memory.raw["cache"] ?? 0
        func entry(_ prefix: String) -> Memory.Entry {
            func number(_ name: String) -> UInt64 { CounterFile.number("\(directory)/\(prefix).\(name)") ?? 0 }
            return .init(
                limit: number("limit_in_bytes"),
                usage: number("usage_in_bytes"),
                max: number("max_usage_in_bytes"),
                failcnt: number("failcnt")
            )
        }
        memory.usage = entry("memory")
        memory.swap = entry("memory.memsw")
        memory.kernel = entry("memory.kmem")
        memory.kernelTCP = entry("memory.kmem.tcp")
    }

    fileprivate mutating func takeDisks(_ path: String) {
        // "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6"; a group without the controller has no file.
        for line in ((try? readFile(path)) ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            let numbers = fields.first?.split(separator: ":").compactMap { UInt64($0) } ?? []
            guard numbers.count == 2 else { continue }
            for field in fields.dropFirst() {
                let pair = field.split(separator: "=")
                guard pair.count == 2, let value = UInt64(pair[1]),
                    let name = ["r": "Read", "w": "Write", "d": "Discard"][pair[0].prefix(1)]
                else { continue }
                let entry = BlockIO.Entry(major: numbers[0], minor: numbers[1], op: name, value: value)
                if pair[0].hasSuffix("bytes") { blkio.ioServiceBytesRecursive.append(entry) }
                if pair[0].hasSuffix("ios") { blkio.ioServicedRecursive.append(entry) }
            }
        }
    }

    fileprivate mutating func takeHugePages(_ directory: String) {
        for name in namesInDirectory(directory) where name.hasPrefix("hugetlb.") && name.hasSuffix(".current") {
            let size = name.split(separator: ".").dropFirst().first.map(String.init) ?? ""
            guard !name.contains("rsvd") else { continue }
            hugetlb[size] = .init(
                usage: CounterFile.number("\(directory)/\(name)") ?? 0,
                max: CounterFile.number("\(directory)/hugetlb.\(size).max") ?? 0,
                failcnt: CounterFile.counters("\(directory)/hugetlb.\(size).events")["max"] ?? 0
            )
        }
    }
}

/// Files of control groups that hold numbers.
///
/// One that is not there holds none.
enum CounterFile {
    /// The number that is all of a file; nil for `max`.
    static func number(_ path: String) -> UInt64? {
        (try? readFile(path)).flatMap { $0.split(whereSeparator: \.isWhitespace).first }.flatMap { UInt64($0) }
    }

    /// A name and a number a line.
    static func counters(_ path: String) -> [String: UInt64] {
        var counters: [String: UInt64] = [:]
        for line in ((try? readFile(path)) ?? "").split(separator: "\n") {
            let pair = line.split(separator: " ")
            if pair.count == 2 { counters[String(pair[0])] = UInt64(pair[1]) }
        }
        return counters
    }
}
