import Foundation
import LinuxSystem
import Testing

/// Engines that use our runtime, from the directory that `ROOST_PEERS` names, where that is set.
struct RuntimePeerTests {
    private static let peers = ProcessInfo.processInfo.environment["ROOST_PEERS"]

    /// Runs a script of `Tests/Peers` in namespaces of its own; returns what it wrote.
    private func run(_ script: String, in namespaces: [String]) throws -> String {
        let peers = try #require(RuntimePeerTests.peers)
        let scratch = try CommandLineScratch()
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let script = tests.appendingPathComponent("Peers/\(script)")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        process.arguments =
            ["--mount", "--propagation", "private"] + namespaces
            + ["sh", script.path, peers, scratch.program, scratch.path + "/peers"]
        let output = scratch.path + "/output"
        try #require(FileManager.default.createFile(atPath: output, contents: nil))
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: output)
        try process.run()
        process.waitUntilExit()
        return try readFile(output)
    }

    @Test(.enabled(if: peers != nil)) func dockerRunsStopsAndEntersContainers() throws {
        let expected = """
            foreground
            status 3
            inside
            read-only
            status 4
            me 1000 /data
            healthy
            3
            paused
            updated
            1
            one
            exited 6
            137
            one
            /dev/pts/0\r
            CapEff:0000000000000000
            NoNewPrivs:1
            77
            status 127

            """
        #expect(try run("docker.sh", in: ["--net", "--pid", "--fork", "--kill-child"]) == expected)
    }

    @Test(.enabled(if: peers != nil)) func podmanRunsStopsAndEntersContainers() throws {
        let expected = """
            foreground
            status 3
            inside
            status 4
            one
            exited 0
            one
            status 127

            """
        #expect(try run("podman.sh", in: []) == expected)
    }
}
