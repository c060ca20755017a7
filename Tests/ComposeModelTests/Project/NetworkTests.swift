import ComposeModel
import Testing

@Test("a service's part in networks is read")
func attachments() throws {
    let (found, report) = service(
        """
        networks:
          front:
          back:
            aliases: [db]
            ipv4_address: 10.5.0.7
            ipv6_address: "fd00::7"
            mac_address: 02-42-AC-11-00-02
            priority: 10
            gw_priority: 1
            interface_name: back0
            link_local_ips: [169.254.1.1]
            driver_opts: {a: b}
        dns: 1.1.1.1
        dns_search: [a.org]
        dns_opt: ["ndots:2"]
        extra_hosts: ["a:10.0.0.1", "b=::1", "c=host-gateway"]
        expose: [80]
        """,
        besides: "networks: {front: , back: {ipam: {config: [{subnet: 10.5.0.0/16}, {subnet: \"fd00::/64\"}]}}}\n"
    )
    #expect(report == "")
    var back = NetworkAttachment(network: "back")
    back.aliases = ["db"]
    back.ipv4Address = InternetAddress(text: "10.5.0.7")
    back.ipv6Address = InternetAddress(text: "fd00:0::7")
    back.macAddress = HardwareAddress(text: "02:42:ac:11:00:02")
    back.priority = 10
    back.gatewayPriority = 1
    back.interfaceName = "back0"
    back.linkLocalAddresses = [try #require(InternetAddress(text: "169.254.1.1"))]
    back.driverOptions = ["a": "b"]
    let web = try #require(found)
    #expect(web.networks == [NetworkAttachment(network: "front"), back])
    #expect(web.dnsServers.map(\.description) == ["1.1.1.1"])
    #expect(web.dnsSearch == ["a.org"] && web.dnsOptions == ["ndots:2"])
    #expect(web.extraHosts.map(\.name) == ["a", "b", "c"])
    #expect(web.extraHosts.last?.address == .hostGateway)
}

@Test(
    "the network mode is one of five",
    arguments: [
        ("none", NetworkMode.none), ("host", .host), ("bridge", .bridge), ("service:db", .service("db")),
        ("container:x", .container("x")),
    ]
)
func networkModes(text: String, mode: NetworkMode) throws {
    let (found, report) = project("services: {web: {image: a, network_mode: \"\(text)\"}, db: {image: b}}")
    #expect(report == "")
    #expect(try #require(found?.service("web")).networkMode == mode)
    // The bridge is a network of the project that no file can name.
    #expect(found?.service("web")?.networks.isEmpty == (mode != .bridge))
    #expect(found?.networks.map(\.name) == (mode == .bridge ? ["app_default", "app_bridge"] : ["app_default"]))
}

@Test("networks are read with their addresses")
func networkForms() throws {
    let text = """
        services: {web: {image: a, networks: [n, e]}}
        networks:
          n:
            driver: bridge
            driver_opts: {mtu: 1400}
            internal: true
            enable_ipv6: true
            labels: {k: v}
            ipam:
              driver: default
              config:
                - {subnet: 10.5.0.0/16, ip_range: 10.5.1.0/24, gateway: 10.5.0.1, aux_addresses: {router: 10.5.0.2}}
                - {subnet: "fd00:5::/64"}
          e: {external: true}
        """
    let (found, report) = project(text)
    #expect(report == "")
    var network = Network(key: "n", name: "app_n")
    network.driver = "bridge"
    network.driverOptions = ["mtu": "1400"]
    network.isInternal = true
    network.enablesIPv6 = true
    network.labels = ["k": "v"]
    var pool = Network.Pool(subnet: AddressPrefix(text: "10.5.0.0/16"))
    pool.range = AddressPrefix(text: "10.5.1.0/24")
    pool.gateway = InternetAddress(text: "10.5.0.1")
    pool.reserved = ["router": try #require(InternetAddress(text: "10.5.0.2"))]
    network.pools = [pool, Network.Pool(subnet: AddressPrefix(text: "fd00:5::/64"))]
    var external = Network(key: "e", name: "e")
    external.isExternal = true
    #expect(try #require(found).networks == [network, external])
}

@Test("addresses and modes that can't be are shown where they stand")
func badNetworks() {
    let (_, report) = project(
        """
        services:
          web:
            image: a
            mac_address: "01:00:00:00:00:00"
            dns: [resolver]
            networks:
              n: {ipv4_address: "fd00::1", interface_name: a/b}
          other:
            image: b
            network_mode: mine
        networks:
          n:
            ipam: {config: [{subnet: 10.5.0.0/16, gateway: 10.6.0.1, ip_range: 10.5.0.0/8}, {subnet: 10.5.0.0}]}
        """
    )
    #expect(
        report == """
            compose.yaml:4:18: services.web.mac_address can't be "01:00:00:00:00:00"
                    mac_address: "01:00:00:00:00:00"
                                 ^
              hint: use six bytes such as 02:42:ac:11:00:02, of one interface
            compose.yaml:5:11: services.web.dns[0] can't be "resolver"
                    dns: [resolver]
                          ^
              hint: use an IPv4 or IPv6 address
            compose.yaml:7:25: services.web.networks.n.ipv4_address can't be "fd00::1"
                      n: {ipv4_address: "fd00::1", interface_name: a/b}
                                        ^
              hint: use an IPv4 address
            compose.yaml:7:52: services.web.networks.n.interface_name can't be "a/b"
                      n: {ipv4_address: "fd00::1", interface_name: a/b}
                                                                   ^
              hint: use at most 15 letters and digits
            compose.yaml:10:19: services.other.network_mode can't be "mine"
                    network_mode: mine
                                  ^
              hint: use none, host, bridge, service: with a service or container: with a container
            compose.yaml:13:52: networks.n.ipam.config[0].gateway is outside of the subnet
                    ipam: {config: [{subnet: 10.5.0.0/16, gateway: 10.6.0.1, ip_range: 10.5.0.0/8}, {subnet: 10.5.0.0}]}
                                                                   ^
              hint: use an address of 10.5.0.0/16
            compose.yaml:13:72: networks.n.ipam.config[0].ip_range is outside of the subnet
                    ipam: {config: [{subnet: 10.5.0.0/16, gateway: 10.6.0.1, ip_range: 10.5.0.0/8}, {subnet: 10.5.0.0}]}
                                                                                       ^
              hint: use a part of 10.5.0.0/16
            compose.yaml:13:94: networks.n.ipam.config[1].subnet can't be "10.5.0.0"
                    ipam: {config: [{subnet: 10.5.0.0/16, gateway: 10.6.0.1, ip_range: 10.5.0.0/8}, {subnet: 10.5.0.0}]}
                                                                                                             ^
              hint: use a range of addresses such as 10.5.0.0/16

            """
    )
}

@Test("an address of one's own needs a subnet and one container")
func staticAddresses() {
    let (_, report) = project(
        """
        services:
          web:
            image: a
            scale: 2
            networks:
              n: {ipv4_address: 10.5.0.2}
              m: {ipv4_address: 10.5.0.2}
              e: {ipv6_address: "fd00::1"}
        networks:
          n: {ipam: {config: [{subnet: 10.5.0.0/24}]}}
          m: {ipam: {config: [{subnet: 10.6.0.0/24}]}}
          e: {external: true}
        """
    )
    #expect(
        report == """
            compose.yaml:6:25: services.web.networks.n.ipv4_address allows one replica, not 2
                      n: {ipv4_address: 10.5.0.2}
                                        ^
              hint: leave the address out, or set the number of replicas to 1
            compose.yaml:7:25: services.web.networks.m.ipv4_address: 10.5.0.2 is in no subnet of the network
                      m: {ipv4_address: 10.5.0.2}
                                        ^
              hint: give the network a subnet that has it: ipam: {config: [{subnet: …}]}
            compose.yaml:7:25: services.web.networks.m.ipv4_address allows one replica, not 2
                      m: {ipv4_address: 10.5.0.2}
                                        ^
              hint: leave the address out, or set the number of replicas to 1
            compose.yaml:8:25: services.web.networks.e.ipv6_address allows one replica, not 2
                      e: {ipv6_address: "fd00::1"}
                                        ^
              hint: leave the address out, or set the number of replicas to 1

            """
    )
}

@Test(
    "a range has the addresses that share its leading bits",
    arguments: [
        ("10.5.0.0/16", "10.5.255.1", true), ("10.5.0.0/16", "10.6.0.1", false), ("10.5.0.128/25", "10.5.0.127", false),
        ("0.0.0.0/0", "1.2.3.4", true), ("1.2.3.4/32", "1.2.3.4", true), ("fd00::/64", "fd00::1", true),
        ("fd00::/64", "fd00:0:0:1::1", false), ("0.0.0.0/0", "::1", false),
    ]
)
func ranges(range: String, address: String, isInside: Bool) throws {
    let prefix = try #require(AddressPrefix(text: range))
    #expect(prefix.contains(try #require(InternetAddress(text: address))) == isInside)
}
