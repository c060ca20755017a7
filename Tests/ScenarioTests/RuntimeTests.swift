import Foundation
import Glibc
import Testing

extension Scenarios {
    /// Services whose containers another OCI runtime makes, in our network and under our supervision.
    @Suite(
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/crun"), "needs crun: make test installs it")
    )
    struct Runtimes {
        /// The runtimes of this machine, by the word for them and by the path of a program; `ROOST_RUNTIMES` names
        /// others, with commas between them.
        private static let installed =
            ["crun", "runc", "/usr/bin/crun", "/usr/sbin/runc"].filter { word in
                (word.hasPrefix("/") ? [""] : ["/usr/bin/", "/usr/sbin/"]).contains {
                    FileManager.default.isExecutableFile(atPath: $0 + word)
                }
            } + (ProcessInfo.processInfo.environment["ROOST_RUNTIMES"] ?? "").split(separator: ",").map(String.init)

        @Test(
            "a service of another runtime has its network, names, ports, volumes, health, limits, log and status from roost",
            arguments: installed
        )
        func serves(runtime: String) throws {
            let port = Scenario.freePort()
            let compose = """
                services:
                  web:
                    image: rootfs:/
                    runtime: \(runtime)
                    command: python3 -m http.server -d /srv/data 8000
                    ports: ["127.0.0.1:\(port):8000"]
                    volumes: ["data:/srv/data", "./file:/srv/file:ro"]
                    mem_limit: 64m
                    stop_signal: SIGKILL
                    healthcheck: {test: [CMD, test, -e, /srv/file], interval: 1s}
                  job:
                    image: rootfs:/
                    runtime: \(runtime)
                    command: sh -c 'getent hosts web > /dev/null && echo found; exit 7'
                    depends_on: {web: {condition: service_healthy}}
                volumes: {data: {}}
                """
            try Scenario.with(compose, files: ["file": "hello"]) { scenario in
                try scenario.roost("up", "-d", "--wait", "web")
                #expect(try scenario.roost("exec", "-T", "web", "sh", "-c", "cat /srv/file; exit 0") == "hello")
                #expect(try scenario.run(["exec", "-T", "web", "sh", "-c", "exit 5"]).status == 5)
                #expect(try scenario.roost("exec", "web", "sh", "-c", "hostname > /srv/data/name") == "")
                let name = try scenario.host("curl", "-s", "http://127.0.0.1:\(port)/name").stdout
                #expect(name.count == 13)
                try scenario.roost("up", "-d", "job")
                try scenario.wait(for: ["job-1": "exited 7", "web-1": "running"])
                #expect(try scenario.roost("logs", "--no-log-prefix", "job") == "found\n")
                // The one that made it knows it too, by the first half of its id.
                let id = try #require(try scenario.identities()["web-1"]).prefix(32)
                let program = String(runtime.split(separator: "/").last ?? "")
                let state = "\(scenario.runtime)/runtimes/\(program)"
                let known = try scenario.host(program, "--root", state, "state", "\(id)")
                #expect(known.stdout.contains("\"\(id)\""), "\(known)")
                try scenario.roost("restart", "-t", "1", "web")
                try scenario.roost("up", "-d", "--wait", "web")
                try scenario.roost("pause", "web")
                #expect(try scenario.states()["web-1"] == "paused")
                try scenario.roost("unpause", "web")
                try scenario.roost("kill", "web")
                try scenario.wait(for: ["web-1": "exited 137"])
                let left = try scenario.host("sh", "-c", "ls \(state) \(scenario.runtime)/bundles")
                #expect(left.stdout.split(separator: "\n").filter { $0.count == 32 }.isEmpty, "\(left.stdout)")
            }
        }

        @Test(
            "it is started again as its policy says, replaced when its file changes, and run for one command",
            .enabled(if: installed.contains("runc"), "needs runc: make test installs it")
        )
        func policies() throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    runtime: runc
                    restart: on-failure:2
                    command: sh -c 'echo begun; exit 4'
                  b: {image: "rootfs:/", runtime: runc, stop_signal: SIGKILL, command: sleep infinity}
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                try scenario.wait(for: ["a-1": "exited 4", "b-1": "running"])
                try Scenario.wait("three starts") {
                    try scenario.roost("logs", "--no-log-prefix", "a") == "begun\nbegun\nbegun\n" ? () : nil
                }
                let before = try scenario.identities()
                try scenario.rewrite(compose.replacing("sleep infinity", with: "sleep 10000"))
                try scenario.roost("up", "-d", "b")
                #expect(try scenario.identities()["b-1"] != before["b-1"])
                #expect(try scenario.roost("top", "b").contains("sleep 10000"))
                #expect(try scenario.run(["run", "--rm", "-T", "b", "sh", "-c", "echo one; exit 3"]).status == 3)
                try scenario.roost("cp", "compose.yaml", "b:/copied")
                #expect(try scenario.roost("exec", "-T", "b", "cat", "/copied").contains("runtime: runc"))
            }
        }

        @Test("it outlives its supervisor, and ends when it is asked to")
        func supervision() throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    runtime: crun
                    network_mode: none
                    command: sh -c 'trap "echo asked; exit 3" TERM; echo begun; while :; do sleep 0.05; done'
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                try Scenario.wait("its first line") {
                    try scenario.roost("logs", "--no-log-prefix", "a") == "begun\n" ? () : nil
                }
                let before = try scenario.identities()
                #expect(kill(try scenario.supervisor(), SIGKILL) == 0)
                try scenario.wait(for: ["a-1": "running"])
                #expect(try scenario.identities() == before)
                #expect(try scenario.roost("exec", "-T", "a", "echo", "in") == "in\n")
                try scenario.roost("stop")
                #expect(try scenario.states() == ["a-1": "exited 3"])
                #expect(try scenario.roost("logs", "--no-log-prefix", "a") == "begun\nasked\n")
            }
        }

        @Test("a terminal goes both ways")
        func terminal() throws {
            let compose = """
                services:
                  a: {image: "rootfs:/", runtime: crun, network_mode: none, tty: true, stop_signal: SIGKILL, command: sh -c 'tty; exec sleep infinity'}
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                try Scenario.wait("its terminal") {
                    try scenario.roost("logs", "--no-log-prefix", "a").contains("/dev/") ? () : nil
                }
                let outcome = try scenario.run(["exec", "a", "sh", "-c", "stty size; tty"], input: .terminal)
                #expect(outcome.status == 0)
                #expect(outcome.stdout.contains("/dev/pts/"), "\(outcome)")
            }
        }

        @Test("a runtime that is not there is refused before anything is made")
        func unknown() throws {
            let compose = """
                services:
                  a: {image: "rootfs:/", runtime: no-such-runtime, network_mode: none, command: sleep infinity}
                """
            try Scenario.with(compose) { scenario in
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 1)
                let told =
                    "there is no runtime no-such-runtime: no program no-such-runtime in /usr/local/sbin, /usr/local/bin, "
                #expect(outcome.stderr.contains(told), "\(outcome.stderr)")
                #expect(try scenario.containers().isEmpty)
            }
        }
    }
}
