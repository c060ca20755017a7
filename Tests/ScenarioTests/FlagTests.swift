import Foundation
import Glibc
import Testing

extension Scenarios {
    /// Options of `up`, `run`, `down`, `ps` and `logs` beside the common ones.
    @Suite struct Flags {
        @Test("Up shows what containers write while others still wait to be started")
        func early() throws {
            let text = """
                services:
                  base:
                    image: rootfs:/
                    command: [sh, -c, "echo from the start; exec sleep infinity"]
                    init: true
                    healthcheck: { test: "false", interval: 1h, start_period: 1h }
                  job: { image: "rootfs:/", command: [sh, -c, "echo quick; exit 3"] }
                  web: { \(Up.sleeper), depends_on: { base: { condition: service_healthy } } }
                """
            try Scenario.with(text) { scenario in
                let up = try scenario.start(["up"])
                try up.wait(for: "base-1  | from the start\n")
                try up.wait(for: "job-1 exited with code 3\n")
                #expect(up.stdout.contains("job-1   | quick\n"))
                #expect(up.stderr.contains("Attaching to base-1, job-1, web-1\n"))
                #expect(try scenario.states() == ["base-1": "running", "job-1": "exited 3", "web-1": "created"])
                up.signal(SIGINT)
                #expect(try up.end().status == 130)
                #expect(try scenario.states() == ["base-1": "exited 143", "job-1": "exited 3", "web-1": "created"])
            }
        }

        @Test("A service with attach: false is shown only to those who name it")
        func unattached() throws {
            let text = """
                services:
                  loud: { image: "rootfs:/", command: [echo, heard] }
                  quiet: { image: "rootfs:/", command: [echo, unheard], attach: false }
                """
            try Scenario.with(text) { scenario in
                let outcome = try scenario.run(["up"])
                #expect(outcome.status == 0 && outcome.stdout == "loud-1  | heard\n")
                try scenario.wait(for: ["quiet-1": "exited 0"])
                #expect(try scenario.roost("logs", "--no-log-prefix") == "heard\n")
                #expect(try scenario.roost("logs", "--no-log-prefix", "quiet") == "unheard\n")
                #expect(try scenario.run(["up", "--attach", "quiet"]).stdout == "quiet-1  | unheard\n")
            }
        }

        @Test("--parallel and COMPOSE_PARALLEL_LIMIT bound stop and down as well")
        func limited() throws {
            // Whoever is held up by another one's command leaves a trace.
            let hook = "mkdir /shared/busy || touch /shared/overlap; sleep 0.2; rmdir /shared/busy; true"
            let service = "\(Up.sleeper), volumes: [\"./shared:/shared\"], pre_stop: [{command: [sh, -c, \"\(hook)\"]}]"
            let text = "services: { a: {\(service)}, b: {\(service)}, c: {\(service)} }"
            try Scenario.with(text, files: ["shared/keep": ""]) { scenario in
                let trace = "\(scenario.directory)/shared/overlap"
                try scenario.roost("--parallel", "2", "up", "-d", "--wait")
                try scenario.roost("--parallel", "1", "stop")
                #expect(!FileManager.default.fileExists(atPath: trace))
                try scenario.roost("start")
                #expect(try scenario.run(["down"], environment: ["COMPOSE_PARALLEL_LIMIT": "1"]).status == 0)
                #expect(!FileManager.default.fileExists(atPath: trace))
                try scenario.roost("up", "-d", "--wait")
                try scenario.roost("stop")
                #expect(FileManager.default.fileExists(atPath: trace), "without a limit they stop at once")
                let wrong = try scenario.run(["stop"], environment: ["COMPOSE_PARALLEL_LIMIT": "few"])
                #expect(wrong.status == 1 && wrong.stderr.contains("COMPOSE_PARALLEL_LIMIT is a whole number"))
            }
        }

        @Test("--always-recreate-deps and -V make anew what they say, and -V new volumes with it")
        func recreation() throws {
            let text = """
                services:
                  base: { \(Up.sleeper), volumes: [/data] }
                  web: { \(Up.sleeper), volumes: [/data], depends_on: [base] }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                let first = try scenario.identities()
                for name in ["base", "web"] { try scenario.roost("exec", "-T", name, "touch", "/data/mark") }
                try scenario.roost("up", "-d", "--force-recreate", "web")
                let second = try scenario.identities()
                #expect(second["base-1"] == first["base-1"] && second["web-1"] != first["web-1"])
                try scenario.roost("up", "-d", "--always-recreate-deps", "web")
                let third = try scenario.identities()
                #expect(third["base-1"] != second["base-1"] && third["web-1"] == second["web-1"])
                try scenario.roost("exec", "-T", "web", "test", "-e", "/data/mark")
                let volumes = try scenario.roost("volumes", "-q")
                try scenario.roost("up", "-d", "-V", "web")
                let fourth = try scenario.identities()
                #expect(fourth["base-1"] == third["base-1"] && fourth["web-1"] != third["web-1"])
                #expect(try scenario.run(["exec", "-T", "web", "test", "-e", "/data/mark"]).status == 1)
                try scenario.roost("exec", "-T", "base", "test", "-e", "/data/mark")
                let after = try scenario.roost("volumes", "-q")
                #expect(after.split(separator: "\n").count == 2 && after != volumes)
            }
        }

        @Test(
            "Options that exclude each other, or come later, are refused",
            arguments: [
                (["up", "--build", "--no-build"], "exclude each other"), (["up", "-w"], "does not watch files yet"),
                (["up", "--pull", "sometimes"], "always"),
                (["up", "--attach", "one", "--attach-dependencies"], "exclude each other"),
                (["up", "-d", "--menu"], "does not go with"),
                (["up", "-d", "--exit-code-from", "one"], "does not go with"),
                (["up", "--no-recreate", "-V"], "--no-recreate goes with none of"),
                (["run", "-P", "-p", "80", "one"], "exclude each other"),
                (["create", "--force-recreate", "--no-recreate"], "exclude each other"),
                (["pull", "--policy", "never"], "is invalid for '--policy"),
                (["watch", "--no-up"], "roost can't watch yet"), (["publish", "name"], "roost can't publish yet"),
                (["scale", "one"], "takes SERVICE=NUMBER"),
            ] as [([String], String)]
        )
        func refused(arguments: [String], words: String) throws {
            try Scenario.with(Up.pair) { scenario in
                let outcome = try scenario.run(arguments)
                #expect(outcome.status == 1)
                #expect(outcome.stderr.contains(words), "\(outcome.stderr)")
                #expect(try scenario.states().isEmpty)
            }
        }

        @Test("run publishes ports, mounts, reads files of variables, has labels, and answers to names on request")
        func run() throws {
            let port = Scenario.freePort()
            let text = """
                services:
                  web: { \(Up.sleeper), environment: { A: file }, ports: ["\(Scenario.freePort()):80"] }
                  other: { \(Up.sleeper) }
                """
            let files = ["one.env": "A=one\nB=one\n", "two.env": "B=two\n", "page/index.html": "hello\n"]
            try Scenario.with(text, files: files) { scenario in
                let run = ["run", "--rm", "-T", "--no-deps"]
                let variables = run + ["--env-from-file", "one.env", "--env-from-file", "two.env", "-e", "C=c", "web"]
                #expect(try scenario.run(variables + ["sh", "-c", "echo $A $B $C"]).stdout == "one two c\n")
                #expect(
                    try scenario.run(run + ["-v", "./page:/srv:ro", "web", "cat", "/srv/index.html"]).stdout
                        == "hello\n"
                )
                try scenario.roost(
                    "run",
                    "--rm",
                    "-T",
                    "-v",
                    "\(scenario.name)_kept:/kept",
                    "web",
                    "touch",
                    "/kept/mark"
                )
                try scenario.roost(
                    "run",
                    "--rm",
                    "-T",
                    "-v",
                    "\(scenario.name)_kept:/kept",
                    "web",
                    "test",
                    "-e",
                    "/kept/mark"
                )
                let absent = try scenario.run(run + ["--env-from-file", "none.env", "web", "true"])
                #expect(absent.status == 1 && absent.stderr == "error: there is no environment file none.env\n")

                try scenario.roost("up", "-d", "other")
                let name = "\(scenario.name)-server"
                let server = ["python3", "-m", "http.server", "--directory", "/srv", "8000"]
                let started = try scenario.run(
                    ["run", "-d", "--name", name, "-p", "\(port):8000", "-v", "./page:/srv", "-l", "my=label"]
                        + ["--use-aliases", "web"] + server
                )
                #expect(started.status == 0 && started.stdout == "\(name)\n", "\(started.stderr)")
                #expect(try Scenario.wait("page") { try scenario.page(port) } == "hello\n")
                let look = "import socket; print(socket.gethostbyname('web'))"
                #expect(try scenario.roost("exec", "-T", "other", "python3", "-c", look).contains("."))
                #expect(
                    try scenario.roost("ps", "-a", "--format", "{{.Name}} {{.Label \"my\"}}").contains(
                        "\(name) label\n"
                    )
                )
                let taken = try scenario.run(["run", "--name", name, "web", "true"])
                #expect(taken.status == 1 && taken.stderr.contains("is taken by a container of this project"))
            }
        }

        @Test("Options have the forms that docker's have: values of flags, values in the same word")
        func forms() throws {
            try Scenario.with(Up.pair) { scenario in
                try scenario.roost("up", "--detach=true", "--force-recreate=false", "-t1")
                #expect(
                    try scenario.roost("run", "--rm=true", "-eA=b", "-u33", "-T", "one", "sh", "-c", "echo $A; id -u")
                        == "b\n33\n"
                )
                #expect(
                    try scenario.roost("exec", "-w/tmp", "-T", "one", "echo", "--tty=false", "--rm=true")
                        == "--tty=false --rm=true\n"
                )
                #expect(try scenario.roost("ps", "--services=1", "--all=0") == "one\ntwo\n")
                try scenario.roost("stop", "-t1", "two")
                #expect(try scenario.states() == ["one-1": "running", "two-1": "exited 143"])
            }
        }

        @Test("run leaves the ports of its service where they are")
        func portsStay() throws {
            let port = Scenario.freePort()
            let text = """
                services:
                  web: { image: "rootfs:/", command: [python3, -m, http.server, "80"], init: true, ports: ["\(port):80"] }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                try Scenario.wait("page") { try scenario.page(port) }
                try scenario.roost("run", "--rm", "-T", "web", "true")
                #expect(try scenario.page(port) != nil)
                let taken = try scenario.run(["run", "--rm", "-P", "web", "true"])
                #expect(taken.status == 1 && taken.stderr.contains("port \(port)/tcp"), "\(taken.stderr)")
                #expect(try scenario.page(port) != nil)
                // What a successor finds of the one container does not cost the other its port.
                try scenario.roost("run", "-d", "--name", "\(scenario.name)-mine", "web", "sleep", "infinity")
                #expect(kill(try scenario.supervisor(), SIGKILL) == 0)
                try scenario.roost("restart", "-t", "1", "web")
                try Scenario.wait("page") { try scenario.page(port) }
            }
        }

        @Test("run --rm in the background leaves nothing when its command has ended")
        func detached() throws {
            try Scenario.with(Up.pair) { scenario in
                try scenario.roost("run", "-d", "--rm", "one", "true")
                try Scenario.wait("end") { try scenario.states().isEmpty ? () : nil }
            }
        }

        @Test(
            "run waits on when its supervisor is killed, and has the status of its command",
            arguments: [true, false]
        )
        func killedSupervisor(isRemoved: Bool) throws {
            try Scenario.with(Up.pair) { scenario in
                let script = "echo ready; read line; echo $line; exit 7"
                let flags = isRemoved ? ["--rm"] : []
                let run = try scenario.start(["run", "-T"] + flags + ["one", "sh", "-c", script], input: .open)
                try run.wait(for: "ready\n")
                // Written down, too: what is started at that very moment is not started twice.
                try Scenario.wait("state") { try scenario.states().values.contains("running") ? () : nil }
                let old = try scenario.supervisor()
                #expect(kill(old, SIGKILL) == 0)
                // Asked by another command, so that the successor is there for sure.
                try Scenario.wait("successor") { try scenario.supervisor() == old ? nil : () }
                try scenario.roost("ps")
                run.type("typed\n")
                let outcome = try run.end()
                #expect(outcome.status == 7 && outcome.stdout == "ready\ntyped\n", "\(outcome)")
                #expect(try scenario.states().values.sorted() == (isRemoved ? [] : ["exited 7"]))
            }
        }

        @Test("run on a terminal goes on when its supervisor is killed, and has the status of its command")
        func killedWithTerminal() throws {
            try Scenario.with(Up.pair) { scenario in
                let run = try scenario.start(["run", "--rm", "one", "sh"], input: .terminal)
                try run.wait(for: "# ")
                try Scenario.wait("state") { try scenario.states().values.contains("running") ? () : nil }
                let old = try scenario.supervisor()
                #expect(kill(old, SIGKILL) == 0)
                try Scenario.wait("successor") { try scenario.supervisor() == old ? nil : () }
                run.type("echo still-$((40 + 2))\r")
                try run.wait(for: "still-42\n")
                run.type("exit 5\r")
                #expect(try run.end().status == 5)
                try Scenario.wait("removal") { try scenario.states().isEmpty ? () : nil }
            }
        }

        @Test("run waits on when its supervisor is killed as the command ends")
        func killedAtTheEnd() throws {
            try Scenario.with(Up.pair) { scenario in
                let run = try scenario.start(
                    ["run", "-T", "--rm", "one", "sh", "-c", "echo ready; read l; exit 9"],
                    input: .open
                )
                try run.wait(for: "ready\n")
                let old = try scenario.supervisor()
                #expect(kill(old, SIGSTOP) == 0)
                run.type("end\n")
                // The command ends while nobody is there to see it but the keeper.
                try Scenario.wait("exit record") {
                    let exits = try FileManager.default.contentsOfDirectory(
                        atPath: "\(scenario.runtime)/projects/\(scenario.name)/exits"
                    )
                    return exits.isEmpty ? nil : ()
                }
                #expect(kill(old, SIGKILL) == 0)
                #expect(try run.end().status == 9)
                #expect(try scenario.states().isEmpty)
            }
        }

        @Test("ps takes templates, as docker does")
        func templates() throws {
            try Scenario.with(Up.pair) { scenario in
                try scenario.roost("up", "-d")
                #expect(
                    try scenario.roost("ps", "--format", "{{.Service}}\\t{{.State | upper}}")
                        == "one\tRUNNING\ntwo\tRUNNING\n"
                )
                let table = try scenario.roost("ps", "--format", "table {{.Service}}\\t{{.RunningFor}}")
                #expect(table.hasPrefix("SERVICE   CREATED\none       "))
                let label = "{{.Label \"com.docker.compose.service\"}}{{if eq .Service \"one\"}}!{{end}}"
                #expect(try scenario.roost("ps", "--format", label) == "one!\ntwo\n")
                let bad = try scenario.run(["ps", "--format", "{{.Bogus}}"])
                #expect(bad.status == 1 && bad.stderr == "error: there is no field .Bogus\n")
            }
        }

        @Test("down --rmi all takes the images of the project along, unless others use them")
        func images() throws {
            let text =
                "services: { web: { image: \"app:1\", entrypoint: [/bin/sleep, infinity], init: true, stop_signal: SIGKILL } }"
            try Scenario.with(text) { scenario in
                try Images.makeArchive("docker", scenario, name: "app:1")
                try scenario.roost("load", "-qi", "image.tar")
                try scenario.roost("up", "-d")
                let shown = try scenario.roost("images")
                #expect(shown.contains("app") && shown.contains("linux/amd64"), "\(shown)")
                let kept = try scenario.run(["down", "--rmi", "local"])
                #expect(kept.status == 0, "\(kept.stderr)")
                try scenario.roost("up", "-d")
                try scenario.roost("-p", scenario.name + "b", "up", "-d")
                let used = try scenario.run(["down", "--rmi", "all"])
                #expect(used.status == 0 && used.stderr.contains("stays\n"), "\(used.stderr)")
                let gone = try scenario.run(["-p", scenario.name + "b", "down", "-v", "--rmi", "all"])
                #expect(gone.status == 0 && gone.stderr.contains("Image app:1  Removed\n"), "\(gone.stderr)")
                let blobs = try FileManager.default.contentsOfDirectory(atPath: "\(scenario.storage)/blobs/sha256")
                let layers = try FileManager.default.contentsOfDirectory(atPath: "\(scenario.storage)/layers")
                #expect(blobs.isEmpty && layers.isEmpty, "\(blobs) \(layers)")
                #expect(try scenario.run(["up", "-d", "--pull", "never"]).stderr.contains("is not in the store"))
            }
        }
    }
}
