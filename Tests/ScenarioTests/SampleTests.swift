import Foundation
import Testing

extension Scenarios {
    /// The projects in `samples` that are built.
    @Suite struct Samples {
        private static let directory = URL(fileURLWithPath: #filePath)
            .appendingPathComponent("../../../samples/build").standardized.path

        @Test("the sample with Dockerfiles comes up by one command, offline")
        func build() throws {
            let names = try #require(FileManager.default.subpaths(atPath: Self.directory))
            var files: [String: String] = [:]
            for name in names {
                let path = "\(Self.directory)/\(name)"
                var isDirectory: ObjCBool = false
                _ = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
                if !isDirectory.boolValue { files[name] = try String(contentsOfFile: path, encoding: .utf8) }
            }
            let compose = try #require(files["compose.yaml"])
            try Scenario.with(compose, files: files) { scenario in
                let port = Scenario.freePort()
                scenario.variables["SITE_PORT"] = "\(port)"
                try scenario.roost("up", "--build", "-d", "--wait")
                let page = try Scenario.wait("the page") { try scenario.page(port, "/index.html") }
                #expect(page.contains("<p>Built by a Dockerfile, served by a container.</p>"))
                let release = try Scenario.wait("the release") { try scenario.page(port, "/api/release") }
                #expect(release.contains(#""version": "1.0""#))
                #expect(try scenario.page(port, "/plans.html") == nil)
                let key = try #require(files["secrets/release_key"]).trimmingCharacters(in: .newlines)
                #expect(try scenario.host("/usr/bin/grep", "-rl", key, scenario.storage).stdout == "")
                let again = try scenario.run(["build"])
                #expect(!again.stderr.contains("DONE") && again.stderr.contains("CACHED"), "\(again.stderr)")
            }
        }
    }
}
