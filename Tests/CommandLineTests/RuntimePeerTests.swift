import ContainerRuntime
import Foundation
import LinuxSystem
import OCISpec
import Testing

/// Engines that use our runtime, from the directory that `ROOST_PEERS` names, where that is set.
@Suite(.serialized) struct RuntimePeerTests {
    private static let peers = ProcessInfo.processInfo.environment["ROOST_PEERS"]

    /// Runs a script of `Tests/Peers` in namespaces of its own; returns what it wrote.
    private func run(_ script: String, _ options: String...) throws -> String {
        let peers = try #require(RuntimePeerTests.peers)
        let scratch = try CommandLineScratch()
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let script = tests.appendingPathComponent("Peers/\(script)")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        process.arguments =
            ["--mount", "--propagation", "private", "--net", "--pid", "--fork", "--kill-child"]
            + ["sh", script.path, peers, scratch.program, scratch.path + "/peers"] + options
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
            given
            /dev/pts/0\r
            up
            status 9
            inside
            read-only
            kept
            status 4
            given
            /dev/pts/0\r
            me 1000 /data
            docker-init
            300
            33
            named
            1024
            67108864
            50
            50000
            512
            0
            healthy
            3
            signalled
            paused
            33554432
            1
            one
            exited 6
            137
            one
            status 137
            true
            2
            page
            page
            httpd
            page
            A /index.html
            CapEff:0000000000000000
            NoNewPrivs:1
            77
            privileged
            3
            2
            refused
            status 127
            0

            """
        let found = try run("docker.sh")
        #expect(found == expected)
    }

    @Test(.enabled(if: peers != nil)) func dockerHasContainersInUserNamespaces() throws {
        let expected = """
             0 200000 65536
            0
            read-only
            0
            200000
            5
            65536
            one
            6
            /dev/pts/0\r
             0 0 4294967295
            0

            """
        let found = try run("docker.sh", "remap")
        #expect(found == expected)
    }

    #if arch(x86_64)
    @Test(.enabled(if: peers != nil)) func whatAServiceMayDoIsWhatDockerAllows() throws {
        let theirs = try RuntimeSpec(document: Array(run("docker.sh", "profile").utf8))
        var options = StandardOptions(ProcessSpec(args: ["/bin/true"]))
        options.sensors = StandardOptions.sensorsOfHost
        let ours = try RuntimeSpec.standard(options)
        func names(_ list: [String]?) -> [String] { (list ?? []).sorted() }
        #expect(
            names(ours.process?.capabilities?.bounding) == names(theirs.process?.capabilities?.bounding)
        )
        #expect(names(ours.linux?.maskedPaths) == names(theirs.linux?.maskedPaths))
        #expect(names(ours.linux?.readonlyPaths) == names(theirs.linux?.readonlyPaths))
        #expect(ours.linux?.seccomp?.defaultAction == theirs.linux?.seccomp?.defaultAction)
        func allowed(_ spec: RuntimeSpec) -> Set<String> {
            let rules = spec.linux?.seccomp?.syscalls ?? []
            return Set(rules.filter { $0.action == "SCMP_ACT_ALLOW" && ($0.args ?? []).isEmpty }.flatMap(\.names))
        }
        // A filter can't look at what socketcall(2) is asked for; the others are of other processors.
        #expect(allowed(theirs).subtracting(allowed(ours)) == ["socketcall"])
        #expect(
            allowed(ours).subtracting(allowed(theirs)) == [
                "arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "riscv_flush_icache", "set_tls",
                "sync_file_range2",
            ]
        )
    }
    #endif

    @Test(.enabled(if: peers != nil)) func containerdRunsStopsAndEntersContainers() throws {
        let expected = """
            foreground
            status 3
            given
            status 137
            inside me
            read-only
            status 4
            given
            1000
            /root
            64000000
            50000
            1
            signalled
            PAUSED
            RUNNING
            3
            STOPPED
            status 0
            image
             0 200000 1000
            0
            privileged
            refused
            1
            status 1
            0

            """
        let found = try run("containerd.sh")
        #expect(found == expected)
    }

    @Test(.enabled(if: peers != nil)) func podmanRunsStopsAndEntersContainers() throws {
        let expected = """
            foreground
            status 3
            given
            /dev/pts/0\r
            up
            status 9
            inside
            read-only
            kept
            status 4
            given
            /dev/pts/0\r
            me 1000 /data
            /run/podman-init
            33
            named
            health 0
            67108864
            50
            50000
            podman-init
            signalled
            paused
            33554432
            one
            exited 6
            137
            one
            0 1000
            0
            0
            0
            400000
            0
            page
            page
            httpd
            CapEff:0000000000000000
            NoNewPrivs:1
            77
            privileged
            directory
            overlay
            status 127

            """
        let found = try run("podman.sh")
        #expect(found == expected)
    }
}
