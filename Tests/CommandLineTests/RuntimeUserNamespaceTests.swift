import Foundation
import Glibc
import LinuxSystem
import Testing

/// Containers with a user namespace, and those that join namespaces of others.
struct RuntimeUserNamespaceTests {
    @Test func rootInsideIsSomebodyElseOutside() throws {
        let box = try BundleScratch()
        let script = """
            id -u; id -G; umask; head -n 1 /proc/self/uid_map | tr -s ' '; grep CapEff /proc/self/status
            cat /proc/sys/kernel/msgmax; stat -c %t:%T /dev/null; echo x > /dev/null; wc -c < /proc/interrupts
            stat -c %u:%g /dev/pts; mknod /tmp/disk b 254 0 || echo refused; echo $HOME
            """
        try box.write("exec 2> /dev/null; \(script)") { spec in
            BundleScratch.addUserNamespace(&spec)
            BundleScratch.mount(&spec, "/sys", type: "sysfs", "ro")
            BundleScratch.change(&spec, "linux") { linux in
                linux["sysctl"] = ["kernel.msgmax": "4242"]
                linux["maskedPaths"] = ["/proc/interrupts"]
            }
            BundleScratch.change(&spec, "process") { process in
                process["user"] = ["uid": 0, "gid": 0, "umask": 0o27, "additionalGids": [5, 7]]
                process["capabilities"] = [
                    "bounding": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"],
                ]
            }
        }
        let answer = try box.run()
        #expect(
            answer
                == .init(
                    output: """
                        0
                        0 5 7
                        0027
                         0 100000 1000
                        CapEff:\t0000000000000001
                        4242
                        1:3
                        0
                        0:0
                        refused
                        /root

                        """,
                    error: "",
                    status: 0
                )
        )
        #expect(try box.leftovers() == [])
    }

    @Test func aTerminalAndOneMoreProgramWorkInIt() throws {
        let box = try BundleScratch()
        try box.write("read line < /mnt/end") { BundleScratch.addUserNamespace(&$0) }
        #expect(mkfifo(box.share + "/end", 0o666) == 0)
        #expect(try box.runtime("run", "--detach", "--bundle", box.bundle, box.id).error == "")
        let answer = try box.runtime("exec", box.id, "sh", "-c", "id -u; cat /proc/1/comm; ls -A /proc/self/fd | wc -l")
        #expect(answer == .init(output: "0\nsh\n4\n", error: "", status: 0))
        let user = try box.runtime("exec", "--user", "33:34", box.id, "id", "-u")
        #expect(user == .init(output: "33\n", error: "", status: 0))
        #expect(try box.runtime("exec", "--tty", box.id, "tty").output == "/dev/pts/0\r\n")
        #expect(try box.runtime("kill", box.id, "KILL").error == "")
        #expect(try box.runtime("delete", "--force", box.id).error == "")
        #expect(try box.leftovers() == [])

        let other = try BundleScratch()
        try other.write(["tty"], terminal: true) { BundleScratch.addUserNamespace(&$0) }
        #expect(try other.run() == .init(output: "/dev/pts/0\r\n", error: "", status: 0))
    }

    @Test func devicesAreMadeForIt() throws {
        let box = try BundleScratch()
        let script = """
            cd /dev; stat -c '%n %F %t:%T %a %u:%g' null tty nothing deep/disk pipe; echo x > null; head -c 2 zero | wc -c
            awk '$5 ~ "^/dev/(null|nothing|deep/disk)$" { print $5, $6 }' /proc/self/mountinfo
            """
        try box.write(script) { spec in
            BundleScratch.addUserNamespace(&spec)
            BundleScratch.change(&spec, "linux") { linux in
                linux["devices"] = [
                    [
                        "type": "c", "path": "/dev/nothing", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 1,
                        "gid": 2,
                    ],
                    ["type": "b", "path": "/dev/deep/disk", "major": 254, "minor": 7],
                    ["type": "p", "path": "/dev/pipe", "fileMode": 0o600],
                ]
            }
        }
        #expect(
            try box.run()
                == .init(
                    output: """
                        null character special file 1:3 666 0:0
                        tty character special file 5:0 666 0:0
                        nothing character special file 1:3 640 1:2
                        deep/disk block special file fe:7 666 0:0
                        pipe fifo 0:0 600 0:0
                        2
                        /dev/null rw,nosuid,noexec,relatime
                        /dev/nothing rw,nosuid,noexec,relatime
                        /dev/deep/disk rw,nosuid,noexec,relatime

                        """,
                    error: "",
                    status: 0
                )
        )
        #expect(try box.leftovers() == [])
    }

    @Test func theyAreBoundInARootWithoutDevicesOfItsOwn() throws {
        let box = try BundleScratch()
        let root = box.bundle + "/root"
        for name in ["usr", "bin", "lib", "lib64", "dev", "proc", "mnt"] { try makeDirectories(root + "/" + name) }
        for path in [box.bundle, root, root + "/dev"] { chmod(path, 0o755) }
        try box.write("echo x > /dev/null && stat -c %t:%T /dev/null /dev/full") { spec in
            BundleScratch.addUserNamespace(&spec, first: 0, count: 1)
            spec["root"] = ["path": "root"]
            spec["mounts"] = [["destination": "/proc", "type": "proc", "source": "proc"]]
            for name in ["usr", "bin", "lib", "lib64"] where fileExists("/" + name) {
                BundleScratch.mount(&spec, "/" + name, type: "bind", source: "/" + name, "rbind", "ro")
            }
        }
        #expect(try box.run() == .init(output: "1:3\n1:7\n", error: "", status: 0))
    }

    @Test func clocksAreSetOff() throws {
        let box = try BundleScratch()
        try box.write("tr -s ' ' < /proc/self/timens_offsets; test $(cut -d. -f1 /proc/uptime) -ge 864000") { spec in
            BundleScratch.change(&spec, "linux") { linux in
                linux["namespaces"] = (linux["namespaces"] as? [[String: Any]] ?? []) + [["type": "time"]]
                linux["timeOffsets"] = ["monotonic": ["secs": 5], "boottime": ["secs": 864_000, "nanosecs": 1]]
            }
        }
        #expect(try box.run() == .init(output: "monotonic 5 0\nboottime 864000 1\n", error: "", status: 0))
    }

    /// The files of namespaces by the specification's names.
    private static let files = [
        "user": "user", "mount": "mnt", "pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts", "cgroup": "cgroup",
        "time": "time",
    ]

    @Test(
        "a container joins namespaces of another, each alone or all at once",
        arguments: [
            ["user"], ["user", "network"], ["user", "pid", "network", "ipc", "uts"],
            ["user", "mount", "pid", "network", "ipc", "uts", "cgroup", "time"],
            ["network"], ["uts", "ipc"], ["pid", "network"], ["cgroup"], ["time"], ["mount"],
        ]
    )
    func joining(kinds: [String]) throws {
        let first = try BundleScratch()
        try first.write("read line < /mnt/end") { spec in
            if kinds.contains("user") { BundleScratch.addUserNamespace(&spec) }
            BundleScratch.change(&spec, "linux") { linux in
                linux["namespaces"] = (linux["namespaces"] as? [[String: Any]] ?? []) + [["type": "time"]]
            }
        }
        #expect(mkfifo(first.share + "/end", 0o666) == 0)
        #expect(try first.runtime("run", "--detach", "--bundle", first.bundle, first.id).error == "")
        let pid = try first.stateMember("pid")
        let names = Self.files.values.sorted().joined(separator: " ")
        let second = try BundleScratch()
        try second.write("for n in \(names); do echo $n $(readlink /proc/self/ns/$n); done") { spec in
            spec["hostname"] = nil
            BundleScratch.change(&spec, "linux") { linux in
                let own = (linux["namespaces"] as? [[String: String]] ?? []).filter {
                    !kinds.contains($0["type"] ?? "")
                }
                linux["namespaces"] =
                    own + kinds.reversed().map { ["type": $0, "path": "/proc/\(pid)/ns/\(Self.files[$0] ?? "")"] }
            }
        }
        let answer = try second.run()
        #expect(answer.error == "")
        for line in answer.output.split(separator: "\n") {
            let (name, seen) = (line.split(separator: " ")[0], String(line.split(separator: " ")[1]))
            let link = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/\(name)")
            let isJoined = kinds.contains { Self.files[$0].map { $0.elementsEqual(name) } ?? false }
            let isOfHost = name == "time" && !isJoined
            let host = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/\(name)")
            // Neither has a user namespace then.
            if name == "user", !isJoined { continue }
            #expect((seen == link) == isJoined, "\(name)")
            #expect((seen == host) == isOfHost, "\(name)")
        }
        #expect(answer.output.split(separator: "\n").count == Self.files.count)
        #expect(try first.runtime("delete", "--force", first.id).error == "")
    }

    @Test func aNewUserNamespaceComesAfterWhatIsJoined() throws {
        let first = try BundleScratch()
        try first.write("read line < /mnt/end")
        #expect(mkfifo(first.share + "/end", 0o666) == 0)
        #expect(try first.runtime("run", "--detach", "--bundle", first.bundle, first.id).error == "")
        let pid = try first.stateMember("pid")
        let second = try BundleScratch()
        try second.write("id -u; readlink /proc/self/ns/net; hostname; ls -d /proc/[0-9]* | wc -l") { spec in
            BundleScratch.addUserNamespace(&spec)
            spec["hostname"] = "renamed"
            BundleScratch.change(&spec, "linux") { linux in
                let kinds = ["network", "uts"]
                let own = (linux["namespaces"] as? [[String: String]] ?? []).filter {
                    !kinds.contains($0["type"] ?? "")
                }
                linux["namespaces"] =
                    own + kinds.map { ["type": $0, "path": "/proc/\(pid)/ns/\(Self.files[$0] ?? "")"] }
            }
        }
        let link = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/net")
        #expect(try second.run().output.hasPrefix("0\n\(link)\nrenamed\n"))
        #expect(try first.runtime("delete", "--force", first.id).error == "")
    }

    @Test func theHostsOwnMountsAreNotToBeChanged() throws {
        let box = try BundleScratch()
        try box.write("true") { spec in
            BundleScratch.change(&spec, "linux") { linux in
                linux["namespaces"] = [["type": "mount", "path": "/proc/self/ns/mnt"], ["type": "uts"]]
            }
        }
        let answer = try box.run()
        #expect(
            answer.error == """
                error: linux.namespaces: /proc/self/ns/mnt is the host's namespace, which may not be changed

                """
        )
        #expect(try box.leftovers() == [])
    }
}
