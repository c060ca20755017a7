import Foundation
import Glibc
import Testing

extension Scenarios {
    /// `cp` and `export`: files between containers, which may be hostile, and the machine.
    @Suite struct Copying {
        static let web = "services: { web: { \(Up.sleeper), volumes: [\"data:/data\"] } }\nvolumes: { data: }\n"

        @Test("cp takes files and directories out and puts them in, as docker cp does")
        func copy() throws {
            try Scenario.with(Self.web, files: ["tree/sub/file": "deep\n", "one": "first\n"]) { scenario in
                try scenario.roost("up", "-d", "--scale", "web=2")
                chmod("\(scenario.directory)/one", 0o640)
                symlink("sub/file", "\(scenario.directory)/tree/link")
                try scenario.roost("cp", "one", "web:/data")
                try scenario.roost("cp", "one", "web:/data/renamed")
                try scenario.roost("cp", "tree", "web:/tmp")
                try scenario.roost("cp", "tree", "web:/tmp/new")
                try scenario.roost("cp", "tree/.", "web:/tmp/new/sub")
                for index in ["1", "2"] {
                    let shown = try scenario.roost(
                        "exec",
                        "-T",
                        "--index",
                        index,
                        "web",
                        "sh",
                        "-c",
                        "cd /tmp; stat -c '%a %u %g %F' /data/one; cat /data/renamed tree/link new/sub/sub/file; readlink new/link"
                    )
                    #expect(shown == "640 0 0 regular file\nfirst\ndeep\ndeep\nsub/file\n")
                }
                try scenario.roost(
                    "exec",
                    "-T",
                    "web",
                    "sh",
                    "-c",
                    "echo more >> /tmp/tree/sub/file; chown 33:33 /tmp/tree/sub/file"
                )
                try scenario.roost("cp", "web:/tmp/tree", "out")
                try scenario.roost("cp", "web:/tmp/tree/sub/file", "out/flat")
                try scenario.roost("cp", "-L", "web:/tmp/tree/link", "followed")
                try scenario.roost("cp", "-a", "web:tmp/tree/sub", "owned")
                let shown = try scenario.host(
                    "/bin/sh",
                    "-c",
                    "cat out/sub/file out/flat followed; readlink out/link; stat -c %u owned/file out/flat"
                )
                #expect(shown.stdout == "deep\nmore\ndeep\nmore\ndeep\nmore\nsub/file\n33\n0\n")
                let archive = try scenario.start(["cp", "web:/tmp/tree", "-"])
                #expect(try archive.end().stdout.contains("tree/sub/file"))
                for (from, to, words) in [
                    ("web:/none", "x", "no such file"), ("none", "web:/", "no such file"),
                    ("one", "web:/none/x", "there is no directory /none"), ("tree", "web:/data/one", "is no directory"),
                    ("one", "two", "SERVICE:PATH"), ("web:/etc", "web:/x", "not between containers"),
                    ("-", "web:/x", "can't be copied yet"), ("one", "web:/proc/sys/kernel", "filesystem of the kernel"),
                ] {
                    let outcome = try scenario.run(["cp", from, to])
                    #expect(outcome.status == 1 && outcome.stderr.contains(words), "\(from) \(to): \(outcome)")
                }
            }
        }

        @Test("A container that does not run gives its own files, and none of its volumes")
        func stopped() throws {
            try Scenario.with(Self.web) { scenario in
                try scenario.roost("up", "-d")
                try scenario.roost("exec", "-T", "web", "sh", "-c", "echo kept > /opt/file; echo there > /data/file")
                try scenario.roost("stop", "-t", "1")
                try scenario.roost("cp", "web:/opt/file", "file")
                #expect(try scenario.host("/bin/cat", "file").stdout == "kept\n")
                try scenario.roost("cp", "file", "web:/opt/other")
                let refused = try scenario.run(["cp", "web:/data/file", "x"])
                #expect(refused.status == 1 && refused.stderr.contains("what is mounted on /data can't be reached"))
                try scenario.roost("start")
                #expect(try scenario.roost("exec", "-T", "web", "cat", "/opt/other") == "kept\n")
            }
        }

        @Test("Links and devices of a container lead nowhere but into it")
        func hostile() throws {
            try Scenario.with(Self.web, files: ["secret": "of the host\n", "given": "given\n"]) { scenario in
                try scenario.roost("up", "-d")
                let outside = scenario.directory
                let script = """
                    mkdir -p /opt/tree /opt/real; cd /opt
                    ln -s \(outside) out; ln -s ../../../../../..\(outside)/secret tree/up; ln -s \(outside)/secret tree/secret
                    mknod tree/disk b 8 0; mkfifo tree/pipe; echo plain > tree/plain; chmod 4755 tree/plain
                    ln -s /proc/1/root magic; echo inside > real/secret; ln -s /opt/real inside
                    """
                try scenario.roost("exec", "-T", "web", "sh", "-c", script)
                let copied = try scenario.run(["cp", "web:/opt/tree", "copy"])
                #expect(copied.status == 0)
                #expect(copied.stderr.count(of: "is no file, directory or link, and is left out\n") == 2)
                let look = "ls copy; readlink copy/secret; stat -c %a copy/plain"
                #expect(
                    try scenario.host("/bin/sh", "-c", look).stdout == "plain\nsecret\nup\n\(outside)/secret\n755\n"
                )
                // Seen from the container, there is no such file.
                #expect(try scenario.run(["cp", "-L", "web:/opt/tree/secret", "leaked"]).status == 1)
                #expect(try scenario.run(["cp", "web:/opt/out/secret", "leaked"]).status == 1)
                #expect(try scenario.run(["cp", "web:/opt/magic/etc/hostname", "leaked"]).status == 1)
                #expect(try scenario.run(["cp", "given", "web:/opt/out/planted"]).status == 1)
                #expect(try scenario.run(["cp", "given", "web:/opt/tree/secret"]).status == 0)
                try scenario.roost("cp", "web:/opt/inside/secret", "inside")
                let after = "cat secret inside; ls; ls copy"
                #expect(
                    try scenario.host("/bin/sh", "-c", after).stdout
                        == "of the host\ninside\ncompose.yaml\ncopy\ngiven\ninside\nsecret\nplain\nsecret\nup\n"
                )
            }
        }

        @Test("A container that swaps directories and links meanwhile gets neither a file of the host nor into one")
        func race() throws {
            try Scenario.with(Self.web, files: ["target/secret": "of the host\n", "given/secret": "given\n"]) {
                scenario in
                try scenario.roost("up", "-d")
                let outside = "\(scenario.directory)/target"
                let script = """
                    mkdir -p /opt/d/sub; cd /opt; echo inside > d/sub/secret; ln -s \(outside) d/link
                    touch /opt/ready
                    while :; do mv -T d/sub d/x; mv -T d/link d/sub; mv -T d/sub d/link; mv -T d/x d/sub; done
                    """
                try scenario.roost("exec", "-d", "web", "sh", "-c", script)
                try Scenario.wait("swapping") {
                    try scenario.run(["exec", "-T", "web", "test", "-e", "/opt/ready"]).status == 0 ? () : nil
                }
                for round in 0..<12 {
                    // Whether it succeeds depends on what is there at that moment.
                    _ = try scenario.run(["cp", "web:/opt/d", "copy\(round)"])
                    _ = try scenario.run(["cp", "given/.", "web:/opt/d/sub"])
                    _ = try scenario.run(["cp", "given/secret", "web:/opt/d/sub/secret"])
                }
                let find = "cat target/secret; find copy* -type f | xargs -r cat | sort -u; ls target"
                let found = try scenario.host("/bin/sh", "-c", find).stdout
                #expect(Set(found.split(separator: "\n")).isSubset(of: ["of the host", "inside", "given", "secret"]))
                #expect(found.hasPrefix("of the host\n") && found.count(of: "of the host") == 1, "\(found)")
            }
        }

        @Test("export writes what a container has, without volumes and the kernel's filesystems")
        func export() throws {
            let text = """
                services:
                  web:
                    image: app:1
                    entrypoint: [/bin/sh, -c, "echo written > /srv/file; exec sleep infinity"]
                    user: root
                    init: true
                    stop_signal: SIGKILL
                """
            try Scenario.with(text) { scenario in
                try Images.makeArchive("docker", scenario, name: "app:1")
                try scenario.roost("load", "-qi", "image.tar")
                try scenario.roost("up", "-d")
                let long = String(repeating: "n", count: 120)
                try Scenario.wait("file") {
                    try scenario.run(["exec", "-T", "web", "sh", "-c", "cat /srv/file > /srv/\(long)"]).status == 0
                        ? () : nil
                }
                try scenario.roost("export", "-o", "all.tar", "web")
                let script = """
                    import tarfile
                    with tarfile.open("all.tar") as tar:
                        names = tar.getnames()
                        print(tar.extractfile("srv/file").read(), tar.getmember("etc/passwd").mode)
                        print("srv/" + "n" * 120 in names, "data/seed" in names, any(n.startswith("proc/") for n in names))
                    """
                let shown = try scenario.host("/usr/bin/python3", "-c", script)
                #expect(shown.stdout == "b'written\\n' 420\nTrue False False\n", "\(shown)")
                let direct = try scenario.start(["export", "web"])
                #expect(try direct.end().stdout.contains("srv/file"))
            }
        }
    }
}
