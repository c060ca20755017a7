import Glibc
import Testing

extension Scenarios {
    /// What a mistake costs: one clear message with the object, the place and the next step, and nothing else.
    @Suite struct Errors {
        private func refuse(_ compose: String, _ message: String, _ arguments: [String] = ["up", "-d"]) throws {
            try Scenario.with(compose) { scenario in
                let outcome = try scenario.run(arguments)
                #expect(outcome.status == 1)
                #expect(outcome.stdout.isEmpty)
                #expect(scenario.short(outcome.stderr) == message)
                #expect(try scenario.roost("ps", "-aq").isEmpty)
            }
        }

        @Test("An image that is not in the store")
        func image() throws {
            try refuse(
                """
                services:
                  web:
                    image: nowhere:7
                    pull_policy: never
                """,
                """
                compose.yaml:3:5: image docker.io/library/nowhere:7 is not in the store; fetch it with \
                "roost image pull", load it with "roost load -i FILE", or use the host's own programs with rootfs:/
                        image: nowhere:7
                        ^

                """
            )
        }

        @Test("A service that is built")
        func build() throws {
            try refuse(
                """
                services:
                  web:
                    build: .
                """,
                """
                compose.yaml:3:5: services.web.build can't be honoured: images are not built yet
                        build: .
                        ^
                  hint: build it elsewhere, bring it in with "roost load -i FILE", and name it with image:

                """
            )
        }

        @Test("A service that is not there, on the command line and in the file")
        func service() throws {
            try refuse(
                "services: { web: { \(Up.sleeper) } }",
                """
                error: there is no service "wep"
                  hint: did you mean "web"?

                """,
                ["up", "-d", "wep"]
            )
            try refuse(
                """
                services:
                  web:
                    image: rootfs:/
                    depends_on: [wob]
                """,
                """
                compose.yaml:4:18: "web" depends on "wob", which is not there or not active
                        depends_on: [wob]
                                     ^
                  hint: did you mean "web"?

                """
            )
        }

        @Test("A port that somebody else has")
        func port() throws {
            let port = Scenario.freePort()
            let holder = try Program(
                [
                    "/usr/bin/python3", "-c",
                    "import socket, sys; s = socket.create_server(('0.0.0.0', \(port))); print('ready', flush=True); sys.stdin.read()",
                ],
                environment: [:],
                directory: "/",
                input: .open
            )
            try holder.wait(for: "ready")
            try refuse(
                """
                services:
                  web:
                    \(Up.sleeper.replacing(", command", with: "\n    command").replacing(", init", with: "\n    init"))
                    ports:
                      - "\(port):80"
                """,
                """
                compose.yaml:7:9: port \(port)/tcp of 0.0.0.0 is in use by python3 (\(holder.pid)); stop it or publish \
                another port
                          - "\(port):80"
                            ^

                """
            )
            holder.closeInput()
            try holder.end()
        }

        @Test("A key that nobody knows, and a program that the container does not have")
        func mistakes() throws {
            try refuse(
                """
                services:
                  web:
                    image: rootfs:/
                    comand: x
                """,
                """
                compose.yaml:4:5: there is no key "comand" in services.web
                        comand: x
                        ^
                  hint: did you mean "command"?

                """
            )
            try Scenario.with("services: { web: { image: \"rootfs:/\", command: [no-such-program] } }") { scenario in
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 1)
                #expect(
                    scenario.short(outcome.stderr)
                        .hasSuffix("error: web-1: the container has no program \"no-such-program\" on its PATH\n")
                )
            }
        }

        @Test("Words that no command knows end with 1 and show how it is used")
        func usage() throws {
            try Scenario.with(Up.pair) { scenario in
                for arguments in [["bogus"], ["up", "--bogus"], ["logs", "-n"], ["exec", "one"]] {
                    let outcome = try scenario.run(arguments)
                    #expect(outcome.status == 1, "\(arguments): \(outcome)")
                    #expect(outcome.stdout.isEmpty && outcome.stderr.contains("Usage: roost"), "\(outcome)")
                }
                let near = try scenario.run(["upp", "-d"])
                #expect(
                    near.stderr.hasPrefix("error: there is no command \"upp\"\n  hint: did you mean \"roost up\"?\n")
                )
                let absent = try scenario.run(["-f", "absent.yaml", "up"])
                #expect(absent.status == 1 && absent.stderr.contains("absent.yaml"))
            }
        }
    }
}
