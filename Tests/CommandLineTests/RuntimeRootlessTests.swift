import Foundation
import Glibc
import LinuxSystem
import Testing

/// Containers of a user who is not root.
@Suite("the runtime without privilege", .enabled(if: getuid() == 0, "root becomes somebody else"))
struct RuntimeRootlessTests {
    private func write(
        _ box: BundleScratch,
        _ script: String,
        _ change: (inout [String: Any]) -> Void = { _ in }
    ) throws {
        try box.write(script) { spec in
            BundleScratch.addUserNamespace(&spec, first: BundleScratch.ordinaryUser, count: 1)
            change(&spec)
        }
        box.giveToOrdinaryUser()
    }

    @Test func aContainerLivesAsRootsDoes() throws {
        let box = try BundleScratch()
        #expect(mkfifo(box.share + "/end", 0o666) == 0)
        try write(box, "id -u; cat /proc/self/oom_score_adj; > /dev/null; > /mnt/file; read line < /mnt/end") { spec in
            BundleScratch.mount(&spec, "/sys", type: "sysfs", "ro")
            BundleScratch.change(&spec, "process") { $0["oomScoreAdj"] = 100 }
            BundleScratch.change(&spec, "linux") { $0["readonlyPaths"] = ["/proc/sys"] }
        }
        func runtime(_ arguments: String...) throws -> CommandLineScratch.Answer { try box.asOrdinaryUser(arguments) }
        let answer = try runtime("run", "--detach", "--bundle", box.bundle, box.id)
        // It goes on writing when the command has ended.
        #expect("0\n100\n".hasPrefix(answer.output) && answer.error.isEmpty && answer.status == 0, "\(answer)")
        #expect(try box.stateMember("status") == "running")
        let program = try runtime("exec", box.id, "sh", "-c", "id -u; cat /proc/1/comm; cat /proc/self/setgroups")
        #expect(program == .init(output: "0\nsh\ndeny\n", error: "", status: 0))
        #expect(try runtime("exec", "--tty", box.id, "tty").output == "/dev/pts/0\r\n")
        #expect(try runtime("kill", box.id, "KILL").error == "")
        #expect(try runtime("delete", "--force", box.id).error == "")
        var status = stat()
        #expect(stat(box.share + "/file", &status) == 0 && Int(status.st_uid) == BundleScratch.ordinaryUser)
        #expect(try box.leftovers() == [])
    }

    @Test func hooksRunInTheirPlaces() throws {
        let box = try BundleScratch()
        func hook(_ name: String) -> [[String: Any]] {
            let script = "echo \(name) $(id -u) $(grep -c ' /dev/pts ' /proc/self/mountinfo) >> \(box.share)/said"
            return [["path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"]]]
        }
        try write(box, "true") { spec in
            spec["hooks"] = [
                "createRuntime": hook("createRuntime"), "createContainer": hook("createContainer"),
                "startContainer": [
                    [
                        "path": "/bin/sh", "args": ["sh", "-c", "echo startContainer $(id -u) >> /mnt/said"],
                        "env": ["PATH=/usr/bin:/bin"],
                    ]
                ],
            ]
        }
        let answer = try box.asOrdinaryUser(["run", "--bundle", box.bundle, box.id])
        #expect(answer == .init(output: "", error: "", status: 0))
        let lines = box.said().split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(lines.map(\.first) == ["createRuntime", "createContainer", "startContainer"])
        #expect(lines.map { $0[1] } == ["\(BundleScratch.ordinaryUser)", "0", "0"])
    }

    @Test func aDeviceIsTheHostsOwnOrNone() throws {
        let box = try BundleScratch()
        func run(_ path: String, minor: Int) throws -> CommandLineScratch.Answer {
            try write(box, "stat -c %t:%T \(path)") { spec in
                BundleScratch.change(&spec, "linux") { linux in
                    linux["devices"] = [["type": "c", "path": path, "major": 1, "minor": minor]]
                }
            }
            return try box.asOrdinaryUser(["run", "--bundle", box.bundle, box.id])
        }
        let missing = "is made in no user namespace, and the host has no such device there to bind"
        #expect(try run("/dev/nothing", minor: 11).error == "error: linux.devices[0]: /dev/nothing \(missing)\n")
        // Another one than the configuration means.
        #expect(try run("/dev/zero", minor: 11).error == "error: linux.devices[0]: /dev/zero \(missing)\n")
        #expect(try run("/dev/full", minor: 7) == .init(output: "1:7\n", error: "", status: 0))
        #expect(try box.leftovers() == [])
    }

    @Test func limitsWithoutADelegatedGroupAreToldAndLeftOut() throws {
        let box = try BundleScratch()
        try write(box, "echo ran") { spec in
            BundleScratch.change(&spec, "linux") { linux in
                linux["cgroupsPath"] = "/roost-test-of-nobody"
                linux["resources"] = ["pids": ["limit": 10], "devices": [["allow": false]]]
            }
        }
        let answer = try box.asOrdinaryUser(["run", "--bundle", box.bundle, box.id])
        let told = "linux.resources: no control group is delegated to us at /roost-test-of-nobody"
        #expect(answer == .init(output: "ran\n", error: "warning: \(told)\n", status: 0))
    }

    /// CVE-2023-25809.
    @Test func theHostsControlGroupsAreNotForWriting() throws {
        let box = try BundleScratch()
        let hierarchies = try CgroupHierarchies.ofHost()
        let hierarchy = try #require(hierarchies.unified)
        let group = "\(hierarchy)/\(box.id)"
        try makeDirectories(group, mode: 0o755)
        defer { rmdir(group) }
        // Nothing but what is mounted keeps the user from it.
        for path in [group, group + "/cgroup.procs"] {
            #expect(chown(path, UInt32(BundleScratch.ordinaryUser), 0) == 0)
        }
        let script = """
            for place in /sys/fs/cgroup /mnt/sys/fs/cgroup; do
              found=$(find $place -name \(box.id) 2> /dev/null); test -n "$found" || echo none at $place
              for each in $found; do mkdir $each/x 2> /dev/null && echo wrote to $each; done
            done
            exit 0
            """
        try write(box, script) { spec in
            BundleScratch.change(&spec, "linux") { linux in
                linux["namespaces"] = (linux["namespaces"] as? [[String: Any]] ?? []).filter {
                    !["cgroup", "network"].contains($0["type"] as? String)
                }
            }
            BundleScratch.mount(&spec, "/sys", type: "sysfs", "rw")
            BundleScratch.mount(&spec, "/sys/fs/cgroup", type: "cgroup", "rw")
            BundleScratch.mount(&spec, "/mnt/sys", type: "sysfs", "rw")
        }
        let answer = try box.asOrdinaryUser(["run", "--bundle", box.bundle, box.id])
        #expect(answer == .init(output: "", error: "", status: 0))
        #expect(!fileExists(group + "/x"))
    }

    @Test func aDelegatedGroupHasTheContainer() throws {
        let box = try BundleScratch()
        let hierarchies = try CgroupHierarchies.ofHost()
        let hierarchy = try #require(hierarchies.unified)
        let group = "\(hierarchy)/\(box.id)"
        try makeDirectories(group, mode: 0o755)
        let user = UInt32(BundleScratch.ordinaryUser)
        for path in [group, group + "/cgroup.procs"] { #expect(chown(path, user, user) == 0) }
        try write(box, "cat /proc/self/cgroup | grep ^0; read line < /mnt/end")
        #expect(mkfifo(box.share + "/end", 0o666) == 0)
        let enter = "echo $$ > \(group)/cgroup.procs"
        #expect(try box.asOrdinaryUser(["run", "--detach", "--bundle", box.bundle, box.id], after: enter).error == "")
        let pid = try box.stateMember("pid")
        #expect(try readFile("/proc/\(pid)/cgroup").contains("0::/\(box.id)/roost-runtime-\(box.id)\n"))
        #expect(try box.asOrdinaryUser(["pause", box.id], after: enter).error == "")
        #expect(try box.stateMember("status") == "paused")
        #expect(try box.asOrdinaryUser(["delete", "--force", box.id], after: enter).error == "")
        #expect(!fileExists(group + "/roost-runtime-\(box.id)"))
        #expect(rmdir(group) == 0)
    }

    @Test func aConfigurationToBeginWithIsOfTheUser() throws {
        let box = try BundleScratch()
        box.giveToOrdinaryUser()
        #expect(try box.asOrdinaryUser(["spec", "--rootless", "--bundle", box.bundle]).error == "")
        let user = BundleScratch.ordinaryUser
        let plan = try box.asOrdinaryUser(["plan", "--bundle", box.bundle])
        #expect(plan.output.contains("for the child:\nmap users 0:\(user):1 groups 0:\(user):1\n"))
        #expect(plan.error == "")
    }

    @Test func withoutAUserNamespaceTheWayIsTold() throws {
        let box = try BundleScratch()
        try box.write("true")
        box.giveToOrdinaryUser()
        let answer = try box.asOrdinaryUser(["run", "--bundle", box.bundle, box.id])
        let way = "see `roost runtime spec --rootless`"
        #expect(
            answer.error
                == "error: linux.namespaces: without CAP_SYS_ADMIN a container needs a user namespace: \(way)\n"
        )
        #expect(answer.status == 1)
    }

    @Test(.enabled(if: fileExists("/usr/bin/newuidmap"), "needs newuidmap"))
    func moreIDsComeFromTheHelpers() throws {
        let box = try BundleScratch()
        let user = BundleScratch.ordinaryUser
        try write(box, "cat /proc/self/uid_map | tr -s ' '; id -G; cat /proc/self/setgroups") { spec in
            let ranges = [
                ["containerID": 0, "hostID": user, "size": 1], ["containerID": 1, "hostID": 200_000, "size": 10],
            ]
            BundleScratch.change(&spec, "linux") { ($0["uidMappings"], $0["gidMappings"]) = (ranges, ranges) }
            BundleScratch.change(&spec, "process") { $0["user"] = ["uid": 1, "gid": 2, "additionalGids": [3]] }
        }
        let granted = """
            mount -t tmpfs none /etc
            echo 'joe:x:\(user):\(user)::/:/bin/sh' > /etc/passwd
            echo 'joe:x:\(user):' > /etc/group
            echo joe:200000:10 > /etc/subuid; cp /etc/subuid /etc/subgid
            """
        let answer = try box.asOrdinaryUser(["run", "--bundle", box.bundle, box.id], after: granted)
        #expect(answer == .init(output: " 0 \(user) 1\n 1 200000 10\n2 3\nallow\n", error: "", status: 0))

        let refused = try box.asOrdinaryUser(
            ["run", "--bundle", box.bundle, box.id],
            after: granted + "\n: > /etc/subuid"
        )
        #expect(refused.status == 1)
        #expect(
            refused.error.contains("error: linux.uidMappings, linux.gidMappings: newuidmap 0:\(user):1,1:200000:10: ")
        )
        #expect(refused.error.contains("see /etc/subuid and /etc/subgid"))
    }
}
