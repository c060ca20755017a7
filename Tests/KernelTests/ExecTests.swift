import ContainerRuntime
import Glibc
import LinuxSystem
import OCISpec
import Testing

extension OneAtATime {
    @Suite("one more program in a container", .enabled(if: getuid() == 0, "needs root"))
    struct ExecTests {
        /// Runs `body` beside a container whose program does nothing.
        private func beside(
            _ change: (inout Box) -> Void = { _ in },
            _ body: (borrowing Box, Int32) throws -> Void
        ) throws {
            var box = try Box(["sh", "-c", "echo ready; exec sleep 1000"])
            change(&box)
            let pipe = try Pipe()
            let started = try box.start(output: pipe.writing.rawValue)
            #expect(Box.line(of: pipe.reading.rawValue) == "ready")
            defer { _ = try? started.process.end() }
            try body(box, started.process.process.descriptor.rawValue)
        }

        @Test("sees what the container sees, with no more rights and no descriptor of ours")
        func joins() throws {
            try beside { box, pidfd in
                let outcome = try box.execute(
                    [
                        "sh", "-c",
                        """
                        hostname; tr '\\0' ' ' < /proc/1/cmdline; echo; ls /proc/self/fd | wc -l
                        grep -E 'Cap[IEA]' /proc/self/status; pwd; wc -c < /proc/interrupts
                        """,
                    ],
                    in: pidfd
                ) { $0.process?.cwd = "/usr" }
                #expect(
                    outcome.output == """
                        box
                        sleep 1000 
                        4
                        CapInh:\t0000000000000000
                        CapEff:\t00000000a80425fb
                        CapAmb:\t0000000000000000
                        /usr
                        0

                        """
                )
                #expect(outcome.status == .exited(0))
                #expect(try box.execute(["sh", "-c", "exit 9"], in: pidfd).status == .exited(9))
            }
            #expect(try Box(["sh", "-c", "echo $$"]).run().output == "1\n", "our own children are not in there")
        }

        @Test("runs as its own user, in its own groups only")
        func user() throws {
            try beside { box, pidfd in
                let outcome = try box.execute(
                    ["sh", "-c", "id -u; id -g; id -G; grep CapEff /proc/self/status"],
                    in: pidfd
                ) {
                    $0.process?.user = .init(uid: 1, gid: 2)
                }
                #expect(outcome.output == "1\n2\n2\nCapEff:\t0000000000000000\n")
            }
        }

        @Test("can't keep a directory of the host by a magic link")
        func workingDirectoryEscape() throws {
            try beside { box, pidfd in
                for number in 3...20 {
                    let error = #expect(throws: ContainerError.self) {
                        try box.execute(["pwd"], in: pidfd) { $0.process?.cwd = "/proc/self/fd/\(number)" }
                    }
                    #expect(error?.message.hasPrefix("process.cwd: chdir /proc/self/fd/\(number): ") == true)
                }
            }
        }

        @Test("is found through PATH inside, and named when it is not there")
        func missing() throws {
            try beside { box, pidfd in
                let error = #expect(throws: ContainerError.self) { try box.execute(["no-such-program"], in: pidfd) }
                #expect(error?.message == "the container has no program \"no-such-program\" on its PATH")
            }
        }

        @Test("is in the container's groups, and held by its limits")
        func groups() throws {
            let path = "/roost-test-exec-\(getpid())"
            try beside {
                $0.group = path
                $0.options.resources.pids = .init(limit: 50)
            } _: { box, pidfd in
                let outcome = try box.execute(["sh", "-c", "cat /proc/self/cgroup; echo $$"], in: pidfd)
                #expect(outcome.output.contains("0::/\n"))
                let group = ContainerCgroup(path, in: try Box.hierarchies()).joined()
                for controller in group.legacyControllers where controller == "pids" {
                    #expect(outcome.output.contains(":pids:/\n"))
                }
                #expect(try group.group.processes().count == 1)
                try box.remove()
            }
        }

        @Test("is not begun in a paused container")
        func paused() throws {
            let path = "/roost-test-exec-\(getpid())"
            try beside {
                $0.group = path
            } _: { box, pidfd in
                let group = ContainerCgroup(path, in: try Box.hierarchies())
                try group.pause()
                let error = #expect(throws: ContainerError.self) { try box.execute(["true"], in: pidfd) }
                #expect(error?.description == "process: the container is paused; resume it first")
                try group.resume()
                #expect(try box.execute(["true"], in: pidfd).status == .exited(0))
                try box.remove()
            }
        }

        @Test("has a terminal of the container's own")
        func terminal() throws {
            let socket = try DescriptorSocket.make()
            try beside {
                $0.terminal = socket.sending
            } _: { box, pidfd in
                let outcome = try box.execute(["sh", "-c", "tty; stty size; exit 4"], in: pidfd) {
                    $0.process?.terminal = true
                    $0.process?.consoleSize = .init(height: 25, width: 81)
                }
                #expect(outcome.status == .exited(4))
                #expect(Box.text(of: try socket.receive()) == "/dev/pts/0\r\n25 81\r\n")
            }
        }
    }
}

extension OneAtATime {
    @Suite("a container with a terminal", .enabled(if: getuid() == 0, "needs root"))
    struct TerminalTests {
        @Test("has it as its console and controlling terminal, owned by its user")
        func console() throws {
            let socket = try DescriptorSocket.make()
            var box = try Box([
                "sh", "-c",
                "tty; stty size; stat -c '%u %a' /dev/pts/0; echo direct > /dev/tty; echo x > /dev/console; cat",
            ])
            box.options.process.terminal = true
            box.options.process.consoleSize = .init(height: 30, width: 100)
            box.options.process.user = .init(uid: 33, gid: 33)
            box.terminal = socket.sending
            let started = try box.start(output: 1)
            let master = try socket.receive()
            #expect(fcntl(master.rawValue, F_GETFD) & FD_CLOEXEC != 0)
            #expect(write(master.rawValue, "\u{4}", 1) == 1)
            #expect(Box.text(of: master) == "/dev/pts/0\r\n30 100\r\n33 620\r\ndirect\r\nx\r\n")
            #expect(try started.process.process.waitForExit() == .exited(0))
        }

        @Test("is never made on what an image calls its devices")
        func hostileDevices() throws {
            let socket = try DescriptorSocket.make()
            var box = try Box(["true"])
            let target = "\(box.scratch)/target"
            try make(target, "untouched")
            mkdir("\(box.scratch)/upper/dev", 0o755)
            symlink(target, "\(box.scratch)/upper/dev/console")
            symlink("/", "\(box.scratch)/upper/dev/pts")
            box.options.process.terminal = true
            box.terminal = socket.sending
            box.change = { spec in spec.mounts?.removeAll { $0.destination.hasPrefix("/dev") } }
            let error = #expect(throws: ContainerError.self) { try box.start(output: 1) }
            #expect(error?.message.hasPrefix("process.terminal: terminal as $terminal") == true)
            var status = stat()
            #expect(stat(target, &status) == 0 && status.st_mode & 0o777 == 0o644 && status.st_size == 9)
        }
    }
}
