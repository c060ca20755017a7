import Testing

extension Scenarios {
    /// The order in which services start and end, their health, and what restarts them.
    @Suite struct Lifecycle {
        @Test("Dependencies are waited for until they run, are healthy, or have done their work")
        func conditions() throws {
            let text = """
                x-shared: &shared { image: "rootfs:/", init: true, volumes: ["./shared:/shared"] }
                services:
                  job:
                    <<: *shared
                    command: [sh, -c, "echo job >> /shared/order"]
                  slow:
                    <<: *shared
                    command: [sh, -c, "until [ -e /shared/order ]; do sleep 0.01; done; touch /tmp/up; exec sleep infinity"]
                    healthcheck: { test: "test -e /tmp/up && echo slow >> /shared/order", interval: 50ms }
                  last:
                    <<: *shared
                    command: [sh, -c, "echo last >> /shared/order; exec sleep infinity"]
                    depends_on:
                      job: { condition: service_completed_successfully }
                      slow: { condition: service_healthy }
                      other: { condition: service_started }
                      absent: { condition: service_started, required: false }
                  other: { \(Up.sleeper) }
                  absent: { \(Up.sleeper), profiles: [never] }
                """
            try Scenario.with(text, files: ["shared/.keep": ""]) { scenario in
                try scenario.roost("up", "-d")
                try Scenario.wait("last") { () -> Void? in
                    let order = try scenario.host("/bin/cat", "shared/order").stdout.split(separator: "\n")
                    guard let last = order.firstIndex(of: "last") else { return nil }
                    #expect(order.first == "job" && order[..<last].contains("slow"))
                    return ()
                }
                #expect(
                    try scenario.states() == [
                        "job-1": "exited 0", "slow-1": "running", "last-1": "running", "other-1": "running",
                    ]
                )
            }
        }

        @Test("A dependency that fails keeps its dependants from starting, unless it is not required")
        func failures() throws {
            let text = """
                services:
                  job: { image: "rootfs:/", command: [sh, -c, "exit 4"] }
                  web: { \(Up.sleeper), depends_on: { job: { condition: service_completed_successfully } } }
                """
            try Scenario.with(text) { scenario in
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 1)
                let errors = scenario.short(outcome.stderr)
                #expect(errors.hasSuffix("error: web-1: dependency job failed to start: job-1 exited (4)\n"))
                #expect(try scenario.states() == ["job-1": "exited 4", "web-1": "created"])
                try scenario.rewrite(text.replacing("_successfully", with: "_successfully, required: false"))
                let second = try scenario.run(["up", "-d"])
                #expect(second.status == 0, "\(second.stderr)")
                #expect(try scenario.states() == ["job-1": "exited 4", "web-1": "running"])
            }
        }

        @Test("An unhealthy dependency and a failed --wait end up with 1, within --wait-timeout")
        func unhealthy() throws {
            let text = """
                services:
                  sick: { \(Up.sleeper), healthcheck: { test: "false", interval: 20ms, retries: 2 } }
                  web: { \(Up.sleeper), depends_on: { sick: { condition: service_healthy } } }
                """
            try Scenario.with(text) { scenario in
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 1)
                #expect(
                    scenario.short(outcome.stderr)
                        .hasSuffix("error: web-1: dependency sick failed to start: sick-1 is unhealthy\n")
                )
                try scenario.rewrite(
                    "services: { slow: { \(Up.sleeper), healthcheck: { test: \"false\", interval: 1h, start_period: 1h } } }"
                )
                let waited = try scenario.run(["up", "--wait", "--wait-timeout", "1", "--remove-orphans"])
                #expect(waited.status == 1)
                #expect(waited.stderr.contains("not ready within the time allowed"))
            }
        }

        @Test("--wait ends when all services run, are healthy, or have done what others wait for")
        func wait() throws {
            let text = """
                services:
                  job: { image: "rootfs:/", command: ["true"] }
                  web:
                    image: rootfs:/
                    init: true
                    command: [sh, -c, "touch /tmp/up; exec sleep infinity"]
                    depends_on: { job: { condition: service_completed_successfully } }
                    healthcheck: { test: [CMD, test, -e, /tmp/up], interval: 20ms }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "--wait")
                #expect(try scenario.containers().map(\.Health) == ["", "healthy"])
                try scenario.rewrite("services: { bad: { image: \"rootfs:/\", command: [sh, -c, \"exit 6\"] } }")
                let outcome = try scenario.run(["up", "--wait", "--remove-orphans"])
                #expect(outcome.status == 1)
                #expect(scenario.short(outcome.stderr).contains("error: bad-1: exited (6)\n"))
            }
        }

        @Test("What depends on a service with restart: true is restarted with it")
        func restartWith() throws {
            let text = """
                services:
                  base: { \(Up.sleeper) }
                  tied: { \(Up.talker), depends_on: { base: { condition: service_started, restart: true } } }
                  free: { \(Up.talker), depends_on: [base] }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                try Scenario.wait("words") { try scenario.roost("logs").count(of: "begin") == 2 ? () : nil }
                try scenario.roost("restart", "base")
                try Scenario.wait("more words") {
                    try scenario.roost("logs", "tied").count(of: "begin") == 2 ? () : nil
                }
                #expect(try scenario.roost("logs", "free").count(of: "begin") == 1)
                try scenario.roost("restart", "--no-deps", "base")
                try scenario.rewrite(text.replacing("base: { image", with: "base: { labels: [new], image"))
                try scenario.roost("up", "-d")
                try Scenario.wait("more words") {
                    try scenario.roost("logs", "tied").count(of: "begin") == 3 ? () : nil
                }
                #expect(try scenario.roost("logs", "free").count(of: "begin") == 1)
            }
        }

        @Test("Restart policies restart as they say, with growing rests, and never what was stopped")
        func policies() throws {
            let text = """
                services:
                  always: { image: "rootfs:/", command: [sh, -c, "echo begin; exit 0"], restart: always }
                  thrice: { image: "rootfs:/", command: [sh, -c, "echo begin; exit 1"], restart: "on-failure:2" }
                  good: { image: "rootfs:/", command: [echo, begin], restart: on-failure }
                  never: { image: "rootfs:/", command: [sh, -c, "echo begin; exit 1"], restart: "no" }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                try scenario.wait(for: ["thrice-1": "exited 1", "good-1": "exited 0", "never-1": "exited 1"])
                try Scenario.wait("rounds") { try scenario.roost("logs", "always").count(of: "begin") >= 4 ? () : nil }
                #expect(try scenario.roost("logs", "thrice").count(of: "begin") == 3)
                #expect(try scenario.roost("logs", "good").count(of: "begin") == 1)
                #expect(try scenario.roost("logs", "never").count(of: "begin") == 1)
                let times = try scenario.roost("logs", "-t", "--no-log-prefix", "always").split(separator: "\n").prefix(
                    4
                )
                .compactMap { $0.firstMatch(of: /:(\d\d\.\d+)Z/).flatMap { Double($0.1) } }
                let rests = zip(times.dropFirst(), times).map { ($0 - $1 + 60).truncatingRemainder(dividingBy: 60) }
                #expect(rests.count == 3 && rests[0] >= 0.1 && rests[1] >= 0.2 && rests[2] >= 0.4, "\(rests)")
                try scenario.roost("stop")
                #expect(try scenario.states()["always-1"] == "exited 0")
                // Also when all that is left to do is to rest.
                #expect(try scenario.roost("ps", "-q").isEmpty)
            }
        }

        @Test("A health check has its variables, its shell, its time, and is shown")
        func health() throws {
            let text = """
                services:
                  shell: { \(Up.sleeper), environment: { WORD: well }, healthcheck: { test: "[ $$WORD = well ]", interval: 20ms } }
                  late: { \(Up.sleeper), healthcheck: { test: [CMD, sleep, "100"], interval: 20ms, timeout: 50ms, retries: 1 } }
                  off: { \(Up.sleeper), healthcheck: { disable: true } }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                try Scenario.wait("health") {
                    let health = try scenario.containers().map { "\($0.Service) \($0.Health)" }
                    return health == ["late unhealthy", "off ", "shell healthy"] ? () : nil
                }
                #expect(try scenario.roost("ps", "shell").contains("(healthy)"))
                #expect(try scenario.roost("ps", "late").contains("(unhealthy)"))
            }
        }
    }
}
