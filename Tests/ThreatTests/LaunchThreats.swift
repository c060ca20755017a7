import ContainerRuntime
import Glibc
import LinuxSystem
import OCISpec
import Testing

extension OneAtATime {
    /// Attacks on us while we start a program in a container: docs/security.md, group A.
    @Suite("a hostile container", .enabled(if: getuid() == 0, "needs root"))
    struct LaunchThreats {
        @Test(
            "that opens its first process's executable, which is ours, to write into it does not get to write",
            arguments: [[], ["SYS_PTRACE"]]
        )
        func overwrittenHelper(capabilities: [String]) throws {
            let script = """
                import os
                for flags in os.O_WRONLY, os.O_RDWR, os.O_RDONLY:
                    try:
                        held = os.open("/proc/1/exe", flags)
                        os.write(os.open(f"/proc/self/fd/{held}", os.O_RDWR), b"x")
                        print("wrote")
                    except OSError as error: print(error.errno)
                """
            var box = try Box(["python3", "-c", script])
            box.inputs.hasInit = true
            box.options.addedCapabilities = capabilities
            // EACCES: it can't even be looked at. With the right to: ETXTBSY.
            #expect(try box.run().output == (capabilities.isEmpty ? "13\n13\n13\n" : "26\n26\n26\n"))
        }

        @Test("that keeps every executable it sees of programs that join it can't write into one afterwards")
        func overwrittenExecutable() throws {
            let script = """
                import os
                held = {}
                print("ready", flush=True)
                while True:
                    for pid in filter(str.isdigit, os.listdir("/proc")):
                        try:
                            name = os.readlink(f"/proc/{pid}/exe")
                            if name not in held: held[name] = os.open(f"/proc/{pid}/exe", os.O_RDONLY)
                        except OSError: pass
                    for name, file in held.items():
                        if name.startswith(("/usr/", "/bin/")): continue
                        try: os.write(os.open(f"/proc/self/fd/{file}", os.O_RDWR), b"x"); result = "wrote"
                        except OSError: result = "refused"
                        with open("/seen", "a") as log: print(result, name, file=log)
                """
            try whileRunning(script) { box, pidfd in
                var before = stat()
                var after = stat()
                #expect(stat("/proc/self/exe", &before) == 0)
                try join(box, pidfd, times: 25)
                #expect(stat("/proc/self/exe", &after) == 0)
                #expect(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && before.st_size == after.st_size)
                #expect(!seen(box).contains("wrote"))
            }
        }

        @Test(
            "that watches what starts in its process ids reads no memory, link or descriptor of ours",
            arguments: [false, true]
        )
        func watchedStart(isConfined: Bool) throws {
            // The links of what is still us would name this program, and its descriptors are many.
            let script = """
                import os
                print("ready", flush=True)
                own, last = os.getpid(), 0
                while True:
                    for pid in range(own + 1, own + 200):
                        for name in "exe", "root", "cwd", "fd/3", "ns/mnt":
                            try:
                                link = os.readlink(f"/proc/{pid}/{name}")
                                with open("/seen", "a") as log: print(pid, name, link, file=log)
                            except OSError: pass
                        try:
                            memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
                            link = os.readlink(f"/proc/{pid}/exe")
                            with open("/seen", "a") as log: print(pid, "memory", link, file=log)
                            os.close(memory)
                        except OSError: pass
                """
            // In a user namespace it has every right over those in it.
            try whileRunning(script, isConfined: isConfined) { box, pidfd in
                let namespace = try OwnedDescriptor.reading("/proc/self/ns/mnt")
                var status = stat()
                fstat(namespace.rawValue, &status)
                try join(box, pidfd, times: 15)
                for _ in 0..<15 {
                    var other = try Box(["true"])
                    other.options.pid = .joined(path: "/proc/\(try pid(of: pidfd))/ns/pid")
                    #expect(try other.run().status == .exited(0))
                }
                let seen = seen(box)
                #expect(
                    !seen.contains(".xctest") && !seen.contains("swiftpm") && !seen.contains("mnt:[\(status.st_ino)]")
                )
            }
        }

        @Test(
            "that takes the pipe of a program that joins it, keeps it open or lies on it, holds nothing up",
            .timeLimit(.minutes(1))
        )
        func stolenReport() throws {
            let script = """
                import os, struct
                print("ready", flush=True)
                last, held = os.getpid(), 0
                while True:
                    for pid in range(last + 1, last + 5):
                        try: pipe = os.open(f"/proc/{pid}/fd/3", os.O_WRONLY | os.O_NONBLOCK)
                        except OSError: continue
                        try:
                            if not os.readlink(f"/proc/self/fd/{pipe}").startswith("pipe:"): continue
                            held += 1
                            if held % 2: os.write(pipe, struct.pack("II", 0, 2))
                            with open("/seen", "a") as log: print(pid, file=log)
                        except OSError: pass
                    with open("/proc/loadavg") as load: last = max(last, int(load.read().split()[4]) - 1)
                """
            try whileRunning(script) { box, pidfd in
                var refused = 0
                for _ in 0..<150 {
                    // What is said to have failed is ended.
                    do { try join(box, pidfd, times: 1) } catch is ContainerError { refused += 1 }
                }
                #expect(refused < 150)
            }
        }

        @Test(
            "that may trace what joins it finds nothing there with more rights than it has itself, and nothing of ours"
        )
        func tracedJoiner() throws {
            let script = """
                import os
                print("ready", flush=True)
                last, known = os.getpid(), set()
                while True:
                    for pid in range(last + 1, last + 5):
                        try:
                            memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
                            os.close(memory)
                            link = os.readlink(f"/proc/{pid}/exe")
                            with open(f"/proc/{pid}/status") as status: rights = status.read().split("CapPrm:")[1].split()[0]
                            if (link, rights) in known: continue
                            known.add((link, rights))
                            with open("/seen", "a") as log: print(link, rights, file=log)
                        except OSError: pass
                    with open("/proc/loadavg") as load: last = max(last, int(load.read().split()[4]) - 1)
                """
            try whileRunning(script, capabilities: ["SYS_PTRACE"]) { box, pidfd in
                try join(box, pidfd, times: 50)
                let own = try box.execute(["sh", "-c", "grep CapPrm /proc/self/status | cut -f 2"], in: pidfd).output
                let seen = seen(box).split(separator: "\n")
                #expect(!seen.isEmpty)
                #expect(!seen.contains { $0.contains(".xctest") || $0.contains("swiftpm") })
                #expect(Set(seen.compactMap { $0.split(separator: " ").last }).subtracting([own.prefix(16)]) == [])
            }
        }

        @Test("whose user id a process of the host has gives that one no look at a start")
        func watchedFromHost() throws {
            let script = """
                import os
                known, own = set(), os.getpid()
                print("ready", flush=True)
                while True:
                    with open("/proc/loadavg") as load: last = int(load.read().split()[4])
                    # What may come next, often; and all, for what has come while we were elsewhere.
                    pids = list(range(last - 3, last + 4)) * 50
                    for pid in pids + [int(name) for name in os.listdir("/proc") if name.isdigit()]:
                        try:
                            seen = pid, os.readlink(f"/proc/{pid}/exe")
                            if pid != own and seen not in known:
                                known.add(seen)
                                print(*seen, flush=True)
                        except OSError: pass
                """
            let output = try Pipe()
            let watcher = try hostProcess(
                ["/usr/bin/setpriv", "--reuid", "33", "--regid", "33", "--clear-groups", "python3", "-c", script],
                output: output.writing.rawValue
            )
            defer { watcher.end() }
            #expect(Box.line(of: output.reading.rawValue) == "ready")
            var seen: [String] = []
            for _ in 0..<20 {
                var box = try Box(["sleep", "1000"])
                box.options.process.user = .init(uid: 33, gid: 33)
                // With a right that the watcher lacks, it could not look anyway.
                box.options.droppedCapabilities = ["ALL"]
                let pipe = try Pipe()
                let started = try box.start(output: pipe.writing.rawValue)
                let own = "\(started.process.process.pid) /usr/bin/sleep"
                // What it may see is the program, which it waits for.
                while seen.last?.hasPrefix(own) != true { seen.append(Box.line(of: output.reading.rawValue)) }
                _ = try started.process.end()
            }
            #expect(!seen.contains { $0.contains(".xctest") || $0.contains("swiftpm") })
        }

        @Test(
            "that swaps a shared directory for a link while another starts sends no mount and no file to the host",
            arguments: [false, true]
        )
        func swappedDirectory(isConfined: Bool) throws {
            let script = """
                import ctypes, os
                libc = ctypes.CDLL(None)
                print("ready", flush=True)
                while True: libc.renameat2(-100, b"/data/a", -100, b"/data/b", 2)
                """
            var swapper = try Box(["python3", "-c", script])
            let volume = "\(swapper.scratch)/volume"
            let outside = "\(swapper.scratch)/outside"
            for path in [volume, outside, "\(volume)/a"] { mkdir(path, 0o755) }
            symlink("../../../../../../..\(outside)", "\(volume)/b")
            let shared = MountSpec(destination: "/data", type: "bind", source: volume, options: ["bind"])
            swapper.mounts = [shared]
            let pipe = try Pipe()
            let running = try swapper.start(output: pipe.writing.rawValue)
            #expect(Box.line(of: pipe.reading.rawValue) == "ready")
            let mounts = try readFile("/proc/self/mountinfo").split(separator: "\n").count {
                $0.contains(swapper.scratch)
            }
            try make("\(swapper.scratch)/token", "token\n")
            var successes = 0
            for _ in 0..<40 {
                var victim = try Box(["true"])
                if isConfined { victim.confine() }
                let token = try DetachedMount.copy(of: "\(swapper.scratch)/token", recursive: false, attributes: [])
                victim.mounts = [
                    shared, .init(destination: "/data/a/deep/token", type: "prepared", source: "token"),
                    .init(destination: "/data/a/cache", type: "tmpfs", source: "tmpfs", options: ["size=64k"]),
                ]
                victim.inputs.prepared = ["token": .file]
                victim.lent = ["token": token.descriptor.rawValue]
                victim.options.process.cwd = "/data/a/work"
                // A start that finds the link in one step and the directory in the next may fail, and then says so.
                do { if try victim.run().status == .exited(0) { successes += 1 } } catch is ContainerError {}
            }
            _ = try running.process.end()
            #expect(successes > 0)
            #expect(rmdir(outside) == 0, "it is still empty")
            let after = try readFile("/proc/self/mountinfo").split(separator: "\n").count {
                $0.contains(swapper.scratch)
            }
            #expect(after == mounts)
        }

        @Test(
            "whose /proc is covered by a volume gets no write of ours into that volume",
            arguments: ["/proc/", "/link", "/proc/sys"]
        )
        func coveredProc(place: String) throws {
            let script = "import socket; socket.socket().bind(('0.0.0.0', 80)); print('bound')"
            var box = try Box(["python3", "-c", script])
            symlink("proc", "\(box.scratch)/upper/link")
            let decoy = "\(box.scratch)/decoy"
            let files = ["self/oom_score_adj", "self/attr/exec", "sys/net/ipv4/ip_unprivileged_port_start"]
            for path in ["", "/self", "/self/attr", "/sys", "/sys/net", "/sys/net/ipv4"] {
                mkdir("\(decoy)\(path)", 0o755)
            }
            for file in files { try make("\(decoy)/\(file)", "decoy") }
            let source = place == "/proc/sys" ? "\(decoy)/sys" : decoy
            box.mounts = [.init(destination: place, type: "bind", source: source, options: ["bind"])]
            box.options.process.oomScoreAdj = 500
            box.options.process.user = .init(uid: 33, gid: 33)
            // The parameter is set in the kernel: without it, port 80 is root's.
            #expect(try box.run().output == "bound\n")
            for file in files { #expect(try readFile("\(decoy)/\(file)") == "decoy") }
        }

        @Test("whose /proc is a volume altogether is refused when something has to be set there")
        func replacedProc() throws {
            var box = try Box(["true"])
            box.mounts = [.init(destination: "/proc", type: "bind", source: "/tmp", options: ["bind"])]
            let error = #expect(throws: ContainerError.self) { try box.start(output: 1) }
            #expect(error?.description == "linux.sysctl: needs a mount of type proc")
        }

        @Test("that calls its devices what is the host's gets neither their owner nor their mode changed")
        func linkedDevices() throws {
            for isReadOnly in [false, true] {
                let socket = try DescriptorSocket.make()
                var box = try Box(["true"])
                let target = "\(box.scratch)/target"
                try make(target, "untouched")
                mkdir("\(box.scratch)/upper/dev", 0o755)
                for name in ["console", "null", "tty", "ptmx"] { symlink(target, "\(box.scratch)/upper/dev/\(name)") }
                box.options.process.terminal = true
                box.options.process.user = .init(uid: 33, gid: 33)
                box.options.isReadOnly = isReadOnly
                box.terminal = socket.sending
                box.change = { spec in spec.mounts?.removeAll { $0.destination.hasPrefix("/dev") } }
                #expect(throws: ContainerError.self) { try box.start(output: 1) }
                var status = stat()
                #expect(stat(target, &status) == 0 && status.st_mode & 0o777 == 0o644)
                #expect(status.st_uid == 0 && status.st_size == 9)
            }
        }

        #if arch(x86_64)
        @Test("that makes 32-bit calls reaches no socket that the filter keeps from it")
        func compatibleCalls() throws {
            let script = """
                import ctypes
                libc = ctypes.CDLL(None)
                libc.mmap.restype = ctypes.c_void_p
                # MAP_PRIVATE, MAP_ANONYMOUS, MAP_32BIT
                place = libc.mmap(None, 4096, 7, 0x62, -1, 0)
                code = bytes.fromhex("53 89f8 89f3 89d1 cd80 5b c3")
                ctypes.memmove(place, code, len(code))
                ctypes.memmove(place + 2048, (ctypes.c_int * 3)(38, 5, 0), 12)
                ctypes.memmove(place + 2064, (ctypes.c_int * 3)(40, 1, 0), 12)
                call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_uint)(place)
                for at in 2048, 2064: print("socketcall", call(102, 1, place + at), flush=True)
                for family in 38, 40: print("socket", call(359, family, 5), flush=True)
                print("getpid", call(20, 0, 0), flush=True)
                """
            var box = try Box(["python3", "-c", script])
            box.inputs.seccomp = try SeccompProgram(compiling: .standard(capabilities: []))
            let outcome = try box.run()
            // A kernel without these calls ends the program instead.
            let refused = "socketcall -38\nsocketcall -38\nsocket -1\nsocket -1\ngetpid 1\n"
            #expect(outcome.output == refused || (outcome.output.isEmpty && outcome.status == .signaled(SIGSEGV)))
        }
        #endif

        @Test("whose start needs more memory than its limit lets it ends alone")
        func littleMemory() throws {
            let group = "/roost-test-threat-\(getpid())"
            for limit: Int64 in [4096, 200_000] {
                var box = try Box(["sh", "-c", "exec tail -c 100000000 /dev/zero"])
                box.group = group
                box.options.resources.memory = .init()
                box.options.resources.memory?.limit = limit
                do { #expect(try box.run().status == .signaled(SIGKILL)) } catch is ContainerError { try box.remove() }
            }
        }

        @Test("is started with our memory only where nobody can look and no limit but the host's can end it")
        func sharedMemory() throws {
            func shares(_ change: (inout Box) -> Void, _ inputs: (inout PlanInputs) -> Void = { _ in }) throws -> Bool {
                var box = try Box(["true"])
                box.group = "/never-made"
                change(&box)
                var given = PlanInputs()
                inputs(&given)
                return try ContainerPlan(box.spec(), given).launch.sharesMemory
            }
            #expect(try shares { _ in })
            #expect(try !shares { $0.options.pid = .host })
            #expect(try !shares { $0.options.pid = .joined(path: "/proc/1/ns/pid") })
            #expect(
                try !shares {
                    $0.options.resources.memory = .init()
                    $0.options.resources.memory?.limit = 1 << 30
                }
            )
            #expect(try !shares { $0.confine() })
            #expect(try !shares { $0.change = { $0.linux?.namespaces?.append(.init(type: "time")) } })
            #expect(try !shares({ _ in }, { $0.awaitsHooks = true }))
            #expect(try !shares({ _ in }, { $0.hasForeignLimits = true }))
            #expect(try !shares({ _ in }, { $0.awaitsGroups = true }))
        }

        // MARK: helpers

        /// Runs `body` beside a container whose Python program has said that it is ready.
        private func whileRunning(
            _ script: String,
            isConfined: Bool = false,
            capabilities: [String] = [],
            _ body: (borrowing Box, Int32) throws -> Void
        ) throws {
            var box = try Box(["python3", "-c", script])
            box.options.addedCapabilities = capabilities
            if isConfined {
                box.confine()
                box.options.addedCapabilities = ["ALL"]
            }
            let pipe = try Pipe()
            let started = try box.start(output: pipe.writing.rawValue)
            #expect(Box.line(of: pipe.reading.rawValue) == "ready")
            defer { _ = try? started.process.end() }  // a failed test has said more
            try body(box, started.process.process.descriptor.rawValue)
        }

        /// Has a program join a container again and again.
        private func join(_ box: borrowing Box, _ pidfd: Int32, times: Int) throws {
            for _ in 0..<times { #expect(try box.execute(["true"], in: pidfd).status == .exited(0)) }
        }

        /// What a container wrote down.
        private func seen(_ box: borrowing Box) -> String {
            (try? readFile("\(box.scratch)/upper/seen", limit: 64 << 20)) ?? ""  // it need not have seen anything
        }

        private func pid(of pidfd: Int32) throws -> Int32 {
            let lines = try readFile("/proc/self/fdinfo/\(pidfd)").split(separator: "\n")
            return try #require(lines.first { $0.hasPrefix("Pid:") }.flatMap { Int32($0.dropFirst(5)) })
        }
    }
}

/// A program of the host.
final class HostProcess {
    private let process: LaunchedProcess
    init(_ process: consuming LaunchedProcess) { self.process = process }

    func end() {
        // It may have ended.
        try? Container.signal(process.descriptor.rawValue, SIGKILL)
        _ = try? process.waitForExit()
    }
}

/// Starts a program of the host with an output; it ends when it is told to.
func hostProcess(_ arguments: [String], output: Int32) throws -> HostProcess {
    var plan = LaunchPlan(namespaces: [])
    let slot = plan.makeSlot("output")
    plan.append(.duplicate(slot, as: 1))
    plan.append(.closeDescriptors(from: 3))
    plan.append(
        .execute(
            candidates: [arguments[0]],
            arguments: arguments,
            environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        )
    )
    let process = try LaunchedProcess.start(plan, descriptors: [slot: output])
    do { try process.awaitExecution() } catch {
        _ = try process.waitForExit()
        throw error
    }
    return HostProcess(process)
}
