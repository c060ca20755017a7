import Foundation
import Glibc
import Testing

extension Scenarios {
    /// Volumes, networks and ports, seen from inside and outside.
    @Suite struct Attachments {
        @Test("volumes hold what the image has, parts of them and filesystems are mounted, and they are shared")
        func volumes() throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    command: sleep infinity
                    stop_signal: SIGKILL
                    network_mode: none
                    volumes:
                      - seeded:/etc/apt
                      - {type: volume, source: bare, target: /etc/dpkg, volume: {nocopy: true}}
                      - {type: volume, source: seeded, target: /part, read_only: true, volume: {subpath: apt.conf.d}}
                      - memory:/memory
                      - ./shared:/made/shared:rslave
                      - ./shared:/made/frozen:ro
                      - {type: tmpfs, target: /small, tmpfs: {size: 2m, mode: 0750}}
                      - /own
                    tmpfs: ["/short:size=1m,uid=7"]
                  b:
                    image: rootfs:/
                    command: sleep infinity
                    network_mode: none
                    volumes: ["memory:/elsewhere:ro"]
                volumes:
                  seeded: {}
                  bare: {}
                  memory: {driver_opts: {type: tmpfs, device: tmpfs, o: "size=3m,uid=1000,nosuid"}}
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                #expect(
                    try scenario.inside("a", "ls /etc/apt | grep -c sources; ls /etc/dpkg | wc -l; ls /part")
                        == "1\n0\n"
                        + scenario.host("ls", "/etc/apt/apt.conf.d").stdout.trimmingCharacters(in: .newlines)
                )
                _ = try scenario.inside("a", "echo all > /memory/x; touch /own/kept /made/shared/seen")
                #expect(
                    try scenario.inside("b", "cat /elsewhere/x; stat -c %u /elsewhere; touch /elsewhere/y", status: 1)
                        == "all\n1000\ntouch: cannot touch '/elsewhere/y': Read-only file system"
                )
                #expect(
                    try scenario.inside("a", "for d in /part/x /made/frozen/x; do touch $d; done", status: 1)
                        == """
                        touch: cannot touch '/part/x': Read-only file system
                        touch: cannot touch '/made/frozen/x': Read-only file system
                        """
                )
                #expect(
                    try scenario.inside(
                        "a",
                        "stat -c '%a %u' /small /short; df /small /short /memory | tail -n +2 | tr -s ' ' | cut -d ' ' -f 2"
                    ) == "750 0\n1777 7\n2048\n1024\n3072"
                )
                try scenario.roost("up", "-d", "--force-recreate", "a")
                #expect(
                    try scenario.inside("a", "ls /own /made/shared; cat /memory/x") == """
                        /made/shared:
                        seen

                        /own:
                        kept
                        all
                        """
                )
            }
        }

        @Test("a part of a volume is never outside of it, and has to be there")
        func subpath() throws {
            let compose = """
                services:
                  fill:
                    image: rootfs:/
                    command: ["sh", "-c", "ln -s /etc /v/link; ln -s ../../../../../../etc /v/up"]
                    network_mode: none
                    volumes: ["data:/v"]
                  PART:
                    image: rootfs:/
                    command: sleep infinity
                    network_mode: none
                    volumes: [{type: volume, source: data, target: /part, volume: {subpath: PLACE}}]
                volumes: {data: {}}
                """
            try Scenario.with(compose.replacing("PART", with: "part").replacing("PLACE", with: "link")) { scenario in
                try scenario.roost("run", "--rm", "-T", "fill")
                for place in ["link", "up", "absent"] {
                    try scenario.rewrite(compose.replacing("PART", with: "part").replacing("PLACE", with: place))
                    let outcome = try scenario.run(["up", "-d", "part"])
                    #expect(outcome.status == 1)
                    #expect(outcome.stderr.contains("subpath \(place): ") && outcome.stderr.contains("ENOENT"))
                }
            }
        }

        @Test("a container is on its networks with the addresses, names and order that the file says")
        func networks() throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    command: sleep infinity
                    mac_address: "02:00:00:00:00:07"
                    networks:
                      back: {aliases: [hidden]}
                      front:
                        ipv4_address: 10.77.42.9
                        aliases: [shown]
                        priority: 10
                        interface_name: wan0
                      six: {gw_priority: 5}
                  b: {image: "rootfs:/", command: sleep infinity, networks: [front]}
                  c: {image: "rootfs:/", command: sleep infinity, networks: [back]}
                networks:
                  front:
                    ipam: {config: [{subnet: 10.77.42.0/24, ip_range: 10.77.42.128/25, gateway: 10.77.42.254}]}
                    driver_opts: {com.docker.network.driver.mtu: "1400"}
                  back: {internal: true}
                  six: {enable_ipv6: true, ipam: {config: [{subnet: 10.77.43.0/24}, {subnet: "fd77:43::/64"}]}}
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                #expect(
                    try scenario.inside(
                        "a",
                        """
                        cat /sys/class/net/wan0/address /sys/class/net/wan0/mtu; ls /sys/class/net | tr '\\n' ' '
                        ip -4 -o addr show wan0 | tr -s ' ' | cut -d ' ' -f 4; ip route show default
                        grep -c '02:00:00:00:00:07' /sys/class/net/*/address
                        """
                    ) == """
                        02:00:00:00:00:07
                        1400
                        eth0 eth1 lo wan0 10.77.42.9/24
                        default via 10.77.43.1 dev eth1 proto static 
                        /sys/class/net/eth0/address:0
                        /sys/class/net/eth1/address:0
                        /sys/class/net/lo/address:0
                        /sys/class/net/wan0/address:1
                        """
                )
                #expect(
                    try scenario.inside("b", "getent hosts shown a; getent hosts hidden || getent hosts c", status: 2)
                        == "10.77.42.9      shown\n10.77.42.9      a"
                )
                #expect(try scenario.inside("b", "hostname -I | cut -d ' ' -f 1").hasPrefix("10.77.42.1"))
                #expect(try scenario.inside("c", "getent hosts hidden | wc -l; ip route show default") == "1")
            }
        }

        @Test("published ports lead to every replica, from everywhere that their address says")
        func ports() throws {
            let server = """
                import socket, threading
                def stream(port):
                    listening = socket.create_server(("", port))
                    while True:
                        client, address = listening.accept()
                        client.sendall(f"{socket.gethostname()} {address[0]} {port}\\n".encode())
                        client.close()
                for port in (80, 81): threading.Thread(target=stream, args=(port,)).start()
                datagrams = socket.socket(type=socket.SOCK_DGRAM)
                datagrams.bind(("", 53))
                print("ready", flush=True)
                while True:
                    data, address = datagrams.recvfrom(100)
                    datagrams.sendto(f"{socket.gethostname()} {address[0]} datagram\\n".encode(), address)
                """
            let client = """
                import socket, sys
                host, port, kind = sys.argv[1:4]
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                answer = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
                answer.settimeout(5)
                try:
                    answer.connect((host, int(port)))
                    if kind == "udp": answer.send(b"x")
                    print(answer.recv(100).decode().strip())
                except OSError as error: print(type(error).__name__)
                """
            let (first, second, third) = (Scenario.freePort(), Scenario.freePort(), Scenario.freePort())
            let compose = """
                services:
                  web:
                    image: rootfs:/
                    command: python3 /server.py
                    user: "1000"
                    scale: 2
                    volumes: ["./server.py:/server.py:ro"]
                    ports: ["\(first):80", "127.0.0.1:\(second):81", "\(third):53/udp", "81"]
                    healthcheck: {test: [CMD, grep, -q, ":0050", /proc/net/tcp], interval: 100ms}
                  asker: {image: "rootfs:/", command: sleep infinity, volumes: ["./client.py:/client.py"]}
                """
            try Scenario.with(compose, files: ["server.py": server, "client.py": client]) { scenario in
                try scenario.roost("up", "-d", "--wait")
                func ask(_ host: String, _ port: UInt16, _ kind: String = "tcp") throws -> [String] {
                    try scenario.host("python3", "client.py", host, "\(port)", kind).stdout
                        .split(whereSeparator: \.isWhitespace).map(String.init)
                }
                for host in ["127.0.0.1", "::1"] {
                    let answers = try (0..<4).map { _ in try ask(host, first) }
                    #expect(Set(answers.map(\.first)).count == 2, "\(host): \(answers)")
                    #expect(try ask(host, third, "udp").last == "datagram")
                }
                #expect(try ask("127.0.0.1", second).last == "81")
                #expect(try ask("::1", second) == ["ConnectionRefusedError"])
                let gateway = try scenario.inside("asker", "ip route show default | cut -d ' ' -f 3")
                #expect(try ask(gateway, second) == ["ConnectionRefusedError"])
                // A connection of the host itself to its own address keeps that address.
                #expect(try ask(gateway, first).dropFirst() == [gateway, "80"])
                #expect(try scenario.inside("asker", "python3 /client.py \(gateway) \(first) tcp").hasSuffix(" 80"))
                #expect(try scenario.inside("asker", "python3 /client.py web 81 tcp").hasSuffix(" 81"))
                // Any number of replicas, each with a port of its own.
                let listing = try scenario.roost("ps", "--format", "json", "web")
                let ephemeral = listing.matches(of: /"PublishedPort":\s*(\d+)/).compactMap { UInt16($0.1) }
                    .filter { ![0, first, second, third].contains($0) }
                #expect(Set(ephemeral).count == 2)
                for port in ephemeral { #expect(try ask("127.0.0.1", port).last == "81") }
            }
        }
    }
}
