import ContainerRuntime
import class Foundation.FileManager
import Glibc
import LinuxSystem
import OCISpec
import Testing

/// What a program in a container printed, and how it ended.
private struct Outcome { var output: String, status: ProcessStatus }

/// Runs a program in a container on a copy-on-write view of the host's root, and collects what it prints.
private func run(_ arguments: [String], _ change: (inout RuntimeSpec) -> Void = { _ in }) throws -> Outcome {
    var spec = RuntimeSpec()
    spec.root = RootSpec(path: "/")
    spec.hostname = "box"
    spec.process = ProcessSpec(cwd: "/", args: arguments, env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
    spec.process?.capabilities = .init(
        bounding: ["CAP_CHOWN"],
        effective: ["CAP_CHOWN"],
        permitted: ["CAP_CHOWN"]
    )
    spec.mounts = [
        .init(destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]),
        .init(destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"]),
        .init(
            destination: "/dev/pts",
            type: "devpts",
            source: "devpts",
            options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
        ),
        .init(destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"]),
    ]
    spec.linux = LinuxSpec()
    spec.linux?.namespaces = ["mount", "pid", "ipc", "uts", "cgroup", "network"].map { .init(type: $0) }
    change(&spec)
    let filter = try spec.linux?.seccomp.map { try SeccompProgram(compiling: $0) }
    let plan = try ContainerPlan(spec, seccomp: filter)

    let scratch = try TemporaryDirectory()
    for name in ["upper", "work"] { mkdir("\(scratch.path)/\(name)", 0o755) }
    let root = try DetachedMount.filesystem(
        FilesystemRecipe(
            "overlay",
            [
                .init("lowerdir", "/"), .init("upperdir", "\(scratch.path)/upper"),
                .init("workdir", "\(scratch.path)/work"),
            ]
        )
    )
    let output = try Pipe()
    let surroundings = Container.Surroundings(
        root: root,
        stdio: (0, output.writing.rawValue, output.writing.rawValue)
    )
    let process = try Container.start(plan, in: surroundings)
    let text = readAll(from: output)
    return Outcome(output: text, status: try process.waitForExit())
}

/// Everything that arrives until the last writer is gone; our own end of the pipe is closed first.
private func readAll(from pipe: consuming Pipe) -> String {
    let reading = pipe.takeReading()
    return readAll(reading.rawValue)
}

private func readAll(_ descriptor: CInt) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
        bytes += buffer[..<count]
    }
}

/// A directory that is removed with everything in it.
private struct TemporaryDirectory: ~Copyable {
    let path: String

    init() throws {
        var template = Array("/tmp/roost-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SyscallError(call: "mkdtemp", subject: "/tmp", errno: .current) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }  // a leftover in /tmp harms nobody
}

// One after the other: two of them look at what belongs to the whole process, its umask and its children.
extension OneAtATime {
    @Suite("a container", .enabled(if: getuid() == 0, "needs root"))
    struct ContainerTests {
        @Test("is alone: first process, own host name, own root, no descriptor but 0 to 2")
        func isolation() throws {
            let outcome = try run([
                "sh", "-c", "echo $$ $(hostname) $(ls /proc/self/fd | wc -l) /proc/[0-9]*",
            ])
            #expect(outcome.output == "1 box 4 /proc/1\n")
            #expect(outcome.status == .exited(0))
        }

        @Test("passes on the status of its program")
        func status() throws {
            #expect(try run(["sh", "-c", "exit 7"]).status == .exited(7))
            #expect(
                try run(["sh", "-c", "kill -9 $$"]).status == .exited(0),
                "a namespace's first process ignores signals from inside"
            )
        }

        @Test("writes nothing to the host")
        func copyOnWrite() throws {
            let outcome = try run(["sh", "-c", "echo x > /roost-marker; cat /roost-marker"])
            #expect(outcome.output == "x\n")
            #expect(access("/roost-marker", F_OK) != 0)
        }

        @Test("holds exactly the capabilities of its configuration, and none by inheritance")
        func capabilities() throws {
            let outcome = try run(["grep", "^Cap", "/proc/self/status"])
            #expect(
                outcome.output == """
                    CapInh:\t0000000000000000
                    CapPrm:\t0000000000000001
                    CapEff:\t0000000000000001
                    CapBnd:\t0000000000000001
                    CapAmb:\t0000000000000000

                    """
            )
        }

        @Test("sees masked files empty, masked directories empty, and read-only paths read-only")
        func restrictions() throws {
            let outcome = try run([
                "sh", "-c", "cat /proc/meminfo | wc -c; ls /sys/firmware | wc -l; echo 1 > /proc/sys/kernel/domainname",
            ]) {
                $0.linux?.maskedPaths = ["/proc/meminfo", "/sys/firmware", "/proc/no-such-thing"]
                $0.linux?.readonlyPaths = ["/proc/sys", "/proc/no-such-thing"]
            }
            #expect(outcome.output.hasPrefix("0\n0\n"))
            #expect(outcome.output.contains("Read-only file system"))
        }

        @Test("has the sysctls of its own namespaces")
        func sysctl() throws {
            let outcome = try run(["cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start", "/proc/sys/kernel/msgmax"]) {
                $0.linux?.sysctl = ["net.ipv4.ip_unprivileged_port_start": "0", "kernel.msgmax": "4242"]
            }
            #expect(outcome.output == "0\n4242\n")
        }

        @Test("runs as the user of its configuration, in its directory, under its limits")
        func identity() throws {
            let outcome = try run(["sh", "-c", "id -u; id -g; id -G; pwd; ulimit -n; umask"]) {
                $0.process?.user = .init(uid: 33, gid: 34, umask: 0o027, additionalGids: [35, 36])
                $0.process?.cwd = "/usr"
                $0.process?.rlimits = [.init(type: "RLIMIT_NOFILE", soft: 100, hard: 100)]
            }
            #expect(outcome.output == "33\n34\n34 35 36\n/usr\n100\n0027\n")
        }

        @Test("can't keep a directory of the host by a magic link")
        func workingDirectoryEscape() throws {
            for number in 3...20 {
                let error = #expect(throws: ContainerError.self) {
                    try run(["pwd"]) { $0.process?.cwd = "/proc/self/fd/\(number)" }
                }
                #expect(error?.message.hasPrefix("process.cwd: chdir /proc/self/fd/\(number): ") == true)
            }
        }

        @Test("is held by its filter", arguments: [false, true])
        func seccomp(noNewPrivileges: Bool) throws {
            let outcome = try run(["sh", "-c", "mkdir /tmp/x; grep -E 'NoNewPrivs|^Seccomp:' /proc/self/status"]) {
                $0.process?.noNewPrivileges = noNewPrivileges
                $0.process?.user = .init(uid: 33, gid: 33)
                $0.linux?.seccomp = SeccompSpec(
                    defaultAction: "SCMP_ACT_ALLOW",
                    syscalls: [
                        .init(names: ["mkdir", "mkdirat", "no_such_call"], action: "SCMP_ACT_ERRNO", errnoRet: 95)
                    ]
                )
            }
            #expect(
                outcome.output == """
                    mkdir: cannot create directory '/tmp/x': Operation not supported
                    NoNewPrivs:\t\(noNewPrivileges ? 1 : 0)
                    Seccomp:\t2

                    """
            )
        }

        @Test("with the standard filter runs programs, and refuses what the filter refuses")
        func standardFilter() throws {
            let probe = """
                import ctypes, os
                libc = ctypes.CDLL(None, use_errno=True)
                for family in 1, 2, 10, 16, 38, 40:
                    descriptor = libc.socket(family, 2 if family != 16 else 3, 0)
                    print(family, 0 if descriptor >= 0 else ctypes.get_errno())
                for name, number in ("io_uring_setup", 425), ("bpf", 321), ("clone3", 435), ("unshare", 272), ("keyctl", 250):
                    libc.syscall(number, 0, 0, 0)
                    print(name, ctypes.get_errno())
                print(os.system("true"))
                """
            let outcome = try run(["python3", "-c", probe]) {
                $0.linux?.seccomp = .standard(capabilities: [])
                $0.process?.capabilities = .init()
            }
            #expect(
                outcome.output == """
                    1 0
                    2 0
                    10 0
                    16 0
                    38 1
                    40 1
                    io_uring_setup 1
                    bpf 1
                    clone3 38
                    unshare 1
                    keyctl 1
                    0

                    """
            )
        }

        @Test("has devices everyone may use, whatever the launching process's umask")
        func deviceModes() throws {
            let before = umask(0o077)
            defer { umask(before) }
            #expect(try run(["sh", "-c", "stat -c %a /dev/null /dev/tty; umask"]).output == "666\n666\n0022\n")
        }

        @Test("can't join the host's namespaces to change them")
        func hostNamespace() throws {
            let error = #expect(throws: ContainerError.self) {
                try run(["true"]) {
                    $0.linux?.namespaces = [.init(type: "mount"), .init(type: "uts", path: "/proc/self/ns/uts")]
                }
            }
            #expect(
                error?.message
                    == "linux.namespaces: /proc/self/ns/uts is the host's namespace, which may not be changed"
            )
        }

        @Test("is not started with text that the kernel would cut short")
        func nulBytes() throws {
            let error = #expect(throws: ContainerError.self) { try run(["true", "a\0b"]) }
            #expect(error?.message.hasPrefix("the container's \"true\" can't be executed: ") == true)
            #expect(error?.message.hasSuffix("(EILSEQ)") == true)
        }

        @Test("that fails to start leaves no process behind")
        func noZombie() throws {
            #expect(throws: ContainerError.self) { try run(["no-such-program"]) { $0.hostname = "zombie" } }
            var information = siginfo_t()
            let result = waitid(P_ALL, 0, &information, WEXITED | WNOHANG | WNOWAIT)
            #expect(result == -1 || information._sifields._kill.si_pid == 0)
        }

        @Test("names the program that is not there, or the step that failed and what asked for it")
        func failure() throws {
            let missing = #expect(throws: ContainerError.self) { try run(["no-such-program"]) }
            #expect(missing?.message == "the container has no program \"no-such-program\" on its PATH")
            let step = #expect(throws: ContainerError.self) { try run(["true"]) { $0.process?.cwd = "/etc/passwd" } }
            #expect(step?.message.hasPrefix("process.cwd: ") == true)
        }
    }
}
