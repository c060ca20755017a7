import Foundation
import Testing

extension Scenarios {
    /// `ps`, `ls`, `logs` and `version`: what they show, and in which form.
    @Suite struct Listings {
        @Test("ps has the columns of docker compose, and shows what runs unless asked for all")
        func table() throws {
            let port = Scenario.freePort()
            let text = """
                services:
                  job: { image: "rootfs:/", command: [sh, -c, "exit 3"] }
                  web: { \(Up.sleeper), ports: ["\(port):80", "127.0.0.1:\(port):81/udp"] }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                try scenario.wait(for: ["job-1": "exited 3", "web-1": "running"])
                let lines = try scenario.roost("ps").split(separator: "\n").map(String.init)
                #expect(
                    lines.first?.wholeMatch(of: /NAME +IMAGE +COMMAND +SERVICE +CREATED +STATUS +PORTS */) != nil
                )
                #expect(lines.count == 2)
                #expect(
                    lines.last.map(scenario.short)?.wholeMatch(
                        of: /web-1 +rootfs:\/ +"sleep infinity" +web +.* ago +Up .*?  +([0-9].*)/
                    )?.1 == "0.0.0.0:\(port)->80/tcp, [::]:\(port)->80/tcp, 127.0.0.1:\(port)->81/udp"
                )
                let all = try scenario.roost("ps", "-a")
                #expect(all.contains("Exited (3) "))
                #expect(try scenario.roost("ps", "--services") == "web\n")
                #expect(try scenario.roost("ps", "-a", "--services") == "job\nweb\n")
                #expect(try scenario.roost("ps", "--status", "exited", "--services") == "job\n")
                #expect(try scenario.roost("ps", "--filter", "status=exited", "--services") == "job\n")
                #expect(try scenario.roost("ps", "-a", "--services", "web") == "web\n")
                #expect(try scenario.roost("ps", "-q", "web").trimmingCharacters(in: .newlines).count == 64)
            }
        }

        @Test("ps gives one object of JSON per line, with the names that docker compose uses")
        func json() throws {
            let port = Scenario.freePort()
            let text = """
                services:
                  job: { image: "rootfs:/", command: [sh, -c, "exit 3"], labels: { my: label } }
                  web: { \(Up.sleeper), ports: ["127.0.0.1:\(port):80"], healthcheck: { test: "true", interval: 100ms } }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d", "--wait", "web")
                try scenario.roost("up", "-d")
                try scenario.wait(for: ["job-1": "exited 3"])
                let containers = try scenario.containers()
                #expect(containers.map(\.Service) == ["job", "web"])
                let web = try #require(containers.last)
                #expect(web.Health == "healthy" && web.State == "running" && web.Status.hasSuffix("(healthy)"))
                #expect(web.Project == scenario.name && web.Networks == "\(scenario.name)_default")
                #expect(
                    web.Publishers == [
                        .init(URL: "127.0.0.1", TargetPort: 80, PublishedPort: Int(port), Protocol: "tcp")
                    ]
                )
                let first = try scenario.roost("ps", "-a", "--format", "json").prefix { $0 != "\n" }
                let object = try #require(
                    try JSONSerialization.jsonObject(with: Data(first.utf8)) as? [String: Any]
                )
                #expect(
                    object.keys.sorted() == [
                        "Command", "CreatedAt", "ExitCode", "Health", "ID", "Image", "Labels", "LocalVolumes", "Mounts",
                        "Name", "Names", "Networks", "Ports", "Project", "Publishers", "RunningFor", "Service", "Size",
                        "State", "Status",
                    ]
                )
                let labels = (object["Labels"] as? String ?? "").split(separator: ",").map(String.init)
                #expect(labels.contains("my=label"))
                for expected in [
                    "com.docker.compose.project=\(scenario.name)", "com.docker.compose.service=job",
                    "com.docker.compose.container-number=1", "com.docker.compose.oneoff=False",
                ] { #expect(labels.contains(expected), "\(labels)") }
            }
        }

        @Test("ls shows projects by what their containers do")
        func projects() throws {
            try Scenario.with(Up.pair) { scenario in
                #expect(try scenario.roost("ls", "-q").isEmpty)
                try scenario.roost("up", "-d")
                let lines = try scenario.roost("ls").split(separator: "\n").map(String.init)
                #expect(lines.first?.wholeMatch(of: /NAME +STATUS +CONFIG FILES */) != nil)
                #expect(lines.last?.contains("running(2)") == true)
                #expect(lines.last?.hasSuffix("\(scenario.directory)/compose.yaml") == true)
                try scenario.roost("stop", "two")
                let all = try scenario.roost("ls", "-a", "--format", "json")
                #expect(
                    all == """
                        [{"Name":"\(scenario.name)","Status":"exited(1), running(1)",\
                        "ConfigFiles":"\(scenario.directory)/compose.yaml"}]

                        """
                )
                try scenario.roost("stop")
                #expect(try scenario.roost("ls", "-q").isEmpty)
                #expect(try scenario.roost("ls", "-aq") == scenario.name + "\n")
            }
        }

        @Test("logs shows what all have written, the last lines, with times, or without names")
        func logs() throws {
            let text = """
                services:
                  one: { image: "rootfs:/", command: [sh, -c, "for i in 1 2 3; do echo line $$i; done; echo bad >&2"] }
                  other: { image: "rootfs:/", command: [echo, hello] }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                try scenario.wait(for: ["one-1": "exited 0", "other-1": "exited 0"])
                let all = try scenario.roost("logs")
                #expect(
                    all.split(separator: "\n").map(String.init).sorted() == [
                        "one-1    | bad", "one-1    | line 1", "one-1    | line 2", "one-1    | line 3",
                        "other-1  | hello",
                    ]
                )
                #expect(try scenario.roost("logs", "--no-log-prefix", "other") == "hello\n")
                let tail = try scenario.roost("logs", "-n", "1")
                #expect(tail.split(separator: "\n").count == 2 && tail.contains("other-1  | hello\n"))
                #expect(try scenario.roost("logs", "--tail=2", "other") == "other-1  | hello\n")
                let timed = try scenario.roost("logs", "-t", "other")
                let match = try #require(
                    timed.wholeMatch(of: /other-1  \| (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) hello\n/)
                )
                #expect(try scenario.roost("logs", "--since", String(match.1), "other") == "other-1  | hello\n")
                #expect(try scenario.roost("logs", "--since", "2100-01-01T00:00:00Z", "other").isEmpty)
                #expect(try scenario.roost("logs", "--since", "10m", "other") == "other-1  | hello\n")
                #expect(try scenario.roost("logs", "--until", "10m", "other").isEmpty)
            }
        }

        @Test("logs -f goes on with restarts and new replicas, and ends with the last container")
        func follow() throws {
            let text = """
                services:
                  web: { image: "rootfs:/", command: [sh, -c, "echo begin; exec sleep infinity"], init: true }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                let logs = try scenario.start(["logs", "-f"])
                try logs.wait(for: "web-1  | begin\n")
                try scenario.roost("up", "-d", "--scale", "web=2")
                try logs.wait(for: "web-2  | begin\n")
                try scenario.roost("restart", "web")
                try logs.wait("what the restarted ones write") { out, _ in out.count(of: "begin\n") == 4 }
                try scenario.roost("down")
                #expect(try logs.end().status == 0)
            }
        }

        @Test("Logs are rotated at max-size, and max-file files are kept")
        func rotation() throws {
            let text = """
                services:
                  loud:
                    image: rootfs:/
                    command: [seq, "100000", "102000"]
                    logging: { driver: json-file, options: { max-size: 10k, max-file: "3" } }
                  silent: { image: "rootfs:/", command: [echo, unseen], logging: { driver: none } }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                try scenario.wait(for: ["loud-1": "exited 0", "silent-1": "exited 0"])
                let id = try #require(try scenario.identities()["loud-1"])
                let directory = "\(scenario.storage)/containers/\(id)"
                let files = try FileManager.default.contentsOfDirectory(atPath: directory)
                    .filter { $0.hasPrefix("log.json") }
                #expect(files.count == 3, "\(files)")
                for file in files {
                    let size = try FileManager.default.attributesOfItem(atPath: "\(directory)/\(file)")[.size] as? Int
                    #expect((size ?? .max) <= 10_240)
                }
                let lines = try scenario.roost("logs", "--no-log-prefix", "loud").split(separator: "\n").compactMap {
                    Int($0)
                }
                #expect(lines.last == 102_000 && lines == Array((lines.first ?? 0)...102_000))
                #expect(!(try scenario.roost("logs", "silent").contains("unseen")))
            }
        }

        @Test("version tells the program and its version, also in short and as JSON")
        func version() throws {
            try Scenario.with(Up.pair) { scenario in
                let line = try scenario.roost("version")
                let version = try #require(line.wholeMatch(of: /Roost version (\d+\.\d+\.\d+)\n/)?.1)
                #expect(try scenario.roost("version", "--short") == "\(version)\n")
                #expect(try scenario.roost("version", "-f", "json") == #"{"version":"\#(version)"}"# + "\n")
                #expect(try scenario.roost("--version") == line)
            }
        }
    }
}
