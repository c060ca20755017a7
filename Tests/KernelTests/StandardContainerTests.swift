import ContainerRuntime
import Glibc
import LinuxSystem
import OCISpec
import Testing

extension OneAtATime {
    @Suite("a standard container", .enabled(if: getuid() == 0, "needs root"))
    struct StandardContainerTests {
        @Test("has what programs in images expect")
        func standard() throws {
            let box = try Box([
                "sh", "-c",
                """
                for place in /proc /dev /dev/pts /dev/shm /dev/mqueue /sys /sys/fs/cgroup; do
                    awk -v place=$place '$5 == place { print $5, $6 }' /proc/self/mountinfo
                done
                df -k --output=size /dev/shm | tail -1
                grep Cap[EIA] /proc/self/status; ls /dev | tr '\\n' ' '
                wc -c < /proc/interrupts; ls /sys/firmware | wc -l; ls /sys/fs/cgroup | grep -c cgroup.procs
                """,
            ])
            #expect(
                try box.run().output == """
                    /proc rw,nosuid,nodev,noexec,relatime
                    /dev rw,nosuid,relatime
                    /dev/pts rw,nosuid,noexec,relatime
                    /dev/shm rw,nosuid,nodev,noexec,relatime
                    /dev/mqueue rw,nosuid,nodev,noexec,relatime
                    /sys ro,nosuid,nodev,noexec,relatime
                    /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime
                        65536
                    CapInh:\t0000000000000000
                    CapEff:\t00000000a80425fb
                    CapAmb:\t0000000000000000
                    fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero 0
                    0
                    1

                    """
            )
        }

        @Test("is all powerful as far as we are when it is privileged, and says what is missing")
        func privileged() throws {
            var box = try Box([
                "sh", "-c", "grep CapEff /proc/self/status; touch /sys/fs/cgroup/x; wc -c < /proc/interrupts",
            ])
            box.options.isPrivileged = true
            box.hostDevices = try LinuxSpec.Device.ofHost()
            let mine = try CapabilitySet.ofThisProcess()
            let pipe = try Pipe()
            let started = try box.start(output: pipe.writing.rawValue)
            let text = Box.text(of: pipe.takeReading())
            #expect(try started.process.process.waitForExit() == .exited(0))
            #expect(
                text.hasPrefix("CapEff:\t\(String(repeating: "0", count: 16 - String(mine.rawValue, radix: 16).count))")
            )
            #expect(text.contains(String(mine.rawValue, radix: 16)))
            #expect(!text.hasSuffix("\n0\n"))
            let missing = CapabilitySet.all.subtracting(mine)
            #expect(
                started.unenforced
                    == (missing.isEmpty ? [] : ["process.capabilities: we don't have \(missing) ourselves"])
            )
        }

        @Test("gets files and directories at places that are not there, lent or bound")
        func mounts() throws {
            var box = try Box([
                "sh", "-c",
                "cat /etc/new/app.conf /run/secret/token /srv/deep/er/file; touch /srv/deep/x; stat -c %F /srv/deep",
            ])
            mkdir("\(box.scratch)/data", 0o755)
            try make("\(box.scratch)/data/file", "in data\n")
            try make("\(box.scratch)/conf", "conf\n")
            try make("\(box.scratch)/token", "token\n")
            mkdir("\(box.scratch)/data/er", 0o755)
            try make("\(box.scratch)/data/er/file", "deep\n")
            let data = try DetachedMount.copy(of: "\(box.scratch)/data", recursive: false, attributes: .readOnly)
            let token = try DetachedMount.copy(of: "\(box.scratch)/token", recursive: false, attributes: [])
            box.mounts = [
                .init(destination: "/etc/new/app.conf", type: "bind", source: "\(box.scratch)/conf", options: ["bind"]),
                .init(destination: "/srv/deep", type: "prepared", source: "data"),
                .init(destination: "/run/secret/token", type: "prepared", source: "token", options: ["ro"]),
            ]
            box.inputs.prepared = ["data": .directory, "token": .file]
            box.lent = ["data": data.descriptor.rawValue, "token": token.descriptor.rawValue]
            #expect(
                try box.run().output == """
                    conf
                    token
                    deep
                    touch: cannot touch '/srv/deep/x': Read-only file system
                    directory

                    """
            )
        }

        @Test("is not started with a source that is not there, and the error names it")
        func missingSource() throws {
            var box = try Box(["true"])
            box.mounts = [.init(destination: "/data", type: "bind", source: "/no/such", options: ["bind"])]
            let error = #expect(throws: ContainerError.self) { try box.spec().observed() }
            #expect(error?.description == "mounts[7].source: /no/such: no such file or directory (ENOENT)")
        }

        @Test("has no way out by links at the places of its mounts")
        func hostileLinks() throws {
            var box = try Box(["sh", "-c", "cat /link/inside"])
            let outside = "\(box.scratch)/outside"
            mkdir(outside, 0o755)
            symlink("../../../../../../../..\(outside)", "\(box.scratch)/upper/link")
            try make("\(box.scratch)/token", "token\n")
            let token = try DetachedMount.copy(of: "\(box.scratch)/token", recursive: false, attributes: [])
            box.mounts = [.init(destination: "/link/inside", type: "prepared", source: "token")]
            box.inputs.prepared = ["token": .file]
            box.lent = ["token": token.descriptor.rawValue]
            // Seen from inside, the link leads to the same path of the copy-on-write view.
            #expect(try box.run().output == "token\n")
            #expect(access("\(outside)/inside", F_OK) != 0)
        }

        @Test("is given a working directory that was not there")
        func workingDirectory() throws {
            var box = try Box(["sh", "-c", "pwd; stat -c '%u %a' ."])
            box.options.process.cwd = "/made/for/this"
            box.options.process.user = .init(uid: 33, gid: 33)
            #expect(try box.run().output == "/made/for/this\n0 755\n")
        }

        @Test("shares the process ids of a container that it joins")
        func joinedProcessIDs() throws {
            let first = try Box(["sleep", "1000"])
            let pipe = try Pipe()
            let running = try first.start(output: pipe.writing.rawValue)
            var second = try Box(["sh", "-c", "tr '\\0' ' ' < /proc/1/cmdline; test $$ -gt 1 && echo second"])
            second.options.pid = .joined(path: "/proc/\(running.process.process.pid)/ns/pid")
            #expect(try second.run().output == "sleep 1000 second\n")
            #expect(try running.process.end() == .signaled(SIGKILL))
            #expect(try Box(["sh", "-c", "echo $$"]).run().output == "1\n")
            #expect(system("true") == 0, "our own children are born in our own namespace again")
        }

        @Test("shares memory and queues with a container whose ipc namespace it joins")
        func joinedMemory() throws {
            let first = try Box([
                "sh", "-c", "echo shared > /dev/shm/x; mkdir -p /dev/mqueue; echo ready; exec sleep 1000",
            ])
            let pipe = try Pipe()
            let running = try first.start(output: pipe.writing.rawValue)
            #expect(Box.line(of: pipe.reading.rawValue) == "ready")
            let memory = try Container.copyMount("/dev/shm", of: running.process.process.descriptor.rawValue)
            var second = try Box(["sh", "-c", "cat /dev/shm/x; readlink /proc/self/ns/ipc"])
            second.options.ipc = .joined(path: "/proc/\(running.process.process.pid)/ns/ipc")
            second.options.sharedMemory = .init(destination: "/dev/shm", type: "prepared", source: "memory")
            second.inputs.prepared = ["memory": .directory]
            second.lent = ["memory": memory.descriptor.rawValue]
            let namespace = try OwnedDescriptor.reading("/proc/\(running.process.process.pid)/ns/ipc")
            var status = stat()
            fstat(namespace.rawValue, &status)
            #expect(try second.run().output == "shared\nipc:[\(status.st_ino)]\n")
            _ = try running.process.end()
        }

        @Test("can't change the parameters of the host's network, also when that is lent")
        func hostNetwork() throws {
            let namespace = try OwnedDescriptor.reading("/proc/self/ns/net")
            var box = try Box(["true"])
            box.options.sysctl = ["net.ipv4.ip_forward": "1"]
            box.inputs.lendsNetwork = true
            box.network = namespace.rawValue
            let error = #expect(throws: ContainerError.self) { try box.start(output: 1) }
            #expect(error?.message.hasSuffix("is the host's namespace, which may not be changed") == true)
        }

        @Test("shares what it is told to share with the host")
        func hostNamespaces() throws {
            var box = try Box(["sh", "-c", "readlink /proc/self/ns/ipc /proc/self/ns/uts /proc/self/ns/pid"])
            (box.options.ipc, box.options.uts, box.options.pid) = (.host, .host, .host)
            let expected = try ["ipc", "uts", "pid"].map { kind in
                var status = stat()
                let namespace = try OwnedDescriptor.reading("/proc/self/ns/\(kind)")
                fstat(namespace.rawValue, &status)
                return "\(kind):[\(status.st_ino)]\n"
            }
            #expect(try box.run().output == expected.joined())
        }

        @Test("is in the network namespace that is lent")
        func lentNetwork() throws {
            let first = try Box(["sleep", "1000"])
            let pipe = try Pipe()
            let running = try first.start(output: pipe.writing.rawValue)
            let namespace = try OwnedDescriptor.reading("/proc/\(running.process.process.pid)/ns/net")
            var status = stat()
            fstat(namespace.rawValue, &status)
            var second = try Box(["readlink", "/proc/self/ns/net"])
            second.inputs.lendsNetwork = true
            second.network = namespace.rawValue
            #expect(try second.run().output == "net:[\(status.st_ino)]\n")
            _ = try running.process.end()
        }

        @Test("has limits and a score as far as we may set them, and the rest is said")
        func capped() throws {
            var box = try Box(["sh", "-c", "ulimit -Hn; cat /proc/self/oom_score_adj"])
            box.options.process.rlimits = [.init(type: "RLIMIT_NOFILE", soft: 1 << 19, hard: 1 << 19)]
            box.options.process.oomScoreAdj = 321
            let mine = try ResourceLimit.ofThisProcess(.nofile).hard
            let mayRaise = try CapabilitySet.ofThisProcess().names.contains("SYS_RESOURCE")
            #expect(try box.run().output == "\(mayRaise ? 1 << 19 : min(mine, 1 << 19))\n321\n")
        }

        @Test("finds its users in a hostile image without waiting or leaving it")
        func hostileUsers() throws {
            let box = try Box(["true"])
            mkdir("\(box.scratch)/upper/etc", 0o755)
            try make("\(box.scratch)/upper/etc/group", "")
            let passwd = "\(box.scratch)/upper/etc/passwd"
            mkfifo(passwd, 0o644)
            #expect(throws: ContainerError.self) { try UserDatabase(root: box.root()) }
            unlink(passwd)
            symlink("/proc/self/environ", passwd)
            #expect(
                try UserDatabase(root: box.root()).resolve("5").home == "/",
                "the image has no procfs, and ours is not its"
            )
            unlink(passwd)
            try make(passwd, "")
            truncate(passwd, 1 << 30)
            let error = #expect(throws: ContainerError.self) { try UserDatabase(root: box.root()) }
            #expect(error?.description == "user: the image's /etc/passwd is longer than 4194304 bytes")
            unlink(passwd)
            symlink("../../../../../../../../etc/elsewhere", passwd)
            try make("\(box.scratch)/upper/etc/elsewhere", "app:x:12:13::/app:/bin/sh\n")
            #expect(try UserDatabase(root: box.root()).resolve("app").home == "/app")
        }
    }
}

extension RuntimeSpec {
    /// What a plan for this host would be told.
    func observed() throws -> PlanInputs {
        var inputs = PlanInputs()
        try inputs.observe(for: self)
        return inputs
    }
}
