import Foundation
import Glibc
import LinuxSystem
import Testing

/// What `roost runtime` does beside starting: attributes of processes, limits, statistics.
struct RuntimeAttributeTests {
    @Test func aProcessIsForTheSchedulerWhatItAsksFor() throws {
        let box = try BundleScratch()
        let script = "cut -d' ' -f41,19 /proc/self/stat; ionice; uname -m; cat /sys/class/net/lo/flags"
        try box.write(script) { spec in
            var process = spec["process"] as? [String: Any] ?? [:]
            process["scheduler"] = ["policy": "SCHED_BATCH", "nice": 7]
            process["ioPriority"] = ["class": "IOPRIO_CLASS_BE", "priority": 6]
            spec["process"] = process
            var linux = spec["linux"] as? [String: Any] ?? [:]
            linux["personality"] = ["domain": "LINUX32"]
            spec["linux"] = linux
            let mounts = spec["mounts"] as? [Any] ?? []
            spec["mounts"] = mounts + [["destination": "/sys", "type": "sysfs", "source": "sysfs"]]
        }
        let answer = try box.runtime("run", "--bundle", box.bundle, box.id)
        let machine = MachineName.of32Bits
        #expect(answer == .init(output: "7 3\nbest-effort: prio 6\n\(machine)\n0x9\n", error: "", status: 0))
    }

    @Test func aProgramIsAtHomeWhereItsUserIs() throws {
        let box = try BundleScratch()
        try box.write("echo $HOME")
        #expect(try box.runtime("run", "--bundle", box.bundle, box.id).output == "/root\n")
        try box.write("echo $HOME") { spec in
            var process = spec["process"] as? [String: Any] ?? [:]
            process["user"] = ["uid": 4_000_000, "gid": 1]
            spec["process"] = process
        }
        #expect(try box.runtime("run", "--bundle", box.bundle, box.id).output == "/\n")
    }

    @Test func anUnknownCapabilityIsTold() throws {
        let box = try BundleScratch()
        try box.write("echo went on") { spec in
            var process = spec["process"] as? [String: Any] ?? [:]
            process["capabilities"] = ["bounding": ["CAP_FLY"]]
            spec["process"] = process
        }
        let answer = try box.runtime("run", "--bundle", box.bundle, box.id)
        let warning = "warning: process.capabilities.bounding: 'CAP_FLY' is not a capability, and is left out\n"
        #expect(answer == .init(output: "went on\n", error: warning, status: 0))
    }

    @Test func statisticsAndProcessesAreShown() throws {
        let box = try BundleScratch()
        try box.write("read line < /mnt/end")
        #expect(mkfifo(box.share + "/end", 0o600) == 0)
        #expect(try box.runtime("run", "-d", "--bundle", box.bundle + "/.", box.id).error == "")
        #expect(try box.stateMember("bundle") == box.bundle)
        let line = try box.runtime("events", "--stats", box.id).output
        let event = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        #expect(event?["type"] as? String == "stats" && event?["id"] as? String == box.id)
        let data = event?["data"] as? [String: Any]
        #expect((data?["pids"] as? [String: Any])?["current"] as? Int == 1)
        let pid = try box.stateMember("pid")
        let table = try box.runtime("ps", box.id, "-o", "pid,args").output.split(separator: "\n")
        #expect(table.count == 2)
        #expect(table.last?.contains(pid) == true && table.last?.contains("read line") == true)
        #expect(try box.runtime("ps", box.id).output.split(separator: "\n").count == 2)
        let limits = ["--memory", "64m", "--cpu-share", "512", "--cpu-quota", "50000", "--pids-limit", "-1"]
        #expect(try box.scratch.roost(["runtime", "--root", box.state, "update"] + limits + [box.id]).error == "")
        #expect(try box.runtime("update", "--memory", "64 apples", box.id).status == 1)
        #expect(try box.runtime("exec", "--cgroup", "../x", box.id, "true").error.contains("--cgroup"))
        #expect(try box.runtime("events", "--interval", "0s", box.id).status == 1)
    }

    @Test func aFilterIsHandedToWhoListens() throws {
        let box = try BundleScratch()
        let path = box.scratch.path + "/agent"
        let agent = try ConsoleSocket.make(at: path)
        try box.write("echo done") { spec in
            var linux = spec["linux"] as? [String: Any] ?? [:]
            linux["seccomp"] = ["defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path, "listenerMetadata": "mine"]
            spec["linux"] = linux
        }
        #expect(try box.runtime("run", "--bundle", box.bundle, box.id) == .init(output: "done\n", error: "", status: 0))
        let listener = try agent.receive()
        #expect(try OwnedDescriptor.path("/proc/self/fd/\(listener.rawValue)").rawValue >= 0)
    }

    @Test func systemdIsMissedInWords() throws {
        guard !fileExists("/run/systemd/private") else { return }
        let box = try BundleScratch()
        try box.write("true")
        let answer = try box.runtime("--systemd-cgroup", "run", "--bundle", box.bundle, box.id)
        #expect(answer.status == 1)
        #expect(answer.error.contains("--systemd-cgroup: systemd does not answer on this host"))
        #expect(try box.leftovers() == [])
    }

    @Test func aLogThatCantBeWrittenFailsTheCommand() throws {
        let box = try BundleScratch()
        #expect(try box.runtime("--log", "/no-such-directory/log", "list").error.contains("--log"))
    }

    @Test func aRootThatIsNotPivotedFromIsCovered() throws {
        let box = try BundleScratch()
        try box.write("cat /proc/self/mountinfo | head -1 | cut -d' ' -f5; ls /mnt/file")
        try replaceFile(box.share + "/file", [])
        let answer = try box.runtime("run", "--no-pivot", "--bundle", box.bundle, box.id)
        #expect(answer.output.hasSuffix("/mnt/file\n") && answer.status == 0)
        #expect(answer.error.contains("--no-pivot: the host's files lie below the root"))
    }
}

/// What uname(2) says of this machine to a process with the personality of 32 bits.
private enum MachineName {
    #if arch(x86_64)
    static let of32Bits = "i686"
    #else
    static let of32Bits = "armv8l"
    #endif
}
