import Glibc
import Testing

extension Scenarios {
    /// `attach`: a program's input, output and signals, after its start.
    @Suite struct Attaching {
        @Test("attach passes input and signals on, shows output, and ends with the program's status")
        func lines() throws {
            let text = """
                services:
                  web:
                    image: rootfs:/
                    command: [sh, -c, "trap 'echo caught >&2; exit 6' TERM; while read line; do echo got $$line; done"]
                    stdin_open: true
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                let attached = try scenario.start(["attach", "web"], input: .open)
                try Scenario.wait("an answer") { () -> Void? in
                    attached.type("word\n")
                    try attached.wait("an answer", within: .milliseconds(200)) { out, _ in out.contains("got word\n") }
                    return ()
                }
                // A shell waits for its input before it looks at signals.
                attached.signal(SIGTERM)
                attached.type("more\n")
                let outcome = try attached.end()
                #expect(outcome.status == 6 && outcome.stderr == "caught\n", "\(outcome)")
                let stopped = try scenario.run(["attach", "web"])
                #expect(stopped.status == 1 && stopped.stderr.contains("service web does not run"))
            }
        }

        @Test("On a terminal, attach shows it as it comes, also from another supervisor, and ends by keys")
        func terminal() throws {
            let text = """
                services:
                  shell: { image: "rootfs:/", command: [sh], tty: true, stdin_open: true, stop_signal: SIGKILL }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                let attached = try scenario.start(["attach", "shell"], input: .terminal)
                try Scenario.wait("an answer") { () -> Void? in
                    attached.type("echo typed-$((40 + 2))\r")
                    try attached.wait("an answer", within: .milliseconds(300)) { out, _ in out.contains("typed-42\n") }
                    return ()
                }
                attached.type("stty size\r")
                try attached.wait(for: "24 80\n")
                #expect(kill(try scenario.supervisor(), SIGKILL) == 0)
                try Scenario.wait("an answer") { () -> Void? in
                    attached.type("echo again-$((40 + 3))\r")
                    try attached.wait("an answer", within: .milliseconds(300)) { out, _ in out.contains("again-43\n") }
                    return ()
                }
                attached.type("\u{10}\u{11}")
                #expect(try attached.end().status == 0)
                #expect(try scenario.states() == ["shell-1": "running"])
                let other = try scenario.start(["attach", "--detach-keys", "ctrl-x", "shell"], input: .terminal)
                try Scenario.wait("the end") { () -> Void? in
                    other.type("exit 4\r")
                    return try scenario.states() == ["shell-1": "exited 4"] ? () : nil
                }
                #expect(try other.end().status == 4)
            }
        }
    }
}
