import Foundation
import Glibc
import Testing

extension Scenarios {
    /// Attacks on a whole project: by its images, and by other users of the machine.
    @Suite struct ProjectThreats {
        private static let programs = "sh cat ls sleep tail"
        private static let traps =
            "ps tar gzip gunzip xz unxz zstd unzstd bzip2 unpigz nsenter init tini mount top getent"

        @Test("An image full of programs that commands may want to run has none of them run, and none of its libraries")
        func traps() throws {
            let compose = """
                services:
                  a: {image: "rootfs:./root", command: [sh, -c, "sleep 1000"], init: true, network_mode: none, user: "0"}
                """
            try Scenario.with(compose, files: ["given": "given\n"]) { scenario in
                let made = try scenario.host(
                    "sh",
                    "-ec",
                    """
                    mkdir -p root/bin root/etc root/tmp root/usr/bin root/sbin root/run
                    for program in \(Self.programs); do cp -L "$(command -v $program)" root/bin/; done
                    for library in $(ldd root/bin/* | grep -oE '/[^ ]+' | grep -v : | sort -u); do
                        mkdir -p root$(dirname $library); cp -L $library root$library
                    done
                    for trap in \(Self.traps); do
                        printf '#!/bin/sh\\necho %s >> /hits\\n' $trap > root/usr/bin/$trap
                        chmod 755 root/usr/bin/$trap; cp root/usr/bin/$trap root/sbin/
                        [ -e root/bin/$trap ] || cp root/usr/bin/$trap root/bin/
                    done
                    for library in libnss_files.so.2 libnss_dns.so.2 libnss_compat.so.2; do
                        echo no library > root/lib/x86_64-linux-gnu/$library 2>/dev/null || true
                    done
                    echo 'passwd: files evil' > root/etc/nsswitch.conf
                    """
                )
                try #require(made.status == 0, "\(made.stderr)")
                try scenario.roost("up", "-d")
                for command in [
                    ["top"], ["stats", "--no-stream"], ["ps"], ["logs"], ["cp", "given", "a:/tmp"],
                    ["cp", "a:/etc", "out"],
                    ["export", "-o", "all.tar", "a"], ["pause"], ["unpause"], ["stop", "-t", "1"], ["start"],
                ] {
                    let outcome = try scenario.run(command)
                    #expect(outcome.status == 0, "\(command): \(outcome)")
                }
                let look = try scenario.run(["exec", "-T", "a", "cat", "/hits", "/tmp/given"])
                #expect(look.stdout == "given\n" && look.stderr.contains("/hits"), "\(look)")
            }
        }

        @Test(
            "Other users of the machine reach neither the supervisor nor its files, and too long a request ends alone"
        )
        func otherUsers() throws {
            let compose =
                "services: { a: {image: \"rootfs:/\", command: sleep infinity, init: true, network_mode: none} }"
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                // Nothing but our own modes protects it now.
                chmod(scenario.scratch, 0o755)
                let project = "\(scenario.runtime)/projects/\(scenario.name)"
                let modes = try scenario.host(
                    "sh",
                    "-c",
                    "cd \(project); stat -c '%a %U %F' . .. control.sock lend.sock containers/*/journal"
                )
                #expect(
                    modes.stdout == """
                        700 root directory
                        700 root directory
                        600 root socket
                        600 root socket
                        600 root regular file

                        """
                )
                let connect = """
                    import socket, sys
                    for name, kind in ("control", socket.SOCK_STREAM), ("lend", socket.SOCK_SEQPACKET):
                        try: socket.socket(socket.AF_UNIX, kind).connect(sys.argv[1] + "/" + name + ".sock"); print("in")
                        except PermissionError: print("refused")
                    """
                let stranger = try scenario.host(
                    "/usr/bin/setpriv",
                    "--reuid=65534",
                    "--regid=65534",
                    "--clear-groups",
                    "python3",
                    "-c",
                    connect,
                    project
                )
                #expect(stranger.stdout == "refused\nrefused\n", "\(stranger)")
                let flood = """
                    import socket, sys
                    for head in b"POST /up HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 99999999999\\r\\n\\r\\n", b"\\0\\xff\\r\\n" * 99, b"":
                        line = socket.socket(socket.AF_UNIX)
                        line.connect(sys.argv[1] + "/control.sock")
                        try:
                            line.sendall(head)
                            for _ in range(80 if b"POST" in head else 0): line.sendall(bytes(1 << 20))
                            line.shutdown(socket.SHUT_WR)
                            while line.recv(65536): pass
                            print("ended")
                        except OSError: print("ended")
                    """
                let supervisor = try scenario.supervisor()
                let outcome = try scenario.host("python3", "-c", flood, project)
                #expect(outcome.stdout == "ended\nended\nended\n", "\(outcome)")
                #expect(try scenario.supervisor() == supervisor)
                #expect(try scenario.states() == ["a-1": "running"])
                chmod(scenario.scratch, 0o700)
            }
        }
    }
}
