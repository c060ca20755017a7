import Foundation
import Testing

extension Scenarios {
    /// Real programs, as people run them.
    @Suite struct Programs {
        private static var repository: String {
            URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardized.path
        }

        private static func has(_ path: String) -> Bool { FileManager.default.isExecutableFile(atPath: path) }

        @Test(
            "Redis keeps its data in a named volume when its container is made anew",
            .enabled(if: has("/usr/bin/redis-server"))
        )
        func redis() throws {
            let text = """
                services:
                  redis:
                    image: rootfs:/
                    command: [redis-server, --dir, /data, --appendonly, "yes", --protected-mode, "no"]
                    volumes: ["data:/data"]
                    healthcheck: { test: [CMD, redis-cli, ping], interval: 50ms }
                volumes: { data: }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "--wait")
                #expect(try scenario.roost("exec", "-T", "redis", "redis-cli", "set", "key", "kept") == "OK\n")
                let before = try scenario.identities()
                try scenario.roost("up", "--wait", "--force-recreate")
                #expect(try scenario.identities() != before)
                #expect(try scenario.roost("exec", "-T", "redis", "redis-cli", "get", "key") == "kept\n")
                // By its name, from another container.
                #expect(
                    try scenario.roost("run", "--rm", "-T", "redis", "redis-cli", "-h", "redis", "get", "key")
                        == "kept\n"
                )
                try scenario.roost("down")
                try scenario.roost("up", "--wait")
                #expect(try scenario.roost("exec", "-T", "redis", "redis-cli", "get", "key") == "kept\n")
            }
        }

        @Test("nginx is published on a port, and balanced over its replicas", .enabled(if: has("/usr/sbin/nginx")))
        func nginx() throws {
            let port = Scenario.freePort()
            let text = """
                services:
                  web:
                    image: rootfs:/
                    command: [/usr/sbin/nginx, -e, stderr, -c, /etc/site.conf, -g, "daemon off;"]
                    configs: [{ source: site, target: /etc/site.conf }]
                    ports: ["\(port):80"]
                    scale: 3
                    stop_signal: SIGQUIT
                    healthcheck: { test: "python3 -c 'import socket; socket.create_connection((\\"127.0.0.1\\", 80))'", interval: 50ms }
                configs:
                  site:
                    content: |
                      events {}
                      http { server { listen 80; location / { return 200 "$$hostname\\n"; } } }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "--wait")
                var answers: Set<String> = []
                try Scenario.wait("answers of three replicas") { () -> Void? in
                    answers.insert(try #require(try scenario.page(port)))
                    return answers.count == 3 ? () : nil
                }
                try scenario.roost("up", "-d", "--scale", "web=1")
                let last = try #require(try scenario.page(port))
                for _ in 0..<3 { #expect(try scenario.page(port) == last) }
                try scenario.roost("stop")
                #expect(try scenario.states() == ["web-1": "exited 0"])
                #expect(try scenario.page(port) == nil)
            }
        }

        @Test("The sample hello answers, and its README tells how", .enabled(if: has("/usr/bin/python3")))
        func hello() throws {
            try Scenario.with("") { scenario in
                let port = Scenario.freePort()
                scenario.variables["HELLO_PORT"] = String(port)
                let file = "\(Self.repository)/samples/hello/compose.yaml"
                try scenario.roost("-f", file, "up", "-d")
                let page = try Scenario.wait("page") { try scenario.page(port) }
                #expect(
                    page
                        == (try String(
                            contentsOfFile: "\(Self.repository)/samples/hello/page/index.html",
                            encoding: .utf8
                        ))
                )
                #expect(try scenario.page(port, host: "localhost") == page)
            }
        }

        @Test(
            "The sample voting counts a vote and shows it, through nginx, Redis and PostgreSQL",
            .enabled(if: has("/usr/sbin/nginx") && has("/usr/bin/redis-server") && has("/usr/bin/psql"))
        )
        func voting() throws {
            try Scenario.with("") { scenario in
                let port = Scenario.freePort()
                scenario.variables["VOTING_PORT"] = String(port)
                let sample = "\(Self.repository)/samples/voting"
                try scenario.roost("-f", "\(sample)/compose.yaml", "up", "-d", "--wait")
                #expect(try scenario.containers().count == 9)
                let check = try scenario.host("\(sample)/check.sh", "http://127.0.0.1:\(port)", "30", "3")
                #expect(check.status == 0, "\(check.stdout)\(check.stderr)")
                #expect(check.stdout.contains("change is counted: a=1, b=0"))
                // The votes are in the database, wherever its container is.
                try scenario.roost("-f", "\(sample)/compose.yaml", "up", "-d", "--wait", "--force-recreate", "db")
                let again = try scenario.host("\(sample)/check.sh", "http://127.0.0.1:\(port)", "30", "3")
                #expect(again.stdout.contains("change is counted: a=2, b=0"), "\(again.stdout)\(again.stderr)")
            }
        }
    }
}
