import Foundation
import Glibc
import Testing

extension Scenario {
    /// A second project beside this one, with files and state of the same place.
    func second(_ compose: String) throws -> [String] {
        try write("second.yaml", compose)
        let project = ["-p", name + "b", "-f", "second.yaml"]
        further = [project]
        return project
    }

    /// The supervisor of a project: the child of its keeper; nil while there is none.
    func supervisor(of project: String) throws -> pid_t? {
        let all = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter { pid in
            let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
            return String(decoding: line, as: UTF8.self).split(separator: "\0").prefix(2) == [
                "roost-keeper", project[...],
            ]
        }
        return all.first { pid in
            let status = FileManager.default.contents(atPath: "/proc/\(pid)/status") ?? Data()
            let parent = String(decoding: status, as: UTF8.self).firstMatch(of: /PPid:\s+(\d+)/).flatMap { pid_t($0.1) }
            return parent.map(all.contains) == true
        }
    }

    /// Whether a name leads from a service's container to one that answers, be it by refusing.
    func reaches(_ service: String, _ name: String, second: [String] = []) throws -> Bool {
        let script = "timeout 5 bash -c ': < /dev/tcp/\(name)/9' 2>&1 | grep -q refused"
        return try run(second + ["exec", "-T", service, "sh", "-c", script]).status == 0
    }

    /// What a script writes inside a service's container of a second project.
    func inside(second: [String], _ service: String, _ script: String) throws -> String {
        let outcome = try run(second + ["exec", "-T", service, "sh", "-c", "exec 2>&1; \(script)"])
        return outcome.stdout.trimmingCharacters(in: .newlines)
    }
}

extension Scenarios {
    /// Networks that projects share, and volumes of others.
    @Suite struct SharedNetworks {
        static let idle = "image: rootfs:/, command: sleep infinity, stop_signal: SIGKILL"
        static let owner = """
            services:
              front: { \(idle), networks: {shared: {aliases: [entry]}} }
              inner: { \(idle), networks: [own] }
            networks: {shared: {}, own: {}}
            """

        private func guest(of scenario: Scenario, _ extra: String = "") -> String {
            """
            services:
              guest: { \(Self.idle), networks: {proxy: {aliases: [visitor]}, default: {}}\(extra) }
              front: { \(Self.idle) }
            networks: {proxy: {external: true, name: \(scenario.name)_shared}}
            """
        }

        @Test("a network of another project is joined, with the names of both projects, and outlives neither")
        func joined() throws {
            try Scenario.with(Self.owner) { scenario in
                try scenario.roost("up", "-d")
                let second = try scenario.second(guest(of: scenario))
                let outcome = try scenario.run(second + ["up", "-d"])
                #expect(outcome.status == 0, "\(outcome.stderr)")
                // Names go both ways, those of other networks go nowhere, and one's own service comes first.
                let front = try scenario.inside("front", "hostname -I | cut -d ' ' -f 1")
                let guest = try scenario.inside(
                    "front",
                    "getent hosts guest visitor \(scenario.name)b-guest-1 | cut -d ' ' -f 1 | sort -u"
                )
                #expect(guest.split(separator: ".").count == 4 && !guest.contains("\n"), "\(guest)")
                #expect(try scenario.inside(second: second, "guest", "getent hosts entry | cut -d ' ' -f 1") == front)
                #expect(try scenario.inside(second: second, "guest", "getent hosts front | cut -d ' ' -f 1") != front)
                #expect(try scenario.inside(second: second, "guest", "getent hosts inner || echo none") == "none")
                #expect(try scenario.inside("inner", "getent hosts guest || echo none") == "none")
                #expect(try scenario.reaches("front", "guest"))
                // What starts later is known too, on both sides.
                try scenario.roost("up", "-d", "--scale", "front=2")
                try Scenario.wait("two addresses") {
                    try scenario.inside(second: second, "guest", "getent ahostsv4 entry | grep -c STREAM") == "2"
                        ? () : nil
                }
                _ = try scenario.run(second + ["restart", "guest"])
                try Scenario.wait("the guest") {
                    try scenario.inside("front", "getent hosts visitor > /dev/null && echo there || true") == "there"
                        ? () : nil
                }
                // The owner goes first: the network stays for its guest, and goes with it.
                let down = try scenario.run(["down"])
                #expect(down.status == 0)
                #expect(
                    down.stderr.contains(
                        "network \(scenario.name)_shared stays, as it is used by project \(scenario.name)b"
                    )
                )
                #expect(
                    try scenario.inside(
                        second: second,
                        "guest",
                        "ip -o link | wc -l"
                    ) == "3"
                )
                #expect(try scenario.run(second + ["down"]).status == 0)
                #expect(try scenario.roost("network", "ls", "-q").isEmpty)
            }
        }

        @Test("an owner that comes back finds its network and its guests")
        func comeback() throws {
            try Scenario.with(Self.owner) { scenario in
                try scenario.roost("up", "-d")
                let second = try scenario.second(guest(of: scenario))
                #expect(try scenario.run(second + ["up", "-d"]).status == 0)
                try scenario.roost("down")
                try scenario.roost("up", "-d")
                #expect(try scenario.reaches("front", "visitor"))
                #expect(try scenario.reaches("guest", "entry", second: second))
                // Its settings can't change under its guests.
                try scenario.rewrite(Self.owner.replacing("shared: {}", with: "shared: {internal: true}"))
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 1 && outcome.stderr.contains("other projects are on it"))
                #expect(try scenario.run(second + ["down"]).status == 0)
                try scenario.roost("up", "-d")
                try scenario.roost("down")
                #expect(try scenario.roost("network", "ls", "-q").isEmpty)
            }
        }

        @Test("a network that is not there is told of at its place")
        func missing() throws {
            let compose = """
                services:
                  a: { \(Self.idle), networks: [proxy] }
                networks:
                  proxy:
                    external: true
                """
            try Scenario.with(compose) { scenario in
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 1)
                #expect(
                    outcome.stderr.hasPrefix(
                        "compose.yaml:4:3: network proxy is external, and there is no network of that name"
                    )
                )
                #expect(outcome.stderr.contains("roost network create proxy"))
                #expect(try scenario.containers().isEmpty)
            }
        }

        @Test("a network made by name is joined by several projects, publishes their ports, and is removed by name")
        func standalone() throws {
            let port = Scenario.freePort()
            let compose = """
                services:
                  web:
                    image: rootfs:/
                    command: python3 -m http.server 80
                    working_dir: /srv
                    stop_signal: SIGKILL
                    networks: [NAME]
                    ports: ["127.0.0.1:\(port):80"]
                    healthcheck: {test: [CMD, grep, -q, ":0050", /proc/net/tcp], interval: 100ms}
                networks: {NAME: {external: true}}
                """
            try Scenario.with("services: {}") { scenario in
                let network = "n" + scenario.name
                try scenario.rewrite(compose.replacing("NAME", with: network))
                try scenario.roost("network", "create", "--subnet", "10.77.44.0/24", "--label", "a=b", network)
                defer { _ = try? scenario.run(["network", "rm", network]) }  // gone already when the test succeeds
                try scenario.roost("up", "-d", "--wait")
                #expect(try scenario.page(port) != nil)
                let other =
                    "services: {asker: { \(Self.idle), networks: [\(network)] }}\n"
                    + "networks: {\(network): {external: true}}"
                let second = try scenario.second(other)
                #expect(try scenario.run(second + ["up", "-d"]).status == 0)
                #expect(
                    try scenario.inside(second: second, "asker", "getent hosts web | cut -d ' ' -f 1").hasPrefix(
                        "10.77.44."
                    )
                )
                #expect(try scenario.roost("network", "inspect", network).contains("\"a\" : \"b\""))
                let refused = try scenario.run(["network", "rm", network])
                #expect(refused.status == 1 && refused.stderr.contains("is used by"))
                #expect(try scenario.run(second + ["down"]).status == 0)
                try scenario.roost("down")
                #expect(try scenario.roost("network", "ls", "-q") == network + "\n")
                let listing = try scenario.roost("network", "ls").split(separator: "\n")
                #expect(listing.count == 2 && listing[0].hasPrefix("NAME ") && listing[1].hasPrefix(network))
                // As after a boot, when nothing is left of it but what was asked for.
                let bridge =
                    try scenario.host("sh", "-c", "ls \(scenario.runtime)/networks/*.json").stdout
                    .split(separator: "/").last.map { $0.split(separator: ".")[0] } ?? ""
                #expect(try scenario.host("ip", "link", "delete", String(bridge)).status == 0)
                try FileManager.default.removeItem(atPath: scenario.runtime + "/networks")
                try scenario.roost("up", "-d", "--wait")
                #expect(try scenario.page(port) != nil)
                try scenario.roost("down")
                try scenario.roost("network", "rm", network)
                #expect(try scenario.roost("network", "ls", "-q").isEmpty)
                #expect(try scenario.host("nft", "list", "table", "inet", "roost__\(network)").status != 0)
            }
        }

        @Test("an external volume is there before, and after down -v")
        func volume() throws {
            try Scenario.with("services: {}") { scenario in
                let volume = "v" + scenario.name
                let compose = """
                    services:
                      a: { \(Self.idle), network_mode: none, volumes: ["\(volume):/data"] }
                    volumes: {\(volume): {external: true}}
                    """
                try scenario.rewrite(compose)
                let missing = try scenario.run(["up", "-d"])
                #expect(missing.status == 1 && missing.stderr.contains("roost volume create \(volume)"))
                try scenario.roost("volume", "create", volume)
                try scenario.roost("up", "-d")
                _ = try scenario.inside("a", "echo kept > /data/x")
                let refused = try scenario.run(["volume", "rm", volume])
                #expect(refused.status == 1 && refused.stderr.contains("is used by \(scenario.name)-a-1"))
                try scenario.roost("down", "-v")
                #expect(try scenario.roost("volume", "ls", "-q") == volume + "\n")
                try scenario.roost("up", "-d")
                #expect(try scenario.inside("a", "cat /data/x") == "kept")
                try scenario.roost("down", "-v")
                try scenario.roost("volume", "rm", volume)
            }
        }

        @Test("external_links give containers of other projects further names")
        func externalLinks() throws {
            try Scenario.with(Self.owner) { scenario in
                try scenario.roost("up", "-d")
                let link = ", external_links: [\"\(scenario.name)-front-1:far\"]"
                let second = try scenario.second(guest(of: scenario, link))
                #expect(try scenario.run(second + ["up", "-d"]).status == 0)
                let front = try scenario.inside("front", "hostname -I | cut -d ' ' -f 1")
                #expect(try scenario.inside(second: second, "guest", "getent hosts far | cut -d ' ' -f 1") == front)
                let apart = "services: { far: { \(Self.idle), external_links: [\(scenario.name)-front-1] } }"
                try scenario.write("second.yaml", apart)
                let warned = try scenario.run(second + ["up", "-d"])
                #expect(warned.status == 0 && warned.stderr.contains("shares no network with far"))
                try scenario.write("second.yaml", guest(of: scenario, ", external_links: [nobody]"))
                let outcome = try scenario.run(second + ["up", "-d"])
                #expect(outcome.status == 1 && outcome.stderr.contains("there is no container nobody"))
                #expect(try scenario.run(second + ["down"]).status == 0)
            }
        }

        @Test("supervisors that are killed lose neither guests nor names nor hooks")
        func crash() throws {
            try Scenario.with(Self.owner) { scenario in
                try scenario.roost("up", "-d")
                let hook =
                    ", post_start: [{command: [sh, -c, \"echo once\"]}], ports: [\"127.0.0.1:\(Scenario.freePort()):80\"]"
                let second = try scenario.second(guest(of: scenario, hook))
                #expect(try scenario.run(second + ["up", "-d"]).status == 0)
                let guest = try scenario.inside("front", "getent hosts visitor | cut -d ' ' -f 1")
                for project in [scenario.name, scenario.name + "b"] {
                    let former = try #require(try scenario.supervisor(of: project))
                    kill(former, SIGKILL)
                    try Scenario.wait("a successor") {
                        try scenario.supervisor(of: project).flatMap { $0 == former ? nil : $0 }
                    }
                }
                #expect(try scenario.inside("front", "getent hosts visitor | cut -d ' ' -f 1") == guest)
                try Scenario.wait("the owner's names") {
                    try scenario.reaches("guest", "entry", second: second) ? () : nil
                }
                #expect(try scenario.run(second + ["logs", "--no-log-prefix", "guest"]).stdout == "once\n")
                let table = ["nft", "list", "table", "inet", "roost_\(scenario.name)b"]
                #expect(try scenario.host(table[0], table[1], table[2], table[3], table[4]).status == 0)
                #expect(try scenario.run(second + ["down"]).status == 0)
                #expect(try scenario.host(table[0], table[1], table[2], table[3], table[4]).status != 0)
            }
        }

        @Test("containers of a macvlan network are on the network of the host's interface")
        func macvlan() throws {
            try Scenario.with("services: {}") { scenario in
                let (near, far) = ("a" + scenario.name.suffix(9), "b" + scenario.name.suffix(9))
                try #require(
                    try scenario.host("ip", "link", "add", near, "type", "veth", "peer", "name", far).status == 0
                )
                defer { _ = try? scenario.host("ip", "link", "delete", near) }  // the test has what it needs
                for link in [near, far] { _ = try scenario.host("ip", "link", "set", link, "up") }
                try scenario.rewrite(
                    """
                    services:
                      a: { \(Self.idle), networks: {lan: {ipv4_address: 10.77.45.7, mac_address: "02:00:00:00:00:45"}}, ports: ["80"] }
                      b: { \(Self.idle), networks: [lan] }
                    networks:
                      lan:
                        driver: macvlan
                        driver_opts: {parent: \(near)}
                        ipam: {config: [{subnet: 10.77.45.0/24, gateway: 10.77.45.254, ip_range: 10.77.45.128/25}]}
                    """
                )
                let outcome = try scenario.run(["up", "-d"])
                #expect(outcome.status == 0, "\(outcome.stderr)")
                #expect(outcome.stderr.contains("a is reached at its own address"))
                #expect(
                    try scenario.inside(
                        "a",
                        "ip -4 -o addr show eth0 | tr -s ' ' | cut -d ' ' -f 4; ip route show default; ip -d link show eth0 | grep -o 'macvlan mode [a-z]*'; cat /sys/class/net/eth0/address"
                    )
                        == "10.77.45.7/24\ndefault via 10.77.45.254 dev eth0 proto static \nmacvlan mode bridge\n02:00:00:00:00:45"
                )
                #expect(try scenario.reaches("b", "a"))
                // The other end of the cable sees them, and the host itself does not have their bridge.
                let seen = try scenario.host("sh", "-c", "ls /sys/class/net; nft list tables")
                #expect(!seen.stdout.contains("roost_\(scenario.name)"))
                try scenario.roost("down")
                #expect(try scenario.host("ip", "link", "show", near).status == 0)
                try scenario.rewrite(
                    "services: {a: { \(Self.idle), networks: [lan] }}\n"
                        + "networks: {lan: {driver: macvlan, driver_opts: {parent: nothere0}}}"
                )
                let missing = try scenario.run(["up", "-d"])
                #expect(missing.status == 1 && missing.stderr.contains("this host has no interface nothere0"))
            }
        }
    }
}
