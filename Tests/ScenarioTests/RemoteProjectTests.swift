import Foundation
import Glibc
import Testing

extension Scenarios {
    /// Projects on other machines: in a repository that git serves, and in Debian's registry.
    @Suite struct RemoteProjects {
        /// git's own server, on the loopback interface.
        private final class Server {
            static let program = "/usr/lib/git-core/git-daemon"
            let address: String
            private let daemon: Program
            private let scenario: Scenario

            /// Serves a repository `r` with these files on the branch `main`.
            init(_ scenario: Scenario, _ files: [String: String]) throws {
                self.scenario = scenario
                let port = Scenario.freePort()
                address = "git://127.0.0.1:\(port)/r"
                for (path, text) in files { try scenario.write("served/r/\(path)", text) }
                daemon = try Program(
                    [
                        Self.program, "--reuseaddr", "--export-all", "--listen=127.0.0.1", "--port=\(port)",
                        "--base-path=\(scenario.directory)/served", "\(scenario.directory)/served",
                    ],
                    environment: ["PATH": "/usr/bin:/bin", "HOME": scenario.scratch],
                    directory: scenario.directory,
                    input: .none
                )
                try git("init", "-q", "-b", "main")
                try commit()
                try Scenario.wait("the repository is served") {
                    try scenario.host("/usr/bin/git", "ls-remote", address).status == 0 ? true : nil
                }
            }

            deinit { daemon.signal(SIGKILL) }

            func git(_ arguments: String...) throws {
                let result = try Program(
                    ["/usr/bin/git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]
                        + arguments,
                    environment: ["PATH": "/usr/bin:/bin", "HOME": scenario.scratch],
                    directory: "\(scenario.directory)/served/r",
                    input: .none
                ).end(within: .seconds(30))
                try #require(result.status == 0, "git \(arguments): \(result.stderr)")
            }

            func commit() throws {
                try git("add", "-A")
                try git("commit", "-q", "-m", "next")
            }
        }

        @Test(
            "A project of a repository runs, with its files mounted from the copy",
            .enabled(if: access("/usr/lib/git-core/git-daemon", X_OK) == 0, "needs git")
        )
        func repository() throws {
            try Scenario.with("services: {}") { scenario in
                let server = try Server(
                    scenario,
                    [
                        "deploy/compose.yaml": """
                        services:
                          web:
                            image: rootfs:/
                            command: sh -c "cat /given/text; echo $$GREETING; exec sleep 1000"
                            env_file: web.env
                            volumes: ["./given:/given:ro"]
                        """,
                        "deploy/given/text": "from the repository\n", "deploy/web.env": "GREETING=hello\n",
                        "README": "no project here\n",
                    ]
                )
                let reference = "\(server.address)#main:deploy"
                try scenario.roost("-f", reference, "up", "-d", "--wait", within: .seconds(60))
                #expect(try scenario.roost("logs", "--no-log-prefix") == "from the repository\nhello\n")
                // What was fetched stays for the next command, and the next commit is another copy.
                let place = "\(scenario.storage)/remote"
                #expect(try FileManager.default.contentsOfDirectory(atPath: place).count == 1)
                try scenario.write("served/r/deploy/compose.yaml", "services: {web: {imag: x}}")
                try server.commit()
                let wrong = try scenario.run(["-f", reference, "config"])
                #expect(wrong.status == 1)
                #expect(
                    wrong.stderr.hasPrefix(
                        "\(reference)/compose.yaml:1:18: there is no key \"imag\" in services.web\n"
                    ),
                    "\(wrong.stderr)"
                )
                let copies = try FileManager.default.contentsOfDirectory(atPath: place)
                #expect(copies.count == 2 && copies.allSatisfy { $0.hasPrefix("git-") }, "\(copies)")
                let none = try scenario.run(["-f", server.address, "config"])
                #expect(none.stderr.contains("can't be read: the repository has no Compose file"), "\(none.stderr)")
            }
        }

        @Test(
            "A hostile repository gets nothing of this machine into the project",
            .enabled(if: access("/usr/lib/git-core/git-daemon", X_OK) == 0, "needs git")
        )
        func hostile() throws {
            try Scenario.with("services: {}", files: ["secret.env": "TOKEN=mine\n"]) { scenario in
                let server = try Server(
                    scenario,
                    [
                        "compose.yaml": "services: {a: {image: x, env_file: link.env}}",
                        "direct.yaml": "services: {a: {image: x, env_file: \(scenario.directory)/secret.env}}",
                        ".gitattributes": "* filter=trace\n",
                    ]
                )
                for (link, target) in [
                    ("link.env", "\(scenario.directory)/secret.env"), ("out", scenario.directory),
                    ("link.yaml", "\(scenario.directory)/compose.yaml"),
                ] {
                    try FileManager.default.createSymbolicLink(
                        atPath: "\(scenario.directory)/served/r/\(link)",
                        withDestinationPath: target
                    )
                }
                try server.commit()
                for reference in ["", "#main:direct.yaml", "#main:out", "#main:out/secret.env", "#main:link.yaml"] {
                    let outcome = try scenario.run(["-f", server.address + reference, "config"])
                    #expect(outcome.status == 1 && !(outcome.stdout + outcome.stderr).contains("TOKEN"), "\(reference)")
                }
                for reference in [
                    "ext::sh -c id", "file://\(scenario.directory)/served/r", "git@-oProxyCommand=id:x.git",
                ] {
                    #expect(try scenario.run(["-f", reference, "config"]).status == 1)
                }
                let forbidden = try scenario.run(
                    ["-f", server.address, "config"],
                    environment: ["COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false"]
                )
                #expect(forbidden.stderr.contains("COMPOSE_EXPERIMENTAL_GIT_REMOTE forbids it"))
            }
        }

        @Test(
            "A project of a registry is included, with its variables and the files that it extends",
            .enabled(if: access("/usr/bin/docker-registry", X_OK) == 0, "needs docker-registry")
        )
        func artefact() throws {
            try Scenario.with("services: {}") { scenario in
                let server = try Registries.Server(scenario)
                try scenario.write("publish.py", Self.publisher)
                func publish(_ kind: String) throws {
                    let result = try scenario.host("/usr/bin/python3", "publish.py", server.host, kind)
                    try #require(result.status == 0, "\(result.stderr)")
                }
                try publish("good")
                try scenario.rewrite("include: [\"oci://\(server.host)/team/shop:1\"]\nservices: {own: {image: x}}")
                let shown = try scenario.roost("config")
                #expect(
                    shown.contains(
                        """
                          web:
                            command:
                              - later
                            environment:
                              GREETING: hello
                            hostname: base
                            image: web:1

                        """
                    ),
                    "\(shown)"
                )
                try publish("wide")
                let wide = try scenario.run(["config"])
                #expect(
                    wide.status == 1 && wide.stderr.contains("a file with the name \"../web.env\""),
                    "\(wide.stderr)"
                )
                try publish("image")
                let image = try scenario.run(["config"])
                #expect(image.stderr.contains("team/shop:1 is no Compose project, but of the type"), "\(image.stderr)")
                #expect(
                    try scenario.run(["-f", "oci://\(server.host)/team/none:1", "config"]).stderr
                        .hasPrefix("error: oci://\(server.host)/team/none:1 can't be read: ")
                )
            }
        }

        /// Publishes what docker compose would, or what nobody should.
        private static let publisher = #"""
            import hashlib, json, sys, urllib.request
            host, kind = sys.argv[1:]
            base = f"http://{host}/v2/team/shop"
            def digest(data): return "sha256:" + hashlib.sha256(data).hexdigest()
            def ask(method, url, data=None, kind="application/octet-stream"):
                request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": kind})
                return urllib.request.urlopen(request)
            def blob(data, kind, **notes):
                place = ask("POST", f"{base}/blobs/uploads/", b"").headers["Location"]
                ask("PUT", place + ("&" if "?" in place else "?") + "digest=" + digest(data), data)
                names = {"com.docker.compose." + name: value for name, value in notes.items()}
                return {"mediaType": kind, "digest": digest(data), "size": len(data), "annotations": names}
            compose, variables = "application/vnd.docker.compose.file+yaml", "application/vnd.docker.compose.envfile"
            layers = [
                blob(b"services: {web: {image: 'web:1', env_file: web.env, extends: {file: f.yaml, service: base}}}",
                     compose, file="compose.yaml"),
                blob(b"services: {web: {command: later}}", compose, file="over.yaml"),
                blob(b"services: {base: {hostname: base}}", compose, file="f.yaml", extends="true"),
                blob(b"GREETING=hello\n", variables, envfile="../web.env" if kind == "wide" else "web.env"),
            ]
            manifest = {
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "artifactType": "application/vnd.example" if kind == "image" else "application/vnd.docker.compose.project",
                "config": blob(b"{}", "application/vnd.oci.empty.v1+json"), "layers": layers,
            }
            data = json.dumps(manifest).encode()
            if kind == "good":
                inner = digest(data)
                ask("PUT", f"{base}/manifests/{inner}", data, manifest["mediaType"])
                kind = "application/vnd.oci.image.index.v1+json"
                entry = {"mediaType": manifest["mediaType"], "digest": inner, "size": len(data),
                         "artifactType": manifest["artifactType"]}
                data = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": [entry]}).encode()
            else:
                kind = manifest["mediaType"]
            ask("PUT", f"{base}/manifests/1", data, kind)
            """#
    }
}
