import Glibc
import Testing

extension Scenarios {
    /// `up` that stays: what it shows, and how it comes to its end.
    @Suite struct Foreground {
        static let talkers = """
            services:
              long-name:
                image: rootfs:/
                command: [sh, -c, "echo from long; exec sleep infinity"]
                init: true
              web:
                image: rootfs:/
                command: [sh, -c, "echo out; echo err >&2; exec sleep infinity"]
                init: true
            """

        @Test("Lines have the names of their containers before them, and Ctrl-C ends all with 130")
        func interrupted() throws {
            try Scenario.with(Self.talkers) { scenario in
                let up = try scenario.start(["up"])
                try up.wait("lines of both") { out, _ in
                    out.contains("web-1        | out\n") && out.contains("long-name-1  | from long\n")
                        && out.contains("web-1        | err\n")
                }
                #expect(up.stderr.contains("Attaching to long-name-1, web-1\n"))
                #expect(!up.stdout.contains("\u{1b}"))
                up.signal(SIGINT)
                try up.wait(for: "Gracefully Stopping... press Ctrl+C again to force\n")
                let outcome = try up.end()
                #expect(outcome.status == 130)
                #expect(outcome.stderr.contains("web-1 exited with code 143\n"))
                #expect(outcome.stderr.contains("long-name-1 exited with code 143\n"))
                #expect(try scenario.states() == ["long-name-1": "exited 143", "web-1": "exited 143"])
            }
        }

        @Test("On a terminal, names have colours of their own unless NO_COLOR, --no-color or --ansi never forbids it")
        func colours() throws {
            try Scenario.with(Self.talkers) { scenario in
                let up = try scenario.start(["up"], input: .terminal)
                try up.wait("coloured lines") { out, _ in
                    out.contains("\u{1b}[36mlong-name-1  | \u{1b}[0mfrom long\n")
                        && out.contains("\u{1b}[33mweb-1        | \u{1b}[0mout\n")
                }
                // As typed, so that the terminal makes the signal.
                up.type("\u{3}")
                #expect(try up.end().status == 130)
                for (arguments, variables) in [
                    (["up"], ["NO_COLOR": "1"]), (["up", "--no-color"], [:]), (["--ansi", "never", "up"], [:]),
                ] {
                    let plain = try scenario.start(arguments, input: .terminal, environment: variables)
                    try plain.wait("plain lines") { out, _ in out.contains("\nweb-1        | out\n") }
                    plain.signal(SIGTERM)
                    #expect(try plain.end().status == 130)
                }
            }
        }

        @Test("Ctrl-C twice kills what does not want to end")
        func killed() throws {
            let text = """
                services:
                  deaf:
                    image: rootfs:/
                    command: [sh, -c, "trap 'echo asked' TERM; echo ready; while :; do sleep 0.01; done"]
                    stop_grace_period: 10m
                """
            try Scenario.with(text) { scenario in
                let up = try scenario.start(["up"])
                try up.wait(for: "deaf-1  | ready\n")
                up.signal(SIGINT)
                try up.wait(for: "deaf-1  | asked\n")
                up.signal(SIGINT)
                let outcome = try up.end()
                #expect(outcome.status == 130)
                #expect(outcome.stderr.contains("deaf-1 exited with code 137\n"))
            }
        }

        @Test("Ctrl-C ends the services that were named, and leaves what they depend on")
        func named() throws {
            let text = """
                services:
                  base: { \(Up.sleeper) }
                  web: { \(Up.sleeper), depends_on: [base] }
                """
            try Scenario.with(text) { scenario in
                let up = try scenario.start(["up", "web"])
                try up.wait(for: "Attaching to web-1\n")
                try scenario.wait(for: ["web-1": "running"])
                up.signal(SIGINT)
                #expect(try up.end().status == 130)
                let states = try scenario.states()
                #expect(states == ["base-1": "running", "web-1": "exited 143"])
            }
        }

        @Test("Ctrl-C while services still start ends what has started")
        func early() throws {
            let text = """
                services:
                  slow: { \(Up.sleeper), healthcheck: { test: "false", interval: 1h, start_period: 1h } }
                  web: { \(Up.sleeper), depends_on: { slow: { condition: service_healthy } } }
                """
            try Scenario.with(text) { scenario in
                let up = try scenario.start(["up"])
                try scenario.wait(for: ["slow-1": "running"])
                up.signal(SIGINT)
                #expect(try up.end().status == 130)
                #expect(try scenario.states() == ["slow-1": "exited 143", "web-1": "created"])
            }
        }

        @Test("Up ends with 0 when all that it watches has ended, however soon that was")
        func ended() throws {
            let text = """
                services:
                  one: { image: "rootfs:/", command: [echo, done] }
                  two: { image: "rootfs:/", command: [sh, -c, "exit 3"] }
                """
            try Scenario.with(text) { scenario in
                let outcome = try scenario.run(["up"])
                #expect(outcome.status == 0)
                #expect(outcome.stdout.contains("one-1  | done\n"))
                #expect(outcome.stderr.contains("one-1 exited with code 0\n"))
                #expect(outcome.stderr.contains("two-1 exited with code 3\n"))
            }
        }

        @Test(
            "The status of the container that ends first, or of the chosen one, becomes that of up",
            arguments: [
                (["--abort-on-container-exit"], 4), (["--abort-on-container-failure"], 4),
                (["--exit-code-from", "job"], 4), (["--exit-code-from", "other"], 143),
            ] as [([String], Int32)]
        )
        func aborted(flags: [String], status: Int32) throws {
            let text = """
                services:
                  job: { image: "rootfs:/", command: [sh, -c, "exit 4"] }
                  other: { \(Up.sleeper) }
                """
            try Scenario.with(text) { scenario in
                let outcome = try scenario.run(["up"] + flags)
                #expect(outcome.status == status, "\(outcome.stderr)")
                #expect(outcome.stderr.contains("job-1 exited with code 4\n"))
                #expect(outcome.stderr.contains("Aborting on container exit...\n"))
                #expect(try scenario.states() == ["job-1": "exited 4", "other-1": "exited 143"])
            }
        }

        @Test("--abort-on-container-failure waits for a failure")
        func failure() throws {
            let text = """
                services:
                  good: { image: "rootfs:/", command: ["true"] }
                  bad: { image: "rootfs:/", command: [sh, -c, "exit 9"], depends_on: { good: { condition: service_completed_successfully } } }
                  other: { \(Up.sleeper) }
                """
            try Scenario.with(text) { scenario in
                let outcome = try scenario.run(["up", "--abort-on-container-failure"])
                #expect(outcome.status == 9)
                #expect(outcome.stderr.contains("good-1 exited with code 0\n"))
            }
        }

        @Test("Output can be limited to services, and shown without names or with times")
        func selection() throws {
            try Scenario.with(Self.talkers) { scenario in
                let bare = try scenario.start(["up", "--no-log-prefix", "--no-attach", "web"])
                try bare.wait(for: "from long\n")
                bare.signal(SIGINT)
                #expect(try bare.end().stdout == "from long\n")
                let timed = try scenario.start(["up", "--timestamps", "--attach", "long-name"])
                try timed.wait(for: "from long\n")
                timed.signal(SIGINT)
                let line = try timed.end().stdout
                #expect(
                    line.wholeMatch(of: /long-name-1  \| \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z from long\n/) != nil
                )
            }
        }

        @Test("Restarts and replicas that come later are shown")
        func later() throws {
            let text = """
                services:
                  flaky:
                    image: rootfs:/
                    command: [sh, -c, "echo round; exit 2"]
                    restart: on-failure:2
                  other: { \(Up.sleeper) }
                """
            try Scenario.with(text) { scenario in
                let up = try scenario.start(["up"])
                try up.wait("three rounds") { out, _ in out.count(of: "flaky-1  | round\n") == 3 }
                try up.wait(for: "flaky-1 exited with code 2\n")
                #expect(up.stderr.contains("flaky-1 exited with code 2 (restarting)\n"))
                try scenario.roost("up", "-d", "--scale", "flaky=0", "--scale", "other=2")
                up.signal(SIGINT)
                #expect(try up.end().status == 130)
            }
        }
    }
}

extension String {
    /// How often a text stands in this one.
    func count(of part: String) -> Int { ranges(of: part).count }
}
