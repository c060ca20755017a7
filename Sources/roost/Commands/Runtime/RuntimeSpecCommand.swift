import ArgumentParser
import Glibc
import LinuxSystem
import OCISpec

/// `roost runtime spec`.
struct RuntimeSpecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spec",
        abstract: "Write a config.json to begin with."
    )

    @Option(name: .shortAndLong, help: "The directory to write it to.") var bundle = "."
    @Flag(help: "For a user who is not root: a user namespace with our own id, and no limits.") var rootless = false

    func run() throws {
        let path = "\(bundle)/config.json"
        guard !fileExists(path) else {
            throw UserError("\(path) exists: remove it first, or name another directory with --bundle")
        }
        try replaceFile(
            path,
            Array(try RuntimeJSON.text(rootless ? Self.ofOrdinaryUser : Self.usual).utf8),
            mode: 0o644
        )
    }

    /// The same for whoever has no rights: what they can't be given is left out.
    private static var ofOrdinaryUser: RuntimeSpec {
        var spec = usual
        spec.linux?.namespaces?.append(.init(type: "user"))
        spec.linux?.uidMappings = [.init(containerID: 0, hostID: geteuid(), size: 1)]
        spec.linux?.gidMappings = [.init(containerID: 0, hostID: getegid(), size: 1)]
        spec.linux?.resources = nil
        for index in (spec.mounts ?? []).indices {
            // A group that is nobody's there can own no terminal.
            spec.mounts?[index].options?.removeAll { $0 == "gid=5" }
        }
        return spec
    }

    /// A shell with a terminal, on a read-only root in the directory `rootfs`.
    private static var usual: RuntimeSpec {
        let capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
        var process = ProcessSpec(
            args: ["sh"],
            env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"]
        )
        process.terminal = true
        process.user = .init()
        process.capabilities = .init(bounding: capabilities, effective: capabilities, permitted: capabilities)
        process.rlimits = [.init(type: "RLIMIT_NOFILE", soft: 1024, hard: 1024)]
        process.noNewPrivileges = true
        let quiet = ["nosuid", "noexec", "nodev"]
        var spec = RuntimeSpec()
        spec.process = process
        spec.root = RootSpec(path: "rootfs", readonly: true)
        spec.hostname = "roost"
        spec.mounts = [
            .init(destination: "/proc", type: "proc", source: "proc"),
            .init(
                destination: "/dev",
                type: "tmpfs",
                source: "tmpfs",
                options: ["nosuid", "strictatime", "mode=755", "size=65536k"]
            ),
            .init(
                destination: "/dev/pts",
                type: "devpts",
                source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
            ),
            .init(
                destination: "/dev/shm",
                type: "tmpfs",
                source: "shm",
                options: quiet + ["mode=1777", "size=65536k"]
            ),
            .init(destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: quiet),
            .init(destination: "/sys", type: "sysfs", source: "sysfs", options: quiet + ["ro"]),
            .init(destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: quiet + ["ro"]),
        ]
        var linux = LinuxSpec()
        linux.namespaces = ["pid", "network", "ipc", "uts", "mount", "cgroup"].map { .init(type: $0) }
        var resources = ResourcesSpec()
        resources.devices = [.init(allow: false, access: "rwm")]
        linux.resources = resources
        linux.maskedPaths = [
            "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
            "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
        ]
        linux.readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
        spec.linux = linux
        return spec
    }
}
