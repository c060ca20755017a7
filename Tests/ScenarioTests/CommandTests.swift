import Glibc
import Testing

extension Scenarios {
    /// `exec`, `run`, and the commands about containers that are there.
    @Suite struct Commands {
        static let web = "services:\n  web: { \(Up.sleeper) }\n"

        @Test("exec runs a command with its own variables, user and directory, and passes its status on")
        func exec() throws {
            let text = """
                services:
                  web: { \(Up.sleeper), environment: { GIVEN: yes }, working_dir: /usr }
                """
            try Scenario.with(text.replacing("yes", with: "here")) { scenario in
                try scenario.roost("up", "-d", "--scale", "web=2")
                #expect(
                    try scenario.roost("exec", "-T", "web", "sh", "-c", "echo $GIVEN; pwd; id -u") == "here\n/usr\n0\n"
                )
                let script = "echo $A $B $HOMELESS; pwd; id -u; id -g"
                let outcome = try scenario.run(
                    ["exec", "-T", "-e", "A=1", "-e", "B", "-u", "nobody", "-w", "/tmp", "web", "sh", "-c", script],
                    environment: ["B": "from here"]
                )
                #expect(outcome == Outcome(status: 0, stdout: "1 from here\n/tmp\n65534\n65534\n", stderr: ""))
                #expect(
                    try scenario.run(["exec", "web", "sh", "-c", "echo e >&2; exit 7"])
                        == Outcome(status: 7, stdout: "", stderr: "e\n")
                )
                #expect(try scenario.run(["exec", "web", "sh", "-c", "kill -9 $$"]).status == 137)
                let one = try scenario.roost("exec", "--index", "1", "web", "cat", "/etc/hostname")
                let two = try scenario.roost("exec", "--index", "2", "web", "cat", "/etc/hostname")
                #expect(one != two)
                #expect(try scenario.roost("exec", "web", "cat", "/etc/hostname") == one)
            }
        }

        @Test("exec passes standard input through, and its end")
        func input() throws {
            try Scenario.with(Self.web) { scenario in
                try scenario.roost("up", "-d")
                let text = String(repeating: "a line of some length\n", count: 2000)
                #expect(try scenario.roost("exec", "-T", "web", "cat", input: .text(text)) == text)
                #expect(try scenario.roost("run", "-T", "--rm", "web", "wc", "-l", input: .text(text)) == "2000\n")
            }
        }

        @Test("exec of what is not there, or can't be executed, has the status of a shell")
        func execFailures() throws {
            try Scenario.with(Self.web) { scenario in
                let early = try scenario.run(["exec", "web", "true"])
                #expect(early.status == 1)
                #expect(
                    scenario.short(early.stderr)
                        == "error: project \(scenario.name) has no container of a service \"web\"; see `roost ps -a`\n"
                )
                try scenario.roost("up", "-d")
                let absent = try scenario.run(["exec", "web", "no-such-program"])
                #expect(absent.status == 127)
                #expect(
                    absent.stderr
                        == "error: web-1: the container has no program \"no-such-program\" on its PATH\n"
                        .replacing("web-1", with: "\(scenario.name)-web-1")
                )
                let directory = try scenario.run(["exec", "web", "/etc"])
                #expect(directory.status == 126)
                #expect(
                    directory.stderr
                        == "error: \(scenario.name)-web-1: the container's \"/etc\" can't be executed: permission denied (EACCES)\n"
                )
                try scenario.roost("stop")
                let stopped = try scenario.run(["exec", "web", "true"])
                #expect(stopped.status == 1)
                #expect(stopped.stderr == "error: service web does not run; start it with `roost start web`\n")
            }
        }

        @Test("On a terminal, exec and run give the command one, of the same size and with its keys")
        func terminal() throws {
            try Scenario.with(Self.web) { scenario in
                try scenario.roost("up", "-d")
                for verb in [["exec"], ["run", "--rm"]] {
                    let shell = try scenario.start(verb + ["web", "sh"], input: .terminal)
                    try shell.wait(for: "# ")
                    shell.type("tty; stty size; echo typed-$((40 + 2))\r")
                    try shell.wait(for: "typed-42\n")
                    #expect(shell.stdout.contains("/dev/pts/") || shell.stdout.contains("/dev/console"))
                    #expect(shell.stdout.contains("24 80\n"))
                    // The program gets the interrupt, not the command: sleep ends, the shell stays.
                    shell.type("sleep 1000\r")
                    try Scenario.wait("sleep") {
                        try scenario.host("/usr/bin/pgrep", "-x", "-f", "sleep 1000").status == 0 ? () : nil
                    }
                    shell.type("\u{3}")
                    shell.type("echo still-$((1 + 1))\r")
                    try shell.wait(for: "still-2\n")
                    shell.type("exit 9\r")
                    #expect(try shell.end().status == 9)
                    #expect(try scenario.run(verb + ["-T", "web", "test", "-t", "1"]).status == 1)
                }
            }
        }

        @Test("run starts what the service depends on, takes its place with options, and can leave nothing")
        func run() throws {
            let text = """
                services:
                  base: { \(Up.sleeper) }
                  web:
                    image: rootfs:/
                    entrypoint: [echo, entry]
                    command: [from file]
                    depends_on: [base]
                    container_name: fixed-\(UInt32.random(in: 0 ... .max))
                    ports: ["\(Scenario.freePort()):80"]
                """
            try Scenario.with(text) { scenario in
                #expect(try scenario.run(["run", "--rm", "--no-deps", "web"]).stdout == "entry from file\n")
                #expect(try scenario.states().isEmpty)
                #expect(try scenario.run(["run", "--rm", "web", "given"]).stdout == "entry given\n")
                #expect(try scenario.states() == ["base-1": "running"])
                let script = "echo $A; pwd; id -u; exit 5"
                let outcome = try scenario.run(
                    ["run", "--rm", "-e", "A=b", "-u", "1", "-w", "/usr", "--entrypoint", "sh -c", "web", script]
                )
                #expect(outcome.status == 5 && outcome.stdout == "b\n/usr\n1\n")
                let capabilities = ["run", "--rm", "-T", "--no-deps", "--entrypoint", "grep CapEff /proc/self/status"]
                let bare = try scenario.run(capabilities + ["--cap-drop", "ALL", "web"]).stdout
                #expect(bare == "CapEff:\t0000000000000000\n")
                let chown = try scenario.run(capabilities + ["--cap-drop", "ALL", "--cap-add", "CHOWN", "web"]).stdout
                #expect(chown == "CapEff:\t0000000000000001\n")
                #expect(try scenario.run(["run", "--name", "\(scenario.name)-mine", "web", "x"]).status == 0)
                #expect(try scenario.states() == ["base-1": "running", "mine": "exited 0"])
                let detached = try scenario.roost("run", "-d", "--entrypoint", "sleep", "web", "infinity")
                #expect(detached.wholeMatch(of: /t[0-9a-z]+-web-run-[0-9a-f]{12}\n/) != nil)
                #expect(try scenario.states().values.sorted() == ["exited 0", "running", "running"])
            }
        }

        @Test("run with a program that is not there ends with 127 and leaves nothing with --rm")
        func runFailures() throws {
            try Scenario.with(Self.web) { scenario in
                let outcome = try scenario.run(["run", "--rm", "web", "no-such-program"])
                #expect(outcome.status == 127)
                #expect(outcome.stderr.contains("has no program \"no-such-program\" on its PATH\n"))
                #expect(try scenario.states().isEmpty)
                let unknown = try scenario.run(["run", "nobody", "true"])
                #expect(unknown.status == 1)
                #expect(unknown.stderr == "error: there is no service \"nobody\"\n  hint: there are web\n")
            }
        }

        @Test("Signals that run gets, its command gets")
        func signals() throws {
            try Scenario.with(Self.web) { scenario in
                let script = "trap 'echo got it; exit 12' TERM; echo ready; while :; do sleep 0.01; done"
                let run = try scenario.start(["run", "--rm", "-T", "web", "sh", "-c", script])
                try run.wait(for: "ready\n")
                run.signal(SIGTERM)
                let outcome = try run.end()
                #expect(outcome.status == 12 && outcome.stdout == "ready\ngot it\n")
                #expect(try scenario.states().isEmpty)
            }
        }

        @Test("stop, start, restart and rm treat containers as they say, and keep what they are")
        func lifecycle() throws {
            try Scenario.with(Up.pair) { scenario in
                try scenario.roost("up", "-d")
                let before = try scenario.identities()
                try scenario.roost("stop", "two")
                #expect(try scenario.states() == ["one-1": "running", "two-1": "exited 143"])
                try scenario.roost("start", "two")
                #expect(try scenario.states() == ["one-1": "running", "two-1": "running"])
                try scenario.roost("restart", "-t", "1")
                #expect(try scenario.states() == ["one-1": "running", "two-1": "running"])
                #expect(try scenario.identities() == before)
                let none = try scenario.run(["rm", "-f"])
                #expect(none.status == 0 && none.stderr.contains("there are no stopped containers"))
                try scenario.roost("stop", "one")
                let refused = try scenario.run(["rm"], input: .text("n\n"))
                #expect(refused.status == 130)
                #expect(try scenario.states().count == 2)
                try scenario.roost("rm", input: .text("y\n"))
                #expect(try scenario.states() == ["two-1": "running"])
                try scenario.roost("rm", "-fs")
                #expect(try scenario.states().isEmpty)
                for verb in ["stop", "start", "restart", "kill", "rm", "logs", "ps", "exec"] {
                    let outcome = try scenario.run([verb, "nobody"] + (verb == "exec" ? ["true"] : []))
                    #expect(outcome.status == 1 && outcome.stderr.contains("nobody"), "\(verb): \(outcome.stderr)")
                }
            }
        }

        @Test("kill sends the signal that it is told, SIGKILL without one, and restarts nothing")
        func kill() throws {
            let text = """
                services:
                  web:
                    image: rootfs:/
                    command: [sh, -c, "trap 'echo hup' HUP; echo ready; while :; do sleep 0.01; done"]
                    restart: always
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                try Scenario.wait("ready") { try scenario.roost("logs").contains("ready") ? () : nil }
                try scenario.roost("kill", "-s", "HUP")
                try Scenario.wait("hup") { try scenario.roost("logs").contains("hup") ? () : nil }
                #expect(try scenario.states() == ["web-1": "running"])
                try scenario.roost("kill")
                #expect(try scenario.states() == ["web-1": "exited 137"])
                let outcome = try scenario.run(["kill", "-s", "NONSENSE"])
                #expect(outcome.status == 1 && outcome.stderr.contains("there is no signal \"NONSENSE\""))
            }
        }
    }
}
