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

        @Test(
            "An image's labels and annotations neither name projects nor choose a runtime, and reach no program of the host"
        )
        func labels() throws {
            let compose = """
                services:
                  a: {image: "docker-archive:./evil.tar", command: sleep infinity, stop_signal: SIGKILL, network_mode: none}
                """
            // Everything that anybody believes of a label: Docker Compose, Podman, containerd, and ourselves.
            let make = """
                import hashlib, io, json, os, shutil, subprocess, tarfile
                def pack(members):
                    out = io.BytesIO()
                    with tarfile.open(fileobj=out, mode="w") as tar:
                        for name, data, mode in members:
                            info = tarfile.TarInfo(name); info.size, info.mode = len(data), mode
                            tar.addfile(info, io.BytesIO(data))
                    return out.getvalue()
                programs = [shutil.which("sleep"), shutil.which("ls")]
                lists = subprocess.run(["ldd", *programs], stdout=subprocess.PIPE, text=True).stdout.split()
                files = programs + sorted({word for word in lists if word.startswith("/") and not word.endswith(":")})
                layer = pack([(path.replace("/usr/bin", "/bin").lstrip("/"), open(path, "rb").read(), 0o755) for path in files])
                trap = "touch " + os.path.abspath("hit")
                labels = {
                    "io.roost.run.remove": "true", "io.roost.run.aliases": "true", "io.roost.seccomp": "unconfined",
                    "io.roost.runtime": chr(10).join([os.path.abspath("trap"), "/tmp", "/tmp", "x"]),
                    "com.docker.compose.project": "other", "com.docker.compose.service": "b", "RUN": trap, "INSTALL": trap,
                    "io.containerd.image.name": "docker.io/library/other:1", "io.kubernetes.cri-containerd.image": "managed",
                    "org.opencontainers.image.ref.name": "other:1", "run.oci.handler": "krun", "devices": "nvidia.com/gpu=all",
                }
                with open("trap", "w") as file: file.write("#!/bin/sh" + chr(10) + trap)
                os.chmod("trap", 0o755)
                config = json.dumps({
                    "os": "linux", "architecture": os.environ["MACHINE"],
                    "config": {"Cmd": ["sleep"], "Env": ["PATH=/bin"], "Labels": labels},
                    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
                }).encode()
                manifest = [{"Config": "c.json", "RepoTags": ["evil:1"], "Layers": ["l.tar"], "Annotations": labels}]
                with open("evil.tar", "wb") as file:
                    file.write(pack([("l.tar", layer, 0o644), ("c.json", config, 0o644),
                                     ("manifest.json", json.dumps(manifest).encode(), 0o644)]))
                """
            try Scenario.with(compose, files: ["make.py": make]) { scenario in
                #if arch(arm64)
                scenario.variables["MACHINE"] = "arm64"
                #else
                scenario.variables["MACHINE"] = "amd64"
                #endif
                let made = try scenario.host("/usr/bin/python3", "make.py")
                try #require(made.status == 0, "\(made.stderr)")
                try scenario.roost("up", "-d")
                #expect(try scenario.roost("ls", "-a", "-q") == "\(scenario.name)\n")
                let container = try #require(try scenario.containers().first)
                #expect(container.Project == scenario.name && container.Service == "a")
                let template = "{{.Label \"com.docker.compose.service\"}} {{.Label \"RUN\"}}"
                #expect(try scenario.roost("ps", "--format", template) == "a \n")
                let directory = "\(scenario.runtime)/projects/\(scenario.name)/containers/\(scenario.name)-a-1"
                let spec = try String(contentsOfFile: "\(directory)/config.json", encoding: .utf8)
                for word in ["nvidia", "krun", "other", "trap", "unconfined"] {
                    #expect(!spec.contains(word), "\(word)")
                }
                #expect(spec.contains("seccomp"))
                #expect(try scenario.roost("exec", "-T", "a", "ls", "/").contains("bin"))
                try scenario.roost("kill")
                try scenario.wait(for: ["a-1": "exited 137"])
                #expect(try scenario.host("ls", "hit").status != 0)
            }
        }

        @Test("Before and after somebody flushes all rules, a port of 127.0.0.1 is reached by the host alone")
        func flushed() throws {
            let port = Scenario.freePort()
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    command: python3 -m http.server 80
                    working_dir: /srv
                    stop_signal: SIGKILL
                    ports: ["127.0.0.1:\(port):80"]
                    healthcheck: {test: [CMD, grep, -q, ":0050", /proc/net/tcp], interval: 100ms}
                  neighbour: {image: "rootfs:/", command: sleep infinity, stop_signal: SIGKILL}
                """
            let reach = """
                import socket, struct, sys
                own = next(line.split() for line in open("/proc/net/route") if line.split()[1] == "00000000")
                gateway = socket.inet_ntoa(struct.pack("<I", int(own[2], 16)))
                for address in [gateway, "127.0.0.1"] + sys.argv[2:]:
                    line = socket.socket()
                    line.settimeout(1)
                    try: line.connect((address, int(sys.argv[1]))); print("connected to", address)
                    except OSError: pass
                print("tried")
                """
            try Scenario.with(compose, files: ["reach.py": reach]) { scenario in
                try scenario.roost("up", "-d", "--wait")
                try scenario.roost("cp", "reach.py", "neighbour:/reach.py")
                let addresses = try scenario.host("hostname", "-I").stdout.split(whereSeparator: \.isWhitespace)
                let others = addresses.filter { !$0.contains(":") }.map(String.init)
                func check() throws {
                    #expect(try scenario.page(port) != nil)
                    let command = ["exec", "-T", "neighbour", "python3", "/reach.py", "\(port)"] + others
                    let outcome = try scenario.run(command)
                    #expect(outcome.stdout == "tried\n", "\(outcome)")
                }
                try check()
                let table = "roost_\(scenario.name)"
                #expect(try scenario.host("nft", "delete", "table", "inet", table).status == 0)
                try Scenario.wait("the table") {
                    try scenario.host("nft", "list", "table", "inet", table).status == 0 ? () : nil
                }
                try check()
            }
        }
    }
}
