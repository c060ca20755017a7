import Foundation
import Glibc
import Testing

extension Scenarios {
    /// What can be seen of containers, and held still: `top`, `stats`, `port`, `events`, `pause`, `wait` and their like.
    @Suite struct Insight {
        static let web = "image: rootfs:/, command: [sleep, infinity], init: true"

        @Test("top shows the processes of containers with the columns of ps -ef")
        func top() throws {
            let text = """
                services:
                  one: { image: "rootfs:/", command: [sh, -c, "sleep 4321 & exec sleep 1234"], user: "33" }
                  two: { \(Self.web), scale: 2 }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                try Scenario.wait("both") { try scenario.roost("top", "one").contains("sleep 4321") ? () : nil }
                let lines = try scenario.roost("top").split(separator: "\n").map(String.init)
                #expect(
                    lines[0].split(separator: " ").joined(separator: " ")
                        == "SERVICE # UID PID PPID C STIME TTY TIME CMD"
                )
                let words = lines.dropFirst().map { $0.split(separator: " ", maxSplits: 9).map(String.init) }
                #expect(
                    words.map { "\($0[0]) \($0[1]) \($0[9].drop { $0 == " " })" } == [
                        "one 1 sleep 1234", "one 1 sleep 4321", "two 1 init", "two 1 sleep infinity", "two 2 init",
                        "two 2 sleep infinity",
                    ]
                )
                #expect(words[0][2] == "www-data" && words[2][2] == "root")
                #expect(words[1][4] == words[0][3])
                try scenario.roost("stop", "-t", "1")
                #expect(try scenario.roost("top").isEmpty)
            }
        }

        @Test("stats shows what containers use, once, in a form of one's own, and again and again")
        func stats() throws {
            let text = """
                services:
                  busy: { image: "rootfs:/", command: [sh, -c, "while :; do :; done"], mem_limit: 64m }
                  idle: { \(Self.web) }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                let table = try scenario.roost("stats", "--no-stream").split(separator: "\n").map(String.init)
                #expect(
                    table[0].wholeMatch(
                        of: /CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS */
                    ) != nil
                )
                #expect(table.count == 3)
                let busy = try scenario.roost(
                    "stats",
                    "--no-stream",
                    "--format",
                    "{{.CPUPerc}} {{.MemUsage}} {{.PIDs}}",
                    "busy"
                )
                let found = try #require(busy.wholeMatch(of: /([0-9]+)\.[0-9]{2}% .*iB \/ 64MiB 1\n/))
                #expect(try #require(Int(found.1)) > 5)
                let json = try scenario.roost("stats", "--no-stream", "--no-trunc", "--format", "json", "idle")
                #expect(json.contains("\"Name\":\"\(scenario.name)-idle-1\"") && json.contains("\"PIDs\":\"2\""))
                let stream = try scenario.start(["stats", "idle"])
                try stream.wait("two pictures") { out, _ in out.count(of: "CONTAINER ID") == 2 }
                stream.signal(SIGINT)
                #expect(try stream.end().status == 0)
                try scenario.roost("kill", "busy")
                #expect(try scenario.roost("stats", "--no-stream").split(separator: "\n").count == 2)
                #expect(try scenario.roost("stats", "--no-stream", "-a").split(separator: "\n").count == 3)
            }
        }

        @Test("port tells where a port is published")
        func port() throws {
            let (one, two) = (Scenario.freePort(), Scenario.freePort())
            let text = """
                services:
                  web: { \(Self.web), ports: ["\(one):80", "127.0.0.1:\(two):53/udp"] }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                #expect(try scenario.roost("port", "web", "80") == "0.0.0.0:\(one)\n")
                #expect(try scenario.roost("port", "--protocol", "udp", "web", "53") == "127.0.0.1:\(two)\n")
                let other = try scenario.run(["port", "web", "81"])
                #expect(other.status == 1)
                #expect(
                    scenario.short(other.stderr)
                        == "error: no port 81/tcp of web-1 is published; it has 80/tcp, 53/udp\n"
                )
                #expect(try scenario.run(["port", "--index", "2", "web", "80"]).status == 1)
            }
        }

        @Test("What is paused stands still, is shown so, is no matter of health, and goes on or ends when asked")
        func pause() throws {
            let text = """
                services:
                  clock:
                    image: rootfs:/
                    command: [sh, -c, "while :; do date +%s%N > /tmp/now; sleep 0.01; done"]
                    healthcheck: { test: "test -e /tmp/now", interval: 20ms, timeout: 100ms, retries: 1 }
                    stop_grace_period: 10m
                    init: true
                  other: { \(Self.web) }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "--wait")
                try scenario.roost("pause", "clock")
                #expect(try scenario.states() == ["clock-1": "paused", "other-1": "running"])
                #expect(try scenario.roost("ps", "clock").contains(" (Paused) "))
                #expect(try scenario.roost("ps", "--status", "paused", "--services") == "clock\n")
                #expect(try scenario.roost("ls").contains("paused(1), running(1)"))
                let entered = try scenario.run(["exec", "clock", "true"])
                #expect(
                    entered.status == 1 && entered.stderr.contains("is paused; let it go on with `roost unpause clock`")
                )
                // A successor knows it, too.
                #expect(kill(try scenario.supervisor(), SIGKILL) == 0)
                try scenario.roost("pause")
                let states = try scenario.states()
                let diary = "\(scenario.runtime)/projects/\(scenario.name)/supervisor.log"
                let words = try String(contentsOfFile: diary, encoding: .utf8)
                #expect(states == ["clock-1": "paused", "other-1": "paused"], "\(states) \(words)")
                let listed = try scenario.containers().first { $0.Service == "clock" }
                #expect(listed?.Status.contains("Paused") == true)
                try scenario.roost("unpause")
                #expect(try scenario.states() == ["clock-1": "running", "other-1": "running"])
                try Scenario.wait("health") {
                    try scenario.containers().first { $0.Service == "clock" }?.Health == "healthy" ? () : nil
                }
                try scenario.roost("pause")
                try scenario.roost("up", "-d")
                #expect(try scenario.states() == ["clock-1": "running", "other-1": "running"])
                try scenario.roost("pause")
                try scenario.roost("stop")
                #expect(try scenario.states() == ["clock-1": "exited 143", "other-1": "exited 143"])
                try scenario.roost("start")
                try scenario.roost("pause")
                try scenario.roost("kill", "clock")
                #expect(try scenario.states() == ["clock-1": "exited 137", "other-1": "paused"])
                // And `down` ends what is paused.
            }
        }

        @Test("wait ends with the status of the container that ends last")
        func wait() throws {
            let text = """
                services:
                  first: { image: "rootfs:/", command: [sh, -c, "exit 3"] }
                  last: { image: "rootfs:/", command: [sh, -c, "trap 'exit 5' TERM; while :; do sleep 0.01; done"] }
                """
            try Scenario.with(text) { scenario in
                #expect(try scenario.run(["wait", "first"]).status == 42)
                try scenario.roost("up", "-d")
                let wait = try scenario.start(["wait", "first", "last"])
                try wait.wait(for: "container \"\(scenario.name)-first-1\" exited with status code 3\n")
                try scenario.roost("stop", "last")
                let outcome = try wait.end()
                #expect(outcome.status == 5 && outcome.stdout.hasSuffix("last-1\" exited with status code 5\n"))
                try scenario.roost("up", "-d")
                let down = try scenario.run(["wait", "--down-project", "first"])
                #expect(down.status == 3)
                #expect(try scenario.states().isEmpty)
            }
        }

        @Test("create makes containers that do not run, and scale changes how many there are")
        func create() throws {
            try Scenario.with(Up.pair) { scenario in
                #expect(try scenario.roost("--dry-run", "create", "two").contains("create \(scenario.name)-two-1"))
                #expect(try scenario.states().isEmpty)
                try scenario.roost("create", "--scale", "one=2")
                #expect(try scenario.states() == ["one-1": "created", "one-2": "created", "two-1": "created"])
                let before = try scenario.identities()
                try scenario.roost("create", "--force-recreate", "two")
                let after = try scenario.identities()
                #expect(after["one-1"] == before["one-1"] && after["two-1"] != before["two-1"])
                try scenario.roost("start")
                try scenario.roost("scale", "one=3", "two=0")
                #expect(try scenario.states() == ["one-1": "running", "one-2": "running", "one-3": "running"])
                try scenario.roost("scale", "--no-deps", "two=2")
                #expect(try scenario.states().count == 5)
                let unknown = try scenario.run(["scale", "none=1"])
                #expect(unknown.status == 1 && unknown.stderr.contains("there is no service \"none\""))
            }
        }

        @Test("events tells what happens, for people and as JSON, across supervisors")
        func events() throws {
            try Scenario.with(Up.pair) { scenario in
                try scenario.roost("create")
                try scenario.roost("up", "-d", "two")
                let id = try #require(try scenario.identities()["one-1"])
                let text = try scenario.start(["events", "one"])
                let json = try scenario.start(["events", "--json"])
                // Whether they listen shows when they tell something.
                try Scenario.wait("both") { () -> Void? in
                    try scenario.roost("pause", "one")
                    try scenario.roost("unpause", "one")
                    try text.wait("a line", within: .milliseconds(200)) { out, _ in out.contains(" container unpause ")
                    }
                    try json.wait("a line", within: .milliseconds(200)) { out, _ in out.contains("\"unpause\"") }
                    return ()
                }
                // Which does not end it, so that the same supervisor goes on.
                try scenario.roost("kill", "-s", "CONT", "two")
                try scenario.roost("restart", "-t", "1", "one")
                try json.wait("a start") { out, _ in out.contains("\"action\":\"start\"") }
                try scenario.roost("stop", "-t", "1", "one")
                try scenario.roost("run", "--rm", "--no-deps", "-T", "one", "true")
                try scenario.roost("up", "-d", "--force-recreate", "--no-deps", "one")
                try json.wait("a new container") { out, _ in out.contains("\"action\":\"create\"") }
                try scenario.roost("down")
                try text.wait(for: " container destroy ")
                for program in [text, json] {
                    program.signal(SIGTERM)
                    #expect(try program.end().status == 128 + SIGTERM)
                }
                let lines = text.stdout.split(separator: "\n").map(String.init)
                let name = "\(scenario.name)-one-1"
                #expect(
                    lines.allSatisfy { line in
                        line.wholeMatch(
                            of:
                                /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} container [a-z]+ [0-9a-f]{64} \(.*image=rootfs:\/, name=(.*?)\)/
                        )
                        .map { $0.1 == name } ?? false
                    },
                    "\(lines)"
                )
                #expect(
                    lines.contains { $0.contains(" container die \(id) (exitCode=143, image=rootfs:/, name=\(name))") }
                )
                let actions = lines.map { String($0.split(separator: " ")[3]) }
                #expect(actions.suffix(5).contains("destroy") && actions.contains("stop") && actions.contains("start"))
                #expect(json.stdout.contains("\"signal\":\"18\"") && !json.stdout.contains("-run-"))
                for line in json.stdout.split(separator: "\n") {
                    let object = try #require(
                        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                    )
                    #expect(object.keys.sorted() == ["action", "attributes", "id", "service", "time", "type"])
                }
            }
        }

        @Test("volumes shows the project's volumes, or those of services")
        func volumes() throws {
            let text = """
                services:
                  one: { \(Self.web), volumes: ["data:/data"] }
                  two: { \(Self.web), volumes: ["other:/data"] }
                volumes: { data: { labels: { my: label } }, other: }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                #expect(
                    scenario.short(try scenario.roost("volumes"))
                        == "DRIVER    VOLUME NAME\nlocal     data\nlocal     other\n"
                )
                #expect(scenario.short(try scenario.roost("volumes", "-q", "two")) == "other\n")
                let rows = try scenario.roost(
                    "volumes",
                    "--format",
                    "{{.Name}} {{.Label \"my\"}} {{.Mountpoint}}",
                    "one"
                )
                #expect(scenario.short(rows) == "data label /storage/volumes/data/_data\n")
            }
        }
    }
}
