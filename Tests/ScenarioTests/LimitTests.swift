import Foundation
import Glibc
import Testing

extension Scenario {
    /// What a file of a container's control group holds, in the hierarchy that has it; nil where none has.
    func group(_ container: String, _ controller: String, _ file: String) -> String? {
        for root in ["/sys/fs/cgroup/\(controller)", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"] {
            let path = "\(root)/roost/\(name)/\(name)-\(container)/\(file)"
            if let text = try? String(contentsOfFile: path, encoding: .utf8) {  // absent is the answer
                return text.trimmingCharacters(in: .whitespacesAndNewlines)
            }
        }
        return nil
    }

    /// A disk of the machine, as its node and its number; nil where there is none.
    static func disk() -> (path: String, number: String)? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/sys/block")) ?? []  // none is none
        for name in names.sorted() {
            let number = try? String(contentsOfFile: "/sys/block/\(name)/dev", encoding: .utf8)  // as above
            guard let number, FileManager.default.fileExists(atPath: "/dev/\(name)") else { continue }
            return ("/dev/\(name)", number.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        return nil
    }
}

extension Scenarios {
    /// Attributes that limit what a container uses, seen in the kernel's files.
    @Suite struct Limits {
        @Test("limits of memory, processors, processes and disks are those of the file")
        func limits() throws {
            let disk = Scenario.disk()
            let throttle = disk.map { "blkio_config: {device_read_bps: [{path: \($0.path), rate: 1mb}]}" } ?? ""
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    command: sleep infinity
                    network_mode: none
                    mem_limit: 64m
                    mem_reservation: 32m
                    mem_swappiness: 7
                    oom_kill_disable: true
                    cpus: "0.5"
                    cpu_shares: 512
                    cpuset: "0"
                    pids_limit: 50
                    oom_score_adj: 10
                    \(throttle)
                """
            try Scenario.with(compose) { scenario in
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 0, "\(outcome.stderr)")
                let isLegacy = FileManager.default.fileExists(atPath: "/sys/fs/cgroup/memory/memory.limit_in_bytes")
                try #require(isLegacy || outcome.stderr.contains("swappiness"))
                guard isLegacy else { return }
                #expect(scenario.group("a-1", "memory", "memory.limit_in_bytes") == "67108864")
                #expect(scenario.group("a-1", "memory", "memory.soft_limit_in_bytes") == "33554432")
                #expect(scenario.group("a-1", "memory", "memory.swappiness") == "7")
                #expect(scenario.group("a-1", "memory", "memory.oom_control")?.hasPrefix("oom_kill_disable 1") == true)
                #expect(scenario.group("a-1", "cpu", "cpu.cfs_quota_us") == "50000")
                #expect(scenario.group("a-1", "cpu", "cpu.shares") == "512")
                #expect(scenario.group("a-1", "cpuset", "cpuset.cpus") == "0")
                #expect(scenario.group("a-1", "pids", "pids.max") == "50")
                if let disk {
                    let bytes = scenario.group("a-1", "blkio", "blkio.throttle.read_bps_device")
                    #expect(bytes == "\(disk.number) 1048576")
                }
            }
        }

        @Test("what the kernel has no setting for is told by name, and the container runs")
        func missing() throws {
            let compose = """
                services:
                  a: {image: "rootfs:/", command: sleep infinity, network_mode: none, cpu_rt_runtime: 1000}
                """
            try Scenario.with(compose) { scenario in
                let outcome = try scenario.run(["up", "-d"])
                let hasIt = FileManager.default.fileExists(atPath: "/sys/fs/cgroup/cpu/cpu.rt_runtime_us")
                #expect(hasIt || outcome.stderr.contains("cpu.realtimeRuntime"))
                #expect(hasIt || outcome.status == 0)
            }
        }

        @Test("a disk or a device that is not there is told of before anything is made")
        func absent() throws {
            let compose = """
                services:
                  a: {image: "rootfs:/", command: sleep infinity, gpus: all}
                """
            try Scenario.with(compose) { scenario in
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 1)
                #expect(outcome.stderr.contains("neither nvidia nor amdgpu has a device on this machine"))
                #expect(outcome.stderr.contains("compose.yaml:2:"))
                #expect(try scenario.containers().isEmpty)
                try scenario.rewrite(
                    compose.replacing(
                        "gpus: all",
                        with: "blkio_config: {device_read_bps: [{path: /dev/none, rate: 1}]}"
                    )
                )
                let second = try scenario.run(["up", "-d"])
                #expect(second.status == 1 && second.stderr.contains("/dev/none"))
            }
        }
    }

    /// What containers have of each other.
    @Suite struct Neighbours {
        @Test("volumes_from has the volumes of another container, its own and those that it has from others")
        func volumesFrom() throws {
            let compose = """
                x-idle: &idle {image: "rootfs:/", network_mode: none, stop_signal: SIGKILL}
                services:
                  data:
                    <<: *idle
                    command: "true"
                    volumes: ["named:/named", "./shared:/shared", "/own", {type: tmpfs, target: /memory}]
                  first: {<<: *idle, command: sleep infinity, volumes_from: [data]}
                  second:
                    <<: *idle
                    command: sleep infinity
                    volumes_from: ["first:ro"]
                    volumes: ["./mine:/shared"]
                volumes: {named: {}}
                """
            try Scenario.with(compose, files: ["shared/x": "given\n", "mine/y": "mine\n"]) { scenario in
                try scenario.roost("up", "-d")
                _ = try scenario.inside("first", "echo a > /named/a; echo b > /own/b; cat /shared/x")
                #expect(try scenario.inside("first", "test -d /memory || echo none") == "none")
                #expect(
                    try scenario.inside("second", "cat /named/a /own/b /shared/y; touch /named/c", status: 1)
                        == "a\nb\nmine\ntouch: cannot touch '/named/c': Read-only file system"
                )
                // The volumes are the same ones in a container that is made anew.
                try scenario.roost("up", "-d", "--force-recreate", "--no-deps", "second")
                #expect(try scenario.inside("second", "cat /own/b") == "b")
                let other =
                    "services: {other: {image: \"rootfs:/\", volumes_from: [\"container:PROJECT-first-1\"],"
                    + " network_mode: none, command: cat /named/a /own/b}}"
                try scenario.write("other.yaml", other.replacing("PROJECT", with: scenario.name))
                #expect(
                    try scenario.roost("-p", scenario.name + "x", "-f", "other.yaml", "run", "--rm", "other")
                        == "a\nb\n"
                )
                try scenario.roost("-p", scenario.name + "x", "-f", "other.yaml", "down")
            }
        }

        @Test("a link's other name is known to the one that has the link, and to nobody else")
        func links() throws {
            let compose = """
                services:
                  db: {image: "rootfs:/", command: sleep infinity, hostname: the-db}
                  web: {image: "rootfs:/", command: sleep infinity, links: ["db:database", "db"]}
                  old: {image: "rootfs:/", command: sleep infinity, network_mode: bridge, links: ["plain:there"]}
                  plain: {image: "rootfs:/", command: sleep infinity, network_mode: bridge}
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                let address = try scenario.inside("db", "hostname -I | cut -d ' ' -f 1")
                #expect(try scenario.inside("web", "getent hosts database | cut -d ' ' -f 1") == address)
                #expect(try scenario.inside("db", "getent hosts database", status: 2) == "")
                let plain = try scenario.inside("plain", "hostname -I | cut -d ' ' -f 1")
                #expect(try scenario.inside("old", "getent hosts there | cut -d ' ' -f 1") == plain)
                #expect(try scenario.inside("old", "getent hosts db", status: 2) == "")
            }
        }

        @Test("places on networks have link-local addresses, and the options of their driver")
        func places() throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    command: sleep infinity
                    networks:
                      default:
                        link_local_ips: [169.254.7.8, "fe80::78"]
                        driver_opts:
                          com.docker.network.endpoint.ifname: up0
                          com.docker.network.endpoint.sysctls: net.ipv4.conf.IFNAME.log_martians=1
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                #expect(
                    try scenario.inside(
                        "a",
                        """
                        ip -o addr show up0 | grep -o 'inet 169.254[^ ]*'
                        ip -o addr show up0 | grep -o 'fe80::78[^ ]*'; cat /proc/sys/net/ipv4/conf/up0/log_martians
                        """
                    ) == "inet 169.254.7.8/16\nfe80::78/64\n1"
                )
            }
        }

        @Test("a container without shared memory has none, and labels and annotations are kept")
        func records() throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    command: sleep infinity
                    network_mode: none
                    ipc: none
                    read_only: true
                    annotations: {org.example.a: b}
                    labels: {own: label}
                    label_file: labels.env
                    depends_on: {b: {condition: service_started, restart: true}}
                  b: {image: "rootfs:/", command: sleep infinity, network_mode: none, read_only: true, hostname: named}
                """
            try Scenario.with(compose, files: ["labels.env": "FROM=file\nown=hidden\n"]) { scenario in
                try scenario.roost("up", "-d")
                #expect(try scenario.inside("a", "ls /dev/shm", status: 2).hasSuffix("No such file or directory"))
                let text = try scenario.roost("ps", "--format", "json", "a")
                for label in [
                    "own=label", "FROM=file", "com.docker.compose.project.working_dir=\(scenario.directory)",
                    "com.docker.compose.project.config_files=\(scenario.directory)/compose.yaml",
                    "com.docker.compose.depends_on=b:service_started:true", "com.docker.compose.service=a",
                ] { #expect(text.replacing("\\/", with: "/").contains(label), "\(label) in \(text)") }
                let config = "\(scenario.runtime)/projects/\(scenario.name)/containers/\(scenario.name)-a-1/config.json"
                #expect(try String(contentsOfFile: config, encoding: .utf8).contains("org.example.a"))
                // Names are right where nothing can be written.
                #expect(
                    try scenario.inside("b", "hostname; cat /etc/hostname; tail -n 1 /etc/hosts")
                        == "named\nnamed\nff02::2\tip6-allrouters"
                )
            }
        }

        @Test("mounts below a read-only one can be written to when the file says so")
        func recursion() throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    command: sleep infinity
                    network_mode: none
                    volumes:
                      - {type: bind, source: /dev, target: /some, read_only: true, bind: {recursive: writable}}
                      - {type: bind, source: /dev, target: /all, read_only: true, bind: {recursive: readonly}}
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                let options =
                    "awk '$5 == \"/some\" || $5 == \"/some/pts\" || $5 == \"/all\" || $5 == \"/all/pts\" "
                    + "{print $5, substr($6, 1, 2)}' /proc/self/mountinfo | sort -u"
                #expect(try scenario.inside("a", options) == "/all ro\n/all/pts ro\n/some ro\n/some/pts rw")
            }
        }

        @Test("an image is mounted for reading, whole or in part")
        func images() throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    command: sleep infinity
                    network_mode: none
                    stop_signal: SIGKILL
                    volumes:
                      - {type: image, source: "rootfs:./tree", target: /whole}
                      - {type: image, source: "rootfs:./tree", target: /part, image: {subpath: below}}
                """
            try Scenario.with(compose, files: ["tree/top": "top\n", "tree/below/deep": "deep\n"]) { scenario in
                try scenario.roost("up", "-d")
                #expect(
                    try scenario.inside("a", "cat /whole/top /part/deep; touch /whole/x", status: 1)
                        == "top\ndeep\ntouch: cannot touch '/whole/x': Read-only file system"
                )
                try scenario.rewrite(compose.replacing("\"rootfs:./tree\", target: /w", with: "nothere:1, target: /w"))
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 1 && outcome.stderr.hasPrefix("compose.yaml:8:9: "))
            }
        }

        @Test("a container of another project lends its namespaces by its name")
        func companions() throws {
            let lender =
                "services: {vpn: { \(SharedNetworks.idle), container_name: CALLED, hostname: lender, ipc: shareable}}"
            let borrower = """
                services:
                  a: { \(SharedNetworks.idle), network_mode: "container:CALLED", ipc: "container:CALLED", pid: "container:CALLED"}
                """
            try Scenario.with("services: {}") { scenario in
                let called = "c" + scenario.name
                try scenario.rewrite(lender.replacing("CALLED", with: called))
                let second = try scenario.second(borrower.replacing("CALLED", with: called))
                let missing = try scenario.run(second + ["up", "-d"])
                #expect(missing.status == 1 && missing.stderr.contains("container \(called) does not run"))
                try scenario.roost("up", "-d")
                #expect(try scenario.run(second + ["up", "-d"]).status == 0)
                _ = try scenario.inside("vpn", "echo shared > /dev/shm/x")
                let view = "readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/pid; cat /dev/shm/x; hostname"
                let theirs = try scenario.inside(second: second, "a", view)
                #expect(try scenario.inside("vpn", view) == theirs && theirs.hasSuffix("shared\nlender"))
                #expect(try scenario.run(second + ["down"]).status == 0)
            }
        }

        @Test("a control group lies in the one that the file names, which goes with it unless it was there")
        func groupParent() throws {
            let compose = """
                services:
                  a: { \(SharedNetworks.idle), network_mode: none, cgroup_parent: PARENT/deep, mem_limit: 64m }
                  b: { \(SharedNetworks.idle), network_mode: none, cgroup_parent: PARENT/deep }
                """
            try Scenario.with("services: {}") { scenario in
                let parent = "p" + scenario.name
                try scenario.rewrite(compose.replacing("PARENT", with: parent))
                try scenario.roost("up", "-d")
                let path = "\(parent)/deep/roost-\(scenario.name)-\(scenario.name)-a-1"
                let listing = try scenario.containers().first { $0.Service == "a" }
                let journal =
                    "\(scenario.runtime)/projects/\(scenario.name)/containers/\(listing?.Name ?? "")/journal"
                let text = try String(contentsOfFile: journal, encoding: .utf8)
                let pid = try #require(text.firstMatch(of: /"pid":(\d+)/)?.1)
                let groups = try String(contentsOfFile: "/proc/\(pid)/cgroup", encoding: .utf8)
                #expect(groups.contains("0::/\(path)\n"), "\(groups)")
                #expect(groups.contains(":memory:/\(path)\n") || !groups.contains(":memory:"), "\(groups)")
                try scenario.roost("up", "-d", "--force-recreate")
                try scenario.roost("down")
                let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/memory"]
                func left() -> [String] {
                    roots.map { "\($0)/\(parent)" }.filter { FileManager.default.fileExists(atPath: $0) }
                }
                #expect(left() == [])
                // One that somebody has made stays.
                let root = FileManager.default.fileExists(atPath: roots[1]) ? roots[1] : roots[0]
                try FileManager.default.createDirectory(atPath: "\(root)/\(parent)", withIntermediateDirectories: false)
                defer { rmdir("\(root)/\(parent)") }
                try scenario.roost("up", "-d")
                try scenario.roost("down")
                #expect(left() == ["\(root)/\(parent)"])
            }
        }

        @Test("up shows nothing of a service that says attach: false")
        func attach() throws {
            let compose = """
                services:
                  loud: {image: "rootfs:/", network_mode: none, command: echo heard}
                  quiet: {image: "rootfs:/", network_mode: none, command: echo unheard, attach: false}
                """
            try Scenario.with(compose) { scenario in
                let outcome = try scenario.run(["up"])
                #expect(outcome.stdout.contains("heard") && !outcome.stdout.contains("unheard"))
                #expect(outcome.stderr.contains("Attaching to loud-1\n"))
            }
        }
    }
}
