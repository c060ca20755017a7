import Foundation
import Glibc
import Testing

extension Scenarios {
    /// What becomes of containers over time: limits, health, restarts, logs, ends.
    @Suite struct Behaviour {
        @Test("limits of memory, processes and processors hold")
        func limits() throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    command: sleep infinity
                    network_mode: none
                    init: true
                    mem_limit: 64m
                    memswap_limit: 64m
                    pids_limit: 12
                    cpus: 0.5
                    cpuset: "0"
                    cpu_shares: 300
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                let eater = "python3 -c 'print(len(b\"a\" * (200 << 20)))'"
                #expect(try scenario.run(["exec", "-T", "a", "sh", "-c", "exec \(eater)"]).status == 137)
                let bomb = "i=0; while [ $i -lt 40 ]; do sleep 3 & i=$((i+1)); done; wait"
                #expect(try scenario.inside("a", bomb, status: 2).contains("Cannot fork"))
                try Scenario.wait("there is room again") {
                    try scenario.run(["exec", "-T", "a", "sh", "-c", "nproc; echo alive"]).stdout == "1\nalive\n"
                        ? true : nil
                }
            }
        }

        @Test("health is what the check says, in the time that it has")
        func health() throws {
            let compose = """
                x-idle: &idle {image: "rootfs:/", command: sleep infinity, network_mode: none}
                services:
                  good: {<<: *idle, healthcheck: {test: "test -e /etc", interval: 100ms}}
                  bad: {<<: *idle, healthcheck: {test: [CMD, "false"], interval: 100ms, retries: 2}}
                  slow: {<<: *idle, healthcheck: {test: [CMD, sleep, "60"], interval: 100ms, timeout: 200ms, retries: 1}}
                  off: {<<: *idle, healthcheck: {disable: true}}
                  grace: {<<: *idle, healthcheck: {test: exit 1, interval: 50ms, retries: 1, start_period: 1h, start_interval: 50ms}}
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                func health(_ service: String) throws -> String {
                    let listing = try scenario.roost("ps", "--format", "json", service)
                    return listing.firstMatch(of: /"Health":\s*"(\w*)"/).map { String($0.1) } ?? "?"
                }
                for (service, wanted) in [("good", "healthy"), ("bad", "unhealthy"), ("slow", "unhealthy")] {
                    try Scenario.wait("\(service) is \(wanted)") { try health(service) == wanted ? true : nil }
                }
                #expect(try health("off") == "")
                #expect(try health("grace") == "starting")
            }
        }

        @Test("what ends starts again as its policy says, and output is kept as far as its limits allow")
        func restartsAndLogs() throws {
            let compose = """
                x-idle: &idle {image: "rootfs:/", network_mode: none}
                services:
                  never: {<<: *idle, command: sh -c 'echo run; exit 3'}
                  twice: {<<: *idle, command: sh -c 'echo run; exit 4', restart: "on-failure:2"}
                  fine: {<<: *idle, command: sh -c 'echo run', restart: on-failure}
                  always: {<<: *idle, command: sh -c 'echo run', restart: always}
                  unless: {<<: *idle, command: sh -c 'echo run; exit 1', restart: unless-stopped}
                  much:
                    <<: *idle
                    command: sh -c 'seq -f "line %06.0f ................................" 3000; sleep infinity'
                    logging: {driver: json-file, options: {max-size: 20k, max-file: "3"}}
                  mute: {<<: *idle, command: sh -c 'echo run; sleep infinity', logging: {driver: none}}
                  local: {<<: *idle, command: sh -c 'echo run; sleep infinity', logging: {driver: local}}
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                func runs(_ service: String) throws -> Int {
                    try scenario.roost("logs", "--no-log-prefix", service).matches(of: /run/).count
                }
                for service in ["always", "unless"] {
                    try Scenario.wait("\(service) has run three times") { try runs(service) >= 3 ? true : nil }
                }
                try Scenario.wait("twice has given up") {
                    try scenario.roost("ps", "-a", "twice").contains("Exited (4)") && runs("twice") == 3 ? true : nil
                }
                for (service, count) in [("never", 1), ("fine", 1), ("mute", 0), ("local", 1)] {
                    #expect(try runs(service) == count, "\(service)")
                }
                let kept = try Scenario.wait("the last line is written") {
                    let text = try scenario.roost("logs", "--no-log-prefix", "much")
                    return text.contains("line 003000") ? text.split(separator: "\n") : nil
                }
                #expect(kept.first != "line 000001 ................................")
                #expect((250..<700).contains(kept.count), "\(kept.count) lines")
                let sizes = try scenario.host("find", scenario.storage, "-name", "log.json*", "-size", "+20k").stdout
                #expect(sizes == "")
            }
        }

        @Test("a container is asked to end by its signal, and killed when its time is over")
        func ends() throws {
            let compose = """
                x-idle: &idle {image: "rootfs:/", network_mode: none}
                services:
                  asked:
                    <<: *idle
                    command: ["bash", "-c", "trap 'echo asked; exit 7' USR1; echo up; while :; do sleep 0.05; done"]
                    stop_signal: SIGUSR1
                  stubborn:
                    <<: *idle
                    command: ["bash", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"]
                    stop_grace_period: 200ms
                  waiting: {<<: *idle, command: cat, stdin_open: true}
                  terminal: {<<: *idle, command: "sh -c 'tty; exec cat'", tty: true, stdin_open: true}
                  closed: {<<: *idle, command: cat}
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                try Scenario.wait("both are up") {
                    try scenario.roost("logs", "asked", "stubborn").matches(of: /up/).count == 2 ? true : nil
                }
                try Scenario.wait("it has a terminal") {
                    try scenario.roost("logs", "terminal").contains("/dev/pts/0") ? true : nil
                }
                try Scenario.wait("its input has ended") {
                    try scenario.roost("ps", "-a", "closed").contains("Exited (0)") ? true : nil
                }
                #expect(try scenario.roost("ps", "waiting").contains("Up"))
                try scenario.roost("stop", "asked", "stubborn")
                let listing = try scenario.roost("ps", "-a")
                #expect(listing.contains("Exited (7)") && listing.contains("Exited (137)"))
                #expect(try scenario.roost("logs", "asked").contains("asked\n"))
            }
        }
    }
}
