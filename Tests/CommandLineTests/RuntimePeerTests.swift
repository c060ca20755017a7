import Foundation
import LinuxSystem
import Testing

/// Engines that use our runtime, from the directory that `ROOST_PEERS` names, where that is set.
struct RuntimePeerTests {
    private static let peers = ProcessInfo.processInfo.environment["ROOST_PEERS"]

    @Test(.enabled(if: peers != nil)) func podmanRunsStopsAndEntersContainers() throws {
        let peers = try #require(RuntimePeerTests.peers)
        let scratch = try CommandLineScratch()
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let script = tests.appendingPathComponent("Peers/podman.sh")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        process.arguments = [
            "--mount", "--propagation", "private", "sh", script.path, peers, scratch.program, scratch.path + "/peers",
        ]
        let output = scratch.path + "/output"
        try #require(FileManager.default.createFile(atPath: output, contents: nil))
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: output)
        try process.run()
        process.waitUntilExit()
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
        #expect(try readFile(output) == expected)
    }
}
