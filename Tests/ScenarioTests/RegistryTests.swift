import Foundation
import Glibc
import Testing

extension Scenarios {
    /// Registries, against Debian's `docker-registry`.
    @Suite(.enabled(if: access("/usr/bin/docker-registry", X_OK) == 0, "needs docker-registry"))
    struct Registries {
        /// A registry on this machine.
        final class Server {
            let host: String
            private let program: Program

            /// Starts one, with TLS and a user `ada` whose password is `lovelace` when it is to be guarded.
            init(_ scenario: Scenario, isGuarded: Bool = false) throws {
                host = "127.0.0.1:\(Scenario.freePort())"
                var settings = """
                    version: 0.1
                    log: { level: error, accesslog: { disabled: true } }
                    storage: { filesystem: { rootdirectory: \(scenario.scratch)/registry } }
                    http:
                      addr: \(host)
                    """
                if isGuarded {
                    let certificates = "\(scenario.scratch)/.config/containers/certs.d/\(host)"
                    try FileManager.default.createDirectory(atPath: certificates, withIntermediateDirectories: true)
                    let made = try scenario.host(
                        "/usr/bin/openssl",
                        "req",
                        "-x509",
                        "-newkey",
                        "ec",
                        "-pkeyopt",
                        "ec_paramgen_curve:prime256v1",
                        "-nodes",
                        "-days",
                        "2",
                        "-subj",
                        "/CN=registry",
                        "-addext",
                        "subjectAltName=IP:127.0.0.1",
                        "-keyout",
                        "key.pem",
                        "-out",
                        "\(certificates)/ca.crt"
                    )
                    try #require(made.status == 0, "\(made.stderr)")
                    let hash = try scenario.host(
                        "/usr/bin/python3",
                        "-W",
                        "ignore",
                        "-c",
                        "import crypt; print(crypt.crypt('lovelace', crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))"
                    )
                    try scenario.write("htpasswd", "ada:\(hash.stdout)")
                    settings += """

                          tls: { certificate: \(certificates)/ca.crt, key: \(scenario.directory)/key.pem }
                        auth: { htpasswd: { realm: test, path: \(scenario.directory)/htpasswd } }
                        """
                }
                try scenario.write("registry.yml", settings)
                program = try Program(
                    ["/usr/bin/docker-registry", "serve", "registry.yml"],
                    environment: ["PATH": "/usr/bin:/bin", "HOME": scenario.scratch],
                    directory: scenario.directory,
                    input: .none
                )
                // Our certificates and credentials are those of a home of our own.
                scenario.variables["HOME"] = scenario.scratch
                let flags = isGuarded ? ["-k", "https://\(host)/v2/"] : ["http://\(host)/v2/"]
                try Scenario.wait("the registry answers") {
                    try scenario.host("/usr/bin/python3", "-c", Self.probe, flags.last ?? "").status == 0 ? true : nil
                }
            }

            deinit { program.signal(SIGKILL) }

            private static let probe = """
                import ssl, sys, urllib.error, urllib.request
                try: urllib.request.urlopen(sys.argv[1], context=ssl._create_unverified_context())
                except urllib.error.HTTPError: pass
                """
        }

        /// Has the image of `Images` in the store, under a name of the registry.
        private func load(_ scenario: Scenario, _ name: String) throws {
            try Images.makeArchive("oci", scenario, name: name)
            try scenario.roost("load", "-q", "-i", "image.tar")
        }

        /// Goes on with an empty store.
        private func forget(_ scenario: Scenario) throws {
            try FileManager.default.removeItem(atPath: scenario.storage)
        }

        @Test("An image is sent to a registry, and up fetches it from there")
        func roundTrip() throws {
            try Scenario.with("services: {}") { scenario in
                let server = try Server(scenario)
                let name = "\(server.host)/team/app:1"
                try load(scenario, name)
                try scenario.roost("image", "push", "-q", name)
                // What is there is not sent again; another repository takes it over.
                try load(scenario, "\(server.host)/team/other:2")
                let second = try scenario.run(["--progress", "plain", "image", "push", "\(server.host)/team/other:2"])
                #expect(second.status == 0 && !second.stderr.contains("Sending"), "\(second.stderr)")
                try forget(scenario)
                try scenario.rewrite("services: { web: { image: \"\(name)\" } }")
                let up = try scenario.run(["up", "--wait"])
                #expect(up.status == 0 && up.stderr.contains("Image \(name)  Pulled"), "\(up.stderr)")
                #expect(try scenario.roost("logs", "--no-log-prefix").hasPrefix("blue\n"))
                #expect(try scenario.run(["pull"]).stderr.contains("Up to date"))
                #expect(try scenario.run(["pull", "--policy", "missing"]).stderr.contains("Present"))
                #expect(try scenario.run(["up", "-d", "--pull", "always", "--quiet-pull"]).status == 0)
                let pinned = try scenario.roost("config", "--lock-image-digests")
                #expect(pinned.contains("image: \"\(name)@sha256:"))
            }
        }

        @Test("What skopeo sends can be pulled, and skopeo reads what we send")
        func skopeo() throws {
            guard access("/usr/bin/skopeo", X_OK) == 0 else { return }
            try Scenario.with("services: {}") { scenario in
                let server = try Server(scenario)
                try Images.makeArchive("docker", scenario, name: "example.org/app:1")
                let sent = try scenario.host(
                    "/usr/bin/skopeo",
                    "copy",
                    "--insecure-policy",
                    "--dest-tls-verify=false",
                    "docker-archive:image.tar:example.org/app:1",
                    "docker://\(server.host)/theirs:1"
                )
                try #require(sent.status == 0, "\(sent.stderr)")
                try scenario.roost("image", "pull", "-q", "\(server.host)/theirs:1")
                try load(scenario, "\(server.host)/ours:1")
                try scenario.roost("image", "push", "-q", "\(server.host)/ours:1")
                let seen = try scenario.host(
                    "/usr/bin/skopeo",
                    "inspect",
                    "--tls-verify=false",
                    "docker://\(server.host)/ours:1"
                )
                #expect(seen.status == 0 && seen.stdout.contains("COLOUR=blue"), "\(seen.stderr)")
            }
        }

        @Test("A registry with TLS and users wants both, and gives nothing to others")
        func login() throws {
            try Scenario.with("services: {}") { scenario in
                let server = try Server(scenario, isGuarded: true)
                let name = "\(server.host)/app:1"
                try load(scenario, name)
                let stranger = try scenario.run(["image", "push", name])
                #expect(
                    stranger.status == 1 && stranger.stderr.contains("roost login \(server.host)"),
                    "\(stranger.stderr)"
                )
                let arguments = ["login", server.host, "-u", "ada", "--password-stdin"]
                let wrong = try scenario.run(arguments, input: .text("byron\n"))
                #expect(wrong.status == 1 && wrong.stderr.contains("does not accept"), "\(wrong.stderr)")
                #expect(!FileManager.default.fileExists(atPath: "\(scenario.scratch)/.docker/config.json"))
                let right = try scenario.run(arguments, input: .text("lovelace\n"))
                #expect(right.status == 0 && !(right.stderr + right.stdout).contains("lovelace"), "\(right.stderr)")
                try scenario.roost("image", "push", "-q", name)
                try forget(scenario)
                try scenario.roost("image", "pull", "-q", name)
                try scenario.roost("logout", server.host)
                try forget(scenario)
                #expect(try scenario.run(["image", "pull", "-q", name]).status == 1)
                // Without its authority's certificate nobody believes it; without TLS it does not speak.
                try FileManager.default.removeItem(atPath: "\(scenario.scratch)/.config")
                try scenario.write("fresh/empty", "")
                let unknown = try scenario.run(["image", "pull", "-q", name])
                #expect(
                    unknown.status == 1 && unknown.stderr.contains("certs.d/\(server.host)/ca.crt"),
                    "\(unknown.stderr)"
                )
                let careless = try scenario.run(["image", "pull", "-q", "--insecure-registry", server.host, name])
                #expect(careless.status == 1 && careless.stderr.contains("roost login"), "\(careless.stderr)")
            }
        }

        @Test("On a terminal login asks, and shows no password")
        func prompt() throws {
            try Scenario.with("services: {}") { scenario in
                let server = try Server(scenario, isGuarded: true)
                let login = try scenario.start(["login", server.host], input: .terminal)
                try login.wait("the name is asked for") { shown, _ in shown.contains("Username for \(server.host): ") }
                login.type("ada\n")
                try login.wait("the password is asked for") { shown, _ in shown.contains("Password for ada at ") }
                login.type("lovelace\n")
                let outcome = try login.end()
                #expect(outcome.status == 0 && outcome.stdout.contains("logged in to \(server.host) as ada"))
                #expect(!outcome.stdout.contains("lovelace"), "\(outcome.stdout)")
                let name = "\(server.host)/app:1"
                try load(scenario, name)
                try scenario.roost("image", "push", "-q", name)
                // Ctrl-C while it asks ends it, and the terminal shows what is typed again.
                let interrupted = try scenario.start(
                    ["login", server.host, "-u", "ada"],
                    input: .terminal
                )
                try interrupted.wait("the password is asked for") { shown, _ in shown.contains("Password for ada at ") }
                interrupted.type("\u{3}")
                #expect(try interrupted.end().status == 1)
            }
        }

        @Test("A credential helper keeps who we are, and no file does")
        func helper() throws {
            let script = """
                #!/bin/sh
                # What docker-credential helpers do, with a file.
                kept="$HOME/kept"
                echo "$1" >> "$HOME/asked"
                case $1 in
                store) cat > "$kept" ;;
                get) read -r host; [ -e "$kept" ] && cat "$kept" || { echo "credentials not found in native keychain"; exit 1; } ;;
                erase) rm -f "$kept" ;;
                esac
                """
            try Scenario.with("services: {}") { scenario in
                let server = try Server(scenario, isGuarded: true)
                try scenario.write("../bin/docker-credential-mine", script)
                _ = try scenario.host("/bin/chmod", "+x", "\(scenario.scratch)/bin/docker-credential-mine")
                scenario.variables["PATH"] = "\(scenario.scratch)/bin:/usr/bin:/bin"
                try scenario.write("../.docker/config.json", "{\"credsStore\": \"mine\"}")
                let name = "\(server.host)/app:1"
                try load(scenario, name)
                #expect(try scenario.run(["image", "push", "-q", name]).status == 1)
                let arguments = ["login", server.host, "-u", "ada", "--password-stdin"]
                #expect(try scenario.run(arguments, input: .text("lovelace\n")).status == 0)
                let settings = try String(contentsOfFile: "\(scenario.scratch)/.docker/config.json", encoding: .utf8)
                #expect(!settings.contains("auth\""), "\(settings)")
                try scenario.roost("image", "push", "-q", name)
                try forget(scenario)
                try scenario.roost("image", "pull", "-q", name)
                try scenario.roost("logout", server.host)
                #expect(!FileManager.default.fileExists(atPath: "\(scenario.scratch)/kept"))
                let asked = try String(contentsOfFile: "\(scenario.scratch)/asked", encoding: .utf8)
                #expect(Set(asked.split(separator: "\n")) == ["get", "store", "erase"])
            }
        }

        @Test("Proxies of the environment stand between us and others, by a tunnel only over TLS")
        func proxy() throws {
            let script = """
                import base64, http.server, os, select, socket, sys
                registry = int(sys.argv[1])
                class Handler(http.server.BaseHTTPRequestHandler):
                    def note(self):
                        given = self.headers.get("Proxy-Authorization", "none").split()[-1]
                        user = "nobody" if given == "none" else base64.b64decode(given).decode()
                        with open("proxy.log", "a") as log: log.write("%s %s %s\\n" % (self.command, self.path, user))
                    def do_GET(self):
                        self.note()
                        data = open("root.tar", "rb").read()
                        self.send_response(200)
                        self.send_header("Content-Length", str(len(data)))
                        self.end_headers()
                        self.wfile.write(data)
                    def do_CONNECT(self):
                        self.note()
                        far = socket.create_connection(("127.0.0.1", registry))
                        self.send_response(200); self.end_headers()
                        near = self.connection
                        while True:
                            for source in select.select([near, far], [], [])[0]:
                                data = source.recv(65536)
                                if not data: return
                                (far if source is near else near).sendall(data)
                    def log_message(self, *arguments): pass
                server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
                with open("proxy.port.new", "w") as file: file.write(str(server.server_address[1]))
                os.rename("proxy.port.new", "proxy.port")
                server.serve_forever()
                """
            try Scenario.with("services: {}") { scenario in
                let server = try Server(scenario, isGuarded: true)
                let port = String(server.host.split(separator: ":")[1])
                let name = "\(server.host)/app:1"
                try load(scenario, name)
                let login = ["login", server.host, "-u", "ada", "--password-stdin"]
                #expect(try scenario.run(login, input: .text("lovelace\n")).status == 0)
                try scenario.roost("image", "push", "-q", name)
                try scenario.write("proxy.py", script)
                let program = try Program(
                    ["/usr/bin/python3", "proxy.py", port],
                    environment: ["PATH": "/usr/bin:/bin"],
                    directory: scenario.directory,
                    input: .none
                )
                defer { program.signal(SIGKILL) }
                let own = try Scenario.wait("the proxy") {
                    try? String(contentsOfFile: "\(scenario.directory)/proxy.port", encoding: .utf8)
                }
                scenario.variables["HTTPS_PROXY"] = "http://me:secret@127.0.0.1:\(own)"
                scenario.variables["http_proxy"] = "http://127.0.0.1:\(own)"
                scenario.variables["NO_PROXY"] = "other.invalid"
                // Names that nobody but the proxy knows.
                let far = "registry.invalid:\(port)"
                let arguments = ["login", far, "--insecure-registry", far, "-u", "ada", "--password-stdin"]
                let there = try scenario.run(arguments, input: .text("lovelace\n"))
                #expect(there.status == 0, "\(there.stderr)")
                try forget(scenario)
                try scenario.roost("image", "pull", "-q", "--insecure-registry", far, "\(far)/app:1")
                try scenario.write("inner/file", "x")
                #expect(try scenario.host("/bin/tar", "-cf", "root.tar", "-C", "inner", ".").status == 0)
                try scenario.roost("image", "import", "http://files.invalid/root.tar", "root:1")
                let log = try String(contentsOfFile: "\(scenario.directory)/proxy.log", encoding: .utf8)
                #expect(
                    Set(log.split(separator: "\n")) == [
                        "CONNECT \(far) me:secret", "GET http://files.invalid/root.tar nobody",
                    ]
                )
                // What is on this machine, or an exception, is asked without it.
                try scenario.roost("image", "pull", "-q", name)
                #expect(try scenario.run(["image", "import", "http://other.invalid/x", "x:1"]).status == 1)
                #expect(try String(contentsOfFile: "\(scenario.directory)/proxy.log", encoding: .utf8) == log)
            }
        }

        @Test("A dry run of pull and push shows what would be done")
        func dryRun() throws {
            try Scenario.with("services: {}") { scenario in
                try scenario.rewrite(
                    "services: {a: {image: \"127.0.0.1:1/a:1\"}, b: {build: ., image: \"127.0.0.1:1/b:1\"}}"
                )
                let pull = try scenario.run(["--dry-run", "pull"])
                #expect(
                    pull.status == 0 && pull.stderr.contains("Image 127.0.0.1:1/a:1  Would be pulled"),
                    "\(pull.stderr)"
                )
                let push = try scenario.run(["--dry-run", "push"])
                #expect(
                    push.status == 0 && push.stderr.contains("Image 127.0.0.1:1/b:1  Would be pushed"),
                    "\(push.stderr)"
                )
            }
        }

        @Test("A pull that is killed leaves a store that works, and the next one goes on")
        func killed() throws {
            try Scenario.with("services: {}") { scenario in
                let server = try Server(scenario)
                let name = "\(server.host)/large:1"
                try scenario.write("large.py", Self.large)
                try #require(try scenario.host("/usr/bin/python3", "large.py", name).status == 0)
                try scenario.roost("load", "-q", "-i", "image.tar")
                try scenario.roost("image", "push", "-q", name)
                try forget(scenario)
                let downloads = "\(scenario.storage)/downloads"
                for _ in 0..<3 {
                    let pull = try scenario.start(["image", "pull", "-q", name])
                    try Scenario.wait("the download has begun, or is over") { () -> Bool? in
                        let parts = (try? FileManager.default.contentsOfDirectory(atPath: downloads)) ?? []
                        let isUnderWay = parts.contains { part in
                            var status = stat()
                            return stat("\(downloads)/\(part)", &status) == 0 && status.st_size > 1 << 20
                        }
                        return isUnderWay || FileManager.default.fileExists(atPath: "\(scenario.storage)/index.json")
                            ? true : nil
                    }
                    pull.signal(SIGKILL)
                    _ = try pull.end()
                }
                try scenario.roost("image", "pull", "-q", name)
                #expect(try FileManager.default.contentsOfDirectory(atPath: downloads).isEmpty)
                #expect(try FileManager.default.contentsOfDirectory(atPath: "\(scenario.storage)/layers").count == 1)
            }
        }

        /// An archive of an image with 48 MiB that can't be compressed.
        static let large = """
            import hashlib, io, json, os, sys, tarfile
            layer = io.BytesIO()
            with tarfile.open(fileobj=layer, mode="w") as tar:
                info = tarfile.TarInfo("large"); info.size = 48 << 20
                tar.addfile(info, io.BytesIO(os.urandom(48 << 20)))
            layer = layer.getvalue()
            digest = hashlib.sha256(layer).hexdigest()
            machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
            config = json.dumps({"os": "linux", "architecture": machine, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]}}).encode()
            manifest = [{"Config": "c.json", "RepoTags": [sys.argv[1]], "Layers": ["l.tar"]}]
            with tarfile.open("image.tar", "w") as tar:
                for name, data in [("c.json", config), ("l.tar", layer), ("manifest.json", json.dumps(manifest).encode())]:
                    info = tarfile.TarInfo(name); info.size = len(data); tar.addfile(info, io.BytesIO(data))
            """
    }
}
