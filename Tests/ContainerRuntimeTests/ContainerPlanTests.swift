import ContainerRuntime
import LinuxSystem
import OCISpec
import Testing

@Suite("a container's launch plan")
struct ContainerPlanTests {
    private func spec(_ change: (inout RuntimeSpec) -> Void = { _ in }) -> RuntimeSpec {
        var spec = RuntimeSpec()
        spec.root = RootSpec(path: "rootfs")
        spec.process = ProcessSpec(cwd: "/srv", args: ["id", "-u"], env: ["PATH=/bin:/usr/bin", "A=1"])
        spec.process?.user = .init(uid: 33, gid: 33)
        spec.process?.capabilities = .init(bounding: ["CAP_CHOWN", "CAP_KILL"])
        spec.linux = LinuxSpec()
        spec.linux?.namespaces = ["mount", "pid", "ipc", "uts", "cgroup"].map { .init(type: $0) }
        change(&spec)
        return spec
    }

    @Test("a container that is made first waits when its root is made, and right before its program and its filter")
    func gates() throws {
        var inputs = PlanInputs()
        (inputs.awaitsHooks, inputs.awaitsStart, inputs.keptDescriptors) = (true, true, 2)
        inputs.seccomp = SeccompProgram(instructions: Array(repeating: 0, count: 16), flags: 0)
        let plan = try ContainerPlan(spec { $0.process?.noNewPrivileges = true }, inputs)
        let lines = plan.launch.description.split(separator: "\n")
        let told = ["propagation", "gate", "pivot", "capabilities", "no-new", "check", "seccomp", "close-on-exec"]
        #expect(
            lines.filter { line in told.contains { line.hasPrefix($0) } } == [
                "propagation / private", "gate $gate  # hooks", "close-on-exec 5-",
                "capabilities effective none permitted none inheritable none  # process.capabilities",
                "no-new-privileges  # process.noNewPrivileges", "check /bin/id|/usr/bin/id  # process.args",
                "gate $gate  # start", "seccomp 2 instructions  # linux.seccomp",
            ]
        )
        #expect(!plan.launch.sharesMemory)
    }

    @Test("pivots before anything of the image is looked at, and drops privilege last")
    func order() throws {
        let plan = try ContainerPlan(
            spec {
                $0.hostname = "web"
                $0.mounts = [
                    .init(destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]),
                    .init(
                        destination: "/dev",
                        type: "tmpfs",
                        source: "tmpfs",
                        options: ["nosuid", "mode=755", "size=64k"]
                    ),
                    .init(destination: "/srv/data", type: "bind", source: "/data", options: ["rbind", "ro"]),
                ]
                $0.linux?.maskedPaths = ["/proc/kcore"]
                $0.linux?.readonlyPaths = ["/proc/sys"]
                $0.linux?.sysctl = ["net.ipv4.ip_forward": "1"]
                $0.linux?.namespaces?.append(.init(type: "network", path: "/proc/7/ns/net"))
            },
            seccomp: SeccompProgram(instructions: Array(repeating: 0, count: 16), flags: 0)
        )
        #expect(
            plan.launch.description == """
                clone mount,pid,ipc,uts
                umask 00
                join net namespace $netns  # linux.namespaces
                propagation / private
                copy /dev/null as $cover-of-/proc/kcore  # linux.maskedPaths
                pivot $root  # root.path
                unshare cgroup
                hostname web  # hostname
                filesystem proc nosuid,nodev,noexec as $proc  # mounts[0]
                write $proc/sys/net/ipv4/ip_forward "1"  # linux.sysctl
                mkdir /proc 0755  # mounts[0]
                attach $proc at /proc no-symlinks  # mounts[0]
                filesystem tmpfs nosuid,mode=755,size=64k as $dev  # mounts[1]
                mkdir /dev 0755  # mounts[1]
                attach $dev at /dev no-symlinks  # mounts[1]
                mkdir /srv 0755  # mounts[2]
                mkdir /srv/data 0755  # mounts[2]
                attach $srv-data at /srv/data  # mounts[2]
                device /dev/null c 1:3 0666
                device /dev/zero c 1:5 0666
                device /dev/full c 1:7 0666
                device /dev/random c 1:8 0666
                device /dev/urandom c 1:9 0666
                device /dev/tty c 5:0 0666
                symlink /dev/fd -> /proc/self/fd
                symlink /dev/stdin -> /proc/self/fd/0
                symlink /dev/stdout -> /proc/self/fd/1
                symlink /dev/stderr -> /proc/self/fd/2
                symlink /dev/ptmx -> pts/ptmx
                remount /proc/sys ro  # linux.readonlyPaths
                mask /proc/kcore  # linux.maskedPaths
                mkdir /srv if possible  # process.cwd
                session
                descriptor 0 $stdin
                descriptor 1 $stdout
                descriptor 2 $stderr
                close-on-exec 3-
                chdir /srv  # process.cwd
                umask 022
                bounding CHOWN,KILL  # process.capabilities.bounding
                credentials 33:33  # process.user
                capabilities effective SYS_ADMIN permitted SYS_ADMIN inheritable none
                seccomp 2 instructions  # linux.seccomp
                capabilities effective none permitted none inheritable none  # process.capabilities
                execute /bin/id|/usr/bin/id ["id" "-u"] with 2 variables  # process.args

                """
        )
    }

    /// Lines of a plan from one that starts with `first` to one that starts with `last`.
    private func lines(_ plan: ContainerPlan, from first: String, to last: String) -> String {
        let lines = plan.launch.description.split(separator: "\n").map { String($0) }
        guard let start = lines.firstIndex(where: { $0.hasPrefix(first) }),
            let end = lines[start...].firstIndex(where: { $0.hasPrefix(last) })
        else { return "" }
        return lines[start...end].joined(separator: "\n")
    }

    @Test("files are mounted on files, directories on directories, in the order of the configuration")
    func mountPoints() throws {
        var inputs = PlanInputs()
        inputs.sources = ["/host/app.conf": .file]
        inputs.prepared = ["data": .directory, "token": .file]
        let plan = try ContainerPlan(
            spec {
                $0.mounts = [
                    .init(destination: "/etc/app/app.conf", type: "bind", source: "/host/app.conf", options: ["ro"]),
                    .init(destination: "/data", type: "prepared", source: "data"),
                    .init(destination: "/run/secrets/token", type: "prepared", source: "token", options: ["ro"]),
                ]
            },
            inputs
        )
        #expect(
            lines(plan, from: "mkdir /etc 0755", to: "attach $run") == """
                mkdir /etc 0755  # mounts[0]
                mkdir /etc/app 0755  # mounts[0]
                file /etc/app/app.conf 0644  # mounts[0]
                attach $etc-app-app.conf at /etc/app/app.conf  # mounts[0]
                mkdir /data 0755  # mounts[1]
                attach $data at /data  # mounts[1]
                attributes $run-secrets-token ro recursive  # mounts[2]
                mkdir /run 0755  # mounts[2]
                mkdir /run/secrets 0755  # mounts[2]
                file /run/secrets/token 0644  # mounts[2]
                attach $run-secrets-token at /run/secrets/token  # mounts[2]
                """
        )
    }

    @Test("the standard configuration is what images expect, and a mount of a service takes a standard one's place")
    func standard() throws {
        var options = StandardOptions(ProcessSpec(args: ["/bin/app"]))
        options.hostname = "web"
        options.droppedCapabilities = ["ALL"]
        options.addedCapabilities = ["kill"]
        options.isUnconfined = true
        options.pid = .host
        options.network = .joined(path: "/proc/7/ns/net")
        options.isReadOnly = true
        let spec = try RuntimeSpec.standard(options, mounts: [.init(destination: "/dev/shm", type: "tmpfs")])
        let plan = try ContainerPlan(spec, seccomp: nil)
        #expect(plan.launch.description.hasPrefix("clone mount,ipc,uts\numask 00\njoin net namespace $netns"))
        #expect(
            plan.launch.description.split(separator: "\n").filter { $0.hasPrefix("filesystem") } == [
                "filesystem proc nosuid,nodev,noexec as $proc  # mounts[0]",
                "filesystem tmpfs nosuid,mode=755,size=65536k as $dev  # mounts[1]",
                "filesystem devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5 as $dev-pts  # mounts[2]",
                "filesystem sysfs ro,nosuid,nodev,noexec as $sys  # mounts[3]",
                "filesystem cgroup2 ro,nosuid,nodev,noexec as $sys-fs-cgroup  # mounts[4]",
                "filesystem mqueue nosuid,nodev,noexec as $dev-mqueue  # mounts[5]",
                "filesystem tmpfs rw as $dev-shm  # mounts[6]",
            ]
        )
        #expect(
            lines(plan, from: "attributes $root", to: "bounding") == """
                attributes $root ro  # root.readonly
                session
                descriptor 0 $stdin
                descriptor 1 $stdout
                descriptor 2 $stderr
                close-on-exec 3-
                chdir /  # process.cwd
                umask 022
                bounding KILL  # process.capabilities.bounding
                """
        )
        options.isPrivileged = true
        let privileged = try RuntimeSpec.standard(
            options,
            hostDevices: [.init(type: "c", path: "/dev/fuse", major: 10)]
        )
        #expect(privileged.linux?.maskedPaths == nil && privileged.linux?.readonlyPaths == nil)
        #expect(privileged.linux?.devices?.map(\.path) == ["/dev/fuse"])
        #expect(privileged.process?.capabilities?.bounding?.count == CapabilitySet.knownCount)
        #expect(privileged.mounts?.filter { $0.options?.contains("ro") == true } == [])
    }

    @Test("nothing is made to cover what is known not to be there")
    func masks() throws {
        var inputs = PlanInputs()
        inputs.kernelPaths = ["/proc/scsi": .absent, "/proc/acpi": .directory, "/proc/keys": .file]
        let plan = try ContainerPlan(
            spec { $0.linux?.maskedPaths = ["/proc/scsi", "/proc/acpi", "/proc/keys", "/opt/other"] },
            inputs
        )
        let steps = plan.launch.description.split(separator: "\n").filter { $0.contains("maskedPaths") }
        #expect(
            steps == [
                "copy /dev/null as $cover-of-/proc/keys  # linux.maskedPaths",
                "copy /dev/null as $cover-of-/opt/other  # linux.maskedPaths",
                "mask /proc/acpi  # linux.maskedPaths", "mask /proc/keys  # linux.maskedPaths",
                "mask /opt/other  # linux.maskedPaths",
            ]
        )
    }

    @Test("what we may not do ourselves is left out and named")
    func unenforced() throws {
        var inputs = PlanInputs()
        inputs.permitted = CapabilitySet.all.subtracting(CapabilitySet(named: "CHOWN") ?? [])
        inputs.hardLimits = [.nofile: 1000]
        inputs.lowestOOMScore = 0
        let plan = try ContainerPlan(
            spec {
                $0.process?.oomScoreAdj = -500
                $0.process?.rlimits = [.init(type: "RLIMIT_NOFILE", soft: 2000, hard: 4000)]
            },
            inputs
        )
        #expect(
            plan.unenforced == [
                "process.oomScoreAdj: -500 is below our own 0, and lowering it is not permitted",
                "process.rlimits[0]: nofile is capped at our own hard limit, 1000",
                "process.capabilities: we don't have CHOWN ourselves",
            ]
        )
        #expect(plan.launch.description.contains("limit nofile 1000 1000  # process.rlimits[0]\n"))
        #expect(plan.launch.description.contains("bounding KILL  # process.capabilities.bounding\n"))
        #expect(!plan.launch.description.contains("oom-score"))
    }

    @Test("a terminal is made inside, and goes out by its descriptor")
    func terminal() throws {
        let plan = try ContainerPlan(
            spec {
                $0.mounts = [.init(destination: "/dev", type: "tmpfs", source: "tmpfs")]
                $0.process?.terminal = true
                $0.process?.consoleSize = .init(height: 24, width: 80)
                $0.process?.oomScoreAdj = 100
            },
            seccomp: nil
        )
        #expect(
            lines(plan, from: "session", to: "chdir") == """
                session
                terminal as $terminal owner 33 80x24, master to $terminal-socket  # process.terminal
                controlling terminal $terminal  # process.terminal
                attach $terminal at /dev/console no-symlinks  # process.terminal
                descriptor 0 $terminal
                descriptor 1 $terminal
                descriptor 2 $terminal
                close-on-exec 3-
                chdir /srv  # process.cwd
                """
        )
        #expect(lines(plan, from: "clone", to: "oom").hasSuffix("umask 00\noom-score 100  # process.oomScoreAdj"))
        #expect(
            !(try ContainerPlan(spec { $0.process?.terminal = true }, seccomp: nil)).launch.description
                .contains("console"),
            "what an image has at /dev/console is not ours to mount on"
        )
    }

    @Test("one more program joins the container first, and is confined as the container's own is")
    func exec() throws {
        var inputs = PlanInputs()
        inputs.seccomp = SeccompProgram(instructions: Array(repeating: 0, count: 16), flags: 0)
        inputs.awaitsGroups = true
        let plan = try ContainerPlan(exec: spec(), inputs)
        #expect(
            plan.launch.description == """
                clone \n\
                join mount,net,ipc,uts,cgroup namespace $container
                close $groups-teller
                await $groups  # linux.resources
                session
                descriptor 0 $stdin
                descriptor 1 $stdout
                descriptor 2 $stderr
                close-on-exec 3-
                chdir /srv  # process.cwd
                umask 022
                bounding CHOWN,KILL  # process.capabilities.bounding
                credentials 33:33  # process.user
                capabilities effective SYS_ADMIN permitted SYS_ADMIN inheritable none
                seccomp 2 instructions  # linux.seccomp
                capabilities effective none permitted none inheritable none  # process.capabilities
                execute /bin/id|/usr/bin/id ["id" "-u"] with 2 variables  # process.args

                """
        )
    }

    @Test(
        "where others may trace what they see, it comes into their sight as the last thing of all",
        arguments: [false, true]
    )
    func tracers(hasTerminal: Bool) throws {
        var inputs = PlanInputs()
        inputs.hasTracers = true
        let plan = try ContainerPlan(exec: spec { $0.process?.terminal = hasTerminal }, inputs)
        let steps = plan.launch.description.split(separator: "\n")
        #expect(steps[1] == "join mount,pid,net,ipc,uts,cgroup namespace $container")
        #expect(!steps.contains { $0 == "session" || $0.hasPrefix("controlling terminal") })
        #expect(steps.last?.contains(" after a fork" + (hasTerminal ? ", at its terminal" : "")) == true)
        #expect(plan.launch.endsInSuccessor)
        let ownRight = try ContainerPlan(
            exec: spec { $0.process?.capabilities?.bounding = ["CAP_SYS_PTRACE"] },
            PlanInputs()
        )
        #expect(ownRight.launch.endsInSuccessor)
        let shared = LinuxSpec.Namespace(type: "pid", path: "/proc/7/ns/pid")
        let amongOthers = try ContainerPlan(
            exec: spec {
                $0.linux?.namespaces?.removeAll { $0.type == "pid" }
                $0.linux?.namespaces?.append(shared)
            },
            PlanInputs()
        )
        #expect(amongOthers.launch.endsInSuccessor)
        let withoutIDs = try ContainerPlan(exec: spec { $0.linux?.namespaces?.removeAll { $0.type == "pid" } }, inputs)
        #expect(!withoutIDs.launch.endsInSuccessor)
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
            Mistake("process: missing: there is no program to start") { $0.process = nil },
            Mistake("process.args: empty: there is no program to start") { $0.process?.args = [] },
            Mistake("process.cwd: 'srv' is not an absolute path") { $0.process?.cwd = "srv" },
            Mistake("process.rlimits[0].type: 'NOFILE' is not a resource limit") {
                $0.process?.rlimits = [.init(type: "NOFILE", soft: 1, hard: 1)]
            },
            Mistake("mounts[0].destination: 'data' is not an absolute path") {
                $0.mounts = [.init(destination: "data", type: "tmpfs")]
            },
            Mistake("linux.namespaces[5]: a second pid namespace") { $0.linux?.namespaces?.append(.init(type: "pid")) },
            Mistake("linux.namespaces[5].type: 'soul' is not a kind of namespace") {
                $0.linux?.namespaces?.append(.init(type: "soul"))
            },
            Mistake("linux.sysctl: needs a mount of type proc") { $0.linux?.sysctl = ["kernel.msgmax": "1"] },
            Mistake("linux.sysctl.kernel.core_pattern: belongs to the host, not to a namespace of the container") {
                $0.linux?.sysctl = ["kernel.core_pattern": "|/bin/sh"]
            },
            Mistake("linux.sysctl.net.ipv4.ip_forward: needs a net namespace of the container's own") {
                $0.linux?.sysctl = ["net.ipv4.ip_forward": "1"]
            },
            Mistake("linux.sysctl.net//////sysrq-trigger: is not the name of a kernel parameter") {
                $0.linux?.sysctl = ["net//////sysrq-trigger": "b"]
            },
            Mistake("linux.sysctl.net/../../sysrq-trigger: is not the name of a kernel parameter") {
                $0.linux?.sysctl = ["net/../../sysrq-trigger": "b"]
            },
            Mistake("linux.sysctl.net.//.//.sysrq-trigger: is not the name of a kernel parameter") {
                $0.linux?.sysctl = ["net.//.//.sysrq-trigger": "b"]
            },
            Mistake("hostname: needs a uts namespace of the container's own") {
                $0.hostname = "gone"
                $0.linux?.namespaces = [.init(type: "mount")]
            },
            Mistake("process.oomScoreAdj: 1001 is not from -1000 to 1000") { $0.process?.oomScoreAdj = 1001 },
            Mistake("process.ioPriority.priority: 8 is not from 0 to 7") {
                $0.process?.ioPriority = .init(class: "IOPRIO_CLASS_IDLE", priority: 8)
            },
            Mistake("linux.sysctl.kernel.domainname: 'a' is another name than domainname, 'b'") {
                $0.linux?.sysctl = ["kernel.domainname": "a"]
                $0.domainname = "b"
            },
            Mistake("process.consoleSize: needs process.terminal") {
                $0.process?.consoleSize = .init(height: 24, width: 80)
            },
            Mistake("mounts[0].source: there is no prepared mount 'data'") {
                $0.mounts = [.init(destination: "/a", type: "prepared", source: "data")]
            },
            Mistake("mounts[0].options: 'r0' is not an option of a bind mount") {
                $0.mounts = [.init(destination: "/a", type: "bind", source: "/b", options: ["bind", "r0"])]
            },
        ]
    )
    func mistakes(_ mistake: Mistake) {
        let error = #expect(throws: ContainerError.self) { try ContainerPlan(spec(mistake.change), seccomp: nil) }
        #expect(error?.description == mistake.testDescription)
    }
}
