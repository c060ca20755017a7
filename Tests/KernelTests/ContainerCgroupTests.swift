import ContainerRuntime
import Glibc
import LinuxSystem
import OCISpec
import Testing

extension OneAtATime {
    @Suite("a container's control group", .enabled(if: getuid() == 0, "needs root"))
    struct ContainerCgroupTests {
        private func box(_ arguments: [String]) throws -> Box {
            var box = try Box(arguments)
            box.group = "/roost-test-\(getpid())/shop/web-1"
            return box
        }

        /// Takes away the groups above the container's own.
        private func cleanUp() throws {
            for path in ["/roost-test-\(getpid())/shop", "/roost-test-\(getpid())"] {
                #expect(ContainerCgroup(path, in: try Box.hierarchies()).remove().isEmpty)
            }
            for root in [try Box.hierarchies().unified].compactMap({ $0 }) + (try Box.hierarchies().legacy.values) {
                #expect(access("\(root)/roost-test-\(getpid())", F_OK) != 0)
            }
        }

        @Test("is where it is born, and is all it sees of groups")
        func birth() throws {
            // Read by the shell itself, which is then alone.
            let count = "n=0; while read pid; do n=$((n + 1)); done < /sys/fs/cgroup/cgroup.procs; echo $n"
            let box = try box(["sh", "-c", "grep ^0:: /proc/self/cgroup; \(count)"])
            #expect(try box.run().output == "0::/\n1\n")
            try cleanUp()
        }

        @Test("limits the number of processes before the program's first instruction")
        func pids() throws {
            var box = try box(["sh", "-c", "(true) && echo forked; (true | true | true) 2>/dev/null; exit 3"])
            box.options.resources.pids = .init(limit: 1)
            #expect(try box.run().output.contains("annot fork"))
            try cleanUp()
        }

        @Test("is not waited for when the process can't be moved into it")
        func failedAttachment() throws {
            var box = try box(["true"])
            box.options.resources.pids = .init(limit: 10)
            let spec = try box.spec()
            let hierarchies = try Box.hierarchies()
            guard hierarchies.legacy["pids"] != nil else { return }
            let group = try ContainerCgroup.make(
                box.group,
                in: hierarchies,
                resources: spec.linux?.resources,
                devices: nil
            )
            for directory in [group.group.legacyDirectory("pids")].compactMap({ $0 }) { #expect(rmdir(directory) == 0) }
            var inputs = PlanInputs()
            try inputs.observe(for: spec)
            inputs.awaitsGroups = true
            var surroundings = Container.Surroundings(root: try box.root())
            surroundings.group = group
            let plan = try ContainerPlan(spec, inputs)
            let error = #expect(throws: ContainerError.self) { _ = try Container.start(plan, in: surroundings) }
            #expect(error?.description.hasSuffix("cgroup.procs: no such file or directory (ENOENT)") == true)
            try box.remove()
            try cleanUp()
        }

        @Test("is asked for when there are limits")
        func missingGroup() throws {
            var box = try Box(["true"])
            box.change = { spec in
                spec.linux?.resources = ResourcesSpec()
                spec.linux?.resources?.pids = .init(limit: 5)
            }
            let error = #expect(throws: ContainerError.self) { try box.start(output: 1) }
            #expect(error?.description == "linux.resources: needs a control group, and none is given")
        }

        @Test("holds every kind of limit that this host has")
        func limits() throws {
            var box = try box(["sh", "-c", "grep Cpus_allowed_list /proc/self/status"])
            box.options.resources.memory = .init()
            box.options.resources.memory?.limit = 256 << 20
            box.options.resources.cpu = .init()
            box.options.resources.cpu?.shares = 512
            box.options.resources.cpu?.quota = 50_000
            box.options.resources.cpu?.period = 100_000
            box.options.resources.cpu?.cpus = "0"
            box.options.resources.blockIO = .init()
            box.options.resources.blockIO?.weight = 300
            #expect(try box.run().output == "Cpus_allowed_list:\t0\n")
            try cleanUp()
        }

        @Test("names a limit that this host can't enforce, and starts")
        func unenforced() throws {
            var box = try box(["true"])
            box.options.resources.rdma = ["mlx5_0": .init(hcaHandles: 1)]
            let hierarchies = try Box.hierarchies()
            if hierarchies.legacy["rdma"] == nil {
                let started = try box.start(output: 1)
                let words = "linux.resources.rdma: this host has no rdma controller that can do it"
                #expect(started.unenforced.contains(words))
                #expect(try started.process.process.waitForExit() == .exited(0))
            }
            try box.remove()
            try cleanUp()
        }

        @Test("refuses devices that are not among the rules, and lets those through that are")
        func devices() throws {
            var box = try box([
                "sh", "-c",
                "mknod /k c 10 200; (exec < /k) && echo open; mknod /b b 7 0; head -c 0 /b; head -c 1 /dev/zero | wc -c",
            ])
            #expect(
                try box.run().output == """
                    sh: 1: cannot open /k: Operation not permitted
                    head: cannot open '/b' for reading: Operation not permitted
                    1

                    """
            )
            box.options.deviceRules = [.init(allow: true, type: "c", major: 10, minor: 200, access: "r")]
            let second = try Box(["sh", "-c", "mknod /k c 10 200; (exec < /k) && echo open; echo x > /k"])
            var allowed = second
            allowed.group = box.group
            allowed.options.deviceRules = box.options.deviceRules
            let output = try allowed.run().output
            #expect(output == "open\nsh: 1: cannot create /k: Operation not permitted\n")
            try cleanUp()
        }

        @Test("goes with everything in it, also when only its path is known")
        func leftovers() throws {
            let box = try box(["sh", "-c", "sleep 1000 & sleep 1000 & echo ready; wait"])
            let pipe = try Pipe()
            let started = try box.start(output: pipe.writing.rawValue)
            #expect(Box.line(of: pipe.reading.rawValue) == "ready")
            try box.remove()
            #expect(try started.process.process.waitForExit() == .signaled(SIGKILL))
            #expect(ContainerCgroup(box.group, in: try Box.hierarchies()).remove().isEmpty, "a second time is no error")
            try cleanUp()
        }

        @Test("goes with the groups that a privileged container made in it")
        func nested() throws {
            var box = try box([
                "sh", "-c",
                "mkdir -p /sys/fs/cgroup/a/b; echo 0 > /sys/fs/cgroup/a/b/cgroup.procs; echo ready; sleep 1000",
            ])
            box.options.isPrivileged = true
            let pipe = try Pipe()
            let started = try box.start(output: pipe.writing.rawValue)
            #expect(Box.line(of: pipe.reading.rawValue) == "ready")
            try box.remove()
            #expect(try started.process.process.waitForExit() == .signaled(SIGKILL))
            try cleanUp()
        }

        @Test("stops and goes on as one")
        func pause() throws {
            let box = try box(["sleep", "1000"])
            let pipe = try Pipe()
            let started = try box.start(output: pipe.writing.rawValue)
            let group = ContainerCgroup(box.group, in: try Box.hierarchies())
            let file = "\(group.group.unifiedDirectory ?? "")/cgroup.freeze"
            try group.pause()
            #expect(try readFile(file) == "1\n")
            try group.resume()
            #expect(try readFile(file) == "0\n")
            try group.pause()
            try box.remove()
            #expect(try started.process.process.waitForExit() == .signaled(SIGKILL), "a frozen container can be ended")
            try cleanUp()
        }
    }
}
