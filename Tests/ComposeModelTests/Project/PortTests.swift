import ComposeModel
import Testing

@Test("ports are read from the short and the long form")
func portForms() throws {
    let (service, report) = service(
        """
        ports:
          - "80"
          - "127.0.0.1:8080-8081:80-81/udp"
          - "9000-9010:90"
          - {target: 443, published: "8443", host_ip: "::1", mode: host, name: https, app_protocol: http}
          - {target: 5000, published: "0"}
        expose: ["3000", "4000-4010/udp"]
        """
    )
    #expect(report == "")
    var named = PortMapping(target: 443, published: 8443...8443, hostAddress: InternetAddress(text: "::1"))
    named.mode = .host
    named.name = "https"
    named.applicationProtocol = "http"
    let local = InternetAddress(text: "127.0.0.1")
    #expect(
        try #require(service).ports == [
            PortMapping(target: 80),
            PortMapping(target: 80, published: 8080...8080, hostAddress: local, transport: .udp),
            PortMapping(target: 81, published: 8081...8081, hostAddress: local, transport: .udp),
            PortMapping(target: 90, published: 9000...9010), named, PortMapping(target: 5000),
        ]
    )
    #expect(service?.exposedPorts.map(\.ports) == [3000...3000, 4000...4010])
    #expect(service?.exposedPorts.map(\.transport) == [.tcp, .udp])
}

@Test("ports that can't be are shown where they stand, all of them")
func badPorts() {
    let (_, report) = service(
        """
        ports:
          - {target: 70000, published: "80"}
          - {target: 80, published: "90-80"}
          - {target: 80, protocol: icmp, mode: global}
        expose: ["http"]
        """
    )
    #expect(
        report == """
            compose.yaml:5:18: services.web.ports[0].target can't be 70000
                      - {target: 70000, published: "80"}
                                 ^
              hint: use a whole number, from 1 to 65535
            compose.yaml:6:33: services.web.ports[1].published can't be "90-80"
                      - {target: 80, published: "90-80"}
                                                ^
              hint: use a port from 0 to 65535, or first-last
            compose.yaml:7:32: services.web.ports[2].protocol can't be "icmp"
                      - {target: 80, protocol: icmp, mode: global}
                                               ^
              hint: use tcp, udp or sctp
            compose.yaml:7:44: services.web.ports[2].mode can't be "global"
                      - {target: 80, protocol: icmp, mode: global}
                                                           ^
              hint: use host or ingress
            compose.yaml:8:14: services.web.expose[0] can't be "http"
                    expose: ["http"]
                             ^
              hint: use a port, or first-last, with /tcp or /udp if need be

            """
    )
}

@Test("ports without an address have the one that their network's option says")
func hostBinding() throws {
    let text = """
        services: {web: {image: a, ports: ["80:80", "127.0.0.2:81:81"]}}
        networks: {default: {driver_opts: {com.docker.network.bridge.host_binding_ipv4: 127.0.0.1}}}
        """
    let (found, report) = project(text)
    #expect(report == "")
    #expect(found?.service("web")?.ports.map { $0.hostAddress?.description } == ["127.0.0.1", "127.0.0.2"])
}
