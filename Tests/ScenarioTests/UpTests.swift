import Testing

extension Scenarios {
    /// What `up` makes of a project, and what it leaves as it is.
    @Suite struct Up {
        static let sleeper = "image: rootfs:/, command: [sleep, infinity], init: true"
        static let talker = "image: rootfs:/, command: [sh, -c, \"echo begin; exec sleep infinity\"], init: true"
        static let pair = """
            services:
              one: { \(sleeper) }
              two: { \(sleeper), depends_on: [one] }
            """

        @Test("A project that is up is found by ps, and is gone after down")
        func upAndDown() throws {
            try Scenario.with(Self.pair) { scenario in
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 0 && outcome.stdout.isEmpty)
                #expect(outcome.stderr.contains(" Container \(scenario.name)-one-1  Started\n"))
                #expect(try scenario.roost("ps", "-q").split(separator: "\n").count == 2)
                try scenario.roost("down")
                #expect(try scenario.roost("ps", "-aq").isEmpty)
            }
        }

        @Test("Up twice changes nothing")
        func twice() throws {
            try Scenario.with(Self.pair) { scenario in
                try scenario.roost("up", "-d")
                let before = try scenario.identities()
                #expect(before.keys.sorted() == ["one-1", "two-1"])
                #expect(try scenario.roost("up", "-d", "--dry-run") == "nothing to do\n")
                try scenario.roost("up", "-d")
                #expect(try scenario.identities() == before)
            }
        }

        @Test("A changed service is made anew, and no other")
        func changed() throws {
            try Scenario.with(Self.pair) { scenario in
                try scenario.roost("up", "-d")
                let before = try scenario.identities()
                try scenario.rewrite(Self.pair.replacing("depends_on", with: "environment: { A: b }, depends_on"))
                try scenario.roost("up", "-d")
                let after = try scenario.identities()
                #expect(after.keys.sorted() == ["one-1", "two-1"])
                #expect(after["one-1"] == before["one-1"])
                #expect(after["two-1"] != before["two-1"])
                #expect(try scenario.roost("exec", "-T", "two", "sh", "-c", "echo $A") == "b\n")
            }
        }

        @Test("A change of scale touches only the difference, the highest numbers first")
        func scale() throws {
            try Scenario.with(Self.pair) { scenario in
                try scenario.roost("up", "-d", "--scale", "one=3")
                let three = try scenario.identities()
                #expect(three.keys.sorted() == ["one-1", "one-2", "one-3", "two-1"])
                try scenario.roost("up", "-d", "--scale", "one=2")
                let two = try scenario.identities()
                #expect(two == three.filter { $0.key != "one-3" })
                try scenario.roost("up", "-d", "--scale", "one=4")
                let four = try scenario.identities()
                #expect(four.keys.sorted() == ["one-1", "one-2", "one-3", "one-4", "two-1"])
                #expect(two.allSatisfy { four[$0.key] == $0.value })
                try scenario.roost("up", "-d", "--scale", "one=0")
                #expect(try scenario.identities() == two.filter { $0.key == "two-1" })
            }
        }

        @Test("--force-recreate makes all anew, --no-recreate nothing, --no-deps leaves out dependencies")
        func recreation() throws {
            try Scenario.with(Self.pair) { scenario in
                try scenario.roost("up", "-d", "--no-deps", "two")
                #expect(try scenario.states() == ["two-1": "running"])
                try scenario.roost("up", "-d")
                let first = try scenario.identities()
                try scenario.roost("up", "-d", "--force-recreate", "--no-deps", "two")
                let second = try scenario.identities()
                #expect(second["one-1"] == first["one-1"] && second["two-1"] != first["two-1"])
                try scenario.roost("up", "-d", "--force-recreate", "two")
                let third = try scenario.identities()
                #expect(third["one-1"] == first["one-1"] && third["two-1"] != second["two-1"])
                try scenario.roost("up", "-d", "--force-recreate", "--always-recreate-deps", "two")
                let fourth = try scenario.identities()
                #expect(fourth["one-1"] != first["one-1"] && fourth["two-1"] != third["two-1"])
                try scenario.rewrite(Self.pair.replacing("infinity", with: "\"1000000\""))
                try scenario.roost("up", "-d", "--no-recreate")
                #expect(try scenario.identities() == fourth)
            }
        }

        @Test("Containers of services that left the file are told of, and removed on request")
        func orphans() throws {
            try Scenario.with(Self.pair) { scenario in
                try scenario.roost("up", "-d")
                try scenario.rewrite("services: { one: { \(Self.sleeper) } }")
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 0)
                #expect(outcome.stderr.contains("\(scenario.name)-two-1"))
                #expect(outcome.stderr.contains("--remove-orphans"))
                let silent = try scenario.run(["up", "-d"], environment: ["COMPOSE_IGNORE_ORPHANS": "true"])
                #expect(!silent.stderr.contains("--remove-orphans"))
                #expect(try scenario.states() == ["one-1": "running", "two-1": "running"])
                try scenario.roost("up", "-d", "--remove-orphans")
                #expect(try scenario.states() == ["one-1": "running"])
            }
        }

        @Test("--no-start makes containers that start and up bring to life")
        func noStart() throws {
            try Scenario.with(Self.pair) { scenario in
                try scenario.roost("up", "--no-start")
                #expect(try scenario.states() == ["one-1": "created", "two-1": "created"])
                #expect(try scenario.roost("ps", "-q").isEmpty)
                let before = try scenario.identities()
                try scenario.roost("start", "one")
                #expect(try scenario.states() == ["one-1": "running", "two-1": "created"])
                try scenario.roost("up", "-d")
                #expect(try scenario.states() == ["one-1": "running", "two-1": "running"])
                #expect(try scenario.identities() == before)
            }
        }

        @Test("--dry-run shows the plan and does nothing")
        func dryRun() throws {
            try Scenario.with(Self.pair) { scenario in
                let plan = scenario.short(try scenario.roost("up", "-d", "--dry-run"))
                #expect(
                    plan == """
                        #1 create network default
                        #2 create one-1
                        #3 start one-1 after [1, 2]
                        #4 create two-1
                        #5 start two-1 after [1, 3, 4]

                        """
                )
                #expect(try scenario.roost("ps", "-aq").isEmpty)
                #expect(try scenario.roost("ls", "-aq").isEmpty)
            }
        }

        @Test("Services of a profile run when the profile is enabled or they are named")
        func profiles() throws {
            try Scenario.with(Self.pair + "\n  tool: { \(Self.sleeper), profiles: [debug] }\n") { scenario in
                try scenario.roost("up", "-d")
                #expect(try scenario.states().keys.sorted() == ["one-1", "two-1"])
                try scenario.roost("--profile", "debug", "up", "-d")
                #expect(try scenario.states().keys.sorted() == ["one-1", "tool-1", "two-1"])
                // A service that is switched off is no orphan.
                let outcome = try scenario.run(["up", "-d", "--remove-orphans"])
                #expect(outcome.status == 0)
                #expect(try scenario.states().keys.sorted() == ["one-1", "tool-1", "two-1"])
                try scenario.roost("down")
                try scenario.roost("up", "-d", "tool")
                #expect(try scenario.states().keys.sorted() == ["tool-1"])
            }
        }

        @Test("Down with services removes these and those that depend on them, and keeps volumes unless told otherwise")
        func down() throws {
            let text = """
                services:
                  one: { \(Self.sleeper), volumes: ["data:/data"] }
                  two: { \(Self.sleeper), depends_on: [one] }
                  three: { \(Self.sleeper) }
                volumes: { data: }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                try scenario.roost("exec", "one", "sh", "-c", "echo kept > /data/file")
                try scenario.roost("down", "one")
                #expect(try scenario.states() == ["three-1": "running"])
                try scenario.roost("up", "-d")
                #expect(try scenario.roost("exec", "one", "cat", "/data/file") == "kept\n")
                try scenario.roost("down")
                try scenario.roost("up", "-d")
                #expect(try scenario.roost("exec", "one", "cat", "/data/file") == "kept\n")
                try scenario.roost("down", "-v")
                try scenario.roost("up", "-d")
                #expect(try scenario.run(["exec", "one", "cat", "/data/file"]).status == 1)
                // The volumes of a project that is down already.
                try scenario.roost("exec", "one", "sh", "-c", "echo kept > /data/file")
                try scenario.roost("down")
                try scenario.roost("down", "-v")
                try scenario.roost("up", "-d")
                #expect(try scenario.run(["exec", "one", "cat", "/data/file"]).status == 1)
            }
        }

        @Test("What ignores its stop signal is killed after the time of -t or of the file")
        func stopTimeout() throws {
            let text = """
                services:
                  deaf:
                    image: rootfs:/
                    command: [sh, -c, "trap 'echo asked' TERM; echo ready; while :; do sleep 0.01; done"]
                    stop_grace_period: 10m
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                try Scenario.wait("readiness") { try scenario.roost("logs").contains("ready") ? () : nil }
                try scenario.roost("stop", "-t", "1")
                #expect(try scenario.states() == ["deaf-1": "exited 137"])
                #expect(try scenario.roost("logs").contains("asked"))
                try scenario.rewrite(text.replacing("10m", with: "200ms"))
                try scenario.roost("up", "-d")
                try Scenario.wait("readiness") { try scenario.roost("logs").contains("ready") ? () : nil }
                try scenario.roost("stop")
                #expect(try scenario.states() == ["deaf-1": "exited 137"])
            }
        }
    }
}
