import Foundation
import Testing

extension Scenarios {
    /// Images from archives, with everything that their configuration says.
    @Suite struct Images {
        /// Writes an image of one layer with a static program, as `docker save` or as an OCI layout writes it.
        ///
        /// The layer holds a shell of the host with its libraries, since any image has at least a program.
        private static let builder = """
            import hashlib, io, json, os, re, subprocess, sys, tarfile
            kind, path, name = sys.argv[1:4]
            layer = io.BytesIO()
            with tarfile.open(fileobj=layer, mode="w") as tar:
                programs = ["/bin/sh", "/bin/sleep", "/usr/bin/id", "/bin/cat", "/usr/bin/test"]
                files = set(programs)
                for program in programs:
                    files |= set(re.findall(r"(/\\S+) \\(0x", subprocess.run(["ldd", program], capture_output=True, text=True).stdout))
                for file in sorted(files):
                    info = tar.gettarinfo(os.path.realpath(file), file.lstrip("/"))
                    info.uid = info.gid = 0
                    tar.addfile(info, open(file, "rb"))
                for file, text in {"etc/passwd": "root:x:0:0::/:/bin/sh\\napp:x:1234:1234::/srv:/bin/sh\\n", "etc/group": "app:x:1234:\\n", "data/seed": "from the image\\n"}.items():
                    info = tarfile.TarInfo(file)
                    info.size = len(text)
                    tar.addfile(info, io.BytesIO(text.encode()))
                info = tarfile.TarInfo("srv"); info.type = tarfile.DIRTYPE; info.mode = 0o755; tar.addfile(info)
            layer = layer.getvalue()
            digest = lambda data: hashlib.sha256(data).hexdigest()
            machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
            config = json.dumps({"os": "linux", "architecture": machine, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest(layer)]},
                "config": {"Env": ["PATH=/usr/bin:/bin", "COLOUR=blue"], "Entrypoint": ["/bin/sh", "-c"], "WorkingDir": "/srv", "User": "app",
                    "Cmd": ["echo $COLOUR; echo $PWD; id -u; cat /data/seed; trap 'echo usr1; exit 3' USR1; while :; do sleep 0.01; done"],
                    "Volumes": {"/data": {}}, "StopSignal": "SIGUSR1", "ExposedPorts": {"8080/tcp": {}},
                    "Healthcheck": {"Test": ["CMD", "/usr/bin/test", "-e", "/data/seed"], "Interval": 50000000}}}).encode()
            members = []
            if kind == "docker":
                manifest = [{"Config": digest(config) + ".json", "RepoTags": [name], "Layers": [digest(layer) + "/layer.tar"]}]
                members = [(digest(config) + ".json", config), (digest(layer) + "/layer.tar", layer), ("manifest.json", json.dumps(manifest).encode())]
            else:
                prefix = "application/vnd.oci.image."
                manifest = json.dumps({"schemaVersion": 2, "mediaType": prefix + "manifest.v1+json",
                    "config": {"mediaType": prefix + "config.v1+json", "digest": "sha256:" + digest(config), "size": len(config)},
                    "layers": [{"mediaType": prefix + "layer.v1.tar", "digest": "sha256:" + digest(layer), "size": len(layer)}]}).encode()
                index = {"schemaVersion": 2, "manifests": [{"mediaType": prefix + "manifest.v1+json", "digest": "sha256:" + digest(manifest),
                    "size": len(manifest), "annotations": {"org.opencontainers.image.ref.name": name}}]}
                members = [("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), ("index.json", json.dumps(index).encode())]
                members += [("blobs/sha256/" + digest(blob), blob) for blob in (config, layer, manifest)]
            with tarfile.open(path, "w") as tar:
                for member, data in members:
                    info = tarfile.TarInfo(member)
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
            """

        /// Writes `image.tar` into the project.
        static func makeArchive(_ kind: String, _ scenario: Scenario, name: String = "example.org/app:1") throws {
            try scenario.write("build.py", builder)
            let outcome = try scenario.host("/usr/bin/python3", "build.py", kind, "image.tar", name)
            try #require(outcome.status == 0, "\(outcome.stderr)")
        }

        private func check(_ scenario: Scenario) throws {
            try scenario.roost("up", "--wait")
            let web = try #require(try scenario.containers().first)
            #expect(web.Health == "healthy")
            #expect(try scenario.roost("logs", "--no-log-prefix") == "blue\n/srv\n1234\nfrom the image\n")
            #expect(try scenario.roost("ps").contains("8080/tcp"))
            #expect(try scenario.roost("exec", "-T", "web", "/usr/bin/id", "-un") == "app\n")
            try scenario.roost("stop")
            #expect(try scenario.states() == ["web-1": "exited 3"])
            #expect(try scenario.roost("logs", "--no-log-prefix").hasSuffix("usr1\n"))
        }

        @Test("A loaded image lends a service all that its configuration says", arguments: ["docker", "oci"])
        func load(kind: String) throws {
            try Scenario.with("services: { web: { image: \"example.org/app:1\" } }") { scenario in
                try Self.makeArchive(kind, scenario)
                let loaded = try scenario.roost("load", "-i", "image.tar")
                #expect(loaded == "Loaded image: example.org/app:1\n")
                #expect(try scenario.roost("load", "-q", "-i", "image.tar").isEmpty)
                try check(scenario)
            }
        }

        /// Writes an OCI archive whose lowest layer is a shell with its libraries, with a file in each of those above it.
        private static let tower = """
            import hashlib, io, json, os, re, subprocess, sys, tarfile
            digest = lambda data: hashlib.sha256(data).hexdigest()
            def layer(add):
                data = io.BytesIO()
                with tarfile.open(fileobj=data, mode="w") as tar: add(tar)
                return data.getvalue()
            def text(tar, name, content):
                info = tarfile.TarInfo(name); info.size = len(content); info.mode = 0o755
                tar.addfile(info, io.BytesIO(content))
            def bottom(tar):
                files = {"/bin/sh"} | set(re.findall(r"(/\\S+) \\(0x", subprocess.run(["ldd", "/bin/sh"], capture_output=True, text=True).stdout))
                for file in sorted(files):
                    tar.addfile(tar.gettarinfo(os.path.realpath(file), file.lstrip("/")), open(os.path.realpath(file), "rb"))
                text(tar, "low", b"#!/bin/sh\\necho low\\n")
                text(tar, "covered", b"#!/bin/sh\\necho wrong\\n")
            layers = [layer(bottom)] + [layer(lambda tar: text(tar, "file%d" % n, b"%d" % n)) for n in range(1, 299)]
            layers.append(layer(lambda tar: (text(tar, "high", b"#!/bin/sh\\necho high\\n"), text(tar, "covered", b"#!/bin/sh\\necho right\\n"))))
            machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
            prefix = "application/vnd.oci.image."
            config = json.dumps({"os": "linux", "architecture": machine, "config": {"Cmd": ["/bin/sh", "-c", "/low; /high; /covered"]},
                "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest(data) for data in layers]}}).encode()
            entry = lambda kind, data: {"mediaType": prefix + kind, "digest": "sha256:" + digest(data), "size": len(data)}
            manifest = json.dumps({"schemaVersion": 2, "mediaType": prefix + "manifest.v1+json", "config": entry("config.v1+json", config),
                "layers": [entry("layer.v1.tar", data) for data in layers]}).encode()
            index = {"schemaVersion": 2, "manifests": [dict(entry("manifest.v1+json", manifest), annotations={"org.opencontainers.image.ref.name": "tower:1"})]}
            members = [("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), ("index.json", json.dumps(index).encode())]
            members += [("blobs/sha256/" + digest(data), data) for data in [config, manifest] + layers]
            with tarfile.open("image.tar", "w") as tar:
                for name, data in members: text(tar, name, data)
            """

        @Test("Of an image of 300 layers programs run from the lowest and the highest, and a build goes on above them")
        func tower() throws {
            let compose = """
                services:
                  web: { image: "tower:1", network_mode: none }
                  more: { build: ., network_mode: none }
                """
            let files = [
                "Dockerfile":
                    "FROM tower:1\nRUN /low > /kept && /high >> /kept\nCMD while read line; do echo $line; done < /kept\n"
            ]
            try Scenario.with(compose, files: files.merging(["build.py": Self.tower]) { $1 }) { scenario in
                let made = try scenario.host("/usr/bin/python3", "build.py")
                try #require(made.status == 0, "\(made.stderr)")
                try scenario.roost("load", "-i", "image.tar")
                #expect(try scenario.roost("run", "--rm", "web") == "low\nhigh\nright\n")
                try scenario.roost("build", "more")
                #expect(try scenario.roost("run", "--rm", "more") == "low\nhigh\n")
                let limited = try scenario.run(
                    ["load", "-i", "image.tar"],
                    environment: ["ROOST_IMAGE_LIMITS": "layers=299"]
                )
                #expect(limited.status == 1 && limited.stderr.contains("layers"), "\(limited.stderr)")
            }
        }

        @Test("An archive can be named as the image itself", arguments: ["docker", "oci"])
        func archive(kind: String) throws {
            try Scenario.with("services: { web: { image: \"\(kind)-archive:./image.tar\" } }") { scenario in
                try Self.makeArchive(kind, scenario)
                try check(scenario)
            }
        }

        @Test("The file overrides what the image says, and a named volume gets the image's content when it is new")
        func overrides() throws {
            let text = """
                services:
                  web:
                    image: example.org/app:1
                    command: ["echo $$COLOUR; echo $$PWD; id -u; cat /data/seed"]
                    environment: { COLOUR: red }
                    user: "0"
                    working_dir: /data
                    volumes: ["seeds:/data"]
                    healthcheck: { disable: true }
                volumes: { seeds: }
                """
            try Scenario.with(text) { scenario in
                try Self.makeArchive("docker", scenario)
                try scenario.roost("load", "-i", "image.tar")
                try scenario.roost("up", "-d")
                try scenario.wait(for: ["web-1": "exited 0"])
                #expect(try scenario.roost("logs", "--no-log-prefix") == "red\n/data\n0\nfrom the image\n")
                let entry = ["run", "--rm", "-T", "--entrypoint", "/bin/cat", "web", "/data/seed"]
                #expect(try scenario.run(entry).stdout == "from the image\n")
            }
        }
    }
}
