import ContainerNetwork
import LinuxSystem
import Testing

@Suite("rules of a project")
struct ProjectRulesTests {
    func rules() throws -> ProjectRules {
        let front = try network("front", "10.1.0.0/24", "fd00:1::/64") { $0.bridge = InterfaceName("front0") }
        let vault = try network("vault", "10.2.0.0/24") {
            $0.bridge = InterfaceName("vault0")
            $0.isInternal = true
        }
        let one = Publication.Replica([try address("10.1.0.2"), try address("fd00:1::2")])
        let two = Publication.Replica([try address("10.1.0.3")])
        func port(_ port: PublishedPort?, _ ready: [Publication.Replica]) throws -> Publication {
            Publication(try #require(port), ready: ready)
        }
        return ProjectRules(
            project: "shop",
            networks: [front, vault],
            publications: [
                try port(PublishedPort(8080...8080, to: 80), [one]),
                try port(PublishedPort(8081...8081, to: 80, on: .v4(.loopback)), [one]),
                try port(PublishedPort(5300...5300, to: 53, .udp, on: .v4(.any)), [one, two]),
                try port(PublishedPort(9000...9010, to: 7000), [one, two]),
                try port(PublishedPort(4430...4430, to: 443), []),
            ]
        )
    }

    @Test("networks, ports, ranges, replicas and an internal network make one table")
    func whole() throws {
        let expected = """
            table inet roost_shop {
                map published4 {
                    type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
                    elements = { 127.0.0.1 . tcp . 8081 : 10.1.0.2 . 80 }
                }

                map any4 {
                    type inet_proto . inet_service : ipv4_addr . inet_service
                    elements = { tcp . 8080 : 10.1.0.2 . 80 }
                }

                map any6 {
                    type inet_proto . inet_service : ipv6_addr . inet_service
                    elements = { tcp . 8080 : fd00:1::2 . 80 }
                }

                set open {
                    type ifname
                    elements = { "front0" }
                }

                set internal {
                    type ifname
                    elements = { "vault0" }
                }

                set same {
                    type ifname . ifname
                    elements = { "front0" . "front0", "vault0" . "vault0" }
                }

                chain publish {
                    ip6 daddr ::1 return comment "relayed"
                    dnat ip to ip daddr . meta l4proto . th dport map @published4
                    dnat ip to meta l4proto . th dport map @any4
                    udp dport 5300 dnat ip to numgen inc mod 2 map { 0 : 10.1.0.2 . 53, 1 : 10.1.0.3 . 53 }
                    tcp dport 9000-9010 numgen inc mod 2 0 dnat ip to 10.1.0.2:7000-15999 offset
                    tcp dport 9000-9010 dnat ip to 10.1.0.3:7000-15999 offset
                    dnat ip6 to meta l4proto . th dport map @any6
                    tcp dport 9000-9010 dnat ip6 to [fd00:1::2]:7000-15999 offset
                }

                chain loopback {
                    type filter hook prerouting priority -300; policy accept;
                    iifname != "lo" ip daddr 127.0.0.0/8 drop comment "not from outside"
                    iifname != "lo" ip saddr 127.0.0.0/8 drop comment "not from outside"
                }

                chain prerouting {
                    type nat hook prerouting priority -100; policy accept;
                    fib daddr type local jump publish
                }

                chain output {
                    type nat hook output priority -100; policy accept;
                    fib daddr type local jump publish
                }

                chain forward {
                    type filter hook forward priority 0; policy accept;
                    iifname . oifname @same accept
                    iifname @internal drop comment "internal"
                    oifname @internal drop comment "internal"
                    oifname @open ct state established,related accept
                    oifname @open ct status dnat accept
                    oifname @open drop comment "not published"
                }

                chain postrouting {
                    type nat hook postrouting priority 100; policy accept;
                    ip saddr 127.0.0.0/8 oifname @open masquerade comment "from localhost"
                    ip saddr 10.1.0.0/24 oifname "front0" ct status dnat masquerade comment "hairpin"
                    ip6 saddr fd00:1::/64 oifname "front0" ct status dnat masquerade comment "hairpin"
                    oifname @open accept comment "keep the source"
                    ip saddr 10.1.0.0/24 oifname != "front0" masquerade comment "outbound"
                    ip6 saddr fd00:1::/64 oifname != "front0" masquerade comment "outbound"
                }
            }
            """
        #expect(try rules().table.description == expected)
    }

    @Test("bridges are opened to 127.0.0.1 only where a port is published there")
    func localhost() throws {
        var rules = try rules()
        #expect(rules.localhostBridges.map(\.description) == ["front0"])
        rules.publications = []
        #expect(rules.localhostBridges.isEmpty)
    }

    @Test("a project without networks has nothing but the guard of loopback")
    func empty() {
        let table = ProjectRules(project: "shop", networks: []).table
        #expect(table.sets.isEmpty)
        #expect(
            table.chains.filter { !$0.rules.isEmpty }.map(\.name) == ["publish", "loopback", "prerouting", "output"]
        )
    }

    @Test("ports say themselves as compose writes them, and cannot pass 65535")
    func ports() {
        #expect(PublishedPort(80...81, to: 8080, .udp, on: .v6(.loopback))?.description == "[::1]:80-81->8080-8081/udp")
        #expect(PublishedPort(1...2, to: 65535) == nil)
        #expect(PublishedPort(0...0, to: 80) == nil)
    }
}
