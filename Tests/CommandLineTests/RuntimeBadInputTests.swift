import Foundation
import Glibc
import LinuxSystem
import Testing

/// Configurations that are broken, or made to hurt: an error that says what is wrong, and nothing left behind.
struct RuntimeBadInputTests {
    /// A configuration, and what the error has to name.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let names: String
        let change: @Sendable (inout [String: Any]) -> Void

        init(_ description: String, names: String, _ change: @escaping @Sendable (inout [String: Any]) -> Void) {
            (testDescription, self.names, self.change) = (description, names, change)
        }
    }

    private static func set(_ path: String, _ value: Any, in spec: inout [String: Any]) {
        var parts = path.split(separator: ".").map(String.init)
        let first = parts.removeFirst()
        if parts.isEmpty { return spec[first] = value }
        var inner = spec[first] as? [String: Any] ?? [:]
        set(parts.joined(separator: "."), value, in: &inner)
        spec[first] = inner
    }

    private static func mount(_ mount: [String: Any], in spec: inout [String: Any]) {
        spec["mounts"] = (spec["mounts"] as? [Any] ?? []) + [mount]
    }

    private static func addUsers(_ ranges: [(Int, Int, Int)], _ spec: inout [String: Any]) {
        let mappings = ranges.map { ["containerID": $0.0, "hostID": $0.1, "size": $0.2] }
        set(
            "linux.namespaces",
            ["pid", "mount", "ipc", "uts", "network", "cgroup", "user"].map { ["type": $0] },
            in: &spec
        )
        set("linux.uidMappings", mappings, in: &spec)
        set("linux.gidMappings", mappings, in: &spec)
    }

    static let cases: [Case] = [
        Case("a number where there is a text", names: "process.cwd") { set("process.cwd", 5, in: &$0) },
        Case("a text where there are arguments", names: "process.args") { set("process.args", "true", in: &$0) },
        Case("arguments that are numbers", names: "process.args[0]") { set("process.args", [1], in: &$0) },
        Case("no arguments", names: "process.args") { set("process.args", [String](), in: &$0) },
        Case("a user below 0", names: "config.json") { set("process.user.uid", -1, in: &$0) },
        Case("a version of the far future", names: "ociVersion") { $0["ociVersion"] = "7.0.0" },
        Case("a version that is none", names: "ociVersion") { $0["ociVersion"] = "../1" },
        Case("no root", names: "root.path") { $0["root"] = nil },
        Case("a root that is not there", names: "no-such-root") { set("root.path", "/no-such-root", in: &$0) },
        Case("a root that is a file", names: "root.path") { set("root.path", "/etc/passwd", in: &$0) },
        Case("a kind of namespace that there is not", names: "linux.namespaces[1].type") {
            set("linux.namespaces", [["type": "mount"], ["type": "soul"]], in: &$0)
        },
        Case("a namespace that is not there", names: "no-such-file") {
            $0["hostname"] = nil
            set(
                "linux.namespaces",
                [["type": "mount"], ["type": "network", "path": "/proc/self/no-such-file"]],
                in: &$0
            )
        },
        Case("a namespace that is a directory", names: "fstatfs (no namespace) /tmp") {
            $0["hostname"] = nil
            set("linux.namespaces", [["type": "mount"], ["type": "network", "path": "/tmp"]], in: &$0)
        },
        Case("a namespace that is a device", names: "fstatfs (no namespace) /dev/zero") {
            $0["hostname"] = nil
            set("linux.namespaces", [["type": "mount"], ["type": "network", "path": "/dev/zero"]], in: &$0)
        },
        Case("a namespace of another kind", names: "linux.namespaces: join net") {
            $0["hostname"] = nil
            set("linux.namespaces", [["type": "mount"], ["type": "network", "path": "/proc/self/ns/ipc"]], in: &$0)
        },
        Case("two namespaces of a kind", names: "linux.namespaces[1]: a second pid namespace") {
            set("linux.namespaces", [["type": "pid"], ["type": "pid"]], in: &$0)
        },
        Case("a version with letters", names: "ociVersion") { $0["ociVersion"] = "1.x" },
        Case("a version with a line's end", names: "ociVersion") { $0["ociVersion"] = "1.2.0\n" },
        Case("a user whose number means nobody", names: "process.user.uid") {
            set("process.user.uid", 4_294_967_295, in: &$0)
        },
        Case("a group whose number means none", names: "process.user.gid") {
            set("process.user.gid", 4_294_967_295, in: &$0)
        },
        Case("a mask with too many bits", names: "process.user.umask") { set("process.user.umask", 99_999, in: &$0) },
        Case("a group that has one's processes brought in", names: "linux.resources.unified.cgroup.procs") {
            set("linux.resources.unified", ["cgroup.procs": "0"], in: &$0)
        },
        Case("a group that is frozen", names: "linux.resources.unified.cgroup.freeze") {
            set("linux.resources.unified", ["cgroup.freeze": "1"], in: &$0)
        },
        Case("a group that is ended", names: "linux.resources.unified.cgroup.kill") {
            set("linux.resources.unified", ["cgroup.kill": "1"], in: &$0)
        },
        Case("a file of groups elsewhere", names: "linux.resources.unified") {
            set("linux.resources.unified", ["../cgroup.procs": "0"], in: &$0)
        },
        Case("a group with a path that no file can have", names: "linux.cgroupsPath") {
            set("linux.cgroupsPath", "/" + String(repeating: "x/", count: 3000), in: &$0)
        },
        Case("a group with a long name", names: "linux.cgroupsPath") {
            set("linux.cgroupsPath", "/" + String(repeating: "x", count: 300), in: &$0)
        },
        Case("a group with a line's end", names: "linux.cgroupsPath") { set("linux.cgroupsPath", "/a\nb", in: &$0) },
        Case("the root group", names: "linux.cgroupsPath") { set("linux.cgroupsPath", "//", in: &$0) },
        Case("pages of no size", names: "linux.resources.hugepageLimits[0].pageSize") {
            set("linux.resources.hugepageLimits", [["pageSize": "../x", "limit": 1]], in: &$0)
        },
        Case("a device with a large number", names: "linux.devices[0]: 1:2097152") {
            set("linux.devices", [["type": "c", "path": "/dev/x", "major": 1, "minor": 2_097_152]], in: &$0)
        },
        Case("a device with a number below 0", names: "linux.devices[0]: -1:3") {
            set("linux.devices", [["type": "c", "path": "/dev/x", "major": -1, "minor": 3]], in: &$0)
        },
        Case("a device of no kind", names: "linux.devices[0].type") {
            set("linux.devices", [["type": "x", "path": "/dev/x", "major": 1, "minor": 3]], in: &$0)
        },
        Case("users mapped twice", names: "linux.uidMappings") {
            addUsers([(0, 100_000, 10), (5, 200_000, 10)], &$0)
        },
        Case("no user mapped", names: "linux.uidMappings") { addUsers([(0, 100_000, 0)], &$0) },
        Case("users mapped without a namespace", names: "linux.uidMappings") {
            set("linux.uidMappings", [["containerID": 0, "hostID": 1, "size": 1]], in: &$0)
        },
        Case("offsets of a clock that there is not", names: "linux.timeOffsets") {
            set("linux.namespaces", [["type": "mount"], ["type": "uts"], ["type": "time"]], in: &$0)
            set("linux.timeOffsets", ["soul": ["secs": 1]], in: &$0)
        },
        Case("a propagation that there is not", names: "linux.rootfsPropagation") {
            set("linux.rootfsPropagation", "soul", in: &$0)
        },
        Case("a personality that there is not", names: "linux.personality") {
            set("linux.personality", ["domain": "SOUL"], in: &$0)
        },
        Case("a scheduler that there is not", names: "process.scheduler") {
            set("process.scheduler", ["policy": "SCHED_SOUL"], in: &$0)
        },
        Case("a class of input and output that there is not", names: "process.ioPriority") {
            set("process.ioPriority", ["class": "IOPRIO_CLASS_SOUL", "priority": 1], in: &$0)
        },
        Case("a score out of range", names: "process.oomScoreAdj") { set("process.oomScoreAdj", 1001, in: &$0) },
        Case("a limit above its own", names: "process.rlimits[0]") {
            set("process.rlimits", [["type": "RLIMIT_NOFILE", "soft": 2, "hard": 1]], in: &$0)
        },
        Case("a limit twice", names: "process.rlimits[1].type: RLIMIT_NOFILE again") {
            let limit: [String: Any] = ["type": "RLIMIT_NOFILE", "soft": 5, "hard": 5]
            set("process.rlimits", [limit, limit], in: &$0)
        },
        Case("a call of a filter with seven arguments", names: "linux.seccomp.syscalls[0].args[0].index") {
            let argument: [String: Any] = ["index": 6, "value": 1, "op": "SCMP_CMP_EQ"]
            let rule: [String: Any] = ["names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [argument]]
            set("linux.seccomp", ["defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]], in: &$0)
        },
        Case("a comparison that there is not", names: "linux.seccomp.syscalls[0].args[0].op") {
            let argument: [String: Any] = ["index": 0, "value": 1, "op": "SCMP_CMP_SOUL"]
            let rule: [String: Any] = ["names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [argument]]
            set("linux.seccomp", ["defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]], in: &$0)
        },
        Case("a machine that there is not", names: "linux.seccomp.architectures[0]") {
            set(
                "linux.seccomp",
                ["defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_SOUL"]],
                in: &$0
            )
        },
        Case("a sysctl that leaves its directory", names: "linux.sysctl.net/../kernel/core_pattern") {
            set("linux.sysctl", ["net/../kernel/core_pattern": "|/bin/sh"], in: &$0)
        },
        Case("a tmpfs of a size that is none", names: "mounts[4]") {
            mount(["destination": "/mnt", "type": "tmpfs", "source": "t", "options": ["size=banana"]], in: &$0)
        },
        Case("a mount on nothing", names: "mounts[4].destination") {
            mount(["destination": "", "type": "tmpfs", "source": "tmpfs"], in: &$0)
        },
        Case("a name that is too long", names: "hostname") { $0["hostname"] = String(repeating: "x", count: 100) },
        Case("a hook that is a directory", names: "hooks.createRuntime[0]") {
            set("hooks.createRuntime", [["path": "/"]], in: &$0)
        },
        Case("a hook with no time", names: "hooks.createRuntime[0].timeout") {
            set("hooks.createRuntime", [["path": "/bin/true", "timeout": 0]], in: &$0)
        },
        Case("a group above its own", names: "linux.cgroupsPath") { set("linux.cgroupsPath", "/a/../../b", in: &$0) },
        Case("a relative mount", names: "mounts[4].destination") {
            mount(["destination": "../../tmp", "type": "tmpfs", "source": "tmpfs"], in: &$0)
        },
        Case("a filesystem that there is not", names: "mounts[4]") {
            mount(["destination": "/mnt", "type": "no-such-filesystem", "source": "x"], in: &$0)
        },
        Case("a source that is not there", names: "mounts[4].source") {
            mount(["destination": "/mnt", "type": "bind", "source": "/no-such-source", "options": ["bind"]], in: &$0)
        },
        Case("a device out of the root", names: "linux.devices[0].path") {
            set("linux.devices", [["type": "c", "path": "/../dev/x", "major": 1, "minor": 3]], in: &$0)
        },
        Case("a sysctl of the host", names: "linux.sysctl") {
            set("linux.sysctl", ["kernel.core_pattern": "|/bin/sh"], in: &$0)
        },
        Case("a limit that there is not", names: "process.rlimits[0].type") {
            set("process.rlimits", [["type": "RLIMIT_SOUL", "soft": 1, "hard": 1]], in: &$0)
        },
        Case("an action of a filter that there is not", names: "linux.seccomp.defaultAction") {
            set("linux.seccomp", ["defaultAction": "SCMP_ACT_SHRUG"], in: &$0)
        },
        Case("calls told to nobody", names: "linux.seccomp.listenerPath") {
            set(
                "linux.seccomp",
                ["defaultAction": "SCMP_ACT_ALLOW", "syscalls": [["names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"]]],
                in: &$0
            )
        },
        Case("a hook that is not there", names: "hooks.createRuntime[0]") {
            set("hooks.createRuntime", [["path": "/no-such-hook"]], in: &$0)
        },
        Case("a hook that hangs", names: "took longer than its 1 seconds") {
            set("hooks.createRuntime", [["path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1]], in: &$0)
        },
        Case("a hook by a relative path", names: "hooks.prestart[0].path") {
            set("hooks.prestart", [["path": "../bin/true"]], in: &$0)
        },
        Case("a file of control groups that there is not", names: "linux.resources.unified.cgroup.no-such-file") {
            set("linux.resources.unified", ["cgroup.no-such-file": "1"], in: &$0)
        },
        Case("an interface that there is not", names: "linux.netDevices.no-such: there is no such interface") {
            set("linux.netDevices", ["no-such": [:]], in: &$0)
        },
        Case("the host's loopback", names: "linux.netDevices.lo") { set("linux.netDevices", ["lo": [:]], in: &$0) },
        Case("an interface with an impossible name", names: "linux.netDevices: 'a/b'") {
            set("linux.netDevices", ["a/b": [:]], in: &$0)
        },
        Case("caches to assign", names: "linux.intelRdt") { set("linux.intelRdt", ["closID": "a"], in: &$0) },
        Case("a NUL in a path", names: "process.cwd") { set("process.cwd", "/a\0b", in: &$0) },
        Case("10 MB of environment", names: "process.env: ") {
            set("process.env", (0..<80).map { "V\($0)=" + String(repeating: "x", count: 131_000) }, in: &$0)
        },
        Case("a variable of 10 MB", names: "process.env[0]: ") {
            set("process.env", ["V=" + String(repeating: "x", count: 10 << 20)], in: &$0)
        },
    ]

    @Test(arguments: cases)
    func isRefusedAndLeavesNothing(_ each: Case) throws {
        let box = try BundleScratch()
        try box.write("echo ran > /mnt/said", each.change)
        let mounts = try readFile("/proc/self/mountinfo").split(separator: "\n").filter {
            $0.contains(box.scratch.path)
        }
        for command in ["create", "run"] {
            let answer = try box.runtime(command, "--bundle", box.bundle, box.id)
            #expect(answer.status == 1)
            #expect(answer.error.hasPrefix("error: "), "\(answer.error)")
            #expect(answer.error.contains(each.names), "\(answer.error)")
            #expect(try box.leftovers() == [])
        }
        #expect(box.said() == "")
        #expect(
            try readFile("/proc/self/mountinfo").split(separator: "\n").filter { $0.contains(box.scratch.path) }
                == mounts
        )
    }

    @Test(arguments: [
        "", "{", "[]", "null", "{\"ociVersion\": \"1.2.0\"}", "\u{0}", String(repeating: "[", count: 100_000),
    ])
    func whatIsNoConfigurationIsRefused(_ text: String) throws {
        let box = try BundleScratch()
        try Data(text.utf8).write(to: URL(fileURLWithPath: box.bundle + "/config.json"))
        let answer = try box.runtime("run", "--bundle", box.bundle, box.id)
        #expect(answer.status == 1)
        #expect(answer.error.hasPrefix("error: "))
        #expect(try box.leftovers() == [])
    }

    @Test func aFIFOInThePlaceOfANamespaceHoldsNothingUp() throws {
        let box = try BundleScratch()
        #expect(mkfifo(box.share + "/fifo", 0o600) == 0)
        try box.write("true") { spec in
            spec["hostname"] = nil
            Self.set(
                "linux.namespaces",
                [["type": "mount"], ["type": "network", "path": box.share + "/fifo"]],
                in: &spec
            )
        }
        let answer = try box.runtime("run", "--bundle", box.bundle, box.id)
        #expect(answer.status == 1)
        #expect(answer.error.contains("/fifo: invalid argument (EINVAL)"), "\(answer.error)")
        #expect(try box.leftovers() == [])
    }

    @Test(.enabled(if: hasLegacyMemory, "needs the memory controller of version 1"))
    func tooLittleMemoryToBeMadeIsToldAsSuch() throws {
        let box = try BundleScratch()
        try box.write("true") { Self.set("linux.resources.memory", ["limit": 1], in: &$0) }
        let answer = try box.runtime("create", "--bundle", box.bundle, box.id)
        #expect(answer.status == 1)
        #expect(answer.error.contains("is linux.resources.memory.limit too low?"), "\(answer.error)")
        #expect(try box.leftovers() == [])
    }

    private static var hasLegacyMemory: Bool { (try? CgroupHierarchies.ofHost())?.legacy["memory"] != nil }
}
