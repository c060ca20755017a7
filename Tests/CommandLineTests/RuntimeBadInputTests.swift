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
        Case("a namespace that is a directory", names: "linux.namespaces: join net") {
            $0["hostname"] = nil
            set("linux.namespaces", [["type": "mount"], ["type": "network", "path": "/tmp"]], in: &$0)
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
}
