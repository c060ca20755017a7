import Foundation
import Glibc
import Testing

extension Scenarios {
    /// Images that are made to reach the host: nothing outside of the container changes, and each has a clear end.
    @Suite struct HostileImages {
        /// A root with a shell in it, and what `trap` does to it; `$OUT` is a directory of the host.
        private static func root(_ trap: String, _ scenario: Scenario) throws {
            let made = try scenario.host(
                "sh",
                "-ec",
                """
                OUT=$PWD/outside; mkdir -p outside root/bin root/etc root/tmp root/run; echo kept > outside/file
                for program in sh cat ls sleep readlink; do cp -L "$(command -v $program)" root/bin/; done
                for library in $(ldd root/bin/* | grep -oE '/[^ ]+' | grep -v : | sort -u); do
                    mkdir -p root$(dirname $library); cp -L $library root$library
                done
                cd root; \(trap)
                """
            )
            try #require(made.status == 0, "\(made.stderr)")
        }

        private static func compose(_ more: String) -> String {
            """
            services:
              a: {image: "rootfs:./root", command: [sh, -c, "sleep 1000"], init: true, network_mode: none\(more)}
            secrets: {key: {file: ./compose.yaml}}
            """
        }

        @Test(
            "an image that leads out of itself does not start",
            arguments: [
                ("rm -r etc; ln -s $OUT etc", "", "the container's /etc"),
                ("rm -r etc; ln -s ../../../../../../../..$OUT etc", "", "the container's /etc"),
                ("ln -s $OUT dev", "", "at /dev"), ("ln -s tmp proc", "", "at /proc"), ("ln -s tmp sys", "", "at /sys"),
                ("mkfifo etc/passwd", ", user: someone", "not a regular file"),
                ("mkfifo etc/group", ", user: \"0:some\"", "not a regular file"),
                ("truncate -s 1G etc/passwd", ", user: someone", "longer than"),
                ("ln -s /proc/self/fd/7 work", ", working_dir: /work", "chdir /work"),
                ("true", ", working_dir: /proc/self/fd/7", "chdir /proc/self/fd/7"),
                ("ln -s $OUT run/secrets", ", secrets: [key]", "/run/secrets/key"),
            ]
        )
        func refused(trap: String, more: String, words: String) throws {
            try Scenario.with(Self.compose(more)) { scenario in
                try Self.root(trap, scenario)
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 1)
                #expect(outcome.stderr.contains(words), "\(outcome.stderr)")
                #expect(try scenario.host("ls", "-A", "outside").stdout == "file\n")
            }
        }

        @Test("files that we write replace links, and devices are the kernel's own")
        func replaced() throws {
            try Scenario.with(Self.compose("")) { scenario in
                let links = "ln -s $OUT/hosts etc/hosts; ln -s ../../../../../../..$OUT/conf etc/resolv.conf"
                try Self.root(
                    "\(links); mkdir dev; ln -s /proc/sysrq-trigger dev/null; ln -s $OUT/c dev/console",
                    scenario
                )
                try scenario.roost("up", "-d")
                let kinds = "for f in /dev/null /etc/hosts; do [ -c $f ] && echo device; [ -L $f ] || echo $f; done"
                #expect(try scenario.inside("a", kinds) == "device\n/dev/null\n/etc/hosts")
                #expect(try scenario.host("ls", "-A", "outside").stdout == "file\n")
            }
        }

        @Test("a program that executes itself through /proc is never ours")
        func ourselves() throws {
            let before = try Data(contentsOf: URL(fileURLWithPath: Scenario.program))
            let compose = Self.compose(", entrypoint: [/script]").replacing("init: true, ", with: "")
            try Scenario.with(compose) { scenario in
                try Self.root("printf '#!/proc/self/exe\\n' > script; chmod +x script", scenario)
                // It may start: what it then executes is a page of machine code that has nothing to execute.
                _ = try scenario.run(["up", "-d"])
                try Scenario.wait("it has ended") {
                    try scenario.roost("ps", "-aq", "--status", "running").isEmpty ? true : nil
                }
                let isSame = try Data(contentsOf: URL(fileURLWithPath: Scenario.program)) == before
                #expect(isSame)
            }
        }

        @Test("a container has three descriptors, and sees none of the host's processes, devices or secrets")
        func view() throws {
            let compose = """
                services:
                  a: {image: "rootfs:/", command: sleep infinity, init: true}
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                #expect(
                    try scenario.inside("a", "ls /proc/2/fd | tr '\\n' ' '; ls /proc/1/fd | wc -l; ls -A /root | wc -l")
                        == "0 1 2 3\n0"
                )
                let attempts = [
                    "cat /etc/shadow", "ls /dev/vda", "ls /dev/mem", "test -n \"$(head -c 1 /proc/kcore | od -A n)\"",
                    "sh -c 'echo h > /proc/sysrq-trigger'", "sh -c 'echo x > /proc/sys/kernel/core_pattern'",
                    "mkdir /sys/fs/cgroup/x", "mount -t tmpfs none /mnt", "unshare -m true", "unshare -U true",
                    "nsenter -t 1 -n true", "sh -c 'mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk'",
                    // AF_ALG and AF_VSOCK.
                    "python3 -c 'import socket; socket.socket(38, 5)'",
                    "python3 -c 'import socket; socket.socket(40, 1)'",
                    "test $(ls -d /proc/[0-9]* | wc -l) -gt 9",
                ]
                for attempt in attempts {
                    let outcome = try scenario.run(["exec", "-T", "a", "sh", "-c", "\(attempt) || exit 99"])
                    #expect(outcome.status == 99, "\(attempt): \(outcome)")
                }
            }
        }
    }
}
