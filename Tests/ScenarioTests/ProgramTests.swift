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

        @Test(
            "PostgreSQL makes its database in a named volume, which outlives containers and goes with -v",
            .enabled(if: has("/usr/bin/psql"))
        )
        func postgres() throws {
            let start =
                "cd /var/lib/postgresql; bin=$$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1); "
                + "[ -s data/PG_VERSION ] || $$bin/initdb -D data -A trust --no-sync; "
                + "exec $$bin/postgres -D data -c listen_addresses=* -c unix_socket_directories=/tmp -c fsync=off"
            let text = """
                services:
                  db:
                    image: rootfs:/
                    user: postgres
                    command: [sh, -c, "\(start)"]
                    volumes: ["database:/var/lib/postgresql"]
                    tmpfs: /tmp:mode=1777
                    stop_signal: SIGINT
                    healthcheck: { test: [CMD, pg_isready, -q, -h, 127.0.0.1], interval: 100ms, retries: 600 }
                  client:
                    image: rootfs:/
                    user: postgres
                    command: [psql, -h, 127.0.0.1, -qAt, -c, "select text from notes"]
                    network_mode: service:db
                    depends_on: { db: { condition: service_healthy } }
                    profiles: [ask]
                volumes: { database: }
                """
            try Scenario.with(text) { scenario in
                func ask() throws -> Outcome {
                    try scenario.run(["run", "--rm", "-T", "client"], within: .seconds(60))
                }
                func tell(_ sql: String) throws {
                    try scenario.roost("exec", "-T", "db", "psql", "-h", "127.0.0.1", "-q", "-c", sql)
                }
                try scenario.roost("up", "--wait", within: .seconds(120))
                #expect(try scenario.containers().map(\.Health) == ["healthy"])
                try tell("create table notes (text text); insert into notes values ('kept')")
                #expect(try ask().stdout == "kept\n")
                let before = try scenario.identities()
                try scenario.roost("up", "--wait", "--force-recreate", within: .seconds(60))
                #expect(try scenario.identities() != before)
                #expect(try ask().stdout == "kept\n")
                try tell("insert into notes values ('more')")
                try scenario.roost("down")
                // The client starts its server, and waits until it is healthy.
                #expect(try ask().stdout == "kept\nmore\n")
                #expect(try scenario.roost("logs", "db").contains("database system is ready to accept connections"))
                try scenario.roost("down", "-v")
                #expect(try scenario.roost("volumes", "-q").isEmpty)
                try scenario.roost("up", "--wait", within: .seconds(120))
                let empty = try ask()
                #expect(empty.status == 1 && empty.stderr.contains("relation \"notes\" does not exist"), "\(empty)")
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
                func said() throws -> String {
                    try scenario.run(["-f", "\(sample)/compose.yaml", "logs", "--no-color", "--tail", "20"]).stdout
                }
                let first = check.status == 0 ? "" : try said()
                #expect(
                    check.stdout.contains("change is counted: a=1, b=0"),
                    "\(check.stdout)\(check.stderr)\(first)"
                )
                // The votes are in the database, wherever its container is.
                try scenario.roost("-f", "\(sample)/compose.yaml", "up", "-d", "--wait", "--force-recreate", "db")
                let again = try scenario.host("\(sample)/check.sh", "http://127.0.0.1:\(port)", "30", "3")
                let second = again.status == 0 ? "" : try said()
                #expect(
                    again.stdout.contains("change is counted: a=2, b=0"),
                    "\(again.stdout)\(again.stderr)\(second)"
                )
            }
        }
    }
}
