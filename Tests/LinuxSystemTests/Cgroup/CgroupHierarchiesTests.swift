import LinuxSystem
import Testing

@Suite("where control groups lie")
struct CgroupHierarchiesTests {
    @Test("a pure v2 host has one place for all")
    func unified() {
        let found = CgroupHierarchies(
            mountinfo: """
                25 30 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw
                35 25 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
                """
        )
        #expect(found.unified == "/sys/fs/cgroup")
        #expect(found.legacy.isEmpty)
    }

    @Test("a hybrid host has a place for each controller and one without")
    func hybrid() {
        let found = CgroupHierarchies(
            mountinfo: #"""
                32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
                35 31 0:32 / /sys/fs/cgroup/my\040memory rw,relatime - cgroup cgroup rw,memory
                40 31 0:36 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
                41 31 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
                """#
        )
        #expect(found.unified == "/sys/fs/cgroup/unified")
        #expect(
            found.legacy == [
                "cpu": "/sys/fs/cgroup/cpu,cpuacct", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
                "memory": "/sys/fs/cgroup/my memory", "name=systemd": "/sys/fs/cgroup/systemd",
            ]
        )
    }

    @Test("lines that are no mounts, and binds of one group, are passed over")
    func noise() {
        let found = CgroupHierarchies(
            mountinfo: """
                garbage
                36 25 0:30 /system.slice /mnt rw - cgroup2 cgroup2 rw
                """
        )
        #expect(found.unified == nil)
    }
}
