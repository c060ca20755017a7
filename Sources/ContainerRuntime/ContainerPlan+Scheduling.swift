import LinuxSystem
import OCISpec

extension ContainerPlan {
    /// What the process is to be for the scheduler, for disks and for programs that ask what kernel they run on.
    ///
    /// To be done while the process has the rights of its parent.
    mutating func appendScheduling(
        _ process: ProcessSpec,
        isFirst: Bool,
        _ linux: LinuxSpec?
    ) throws(ContainerError) {
        if let policy = linux?.memoryPolicy {
            launch.append(.setMemoryPolicy(try memoryPolicy(policy)), origin: "linux.memoryPolicy")
        }
        if let scheduler = process.scheduler {
            launch.append(.setScheduler(try scheduling(scheduler)), origin: "process.scheduler")
        }
        if let priority = process.ioPriority {
            launch.append(.setIOPriority(try ioPriority(priority)), origin: "process.ioPriority")
        }
        if let list = process.execCPUAffinity?.final, !list.isEmpty {
            let place = "process.execCPUAffinity.final"
            let processors = try ContainerPlan.processors(list, place: place)
            if !isFirst { launch.append(.setAffinity(processors), origin: place) }
        }
        if let personality = linux?.personality {
            let place = "linux.personality"
            guard let domain = ["LINUX": 0, "LINUX32": 8][personality.domain] as UInt64? else {
                throw .invalid("\(place).domain", "'\(personality.domain)' is neither LINUX nor LINUX32")
            }
            guard personality.flags ?? [] == [] else {
                throw .unsupported("\(place).flags", "the specification defines none")
            }
            launch.append(.setPersonality(domain), origin: place)
        }
    }

    /// A list of processors as in cpuset(7).
    static func processors(_ list: String, place: String) throws(ContainerError) -> ProcessorSet {
        guard let processors = ProcessorSet(list: list) else {
            throw .invalid(place, "'\(list)' is not a list of processors like 0-3,7")
        }
        return processors
    }

    private static let policies: [String: Scheduling.Policy] = [
        "SCHED_OTHER": .other, "SCHED_FIFO": .fifo, "SCHED_RR": .roundRobin, "SCHED_BATCH": .batch,
        "SCHED_IDLE": .idle, "SCHED_DEADLINE": .deadline,
    ]
    private static let flags: [String: UInt64] = [
        "SCHED_FLAG_RESET_ON_FORK": 0x01, "SCHED_FLAG_RECLAIM": 0x02, "SCHED_FLAG_DL_OVERRUN": 0x04,
        "SCHED_FLAG_KEEP_POLICY": 0x08, "SCHED_FLAG_KEEP_PARAMS": 0x10, "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
        "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
    ]

    private static let memoryModes: [String: MemoryPolicy.Mode] = [
        "MPOL_DEFAULT": .default, "MPOL_PREFERRED": .preferred, "MPOL_BIND": .bind, "MPOL_INTERLEAVE": .interleave,
        "MPOL_LOCAL": .local, "MPOL_PREFERRED_MANY": .preferredMany, "MPOL_WEIGHTED_INTERLEAVE": .weightedInterleave,
    ]
    private static let memoryFlags: [String: UInt32] = [
        "MPOL_F_NUMA_BALANCING": 1 << 13, "MPOL_F_RELATIVE_NODES": 1 << 14, "MPOL_F_STATIC_NODES": 1 << 15,
    ]

    /// The policies and flags of `linux.memoryPolicy` that we know, sorted; the host may know fewer.
    package static var memoryPolicyWords: (modes: [String], flags: [String]) {
        (memoryModes.keys.sorted(), memoryFlags.keys.sorted())
    }

    private func memoryPolicy(_ wanted: LinuxSpec.MemoryPolicy) throws(ContainerError) -> MemoryPolicy {
        let place = "linux.memoryPolicy"
        guard let mode = ContainerPlan.memoryModes[wanted.mode ?? ""] else {
            throw .invalid("\(place).mode", "'\(wanted.mode ?? "")' is not a policy of set_mempolicy(2)")
        }
        var flags: UInt32 = 0
        for name in wanted.flags ?? [] {
            guard let flag = ContainerPlan.memoryFlags[name] else {
                throw .invalid("\(place).flags", "'\(name)' is not a flag of set_mempolicy(2)")
            }
            flags |= flag
        }
        var nodes: ProcessorSet?
        if let list = wanted.nodes, !list.isEmpty {
            guard let set = ProcessorSet(list: list) else {
                throw .invalid("\(place).nodes", "'\(list)' is not a list of memory nodes like 0-1")
            }
            nodes = set
        }
        return MemoryPolicy(mode, flags: .init(rawValue: flags), nodes: nodes)
    }

    private func scheduling(_ wanted: ProcessSpec.Scheduler) throws(ContainerError) -> Scheduling {
        let place = "process.scheduler"
        guard let policy = ContainerPlan.policies[wanted.policy] else {
            throw .invalid("\(place).policy", "'\(wanted.policy)' is not a policy of sched(7)")
        }
        var scheduling = Scheduling(policy)
        var flags: UInt64 = 0
        for name in wanted.flags ?? [] {
            guard let flag = ContainerPlan.flags[name] else {
                throw .invalid("\(place).flags", "'\(name)' is not a flag of sched_setattr(2)")
            }
            flags |= flag
        }
        scheduling.flags = .init(rawValue: flags)
        let nice = wanted.nice ?? 0
        guard (-20...19).contains(nice) else { throw .invalid("\(place).nice", "\(nice) is not from -20 to 19") }
        guard let priority = UInt32(exactly: wanted.priority ?? 0), priority <= 99 else {
            throw .invalid("\(place).priority", "\(wanted.priority ?? 0) is not from 0 to 99")
        }
        let isRealTime = policy == .fifo || policy == .roundRobin
        guard isRealTime || priority == 0 else {
            throw .invalid("\(place).priority", "scheduling priority is for SCHED_FIFO and SCHED_RR alone")
        }
        let times = [wanted.runtime, wanted.deadline, wanted.period].contains { $0 ?? 0 != 0 }
        guard policy == .deadline || !times else {
            throw .invalid(place, "runtime, deadline and period are for SCHED_DEADLINE alone")
        }
        if policy == .deadline {
            guard let runtime = wanted.runtime, runtime > 0, let deadline = wanted.deadline, runtime <= deadline,
                deadline <= wanted.period ?? deadline || wanted.period == 0
            else {
                throw .invalid(place, "SCHED_DEADLINE needs a runtime above 0, up to deadline, and that up to period")
            }
        }
        (scheduling.nice, scheduling.priority) = (nice, priority)
        (scheduling.runtime, scheduling.deadline) = (wanted.runtime ?? 0, wanted.deadline ?? 0)
        scheduling.period = wanted.period ?? 0
        return scheduling
    }

    private func ioPriority(_ wanted: ProcessSpec.IOPriority) throws(ContainerError) -> IOPriority {
        let place = "process.ioPriority"
        let classes: [String: IOPriority.Class] = [
            "IOPRIO_CLASS_RT": .realTime, "IOPRIO_CLASS_BE": .bestEffort, "IOPRIO_CLASS_IDLE": .idle,
        ]
        guard let chosen = classes[wanted.class] else {
            throw .invalid("\(place).class", "'\(wanted.class)' is not a class of ioprio_set(2)")
        }
        let level = wanted.priority ?? 0
        guard (0...7).contains(level) else { throw .invalid("\(place).priority", "\(level) is not from 0 to 7") }
        return IOPriority(chosen, level: Int32(level))
    }
}
