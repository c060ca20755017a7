import Foundation
import Glibc
import Testing

extension Scenarios {
    /// Commands that run when a container has started and before it is stopped, and what looks after published ports.
    @Suite struct Hooks {
        @Test("hooks run as their user, in their directory, with their variables, and their output is in the log")
        func hooks() throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    network_mode: none
                    user: "1000"
                    environment: {OF: service}
                    command: sh -c 'trap "cat /shared/asked; exit 0" TERM; while :; do sleep 0.02; done'
                    volumes: ["./shared:/shared"]
                    post_start:
                      - {command: 'sh -c "echo $$OF $$MORE `id -u` `pwd`"', environment: {MORE: hook}}
                      - {command: [sh, -c, "id -u; mount -t tmpfs none /mnt && echo mounted"], user: root, privileged: true, working_dir: /mnt}
                    pre_stop:
                      - {command: [sh, -c, "echo asked first > /shared/asked"], user: root}
                  b: {image: "rootfs:/", network_mode: none, command: sleep infinity, depends_on: [a], stop_signal: SIGKILL}
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                // What a service depends on has its hooks behind it.
                #expect(try scenario.roost("logs", "--no-log-prefix", "a") == "service hook 1000 /\n0\nmounted\n")
                try scenario.roost("stop")
                #expect(try scenario.roost("logs", "--no-log-prefix", "a").hasSuffix("mounted\nasked first\n"))
                #expect(try scenario.states() == ["a-1": "exited 0", "b-1": "exited 137"])
            }
        }

        @Test("what runs before the start has the service's volumes and networks, and comes before its first container")
        func preStart() throws {
            let compose = """
                services:
                  db: {image: "rootfs:/", command: sleep infinity, stop_signal: SIGKILL}
                  a:
                    image: rootfs:/
                    command: sh -c 'cat /data/made; exec sleep infinity'
                    stop_signal: SIGKILL
                    scale: 2
                    environment: {OF: service}
                    volumes: ["data:/data"]
                    depends_on: [db]
                    healthcheck: {test: "false"}
                    pre_start:
                      - {command: [sh, -c, "getent hosts db > /dev/null && echo $$OF $$MORE >> /data/made"], environment: {MORE: hook}}
                      - {command: [sh, -c, "id -u; pwd"], user: "1000", working_dir: /tmp}
                volumes: {data: {}}
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                let log = try scenario.roost("logs", "--no-log-prefix", "a").split(separator: "\n").sorted()
                #expect(log == ["/tmp", "1000", "service hook", "service hook"])
                // Only when none of them runs.
                try scenario.roost("up", "-d", "--scale", "a=3")
                #expect(try scenario.inside("a", "cat /data/made") == "service hook")
                try scenario.roost("stop", "a")
                try scenario.roost("start", "a")
                #expect(try scenario.inside("a", "cat /data/made") == "service hook\nservice hook")
                try scenario.rewrite(
                    compose.replacing("id -u; pwd", with: "exit 9").replacing("scale: 2", with: "scale: 1")
                )
                try scenario.roost("stop", "a")
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 1 && outcome.stderr.contains("pre_start[1] ended with status 9"))
                #expect(try scenario.states()["a-1"] == "created")
                #expect(try scenario.states().keys.sorted() == ["a-1", "db-1"])
            }
        }

        @Test(
            "a supervisor that is killed among hooks has a successor that runs them again",
            arguments: ["pre", "post"]
        )
        func crash(kind: String) throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    network_mode: none
                    command: sleep infinity
                    stop_signal: SIGKILL
                    volumes: ["./shared:/shared"]
                    \(kind)_start: [{command: [sh, -c, "echo run >> /shared/runs; while [ ! -e /shared/go ]; do sleep 0.02; done"]}]
                """
            try Scenario.with(compose) { scenario in
                let up = try scenario.start(["up", "-d"])
                func runs() -> Int {
                    let text = try? String(contentsOfFile: scenario.directory + "/shared/runs", encoding: .utf8)
                    return text?.split(separator: "\n").count ?? 0  // none yet
                }
                try Scenario.wait("the hook") { runs() == 1 ? () : nil }
                kill(try #require(try scenario.supervisor(of: scenario.name)), SIGKILL)
                try Scenario.wait("the hook again") { runs() == 2 ? () : nil }
                try scenario.write("shared/go", "")
                #expect(try up.end(within: .seconds(20)).status == 0)
                #expect(try scenario.states() == ["a-1": "running"])
                // Nothing of the first run is left: neither a process nor a control group.
                let commands = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'shared/[g]o' || true"
                #expect(try scenario.inside("a", commands) == "0")
                let groups = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].flatMap { root in
                    (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/roost/\(scenario.name)")) ?? []
                }
                #expect(groups.filter { $0.contains("pre-start") } == [])
            }
        }

        @Test("a hook that fails fails the command and names itself; the container runs, and is stopped all the same")
        func failure() throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    network_mode: none
                    command: sleep infinity
                    stop_signal: SIGKILL
                    post_start: [{command: [sh, -c, "exit 7"]}, {command: [touch, /never]}]
                    pre_stop: [{command: [sh, -c, "exit 8"]}]
                """
            try Scenario.with(compose) { scenario in
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 1)
                #expect(outcome.stderr.contains("\(scenario.name)-a-1: post_start[0] ended with status 7"))
                #expect(try scenario.states() == ["a-1": "running"])
                #expect(try scenario.inside("a", "test -e /never || echo not run") == "not run")
                let second = try scenario.run(["stop"])
                #expect(second.status == 1 && second.stderr.contains("pre_stop[0] ended with status 8"))
                #expect(try scenario.states() == ["a-1": "exited 137"])
                try scenario.rewrite(compose.replacing("pre_stop: [{command: [sh, -c, \"exit 8\"]}]", with: ""))
                _ = try scenario.run(["up", "-d"])
            }
        }

        @Test("a hook that does not end is ended with its container when somebody can't wait")
        func impatience() throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    network_mode: none
                    command: sleep infinity
                    pre_stop: [{command: sleep infinity}]
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                let waiting = try scenario.start(["stop"])
                try Scenario.wait("the hook") {
                    try scenario.inside("a", "grep -l infinity /proc/[0-9]*/cmdline | wc -l") != "1" ? () : nil
                }
                try scenario.roost("kill")
                _ = try waiting.end(within: .seconds(20))
                #expect(try scenario.states() == ["a-1": "exited 137"])
            }
        }

        @Test("rules that another program flushes come back while ports are published")
        func flush() throws {
            let port = Scenario.freePort()
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    command: python3 -m http.server 80
                    working_dir: /srv
                    stop_signal: SIGKILL
                    ports: ["127.0.0.1:\(port):80"]
                    healthcheck: {test: [CMD, grep, -q, ":0050", /proc/net/tcp], interval: 100ms}
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d", "--wait")
                #expect(try scenario.page(port) != nil)
                let table = ["inet", "roost_\(scenario.name)"]
                #expect(try scenario.host("nft", "delete", "table", table[0], table[1]).status == 0)
                try Scenario.wait("the table") {
                    try scenario.host("nft", "list", "table", table[0], table[1]).status == 0 ? () : nil
                }
                #expect(try scenario.page(port) != nil)
            }
        }

        @Test("a firewall that drops what is published is told of when ports are published")
        func foreign() throws {
            let compose = """
                services:
                  a: {image: "rootfs:/", command: sleep infinity, stop_signal: SIGKILL, ports: ["\(Scenario.freePort()):80"]}
                """
            try Scenario.with(compose) { scenario in
                let name = "other_\(scenario.name)"
                let chain =
                    "{ type filter hook forward priority 0; policy drop; iifname != \"\(scenario.name)\" accept; }"
                #expect(try scenario.host("nft", "add table ip \(name); add chain ip \(name) f \(chain)").status == 0)
                defer { _ = try? scenario.host("nft", "delete", "table", "ip", name) }  // shows in the next line's test
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 0)
                #expect(outcome.stderr.contains("warning: table ip \(name), chain f drops what it does not accept"))
            }
        }

        @Test("another program provides a service, tells those who need it of it, and ends it with the project")
        func provider() throws {
            let compose = """
                services:
                  database:
                    provider: {type: cloud, options: {size: 3, zone: [a, b]}}
                  user:
                    image: rootfs:/
                    network_mode: none
                    command: sleep infinity
                    stop_signal: SIGKILL
                    depends_on: [database]
                  other: {image: "rootfs:/", network_mode: none, command: sleep infinity, stop_signal: SIGKILL}
                """
            let program = """
                #!/bin/sh
                echo "$@" >> "$HOME/said"
                [ "$3" = up ] || exit 0
                echo '{"type": "info", "message": "making it"}'
                echo '{"type": "setenv", "message": "URL=db://there"}'
                echo '{"type": "rawsetenv", "message": "RAW=x=y"}'
                """
            try Scenario.with(compose, files: ["bin/cloud": program]) { scenario in
                scenario.variables["HOME"] = scenario.directory
                let missing = try scenario.run(["up", "-d"])
                #expect(missing.status == 1 && missing.stderr.contains("there is no program \"cloud\""))
                #expect(try scenario.host("chmod", "755", "bin/cloud").status == 0)
                scenario.variables["PATH"] = "\(scenario.directory)/bin:" + (scenario.variables["PATH"] ?? "")
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 0 && outcome.stderr.contains("database: making it\n"), "\(outcome.stderr)")
                #expect(try scenario.inside("user", "echo $DATABASE_URL $RAW") == "db://there x=y")
                #expect(try scenario.inside("other", "echo $DATABASE_URL") == "")
                try scenario.roost("down")
                let said = try String(contentsOfFile: scenario.directory + "/said", encoding: .utf8)
                #expect(
                    scenario.short(said) == """
                        compose --project-name=\(scenario.name) up --size=3 --zone=a --zone=b database
                        compose --project-name=\(scenario.name) down --size=3 --zone=a --zone=b database

                        """
                )
            }
        }
    }
}
