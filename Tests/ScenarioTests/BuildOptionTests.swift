import Foundation
import Glibc
import Testing

extension Scenarios {
    /// What `build:` and the options of `roost build` say about builds.
    @Suite struct BuildOptions {
        private func build(
            _ scenario: Scenario,
            _ options: String...,
            at location: SourceLocation = #_sourceLocation
        ) throws -> String {
            let outcome = try scenario.run(["build"] + options)
            try #require(outcome.status == 0, "\(outcome.stderr)", sourceLocation: location)
            return outcome.stderr
        }

        @Test("Steps run with the limits, names and rights that the file gives them")
        func attributes() throws {
            let compose = """
                services:
                  web:
                    network_mode: none
                    build:
                      context: .
                      args: {GIVEN: value, FROM_OUTSIDE: }
                      target: wanted
                      shm_size: 8m
                      ulimits: {nofile: {soft: 123, hard: 456}, nproc: 789}
                      extra_hosts: ["somewhere:10.1.2.3", "gate=host-gateway"]
                      labels: {com.example.a: b}
                      tags: [example.org/second:1, example.org/third]
                      platforms: [linux/PLATFORM]
                      isolation: hyperv
                """
            #if arch(x86_64)
            let machine = "amd64"
            #else
            let machine = "arm64"
            #endif
            let dockerfile = """
                FROM rootfs:/ AS wanted
                ARG GIVEN
                ARG FROM_OUTSIDE
                RUN { echo $GIVEN $FROM_OUTSIDE; df -B1 --output=size /dev/shm | tail -1; ulimit -Sn; ulimit -Hn; \
                    grep "Max processes" /proc/self/limits; grep somewhere /etc/hosts; grep -c gate /etc/hosts; } > /seen
                CMD cat /seen
                FROM wanted
                RUN false
                """
            let compact = compose.replacing("PLATFORM", with: machine)
            try Scenario.with(compact, files: ["Dockerfile": dockerfile]) { scenario in
                scenario.variables["FROM_OUTSIDE"] = "outside"
                let shown = try build(scenario)
                #expect(shown.contains("services.web.build.isolation is not honoured"), "\(shown)")
                let seen = try scenario.roost("run", "--rm", "web").split(separator: "\n").map { line in
                    line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                }
                #expect(
                    seen == [
                        "value outside", "8388608", "123", "456", "Max processes 789 789 processes",
                        "10.1.2.3 somewhere", "1",
                    ]
                )
                let names = try scenario.roost("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")
                let expected = ["\(scenario.name)-web:latest", "example.org/second:1", "example.org/third:latest"]
                #expect(names.split(separator: "\n").map(String.init).sorted() == expected.sorted())
                let inspected = try scenario.roost("image", "inspect", "example.org/second:1")
                #expect(inspected.contains("\"com.example.a\" : \"b\""), "\(inspected)")
                #expect(inspected.contains("\"com.docker.compose.service\" : \"web\""), "\(inspected)")
                // Another platform, and what is given beside the file.
                try scenario.rewrite(compact.replacing("linux/\(machine)", with: "linux/riscv64"))
                let other = try scenario.run(["build"])
                #expect(other.status == 1 && other.stderr.contains("services.web.build.platforms"), "\(other.stderr)")
                try scenario.rewrite(compact)
                _ = try build(scenario, "--build-arg", "GIVEN=other")
                #expect(try scenario.roost("run", "--rm", "web").hasPrefix("other outside\n"))
            }
        }

        @Test("The network and the rights of all steps are what the file says")
        func surroundings() throws {
            let look =
                "{ readlink /proc/self/ns/net; ls /sys/class/net | tr '\\n' ' '; grep CapEff /proc/self/status | cut -f2; } > /seen"
            let files = ["Dockerfile": "FROM rootfs:/\nRUN \(look)\nCMD cat /seen\n"]
            try Scenario.with("services: {}", files: files) { scenario in
                func seen(_ attributes: String) throws -> [String] {
                    try scenario.rewrite(
                        "services: {web: {build: {context: ., no_cache: true, \(attributes)}, network_mode: none}}"
                    )
                    _ = try build(scenario)
                    return try scenario.roost("run", "--rm", "web").split(whereSeparator: \.isWhitespace).map(
                        String.init
                    )
                }
                let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
                let (none, usual) = (try seen("network: none"), try seen("network: default"))
                #expect(none.first != own && none.dropFirst() == ["lo", "00000000a80425fb"])
                #expect(usual.first != own && usual.dropFirst() == ["eth0", "lo", "00000000a80425fb"])
                #expect(try seen("network: host").first == own)
                let capabilities = try #require(try seen("privileged: true").last.flatMap { UInt64($0, radix: 16) })
                #expect(capabilities & 1 << 21 != 0)
            }
        }

        @Test("Memory of a step is limited by --memory")
        func memory() throws {
            let controllers = (try? String(contentsOfFile: "/sys/fs/cgroup/cgroup.controllers", encoding: .utf8)) ?? ""
            guard access("/sys/fs/cgroup/memory", F_OK) == 0 || controllers.contains("memory") else { return }
            let take = "RUN python3 -c 'import sys; b = bytearray(200 << 20); sys.exit(len(b) == 0)'"
            let files = ["Dockerfile": "FROM rootfs:/\n\(take)\n"]
            try Scenario.with("services: {web: {build: .}}", files: files) { scenario in
                let limited = try scenario.run(["build", "--memory", "40m"])
                #expect(limited.status == 1 && limited.stderr.contains("Dockerfile:2:1: "), "\(limited.stderr)")
                _ = try build(scenario, "--memory", "400m")
                let wrong = try scenario.run(["build", "--memory", "much"])
                #expect(wrong.status == 1 && wrong.stderr.contains("--memory takes an amount"), "\(wrong.stderr)")
            }
        }

        @Test("Only the stages that are named do everything anew")
        func cacheFilter() throws {
            let dockerfile = """
                FROM rootfs:/ AS first
                RUN echo first > /first
                FROM rootfs:/ AS second
                RUN echo second > /second
                FROM rootfs:/
                COPY --from=first /first /
                COPY --from=second /second /
                """
            let compose = "services: {web: {build: {context: ., no_cache_filter: [second]}}}"
            try Scenario.with(compose, files: ["Dockerfile": dockerfile]) { scenario in
                _ = try build(scenario)
                let again = try build(scenario)
                func isDone(_ words: String) -> Bool {
                    again.split(separator: "\n").contains { line in
                        guard line.hasPrefix("#"), line.hasSuffix(words), let number = line.split(separator: " ").first
                        else {
                            return false
                        }
                        return again.contains("\n\(number) DONE")
                    }
                }
                #expect(isDone("RUN echo second > /second") && !isDone("RUN echo first > /first"), "\(again)")
            }
        }

        @Test("A check says what is worth a look, and builds nothing")
        func check() throws {
            let files = ["Dockerfile": "from rootfs:/\nRUN touch /made\nMAINTAINER me\n"]
            try Scenario.with("services: {web: {build: .}}", files: files) { scenario in
                let outcome = try scenario.run(["build", "--check"])
                #expect(outcome.status == 0, "\(outcome.stderr)")
                #expect(outcome.stderr.contains("Dockerfile:3:1: "), "\(outcome.stderr)")
                #expect(outcome.stderr.contains("MaintainerDeprecated"), "\(outcome.stderr)")
                #expect(try scenario.roost("image", "ls", "-q").isEmpty)
                try scenario.write("Dockerfile", "# check=error=true\nFROM rootfs:/\nMAINTAINER me\n")
                #expect(try scenario.run(["build", "--check"]).status == 1)
                try scenario.write("Dockerfile", "FROM rootfs:/\nRUNN true\n")
                let wrong = try scenario.run(["build", "--check"])
                #expect(wrong.status == 1 && wrong.stderr.contains("did you mean RUN"), "\(wrong.stderr)")
            }
        }

        @Test("Services are built at the same time, what they share once, and after what they are built from")
        func together() throws {
            // Each of the two waits until the other runs; the third stands on both.
            let meet = """
                --mount=type=cache,target=/meet,id=MEET for n in $(seq 600); do touch /meet/ME; \
                [ -e /meet/OTHER ] && exit 0; sleep 0.05; done; exit 1
                """
            func dockerfile(_ scenario: Scenario, _ me: String, _ other: String) -> String {
                let text = meet.replacing("MEET", with: scenario.name).replacing("ME", with: me)
                return
                    "FROM rootfs:/\nRUN echo shared > /shared\nRUN \(text.replacing("OTHER", with: other))\nRUN echo \(me) > /\(me)\n"
            }
            let compose = """
                services:
                  both:
                    network_mode: none
                    build:
                      dockerfile_inline: |
                        FROM one
                        COPY --from=two /two /
                        CMD cat /one /two /shared
                      additional_contexts: {one: "service:one", two: "service:two"}
                  one: {build: {dockerfile: Dockerfile.one}}
                  two: {build: {dockerfile: Dockerfile.two}}
                """
            try Scenario.with(compose) { scenario in
                try scenario.write("Dockerfile.one", dockerfile(scenario, "one", "two"))
                try scenario.write("Dockerfile.two", dockerfile(scenario, "two", "one"))
                let shown = try build(scenario)
                #expect(try scenario.roost("run", "--rm", "both") == "one\ntwo\nshared\n")
                let shared = shown.split(separator: "\n").filter { $0.hasSuffix("RUN echo shared > /shared") }
                let numbers = Set(shared.compactMap { $0.split(separator: " ").first })
                let done = numbers.filter { shown.contains("\n\($0) DONE") }
                #expect(numbers.count == 2 && done.count == 1, "\(shown)")
                #expect(shared.allSatisfy { $0.contains("[one ") || $0.contains("[two ") }, "\(shown)")
                let ends = shown.split(separator: "\n").filter { $0.contains(": built ") }
                #expect(ends.last?.hasPrefix("both: built") == true && ends.count == 3, "\(shown)")
            }
        }

        @Test("When one of several builds fails, the others end, and its mistake is the one that is told")
        func failedTogether() throws {
            let compose = """
                services:
                  slow: {build: {dockerfile_inline: "FROM rootfs:/\\nRUN sleep 1000\\n"}}
                  wrong: {build: {dockerfile_inline: "FROM rootfs:/\\nRUN sleep 0.2; exit 7\\n"}}
                  later: {build: {dockerfile_inline: "FROM slow\\n", additional_contexts: {slow: "service:slow"}}}
                """
            try Scenario.with(compose) { scenario in
                let outcome = try scenario.run(["build"])
                #expect(outcome.status == 1)
                #expect(outcome.stderr.contains("ended with status 7"), "\(outcome.stderr)")
                #expect(!outcome.stderr.contains("another build has failed"), "\(outcome.stderr)")
                #expect(try scenario.roost("image", "ls", "-q").isEmpty)
            }
        }

        @Test(
            "Base images come from a registry when they are missing, or anew with --pull, and --push sends what was built"
        )
        func registry() throws {
            guard access("/usr/bin/docker-registry", X_OK) == 0 else { return }
            try Scenario.with("services: {}") { scenario in
                let server = try Registries.Server(scenario)
                let base = "\(server.host)/base:1"
                func publish(_ text: String) throws {
                    try scenario.write("base/Dockerfile", "FROM scratch\nCOPY text /text\n")
                    try scenario.write("base/text", text)
                    try scenario.rewrite("services: {base: {build: base, image: \"\(base)\"}}")
                    _ = try build(scenario, "--push")
                    try FileManager.default.removeItem(atPath: scenario.storage)
                }
                try publish("one\n")
                let compose = """
                    services:
                      web:
                        build: {context: web}
                        image: "\(server.host)/web:1"
                        network_mode: none
                      other:
                        build: {dockerfile_inline: "FROM \(base)\\nLABEL a=b\\n"}
                    """
                try scenario.write(
                    "web/Dockerfile",
                    "FROM \(base) AS text\nFROM rootfs:/\nCOPY --from=text /text /text\nCMD cat /text\n"
                )
                func rebuild(_ options: String...) throws -> String {
                    try scenario.rewrite(compose)
                    let outcome = try scenario.run(["build"] + options)
                    #expect(outcome.status == 0, "\(outcome.stderr)")
                    return try scenario.roost("run", "--rm", "web")
                }
                #expect(try rebuild() == "one\n")
                let kept = "\(scenario.scratch)/kept"
                try FileManager.default.moveItem(atPath: scenario.storage, toPath: kept)
                try publish("two\n")
                try FileManager.default.moveItem(atPath: kept, toPath: scenario.storage)
                #expect(try rebuild() == "one\n")
                #expect(try rebuild("--pull") == "two\n")
                // What stands on the host's own files is for this machine alone, and is not sent; the other service has no name.
                let missing = try scenario.run(["build"], environment: ["ROOST_ROOT": "\(scenario.scratch)/empty"])
                #expect(missing.status == 0, "\(missing.stderr)")
                try scenario.rewrite(
                    "services: {none: {build: {dockerfile_inline: \"FROM \(server.host)/nothing:1\\n\"}}}"
                )
                let unknown = try scenario.run(["build"])
                #expect(unknown.status == 1 && unknown.stderr.contains("\(server.host)/nothing"), "\(unknown.stderr)")
            }
        }
    }
}
