import Foundation
import Testing

extension Scenarios {
    /// Files that builds fetch from servers.
    @Suite struct Downloads {
        /// A server of files on this machine; what lies in `served` of the project, by plain HTTP.
        final class Server {
            let address: String
            private let scenario: Scenario
            private let program: Program

            private static let script = """
                import base64, email.utils, hashlib, http.server, os, sys
                known = ["Bearer s3cret", "basic " + base64.b64encode(b"x-access-token:s3cret").decode()]
                class Handler(http.server.BaseHTTPRequestHandler):
                    protocol_version = "HTTP/1.1"
                    def do_GET(self):
                        path = "served" + self.path.split("?")[0]
                        if path.startswith("served/private/") and self.headers.get("Authorization") not in known:
                            return self.answer(401, b"")
                        if not os.path.isfile(path):
                            return self.answer(404, b"")
                        data = open(path, "rb").read()
                        tag = '"%s"' % hashlib.sha256(data).hexdigest()
                        if self.headers.get("If-None-Match") == tag:
                            return self.answer(304, b"")
                        time = email.utils.formatdate(1000000000, usegmt=True)
                        self.answer(200, data, ETag=tag, **{"Last-Modified": time})
                    def answer(self, status, data, **headers):
                        with open("served.log", "a") as log: log.write("%s %d\\n" % (self.path, status))
                        self.send_response(status)
                        for name, value in headers.items(): self.send_header(name, value)
                        if status != 304: self.send_header("Content-Length", str(len(data)))
                        self.end_headers()
                        self.wfile.write(data)
                    def log_message(self, *arguments): pass
                server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
                with open("served.port.new", "w") as file: file.write(str(server.server_address[1]))
                os.rename("served.port.new", "served.port")
                server.serve_forever()
                """

            init(_ scenario: Scenario) throws {
                self.scenario = scenario
                try scenario.write("served.py", Self.script)
                program = try Program(
                    ["/usr/bin/python3", "served.py"],
                    environment: ["PATH": "/usr/bin:/bin"],
                    directory: scenario.directory,
                    input: .none
                )
                let port = try Scenario.wait("the server") {
                    try? String(contentsOfFile: "\(scenario.directory)/served.port", encoding: .utf8)
                }
                address = "http://127.0.0.1:\(port)"
            }

            deinit { program.signal(SIGKILL) }

            /// What was asked since the last look.
            func asked() throws -> [String] {
                let path = "\(scenario.directory)/served.log"
                let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
                try? FileManager.default.removeItem(atPath: path)
                return text.split(separator: "\n").map(String.init)
            }
        }

        private static let compose = "services: {web: {build: context, init: true, network_mode: none}}"

        private func build(_ scenario: Scenario, at location: SourceLocation = #_sourceLocation) throws -> String {
            let outcome = try scenario.run(["build"])
            try #require(outcome.status == 0, "\(outcome.stderr)", sourceLocation: location)
            return outcome.stderr
        }

        @Test("ADD fetches a file, asks whether it changed, and knows it by its content")
        func added() throws {
            try Scenario.with(Self.compose) { scenario in
                let server = try Server(scenario)
                try scenario.write("served/file.txt", "one\n")
                try scenario.write(
                    "context/Dockerfile",
                    """
                    FROM rootfs:/
                    ADD \(server.address)/file.txt?x=1 /there/
                    ADD --chmod=644 --chown=7:8 \(server.address)/file.txt /renamed
                    CMD cat /there/file.txt; stat -c '%a %u:%g %Y' /there/file.txt /renamed
                    """
                )
                #expect(try build(scenario).contains(" downloading 4B\n"))
                #expect(try server.asked().sorted() == ["/file.txt 200", "/file.txt?x=1 200"])
                #expect(try scenario.roost("run", "--rm", "web") == "one\n600 0:0 1000000000\n644 7:8 1000000000\n")
                let second = try build(scenario)
                #expect(second.contains("CACHED") && !second.contains("DONE"), "\(second)")
                #expect(try server.asked().sorted() == ["/file.txt 304", "/file.txt?x=1 304"])
                try scenario.write("served/file.txt", "two\n")
                let third = try build(scenario)
                #expect(third.contains("DONE") && !third.contains("CACHED"), "\(third)")
                #expect(try scenario.roost("run", "--rm", "web").hasPrefix("two\n"))
                // What was fetched is a part of the cache, and goes with it.
                let downloads = "\(scenario.storage)/build/downloads"
                #expect(FileManager.default.fileExists(atPath: downloads))
                try scenario.roost("builder", "prune")
                #expect(!FileManager.default.fileExists(atPath: downloads))
            }
        }

        @Test("With a checksum nobody is asked about a file that is here, and another content is refused")
        func checksum() throws {
            try Scenario.with(Self.compose) { scenario in
                let server = try Server(scenario)
                try scenario.write("served/file.txt", "one\n")
                let digest = "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"
                func dockerfile(_ digest: String, _ more: String = "") throws {
                    try scenario.write(
                        "context/Dockerfile",
                        "FROM rootfs:/\n\(more)ADD --checksum=sha256:\(digest) \(server.address)/file.txt /file\nCMD cat /file\n"
                    )
                }
                try dockerfile(digest)
                _ = try build(scenario)
                #expect(try server.asked() == ["/file.txt 200"])
                #expect(try scenario.roost("run", "--rm", "web") == "one\n")
                _ = try build(scenario)
                try dockerfile(digest, "RUN echo another > /another\n")
                _ = try build(scenario)
                #expect(try server.asked() == [])
                try dockerfile(String(repeating: "0", count: 64))
                let wrong = try scenario.run(["build"])
                #expect(
                    wrong.status == 1 && wrong.stderr.contains("has the digest sha256:\(digest)"),
                    "\(wrong.stderr)"
                )
                #expect(wrong.stderr.contains("Dockerfile:2:"), "\(wrong.stderr)")
            }
        }

        @Test("A fetched archive stays a file unless it is to be unpacked, and what can't be had is said with its line")
        func archives() throws {
            try Scenario.with(Self.compose) { scenario in
                let server = try Server(scenario)
                try scenario.write("inner/deep/file", "packed\n")
                try scenario.write("served/other", "")
                #expect(try scenario.host("/bin/tar", "-czf", "served/a.tgz", "-C", "inner", ".").status == 0)
                try scenario.write(
                    "context/Dockerfile",
                    """
                    FROM rootfs:/
                    ADD \(server.address)/a.tgz /file/
                    ADD --unpack=true \(server.address)/a.tgz /unpacked/
                    CMD ls /file; cat /unpacked/deep/file
                    """
                )
                _ = try build(scenario)
                #expect(try scenario.roost("run", "--rm", "web") == "a.tgz\npacked\n")
                for (line, words) in [
                    ("ADD \(server.address)/none /x", "there is no such file (404)"),
                    ("ADD \(server.address)/ /x/", "there is no such file (404)"),
                    ("ADD http://127.0.0.1:1/x /x", "Connection refused".lowercased()),
                ] {
                    try scenario.write("context/Dockerfile", "FROM rootfs:/\n\(line)\n")
                    let outcome = try scenario.run(["build"])
                    #expect(outcome.status == 1 && outcome.stderr.contains(words), "\(outcome.stderr)")
                    #expect(outcome.stderr.contains("Dockerfile:2:"), "\(outcome.stderr)")
                }
                let limited = try scenario.run(["build"], environment: ["ROOST_IMAGE_LIMITS": "layer-bytes=10"])
                #expect(limited.status == 1)
            }
        }

        @Test("A context comes as an archive, a Dockerfile alone, or a file under a name")
        func contexts() throws {
            try Scenario.with("services: {}") { scenario in
                let server = try Server(scenario)
                try scenario.write("inner/Dockerfile", "FROM rootfs:/\nCOPY . /all/\nCMD ls /all; cat /all/file\n")
                try scenario.write("inner/.dockerignore", "left\n")
                try scenario.write("inner/file", "packed\n")
                try scenario.write("inner/left", "")
                try scenario.write("served/alone", "FROM rootfs:/\nRUN echo alone > /alone\nCMD cat /alone\n")
                try scenario.write("served/extra.txt", "extra\n")
                try scenario.write(
                    "named/Dockerfile",
                    "FROM rootfs:/\nCOPY --from=extra extra.txt /\nCMD cat /extra.txt\n"
                )
                #expect(try scenario.host("/bin/tar", "-cJf", "served/a.tar.xz", "-C", "inner", ".").status == 0)
                try scenario.rewrite(
                    """
                    services:
                      archive: {build: "\(server.address)/a.tar.xz", network_mode: none}
                      alone: {build: "\(server.address)/alone", network_mode: none}
                      named:
                        build: {context: named, additional_contexts: {extra: "\(server.address)/extra.txt"}}
                        network_mode: none
                    """
                )
                try scenario.roost("build")
                #expect(try scenario.roost("run", "--rm", "archive") == "Dockerfile\nfile\npacked\n")
                #expect(try scenario.roost("run", "--rm", "alone") == "alone\n")
                #expect(try scenario.roost("run", "--rm", "named") == "extra\n")
                try scenario.write("served/alone", "FROM rootfs:/\nRUNN true\n")
                let wrong = try scenario.run(["build", "alone"])
                #expect(wrong.status == 1 && wrong.stderr.contains("/alone:2:1: "), "\(wrong.stderr)")
            }
        }

        @Test("Secrets say who a build is to servers of files and repositories, and nothing of them is kept")
        func credentials() throws {
            guard access("/usr/bin/git", X_OK) == 0 else { return }
            try Scenario.with("services: {}") { scenario in
                let server = try Server(scenario)
                let host = server.address.dropFirst("http://".count)
                try scenario.write("served/private/file", "guarded\n")
                try scenario.write("work/kept", "from git\n")
                try scenario.write("work/docs/left", "left\n")
                let commands = """
                    cd work && git init -q -b main && git add . && git -c user.name=t -c user.email=t@t commit -q -m one
                    cd .. && git clone -q --bare work served/private/r.git && git -C served/private/r.git update-server-info
                    """
                let made = try scenario.host("/bin/sh", "-ec", commands)
                try #require(made.status == 0, "\(made.stderr)")
                try scenario.write(
                    "context/Dockerfile",
                    """
                    FROM rootfs:/
                    ADD \(server.address)/private/file /file
                    ADD --exclude=docs \(server.address)/private/r.git /tree/
                    CMD cat /file; ls -A /tree
                    """
                )
                func project(_ secrets: String) throws {
                    try scenario.rewrite(
                        """
                        services: {web: {build: {context: context, secrets: [\(secrets)]}, network_mode: none}}
                        secrets:
                          HTTP_AUTH_TOKEN_127.0.0.1: {environment: KEY}
                          key: {environment: KEY}
                        """
                    )
                }
                scenario.variables["KEY"] = "s3cret"
                try project("")
                let refused = try scenario.run(["build"])
                #expect(refused.status == 1 && refused.stderr.contains("who asks"), "\(refused.stderr)")
                #expect(refused.stderr.contains("Dockerfile:2:1: "), "\(refused.stderr)")
                try project("HTTP_AUTH_TOKEN_127.0.0.1")
                let half = try scenario.run(["build"])
                #expect(half.status == 1 && half.stderr.contains("Dockerfile:3:1: "), "\(half.stderr)")
                try project("HTTP_AUTH_TOKEN_127.0.0.1, {source: key, target: \"GIT_AUTH_TOKEN.\(host)\"}")
                _ = try build(scenario)
                #expect(try scenario.roost("run", "--rm", "web") == "guarded\nkept\n")
                // Neither as it is nor as it is sent.
                let sent = Data("x-access-token:s3cret".utf8).base64EncodedString()
                let found = try scenario.host("/bin/grep", "-rlF", "-e", "s3cret", "-e", sent, scenario.storage)
                #expect(found.stdout == "", "\(found.stdout)")
            }
        }

        @Test("Repositories behind SSH are fetched with the agent of the build")
        func agent() throws {
            guard access("/usr/bin/git", X_OK) == 0 else { return }
            try Scenario.with("services: {web: {build: {context: context, ssh: [default=/run/own-agent]}}}") {
                scenario in
                try scenario.write(
                    "ssh.sh",
                    "#!/bin/sh\necho \"$SSH_AUTH_SOCK $*\" >> \(scenario.scratch)/asked\nexit 1\n"
                )
                #expect(try scenario.host("/bin/chmod", "+x", "ssh.sh").status == 0)
                scenario.variables["GIT_SSH_COMMAND"] = "\(scenario.directory)/ssh.sh"
                scenario.variables["SSH_AUTH_SOCK"] = "/run/other-agent"
                try scenario.write("context/Dockerfile", "FROM rootfs:/\nADD git@host.invalid:o/r.git /x\n")
                let outcome = try scenario.run(["build"])
                #expect(outcome.status == 1 && outcome.stderr.contains("Dockerfile:2:1: "), "\(outcome.stderr)")
                let asked = try String(contentsOfFile: "\(scenario.scratch)/asked", encoding: .utf8)
                #expect(asked.hasPrefix("/run/own-agent ") && asked.contains("git@host.invalid"), "\(asked)")
            }
        }

        @Test("A Dockerfile in a context that is fetched is checked like any other, and nothing is built")
        func checked() throws {
            try Scenario.with("services: {}") { scenario in
                let server = try Server(scenario)
                try scenario.write("inner/Dockerfile", "FROM rootfs:/\nMAINTAINER me\nRUN touch /made\n")
                try FileManager.default.createDirectory(
                    atPath: "\(scenario.directory)/served",
                    withIntermediateDirectories: true
                )
                #expect(try scenario.host("/bin/tar", "-czf", "served/a.tgz", "-C", "inner", ".").status == 0)
                try scenario.rewrite("services: {web: {build: \"\(server.address)/a.tgz\"}}")
                let outcome = try scenario.run(["build", "--check"])
                #expect(outcome.status == 0, "\(outcome.stderr)")
                #expect(
                    outcome.stderr.hasPrefix("Dockerfile:2:1: warning: ")
                        && outcome.stderr.contains("MaintainerDeprecated"),
                    "\(outcome.stderr)"
                )
                #expect(try scenario.roost("image", "ls", "-q").isEmpty)
                try scenario.rewrite("services: {web: {build: \"\(server.address)/none.tgz\"}}")
                let missing = try scenario.run(["build", "--check"])
                #expect(missing.status == 1 && missing.stderr.contains("404"), "\(missing.stderr)")
                let work = try? FileManager.default.contentsOfDirectory(atPath: "\(scenario.storage)/build/work")
                #expect((work ?? []).isEmpty)
            }
        }

        @Test("An image is imported from an address")
        func imported() throws {
            try Scenario.with("services: {}") { scenario in
                let server = try Server(scenario)
                try scenario.write("inner/etc/motd", "hello\n")
                try FileManager.default.createDirectory(
                    atPath: "\(scenario.directory)/served",
                    withIntermediateDirectories: true
                )
                #expect(try scenario.host("/bin/tar", "-czf", "served/root.tgz", "-C", "inner", ".").status == 0)
                try scenario.roost("image", "import", "\(server.address)/root.tgz", "root:1")
                #expect(try scenario.roost("image", "ls", "--format", "{{.Repository}}:{{.Tag}}") == "root:1\n")
                let missing = try scenario.run(["image", "import", "\(server.address)/none", "root:2"])
                #expect(missing.status == 1 && missing.stderr.contains("404"), "\(missing.stderr)")
                let staged = (try? FileManager.default.contentsOfDirectory(atPath: "\(scenario.storage)/staging")) ?? []
                #expect(staged.count <= 1)
            }
        }
    }
}
