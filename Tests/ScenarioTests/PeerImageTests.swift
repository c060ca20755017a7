import Foundation
import Testing

extension Scenarios {
    /// Images that others run, and images of others that run here: with the peers in the directory that `ROOST_PEERS` names.
    @Suite(.enabled(if: ProcessInfo.processInfo.environment["ROOST_PEERS"] != nil, "needs ROOST_PEERS"))
    struct PeerImages {
        static let peers = ProcessInfo.processInfo.environment["ROOST_PEERS"]

        @Test("What is built here runs under Docker and Podman, and what they build on it runs here")
        func exchanged() throws {
            let peers = try #require(Self.peers)
            let compose = """
                services:
                  ours: {build: ours, image: "ours:1"}
                """
            let dockerfile = """
                FROM base:1 AS made
                RUN echo gone > /gone && rm /gone && echo ours > /made
                FROM base:1
                COPY --from=made --chmod=640 --chown=12:34 /made /ours
                RUN echo x > /removed
                ENV COLOUR=blue
                USER 12:34
                WORKDIR /srv
                CMD cat /ours; echo $COLOUR; id -u; pwd
                """
            try Scenario.with(compose, files: ["ours/Dockerfile": dockerfile]) { scenario in
                let root = try scenario.host("/bin/tar", "-C", "\(peers)/root/img/rootfs", "-cf", "base.tar", ".")
                try #require(root.status == 0, "\(root.stderr)")
                try scenario.roost("image", "import", "-c", "ENV PATH=/bin", "base.tar", "base:1")
                try scenario.roost("build")
                try scenario.roost("save", "-o", "ours.tar", "ours:1")
                let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                    .appendingPathComponent("Peers/images.sh").path
                let outcome = try scenario.host(
                    "/usr/bin/unshare",
                    "--mount",
                    "--propagation",
                    "private",
                    "--net",
                    "--pid",
                    "--fork",
                    "--kill-child",
                    "/bin/sh",
                    script,
                    peers,
                    "\(scenario.directory)/ours.tar",
                    "\(scenario.scratch)/peers",
                    within: .seconds(200)
                )
                let seen = "ours\nblue\n12\n/srv\n"
                let looked = "ours\nblue\n12\n/srv\n640 12:34\n755 0:0\n/removed\n"
                let expected =
                    "Loaded image: ours:1\n" + seen + looked
                    + "CMD [\"/bin/sh\", \"-c\", \"cat /ours; echo $COLOUR; id -u; pwd\"]\nsaved\n"
                    + "Loaded image: docker.io/library/ours:1\n" + seen + looked + "saved\n"
                #expect(outcome.stdout == expected, "\(outcome.stderr)")
                for archive in ["docker.tar", "podman.tar"] {
                    try scenario.roost("load", "-q", "-i", "\(scenario.scratch)/peers/exchange/\(archive)")
                    let name = archive == "docker.tar" ? "theirs:1" : "localhost/theirs:1"
                    try scenario.rewrite("services: {theirs: {image: \"\(name)\", network_mode: none}}")
                    let text = try scenario.roost("run", "--rm", "theirs")
                    #expect(
                        text.hasPrefix("theirs\ntheirs\nours\ntheirs blue\n12\n/made/by/them\n"),
                        "\(archive): \(text)"
                    )
                    #expect(text.contains("sticky") && !text.contains("removed"), "\(archive): \(text)")
                }
            }
        }
    }
}
