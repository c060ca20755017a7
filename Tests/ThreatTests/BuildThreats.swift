import Foundation
import Glibc
import Testing

extension Scenarios {
    /// Attacks by a Dockerfile, or by what is built: docs/security.md, group C.
    @Suite struct BuildThreats {
        private static let compose = """
            services:
              web:
                build: .
                init: true
                network_mode: none
            """

        /// A file of the host that nothing in a build may show or change.
        private func outside(_ scenario: Scenario) throws -> (path: String, text: String) {
            let text = "outside-\(scenario.name)"
            try scenario.write("../outside/file", text)
            return ("\(scenario.scratch)/outside", text)
        }

        private func expectUntouched(_ outside: (path: String, text: String), _ scenario: Scenario) throws {
            let names = try FileManager.default.contentsOfDirectory(atPath: outside.path)
            #expect(names == ["file"])
            #expect(try String(contentsOfFile: "\(outside.path)/file", encoding: .utf8) == outside.text)
            let found = try scenario.host("/usr/bin/grep", "-rl", outside.text, scenario.storage)
            #expect(found.stdout == "")
        }

        @Test("A source of a cache or a bind that swaps for a link never shows a file of the host")
        func swappedSources() throws {
            let compose = """
                services:
                  a: {build: {context: ., dockerfile: swap}}
                  b: {build: {context: ., dockerfile: look}}
                """
            try Scenario.with(compose) { scenario in
                let outside = try outside(scenario)
                let cache = "--mount=type=cache,id=shared,sharing=shared"
                try scenario.write(
                    "swap",
                    """
                    FROM rootfs:/
                    RUN \(cache),target=/c mkdir -p /c/d; end=$(($(date +%s) + 3)); \
                        while [ $(date +%s) -lt $end ]; do \
                            rm -rf /c/d; ln -s \(outside.path) /c/d; rm -f /c/d; mkdir /c/d; echo inside > /c/d/file; done

                    """
                )
                let looks = (1...12).map { number in
                    "RUN \(cache),target=/c sleep 0.1; echo \(number); ls /c/d/ 2>/dev/null; cat /c/d/file 2>/dev/null; true"
                }
                try scenario.write("look", "FROM rootfs:/\n" + looks.joined(separator: "\n") + "\n")
                let swapping = try scenario.start(["build", "a"])
                let looking = try scenario.run(["build", "b"])
                let swapped = try swapping.end()
                #expect(swapped.status == 0, "\(swapped.stderr)")
                #expect(looking.status == 0, "\(looking.stderr)")
                #expect(!looking.stderr.contains(outside.text))
                try expectUntouched(outside, scenario)
            }
        }

        @Test("Sources of mounts and copies that are links lead nowhere but into their context or stage")
        func linkedSources() throws {
            try Scenario.with(Self.compose, files: ["given": "given\n"]) { scenario in
                let outside = try outside(scenario)
                for (name, target) in [("absolute", outside.path), ("relative", "../outside")] {
                    _ = try scenario.host("/bin/ln", "-s", target, name)
                    for line in [
                        "COPY \(name)/file /stolen", "COPY \(name) /stolen/",
                        "RUN --mount=type=bind,source=\(name),target=/m cat /m/file",
                        "RUN --mount=type=bind,source=\(name)/file,target=/m cat /m",
                    ] {
                        try scenario.write("Dockerfile", "FROM rootfs:/\n\(line)\n")
                        let outcome = try scenario.run(["build"])
                        #expect(outcome.status == 1, "\(line): \(outcome.stderr)")
                        #expect(!outcome.stderr.contains(outside.text))
                    }
                }
                try scenario.write(
                    "Dockerfile",
                    """
                    FROM scratch AS links
                    COPY given /given
                    FROM rootfs:/ AS made
                    RUN mkdir /out && ln -s \(outside.path) /out/link && ln -s /etc/passwd /out/passwd
                    FROM rootfs:/
                    RUN --mount=type=bind,from=made,source=/out,target=/m ! cat /m/link/file
                    RUN --mount=type=bind,from=made,source=/out/link,target=/m true
                    """
                )
                let outcome = try scenario.run(["build"])
                #expect(outcome.status == 1 && outcome.stderr.contains("Dockerfile:7:"), "\(outcome.stderr)")
                try expectUntouched(outside, scenario)
            }
        }

        @Test("What a step has mounted on is not looked for afterwards, where the step could have led it elsewhere")
        func stubs() throws {
            try Scenario.with(Self.compose) { scenario in
                let outside = try outside(scenario)
                // The places to mount on are not in the image, and their parents become links while the command runs.
                try scenario.write(
                    "Dockerfile",
                    """
                    FROM rootfs:/
                    RUN mkdir -p /a/b
                    RUN --mount=type=tmpfs,target=/a/b/file --mount=type=tmpfs,target=/new/inner/file \
                        mv /a/b /a/c; rm -rf /a/b /a/c /new/inner; ln -s \(outside.path) /a/b; ln -s \(outside.path) /new/inner; true
                    RUN --mount=type=tmpfs,target=/other/inner --mount=type=bind,source=.,target=/third true
                    CMD ls -d /other /third /a/b/file 2>/dev/null; true
                    """
                )
                try scenario.roost("build")
                try expectUntouched(outside, scenario)
                // Nor are they left in the image.
                #expect(try scenario.roost("run", "--rm", "web") == "")
            }
        }

        @Test("Rights beyond those of containers take an entitlement, whoever asks")
        func entitlements() throws {
            try Scenario.with(Self.compose) { scenario in
                for option in ["--security=insecure", "--network=host"] {
                    try scenario.write("Dockerfile", "FROM rootfs:/\nRUN \(option) true\n")
                    let outcome = try scenario.run(["build"])
                    #expect(outcome.status == 1 && outcome.stderr.contains("Dockerfile:2:"), "\(outcome.stderr)")
                }
                let look = "grep CapEff /proc/self/status | cut -f2 > /caps"
                try scenario.write("Dockerfile", "FROM rootfs:/\nRUN \(look)\nCMD cat /caps\n")
                try scenario.roost("build")
                #expect(try scenario.roost("run", "--rm", "web") == "00000000a80425fb\n")
                try scenario.write("Dockerfile", "FROM rootfs:/\nRUN --security=insecure \(look)\nCMD cat /caps\n")
                try scenario.rewrite(
                    "services: {web: {build: {context: ., entitlements: [security.insecure]}, network_mode: none}}"
                )
                try scenario.roost("build")
                #expect(try scenario.roost("run", "--rm", "web") != "00000000a80425fb\n")
            }
        }

        @Test("No image with the same look takes the place of a step's result, and a health check makes another image")
        func poisoning() throws {
            try Scenario.with(Self.compose, files: ["a": "a\n"]) { scenario in
                func identifier() throws -> String {
                    let outcome = try scenario.run(["build"])
                    try #require(outcome.status == 0, "\(outcome.stderr)")
                    return outcome.stderr.split(separator: "\n").last { $0.contains("built") }.map(String.init) ?? ""
                }
                var seen: Set<String> = []
                for lines in [
                    "COPY a /a", "COPY a /a\nHEALTHCHECK CMD true", "COPY a /a\nONBUILD RUN true", "COPY a /a\nUSER 1",
                    "COPY --chmod=600 a /a", "COPY --chown=1 a /a", "COPY a /b",
                ] {
                    try scenario.write("Dockerfile", "FROM scratch\n\(lines)\n")
                    #expect(seen.insert(try identifier()).inserted, "\(lines)")
                }
                // What was loaded or built elsewhere is never a result: only what steps here have made.
                let results = try FileManager.default.contentsOfDirectory(atPath: "\(scenario.storage)/build/snapshots")
                #expect(results.count == 4)
            }
        }

        @Test("A working directory by a magic link of procfs is refused in builds too")
        func workingDirectory() throws {
            try Scenario.with(Self.compose) { scenario in
                for number in [3, 7, 12, 20] {
                    try scenario.write(
                        "Dockerfile",
                        "FROM rootfs:/\nWORKDIR /proc/self/fd/\(number)\nRUN ls ../../ > /seen; cat /seen\n"
                    )
                    let outcome = try scenario.run(["build"])
                    #expect(!outcome.stderr.contains("storage"), "\(outcome.stderr)")
                }
            }
        }

        @Test("An archive that ADD unpacks stays in its destination")
        func archives() throws {
            let script = """
                import io, tarfile
                with tarfile.open("evil.tar", "w") as tar:
                    def add(name, kind=tarfile.REGTYPE, target="", text=b""):
                        info = tarfile.TarInfo(name); info.type = kind; info.linkname = target; info.size = len(text)
                        tar.addfile(info, io.BytesIO(text))
                    add("link", tarfile.SYMTYPE, "OUTSIDE")
                    add("link/written", text=b"x")
                    add("fine", text=b"fine")
                """
            try Scenario.with(Self.compose) { scenario in
                let outside = try outside(scenario)
                try scenario.write("make.py", script.replacing("OUTSIDE", with: outside.path))
                #expect(try scenario.host("/usr/bin/python3", "make.py").status == 0)
                try scenario.write("Dockerfile", "FROM rootfs:/\nADD evil.tar /there/\n")
                _ = try scenario.run(["build"])
                try expectUntouched(outside, scenario)
            }
        }
    }
}
