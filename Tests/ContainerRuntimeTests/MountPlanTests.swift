import ContainerRuntime
import LinuxSystem
import OCISpec
import Testing

@Suite("mounts and labels of a launch plan")
struct MountPlanTests {
    private func lines(
        _ mounts: [MountSpec],
        _ inputs: PlanInputs = PlanInputs(),
        _ change: (inout RuntimeSpec) -> Void = { _ in }
    ) throws -> [String] {
        var spec = RuntimeSpec()
        spec.root = RootSpec(path: "/srv/root")
        spec.process = ProcessSpec(cwd: "/", args: ["/bin/id"])
        spec.linux = LinuxSpec()
        spec.linux?.namespaces = ["mount", "pid", "cgroup"].map { .init(type: $0) }
        spec.mounts = mounts
        change(&spec)
        return try ContainerPlan(spec, inputs).launch.description.split(separator: "\n").map(String.init)
    }

    private func change(_ words: String...) -> String { "\(MountOptions(words).change)" }

    @Test("attributes are of the mount alone, with an r of all below, and the last of two wins")
    func attributes() {
        #expect(change("bind", "ro") == "ro,private")
        #expect(change("rbind", "ro") == "rprivate,ro")
        #expect(change("rbind", "rro", "rnosuid") == "rro,rnosuid,rprivate")
        #expect(change("rbind", "rro", "rrw", "rexec") == "rnot-ro,rnot-noexec,rprivate")
        #expect(change("rbind", "rrw", "rro") == "rro,rprivate")
        #expect(change("bind", "noatime", "strictatime", "nodiratime") == "strictatime,nodiratime,private")
        #expect(change("rbind", "rnoatime", "rrelatime") == "rnot-noatime,rnot-strictatime,rprivate")
        #expect(change("bind", "nosymfollow", "rslave") == "nosymfollow,slave")
        #expect(change("rbind", "rshared", "rnorelatime") == "rshared")
        #expect(change("rbind", "runbindable") == "runbindable")
    }

    @Test("a new filesystem is told what is its own, and travels as it is to")
    func filesystem() throws {
        let told = try lines([
            .init(destination: "/a", type: "tmpfs", options: ["sync", "rro", "rshared", "size=1m", "norelatime"])
        ])
        #expect(told.contains("filesystem tmpfs rw,sync,size=1m as $a  # mounts[0]"))
        #expect(told.contains("attributes $a shared  # mounts[0]"))
        // When the places of mounts below, and devices, are in it.
        let seal = try #require(told.firstIndex(of: "attributes $a ro  # mounts[0]"))
        #expect(try seal > #require(told.firstIndex(of: "symlink /dev/ptmx -> pts/ptmx")))
    }

    @Test("what belongs to a filesystem that is there already is told to stay as it is")
    func filesystemOfOthers() throws {
        var spec = RuntimeSpec()
        spec.root = RootSpec(path: "/")
        spec.process = ProcessSpec(cwd: "/", args: ["/bin/id"])
        spec.linux = LinuxSpec()
        spec.linux?.namespaces = [.init(type: "mount")]
        spec.mounts = [.init(destination: "/a", type: "bind", source: "/b", options: ["bind", "sync"])]
        let plan = try ContainerPlan(spec, seccomp: nil)
        #expect(plan.unenforced == ["mounts[0].options: 'sync' is the filesystem's, and stays as it is"])
    }

    @Test("the root travels as it is to, once it is the root")
    func root() throws {
        let told = try lines([]) { $0.linux?.rootfsPropagation = "rshared" }
        let place = try #require(told.firstIndex(of: "pivot $root  # root.path"))
        #expect(told[place...].contains("attributes $root shared  # linux.rootfsPropagation"))
    }

    @Test("groups of v1 are shown once the process is in them, beside the unified ones")
    func legacyGroups() throws {
        var inputs = PlanInputs()
        inputs.awaitsGroups = true
        inputs.legacyHierarchies = ["cpu,cpuacct", "unified"]
        let told = try lines([.init(destination: "/g", type: "cgroup", options: ["ro", "nosuid"])], inputs)
        let place = try #require(told.firstIndex(of: "await $groups  # linux.resources"))
        #expect(
            told[place...].prefix(12) == [
                "await $groups  # linux.resources", "unshare cgroup",
                "filesystem tmpfs nosuid,mode=755 as $g  # mounts[0]", "mkdir /g 0755  # mounts[0]",
                "attach $g at /g  # mounts[0]",
                "filesystem cgroup ro,nosuid,cpu,cpuacct as $g-cpu,cpuacct  # mounts[0]",
                "mkdir /g/cpu,cpuacct 0755  # mounts[0]",
                "attach $g-cpu,cpuacct at /g/cpu,cpuacct no-symlinks  # mounts[0]",
                "filesystem cgroup2 ro,nosuid as $g-unified  # mounts[0]", "mkdir /g/unified 0755  # mounts[0]",
                "attach $g-unified at /g/unified no-symlinks  # mounts[0]", "remount /g ro  # mounts[0]",
            ]
        )
    }

    @Test("labels are written through the host's own procfs, right before the identity changes")
    func labels() throws {
        let told = try lines([
            .init(destination: "/proc", type: "proc"), .init(destination: "/a", type: "tmpfs", options: ["size=1"]),
        ]) {
            $0.process?.apparmorProfile = "box"
            $0.process?.selinuxLabel = "system_u:system_r:container_t:s0"
            $0.linux?.mountLabel = "system_u:object_r:container_file_t:s0"
        }
        let place = try #require(told.firstIndex(of: "chdir /  # process.cwd"))
        #expect(
            told[place...].prefix(6) == [
                "chdir /  # process.cwd",
                "open /proc/self/attr/apparmor/exec as $apparmor  # process.apparmorProfile",
                "write $apparmor \"exec box\"  # process.apparmorProfile",
                "open /proc/self/attr/exec as $selinux  # process.selinuxLabel",
                "write $selinux \"system_u:system_r:container_t:s0\"  # process.selinuxLabel", "umask 022",
            ]
        )
        #expect(
            told.contains("filesystem tmpfs rw,size=1,context=system_u:object_r:container_file_t:s0 as $a  # mounts[1]")
        )
        #expect(told.contains("filesystem proc rw as $proc  # mounts[0]"))
    }

    @Test("a label that the host would not know is refused")
    func unknownLabels() {
        var inputs = PlanInputs()
        inputs.labels = []
        func message(_ change: (inout RuntimeSpec) -> Void) -> String? {
            #expect(throws: ContainerError.self) { try lines([], inputs, change) }?.description
        }
        #expect(
            message { $0.process?.apparmorProfile = "box" }
                == "process.apparmorProfile: this host has no AppArmor in force; leave it out"
        )
        #expect(
            message { $0.process?.selinuxLabel = "a:b:c:d" }
                == "process.selinuxLabel: this host has no SELinux; leave it out"
        )
        #expect(
            message { $0.linux?.mountLabel = "a:b:c:d" } == "linux.mountLabel: this host has no SELinux; leave it out"
        )
    }

    @Test("hooks see the mounts among the host's files, before the root is pivoted to")
    func hooks() throws {
        var inputs = PlanInputs()
        (inputs.awaitsHooks, inputs.keyring) = (true, "_ses.box")
        let told = try lines([.init(destination: "/a", type: "tmpfs")], inputs)
        let place = try #require(told.firstIndex(of: "umask 00"))
        #expect(
            told[place...].filter { !$0.contains(" /dev") }.prefix(10) == [
                "umask 00", "keyring _ses.box", "propagation / private",
                "attach $root at /srv/root, enter  # root.path", "unshare cgroup",
                "filesystem tmpfs rw as $a  # mounts[0]", "mkdir /a 0755  # mounts[0]",
                "attach $a at /a  # mounts[0]", "gate $gate  # hooks", "leave, pivot $root  # root.path",
            ]
        )
    }
}
