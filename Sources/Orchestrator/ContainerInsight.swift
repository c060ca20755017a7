import ContainerRuntime
package import LinuxSystem

/// What can be seen of a container that runs from outside: its processes and what it uses.
package struct ContainerInsight: Sendable {
    /// The container's first process.
    package let process: ProcessRecord
    private let group: Cgroup
    private let hierarchies: CgroupHierarchies

    /// What a container uses; counters since its start.
    package struct Usage: Hashable, Sendable {
        /// Processor time; nanoseconds.
        package var processorTime: UInt64 = 0
        /// Memory in use, without what the kernel could drop at once; bytes.
        package var memory: UInt64 = 0
        /// How much memory it may use; nil for as much as there is.
        package var memoryLimit: UInt64?
        /// What came in by its own network interfaces; bytes.
        package var received: UInt64 = 0
        /// What went out; bytes.
        package var sent: UInt64 = 0
        /// What was read from disks; bytes.
        package var read: UInt64 = 0
        /// What was written to disks; bytes.
        package var written: UInt64 = 0
        /// How many processes and threads there are.
        package var tasks = 0

        /// Nothing used yet.
        package init() {}
    }

    /// Looks at a container; nil when it does not run.
    package init?(_ directory: ProjectDirectory, container: String, hierarchies: CgroupHierarchies) throws {
        guard let process = try directory.process(of: container), let path = process.groups.first else { return nil }
        self.process = process
        self.hierarchies = hierarchies
        group = Cgroup(path, in: hierarchies)
    }

    /// Its processes by id, those of the groups that it made for itself among them.
    package func processes() throws -> [ProcessSnapshot] {
        try identifiers().compactMap { ProcessSnapshot(of: $0) }.sorted { $0.pid < $1.pid }
    }

    private func identifiers() throws -> [Int32] {
        guard let directory = group.unifiedDirectory else { return [process.pid] }
        var found: [Int32] = []
        var pending = [directory]
        // A container may make groups in groups; nobody makes so many for a good purpose.
        while let next = pending.popLast(), found.count < 1 << 16 {
            // A group that is gone has no processes.
            let text = (try? readFile("\(next)/cgroup.procs", limit: 8 << 20)) ?? ""
            found += text.split(separator: "\n").compactMap { Int32($0) }
            pending += namesInDirectory(next).map { "\(next)/\($0)" }.filter { fileExists("\($0)/cgroup.procs") }
        }
        return found
    }

    /// What it uses now; nil when it has just ended.
    package func usage() throws -> Usage? {
        let processes = try processes()
        guard !processes.isEmpty, let directory = group.unifiedDirectory else { return nil }
        var usage = Usage()
        usage.processorTime = (Self.counters("\(directory)/cpu.stat")["usage_usec"] ?? 0) * 1000
        setMemory(&usage, directory, processes)
        setTraffic(&usage)
        setDisks(&usage, directory, processes)
        usage.tasks =
            Self.number("\(directory)/pids.current")
            ?? processes.reduce(0) { $0 + namesInDirectory("/proc/\($1.pid)/task").count }
        return usage
    }

    private func setMemory(_ usage: inout Usage, _ directory: String, _ processes: [ProcessSnapshot]) {
        if let current = Self.number("\(directory)/memory.current") {
            let droppable = Self.counters("\(directory)/memory.stat")["inactive_file"] ?? 0
            usage.memory = UInt64(current) - min(UInt64(current), droppable)
            usage.memoryLimit = Self.number("\(directory)/memory.max").map(UInt64.init)
        } else if let legacy = group.legacyDirectory("memory"),
            let current = Self.number("\(legacy)/memory.usage_in_bytes")
        {
            let droppable = Self.counters("\(legacy)/memory.stat")["total_inactive_file"] ?? 0
            usage.memory = UInt64(current) - min(UInt64(current), droppable)
            let limit = Self.number("\(legacy)/memory.limit_in_bytes").map(UInt64.init)
            // Version 1 says "no limit" by a number that no machine has.
            usage.memoryLimit = limit.flatMap { $0 < 1 << 60 ? $0 : nil }
        } else {
            // Nothing counts for the group; what processes share is counted more than once.
            usage.memory = processes.reduce(0) { $0 + $1.residentPages } * ProcessSnapshot.pageSize
        }
    }

    /// As the container's own network namespace counts, which is the first process's.
    private func setTraffic(_ usage: inout Usage) {
        guard !process.attachments.isEmpty, let text = try? readFile("/proc/\(process.pid)/net/dev") else { return }
        for line in text.split(separator: "\n").dropFirst(2) {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].trimmingBlanks != "lo" else { continue }
            let fields = parts[1].split(separator: " ").map { UInt64($0) ?? 0 }
            guard fields.count > 8 else { continue }
            usage.received += fields[0]
            usage.sent += fields[8]
        }
    }

    private func setDisks(_ usage: inout Usage, _ directory: String, _ processes: [ProcessSnapshot]) {
        if let text = try? readFile("\(directory)/io.stat") {
            for field in text.split(whereSeparator: \.isWhitespace) {
                let pair = field.split(separator: "=")
                guard pair.count == 2, let value = UInt64(pair[1]) else { continue }
                if pair[0] == "rbytes" { usage.read += value }
                if pair[0] == "wbytes" { usage.written += value }
            }
            return
        }
        // Only those that live: what ended processes did is nowhere counted.
        for process in processes {
            let counters = Self.counters("/proc/\(process.pid)/io", separator: ":")
            usage.read += counters["read_bytes"] ?? 0
            usage.written += counters["write_bytes"] ?? 0
        }
    }

    private static func number(_ path: String) -> Int? {
        // A file that is not there says nothing, and "max" is no number.
        (try? readFile(path)).flatMap { Int($0.trimmingBlanks) }
    }

    private static func counters(_ path: String, separator: Character = " ") -> [String: UInt64] {
        var result: [String: UInt64] = [:]
        for line in ((try? readFile(path)) ?? "").split(separator: "\n") {
            let pair = line.split(separator: separator, maxSplits: 1)
            if pair.count == 2 { result[String(pair[0])] = UInt64(pair[1].trimmingBlanks) }
        }
        return result
    }
}

extension StringProtocol {
    /// The text without blanks and line ends around it.
    fileprivate var trimmingBlanks: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
