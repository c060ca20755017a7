import ContainerRuntime
import LinuxSystem
import OCISpec
import Testing

@Suite("a launch plan with a user namespace")
struct NamespacePlanTests {
    private func spec(_ change: (inout RuntimeSpec) -> Void = { _ in }) -> RuntimeSpec {
        var spec = RuntimeSpec()
        spec.root = RootSpec(path: "/srv/root")
        spec.process = ProcessSpec(cwd: "/", args: ["/bin/id"])
        spec.linux = LinuxSpec()
        spec.linux?.namespaces = ["mount", "pid", "user"].map { .init(type: $0) }
        spec.linux?.uidMappings = [IDMapping(containerID: 0, hostID: 1000, size: 1)]
        spec.linux?.gidMappings = [IDMapping(containerID: 0, hostID: 1000, size: 1)]
        change(&spec)
        return spec
    }

    /// Somebody without rights.
    private var ordinary: PlanInputs {
        var inputs = PlanInputs()
        inputs.permitted = []
        (inputs.user, inputs.group) = (1000, 1000)
        return inputs
    }

    private func text(_ plan: ContainerPlan) -> String {
        "\(plan.launch)\(plan.preparation.map { "\($0)\n" } ?? "")"
    }

    @Test(
        "without privilege the child copies the host's files itself, sees the kernel as the host does, and stays visible"
    )
    func rootless() throws {
        let plan = try ContainerPlan(
            spec {
                $0.mounts = [
                    .init(destination: "/proc", type: "proc"),
                    .init(destination: "/dev", type: "tmpfs"),
                    .init(destination: "/sys", type: "sysfs", options: ["nosuid"]),
                    .init(destination: "/sys/fs/cgroup", type: "cgroup", options: ["rw"]),
                    .init(destination: "/data", type: "bind", source: "/srv/data", options: ["rbind", "rro"]),
                ]
                $0.process?.oomScoreAdj = 100
                $0.root?.readonly = true
            },
            ordinary
        )
        #expect(!plan.launch.sharesMemory && plan.launch.staysVisible)
        #expect(
            text(plan) == """
                clone user,mount,pid
                umask 00
                close $ids-teller
                await $ids  # linux.namespaces
                credentials 0:0 same groups  # linux.namespaces
                propagation / private
                copy /srv/root and below as $root  # root.path
                copy /srv/data and below as $data  # mounts[4]
                copy /sys and below as $sys  # mounts[2]
                copy /sys/fs/cgroup and below as $sys-fs-cgroup  # mounts[3]
                copy /dev/null as $dev-null
                copy /dev/zero as $dev-zero
                copy /dev/full as $dev-full
                copy /dev/random as $dev-random
                copy /dev/urandom as $dev-urandom
                copy /dev/tty as $dev-tty
                attach $root at /, enter  # root.path
                filesystem proc rw as $proc  # mounts[0]
                mkdir /proc 0755  # mounts[0]
                attach $proc at /proc no-symlinks  # mounts[0]
                filesystem tmpfs rw as $dev  # mounts[1]
                mkdir /dev 0755  # mounts[1]
                attach $dev at /dev  # mounts[1]
                attributes $sys rro,rnosuid  # mounts[2]
                mkdir /sys 0755  # mounts[2]
                attach $sys at /sys no-symlinks  # mounts[2]
                attributes $sys-fs-cgroup rro  # mounts[3]
                mkdir /sys 0755  # mounts[3]
                mkdir /sys/fs 0755  # mounts[3]
                mkdir /sys/fs/cgroup 0755  # mounts[3]
                attach $sys-fs-cgroup at /sys/fs/cgroup  # mounts[3]
                attributes $data rro,rprivate  # mounts[4]
                mkdir /data 0755  # mounts[4]
                attach $data at /data  # mounts[4]
                file /dev/null 0666
                attach $dev-null at /dev/null no-symlinks
                file /dev/zero 0666
                attach $dev-zero at /dev/zero no-symlinks
                file /dev/full 0666
                attach $dev-full at /dev/full no-symlinks
                file /dev/random 0666
                attach $dev-random at /dev/random no-symlinks
                file /dev/urandom 0666
                attach $dev-urandom at /dev/urandom no-symlinks
                file /dev/tty 0666
                attach $dev-tty at /dev/tty no-symlinks
                symlink /dev/fd -> /proc/self/fd
                symlink /dev/stdin -> /proc/self/fd/0
                symlink /dev/stdout -> /proc/self/fd/1
                symlink /dev/stderr -> /proc/self/fd/2
                symlink /dev/ptmx -> pts/ptmx
                leave, pivot $root  # root.path
                attributes $root ro  # root.readonly
                session
                descriptor 0 $stdin
                descriptor 1 $stdout
                descriptor 2 $stderr
                chdir /  # process.cwd
                umask 022
                bounding none  # process.capabilities.bounding
                credentials 0:0 same groups  # process.user
                capabilities effective none permitted none inheritable none  # process.capabilities
                close-on-exec 3-
                execute /bin/id ["/bin/id"] with 0 variables  # process.args
                map users 0:1000:1 groups 0:1000:1 no setgroups
                oom-score 100

                """
        )
    }

    /// The lines that tell of namespaces and identity.
    private func ways(_ spec: RuntimeSpec, _ inputs: PlanInputs = PlanInputs()) throws -> [String] {
        let told = ["clone", "join", "not dumpable", "fork", "await", "time", "hostname", "credentials", "map"]
        return try text(ContainerPlan(spec, inputs)).split(separator: "\n").map(String.init)
            .filter { line in told.contains { line.hasPrefix($0) } }
    }

    @Test("what is there is joined with our rights, before a new user namespace is made")
    func createdUser() throws {
        let lines = try ways(
            spec {
                $0.hostname = "box"
                $0.linux?.namespaces = [
                    .init(type: "mount"), .init(type: "network", path: "/run/netns/a"), .init(type: "user"),
                    .init(type: "uts", path: "/proc/7/ns/uts"), .init(type: "pid", path: "/proc/7/ns/pid"),
                ]
            }
        )
        #expect(
            lines == [
                "clone ", "join net namespace $netns  # linux.namespaces",
                "join uts namespace $utsns  # linux.namespaces",
                "join pid namespace $pidns  # linux.namespaces", "hostname box  # hostname", "fork user,mount",
                "await $ids  # linux.namespaces", "credentials 0:0  # linux.namespaces",
                "credentials 0:0  # process.user",
                "map users 0:1000:1 groups 0:1000:1",
            ]
        )
    }

    @Test("a user namespace that is there is joined first, and what is new is made in it")
    func joinedUser() throws {
        let lines = try ways(
            spec {
                $0.linux?.namespaces = [
                    .init(type: "mount"), .init(type: "network", path: "/proc/7/ns/net"), .init(type: "pid"),
                    .init(type: "user", path: "/proc/7/ns/user"), .init(type: "time"),
                ]
                $0.linux?.uidMappings = nil
                $0.linux?.gidMappings = nil
                $0.linux?.timeOffsets = ["monotonic": .init(secs: -5, nanosecs: 7), "boottime": .init(secs: 3)]
            }
        )
        #expect(
            lines == [
                "clone ", "join user namespace $userns  # linux.namespaces", "not dumpable",
                "join net namespace $netns  # linux.namespaces", "fork mount,pid", "await $ids  # linux.namespaces",
                "time boottime 3 0, monotonic -5 7  # linux.timeOffsets",
                "credentials 0:0 no groups if possible  # linux.namespaces",
                "credentials 0:0 no groups if possible  # process.user",
            ]
        )
    }

    @Test("a child that others could see hides as soon as it has its ids")
    func sharedProcesses() throws {
        let lines = try ways(spec { $0.linux?.namespaces = [.init(type: "mount"), .init(type: "user")] }, ordinary)
        #expect(lines.prefix(3) == ["clone user,mount", "await $ids  # linux.namespaces", "not dumpable"])
    }

    @Test("one more program joins what is the container's own, and is hidden before it is among the others")
    func exec() throws {
        let plan = try ContainerPlan(
            exec: spec { $0.process?.rlimits = [.init(type: "RLIMIT_NOFILE", soft: 1, hard: 2)] },
            ordinary
        )
        #expect(
            plan.launch.description.hasPrefix(
                """
                clone \n\
                limit nofile 1 2  # process.rlimits[0]
                join user,mount,pid namespace $container
                not dumpable
                fork \n\
                credentials 0:0 no groups if possible
                session

                """
            )
        )
    }

    /// Ranges, the rights we have, and who then writes them.
    struct Writers: Sendable, CustomTestStringConvertible {
        var ranges: [IDMapping]
        var rights: [String]
        var testDescription: String
    }

    private static let own = [IDMapping(containerID: 0, hostID: 1000, size: 1)]

    @Test(
        "who writes the ids is who may",
        arguments: [
            Writers(ranges: own, rights: [], testDescription: "users 0:1000:1 groups 0:1000:1 no setgroups"),
            Writers(
                ranges: own + [IDMapping(containerID: 1, hostID: 100000, size: 9)],
                rights: [],
                testDescription:
                    "users 0:1000:1,1:100000:9 by newuidmap groups 0:1000:1,1:100000:9 by newgidmap"
            ),
            Writers(
                ranges: [IDMapping(containerID: 0, hostID: 100000, size: 9)],
                rights: ["SETUID", "SETGID"],
                testDescription: "users 0:100000:9 groups 0:100000:9"
            ),
        ]
    )
    func writers(_ writers: Writers) throws {
        var inputs = ordinary
        for right in writers.rights { inputs.permitted.formUnion(try #require(CapabilitySet(named: right))) }
        let plan = try ContainerPlan(
            spec {
                $0.linux?.uidMappings = writers.ranges
                $0.linux?.gidMappings = writers.ranges
            },
            inputs
        )
        #expect(plan.preparation?.ids?.description == writers.testDescription)
    }

    /// A change that makes the configuration wrong, and what is said of it.
    struct Mistake: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var change: @Sendable (inout RuntimeSpec) -> Void

        init(_ message: String, _ change: @escaping @Sendable (inout RuntimeSpec) -> Void) {
            (testDescription, self.change) = (message, change)
        }
    }

    @Test(
        "a mistake names its place",
        arguments: [
            Mistake("linux.uidMappings: missing: ids need ranges of inside, outside and count") {
                $0.linux?.uidMappings = []
            },
            Mistake("linux.gidMappings[0]: 0 ids from there on are not a range") { $0.linux?.gidMappings?[0].size = 0 },
            Mistake("linux.uidMappings[1]: has ids of an earlier range") {
                $0.linux?.uidMappings?.append(.init(containerID: 0, hostID: 5, size: 2))
            },
            Mistake("linux.uidMappings[0]: 4294967295 ids from there on are not a range") {
                $0.linux?.uidMappings = [.init(containerID: 1, hostID: 1, size: .max)]
            },
            Mistake("linux.uidMappings: needs a user namespace in linux.namespaces") {
                $0.linux?.namespaces?.removeLast()
            },
            Mistake("process.user.uid: 33 is not in linux.uidMappings") { $0.process?.user = .init(uid: 33) },
            Mistake("process.user.additionalGids[1]: 44 is not in linux.gidMappings") {
                $0.process?.user = .init(additionalGids: [0, 44])
            },
            Mistake("linux.timeOffsets: needs a new time namespace in linux.namespaces") {
                $0.linux?.timeOffsets = ["monotonic": .init(secs: 1)]
            },
            Mistake("linux.timeOffsets.realtime: is not a clock of a time namespace: monotonic or boottime") {
                $0.linux?.namespaces?.append(.init(type: "time"))
                $0.linux?.timeOffsets = ["realtime": .init(secs: 1)]
            },
            Mistake("linux.rootfsPropagation: 'both' is not private, slave, shared or unbindable") {
                $0.linux?.rootfsPropagation = "both"
            },
            Mistake("linux.namespaces[2].path: 'ns' is not an absolute path") {
                $0.linux?.namespaces?[2].path = "ns"
            },
            Mistake("mounts[0].options: only a bind mount can have other ids, not one of type tmpfs") {
                $0.mounts = [.init(destination: "/a", type: "tmpfs", options: ["idmap"])]
            },
            Mistake("mounts[0].options: 'idmap=uids=0-1-1' lacks uids or gids") {
                $0.mounts = [.init(destination: "/a", type: "bind", source: "/b", options: ["idmap=uids=0-1-1"])]
            },
            Mistake("mounts[0].options: 'uids=0-x-1' has a range that is not of three numbers joined by '-'") {
                $0.mounts = [.init(destination: "/a", type: "bind", source: "/b", options: ["idmap=uids=0-x-1"])]
            },
            Mistake("mounts[0].gidMappings: missing: ids need ranges of inside, outside and count") {
                $0.mounts = [.init(destination: "/a", type: "bind", source: "/b")]
                $0.mounts?[0].uidMappings = [.init(containerID: 0, hostID: 1, size: 1)]
            },
            Mistake("mounts[1].options: 'tmpcopyup' copies files of the root, and there is a mount at /a") {
                $0.mounts = [
                    .init(destination: "/a", type: "tmpfs"),
                    .init(destination: "/a/b", type: "tmpfs", options: ["tmpcopyup"]),
                ]
            },
            Mistake("mounts[0].options: 'tmpcopyup' is for a tmpfs, not for a bind mount") {
                $0.mounts = [.init(destination: "/a", type: "bind", source: "/b", options: ["tmpcopyup"])]
            },
        ]
    )
    func mistakes(_ mistake: Mistake) {
        let error = #expect(throws: ContainerError.self) { try ContainerPlan(spec(mistake.change), seccomp: nil) }
        #expect(error?.description == mistake.testDescription)
    }

    @Test("who has no rights is told what can't be had without")
    func withoutRights() {
        func message(_ change: (inout RuntimeSpec) -> Void) -> String? {
            #expect(throws: ContainerError.self) { try ContainerPlan(spec(change), ordinary) }?.description
        }
        #expect(
            message {
                $0.linux?.namespaces?.removeLast()
                $0.linux?.uidMappings = nil
                $0.linux?.gidMappings = nil
            }
                == """
                linux.namespaces: without CAP_SYS_ADMIN a container needs a user namespace: \
                see `roost runtime spec --rootless`
                """
        )
        #expect(
            message { $0.process?.user = .init(additionalGids: [0]) }
                == """
                process.user.additionalGids: can't be had: without CAP_SETGID, setgroups(2) is denied where our own group \
                alone is mapped
                """
        )
        #expect(
            message { $0.mounts = [.init(destination: "/a", type: "bind", source: "/b", options: ["idmap"])] }
                == "mounts[0].options: other ids need CAP_SYS_ADMIN"
        )
        #expect(
            message { $0.mounts = [.init(destination: "/a", type: "tmpfs", options: ["tmpcopyup"])] }
                == "mounts[0].options: 'tmpcopyup' needs CAP_SYS_ADMIN, since the files are copied beforehand"
        )
    }
}
