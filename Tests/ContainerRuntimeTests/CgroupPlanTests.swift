import ContainerRuntime
import LinuxSystem
import OCISpec
import Testing

@Suite("resources as files of control groups")
struct CgroupPlanTests {
    private let unified = CgroupHierarchies(mountinfo: "35 25 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw")
    private let hybrid = CgroupHierarchies(
        mountinfo: ["cpu", "memory", "pids", "blkio", "cpuset"].map {
            "32 31 0:29 / /sys/fs/cgroup/\($0) rw - cgroup cgroup rw,\($0)"
        }.joined(separator: "\n") + "\n41 31 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw"
    )

    @Test("A hierarchy that something is mounted over is not there")
    func covered() {
        let view = CgroupHierarchies(
            mountinfo: """
                24 30 0:22 / /sys rw - sysfs sysfs rw
                31 24 0:29 / /sys/fs/cgroup rw - tmpfs tmpfs rw
                32 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
                33 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
                30 1 254:0 / / rw - ext4 /dev/vda rw
                40 31 0:31 / /sys/fs/cgroup rw - cgroup2 none rw
                """
        )
        #expect(view.unified == "/sys/fs/cgroup" && view.legacy.isEmpty)
    }

    private var resources: ResourcesSpec {
        var resources = ResourcesSpec()
        resources.memory = .init()
        resources.memory?.limit = 64 << 20
        resources.memory?.swap = 96 << 20
        resources.memory?.reservation = 32 << 20
        resources.cpu = .init()
        resources.cpu?.shares = 1024
        resources.cpu?.quota = 150_000
        resources.cpu?.period = 100_000
        resources.cpu?.cpus = "0-1"
        resources.pids = .init(limit: 100)
        resources.blockIO = .init()
        resources.blockIO?.weight = 500
        resources.blockIO?.throttleReadBpsDevice = [.init(major: 8, minor: 0, rate: 1 << 20)]
        return resources
    }

    @Test("a v2 host gets v2 files")
    func v2() throws {
        let plan = try CgroupPlan(resources, on: unified, available: ["memory", "cpu", "pids", "io", "cpuset"])
        #expect(
            plan.writes.map(\.description) == [
                "memory.max 67108864", "memory.swap.max 33554432", "memory.low 33554432", "cpu.weight 39",
                "cpu.max 150000 100000", "cpuset.cpus 0-1", "pids.max 100", "io.weight default 4950",
                "io.max 8:0 rbps=1048576",
            ]
        )
        #expect(plan.unifiedControllers == ["memory", "cpu", "cpuset", "pids", "io"])
        #expect(plan.unenforced.isEmpty)
    }

    @Test("a hybrid host gets v1 files of the controllers that limit something")
    func v1() throws {
        let plan = try CgroupPlan(resources, on: hybrid, available: [])
        #expect(
            plan.writes.map(\.description) == [
                "memory/memory.limit_in_bytes 67108864", "memory/memory.memsw.limit_in_bytes 100663296",
                "memory/memory.soft_limit_in_bytes 33554432", "cpu/cpu.shares 1024", "cpu/cpu.cfs_period_us 100000",
                "cpu/cpu.cfs_quota_us 150000", "cpuset/cpuset.cpus 0-1", "pids/pids.max 100", "blkio/blkio.weight 500",
                "blkio/blkio.throttle.read_bps_device 8:0 1048576",
            ]
        )
        #expect(plan.legacyControllers == ["memory", "cpu", "cpuset", "pids", "blkio"])
    }

    @Test("a limit the host has no controller for is named")
    func unenforced() throws {
        var resources = ResourcesSpec()
        resources.pids = .init(limit: 5)
        resources.unified = ["memory.high": "1"]
        let plan = try CgroupPlan(resources, on: unified, available: ["memory"])
        #expect(plan.writes.map(\.description) == ["memory.high 1"])
        #expect(plan.unenforced == ["linux.resources.pids.limit: this host has no pids controller that can do it"])
    }

    @Test("a file that is asked for by its name is an error where the host has no controller for it")
    func unifiedWithoutController() {
        var resources = ResourcesSpec()
        resources.unified = ["io.max": "8:0 rbps=1"]
        let error = #expect(throws: ContainerError.self) {
            try CgroupPlan(resources, on: unified, available: ["memory"])
        }
        #expect(
            error?.description
                == "linux.resources.unified: the controller `io` is not available under this host's unified hierarchy"
        )
    }

    @Test("no swap is no swap, whatever memory there is", arguments: [nil, 64 << 20] as [Int64?])
    func withoutSwap(limit: Int64?) throws {
        var resources = ResourcesSpec()
        var memory = ResourcesSpec.Memory()
        (memory.limit, memory.swap) = (limit, 0)
        resources.memory = memory
        let plan = try CgroupPlan(resources, on: unified, available: ["memory"])
        #expect(plan.writes.map(\.description) == (limit.map { ["memory.max \($0)"] } ?? []) + ["memory.swap.max 0"])
        #expect(plan.unenforced.isEmpty)
    }

    @Test("memory and swap that contradict each other are refused")
    func swap() {
        var resources = ResourcesSpec()
        resources.memory = .init()
        resources.memory?.limit = 10
        resources.memory?.swap = 5
        let error = #expect(throws: ContainerError.self) {
            try CgroupPlan(resources, on: unified, available: ["memory"])
        }
        #expect(error?.description == "linux.resources.memory.swap: 5 is below memory.limit, which it includes")
    }
}
