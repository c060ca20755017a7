import ContainerRuntime
import Glibc
import LinuxSystem
import OCISpec
import Testing

extension OneAtATime {
    @Suite("the program between us and an image", .enabled(if: getuid() == 0, "needs root"))
    struct LaunchHelperTests {
        private func box(_ script: String) throws -> Box {
            var box = try Box(["sh", "-c", script])
            box.inputs.hasInit = true
            return box
        }

        @Test("is the first process when a service wants an init, with the program as its child")
        func firstProcess() throws {
            let outcome = try box("tr '\\0' ' ' < /proc/1/cmdline | cut -d ' ' -f 1; echo $$ $PPID; exit 7").run()
            #expect(outcome.output == "init\n2 1\n")
            #expect(outcome.status == .exited(7))
        }

        @Test("ends with the status a shell shows for the program's signal")
        func signalStatus() throws {
            #expect(try box("kill -9 $$").run().status == .exited(137))
        }

        @Test("passes signals on to the program")
        func forwarding() throws {
            let box = try box("trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 1000 & wait; done")
            let pipe = try Pipe()
            let started = try box.start(output: pipe.writing.rawValue)
            #expect(Box.line(of: pipe.reading.rawValue) == "ready")
            try Container.signal(started.process.process.descriptor.rawValue, SIGTERM)
            #expect(Box.text(of: pipe.takeReading()) == "asked\n")
            #expect(try started.process.process.waitForExit() == .exited(5))
        }

        @Test("collects what others leave behind")
        func reaping() throws {
            let script = """
                (true & true & true &)
                for attempt in $(seq 1000); do grep -qs 'State:.Z' /proc/[0-9]*/status || break; done
                grep -s 'State:.Z' /proc/[0-9]*/status; echo done
                """
            #expect(try box(script).run().output == "done\n")
        }

        @Test("tells that there is no program as if it had been executed without it")
        func missing() throws {
            var box = try Box(["no-such-program", "x"])
            box.inputs.hasInit = true
            let error = #expect(throws: ContainerError.self) { try box.start(output: 1) }
            #expect(error?.message == "the container has no program \"no-such-program\" on its PATH")
        }

        @Test("is all that a script finds whose interpreter is its own executable")
        func ownExecutable() throws {
            let box = try Box(["/evil", "a", "b", "c", "d"])
            try make("\(box.scratch)/upper/evil", "#!/proc/self/exe\n")
            chmod("\(box.scratch)/upper/evil", 0o755)
            let outcome = try box.run()
            #expect(outcome.output.isEmpty)
            #expect(outcome.status == .exited(126))
        }

        @Test("is all that a container sees of us when a program joins it")
        func watched() throws {
            let box = try Box(["sh", "-c", "echo ready; while :; do readlink /proc/[0-9]*/exe >> /seen; done"])
            let pipe = try Pipe()
            let started = try box.start(output: pipe.writing.rawValue)
            #expect(Box.line(of: pipe.reading.rawValue) == "ready")
            for _ in 0..<30 { _ = try box.execute(["true"], in: started.process.process.descriptor.rawValue) }
            _ = try started.process.end()
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
            let ours = String(decoding: buffer[..<max(count, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let seen = Set(try readFile("\(box.scratch)/upper/seen", limit: 64 << 20).split(separator: "\n"))
            #expect(!ours.isEmpty && !seen.isEmpty)
            #expect(!seen.contains { $0.hasPrefix(ours) })
        }
    }
}
