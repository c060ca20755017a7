import LinuxSystem
import Testing

/// The tables that Roost needs, in small.
enum Rulesets {
    static let published4 = NFSet(
        name: "published4",
        key: [.ipv4Address, .port],
        content: .values([.ipv4Address, .port])
    )
    static let published6 = NFSet(
        name: "published6",
        key: [.ipv6Address, .port],
        content: .values([.ipv6Address, .port])
    )

    /// (a) Published ports: maps from address and port to container and port, at both places where connections start.
    static func published(
        _ elements4: [NFElement],
        _ elements6: [NFElement] = [],
        further: [NFRule] = []
    ) -> NFTable {
        var map4 = published4
        map4.elements = elements4
        var map6 = published6
        map6.elements = elements6
        let rules =
            further + [
                NFRule(
                    .dnat(.map(.v4, [.destination(.v4), .destinationPort(.tcp)], .named("published4"), withPort: true))
                ),
                NFRule(
                    .dnat(.map(.v6, [.destination(.v6), .destinationPort(.tcp)], .named("published6"), withPort: true))
                ),
            ]
        return NFTable(
            "roost-test",
            sets: [map4, map6],
            chains: [
                NFChain("publish", rules: rules),
                NFChain(
                    "prerouting",
                    NFHook(.nat, .prerouting, priority: -100),
                    rules: [NFRule(.destinationType(.local), .verdict(.jump("publish")))]
                ),
                NFChain(
                    "output",
                    NFHook(.nat, .output, priority: -100),
                    rules: [NFRule(.destinationType(.local), .verdict(.jump("publish")))]
                ),
            ]
        )
    }

    /// (b) Masquerading: outbound from a subnet, from localhost into it, and from a container to itself.
    static func masquerading(_ subnet: IPPrefix, bridge: InterfaceName) -> NFChain {
        let source = NFField.source(subnet.family)
        let name = NFValue.interface(bridge)
        return NFChain(
            "postrouting",
            NFHook(.nat, .postrouting, priority: 100),
            rules: [
                NFRule(
                    .inPrefix(source, .equal, subnet),
                    .compare(.outputInterface, .notEqual, name),
                    .masquerade,
                    comment: "outbound"
                ),
                NFRule(
                    .sourceType(.local),
                    .compare(.outputInterface, .equal, name),
                    .status(.dnat),
                    .masquerade,
                    comment: "from localhost"
                ),
                NFRule(
                    .inPrefix(source, .equal, subnet),
                    .compare(.outputInterface, .equal, name),
                    .status(.dnat),
                    .masquerade,
                    comment: "hairpin"
                ),
            ]
        )
    }

    /// (c) Isolation: what comes from a bridge may leave by it, or by an interface that is no bridge of ours.
    static func isolated(_ bridges: [InterfaceName]) -> NFTable {
        let names = bridges.map { NFElement([.interface($0)]) }
        let same = bridges.map { NFElement([.interface($0), .interface($0)]) }
        return NFTable(
            "roost-isolation",
            sets: [
                NFSet(name: "bridges", key: [.interface], elements: names),
                NFSet(name: "same", key: [.interface, .interface], elements: same),
            ],
            chains: [
                NFChain(
                    "forward",
                    NFHook(.filter, .forward, priority: 0),
                    rules: [
                        NFRule(.state([.established, .related]), .verdict(.accept)),
                        NFRule(.inSet([.inputInterface, .outputInterface], .equal, "same"), .verdict(.accept)),
                        NFRule(
                            .inSet([.inputInterface], .equal, "bridges"),
                            .inSet([.outputInterface], .equal, "bridges"),
                            .count,
                            .verdict(.drop),
                            comment: "between networks"
                        ),
                    ]
                )
            ]
        )
    }

    /// (d) The resolver: port 53 of one loopback address leads to another port, without connection tracking.
    static func resolver(_ address: IPv4Address, port: UInt16) -> NFTable {
        let rules = [TransportProtocol.udp, .tcp].flatMap { transport in
            [
                NFRule(
                    .compare(.destination(.v4), .equal, .address(.v4(address))),
                    .compare(.destinationPort(transport), .equal, .port(53)),
                    .rewrite(.destinationPort(transport), .port(port)),
                    .noTrack
                ),
                NFRule(
                    .compare(.source(.v4), .equal, .address(.v4(address))),
                    .compare(.sourcePort(transport), .equal, .port(port)),
                    .rewrite(.sourcePort(transport), .port(53)),
                    .noTrack
                ),
            ]
        }
        return NFTable("roost-dns", chains: [NFChain("output", NFHook(.filter, .output, priority: -300), rules: rules)])
    }
}

extension Rulesets {
    /// Statements and sets that the other tables do not use.
    static func vocabulary() throws -> NFTable {
        let prefix = try #require(IPPrefix("fd00:1::/64"))
        let networks = ["10.0.0.0/8", "255.0.0.0/8"].compactMap { IPPrefix($0) }.map { NFElement($0) }
        let ranges = NFElement(
            [.address(.v4(.loopback)), .port(80)],
            to: [.address(.v4(.loopback)), .port(90)],
            .values([.address(.v4(.loopback))])
        )
        return NFTable(
            "roost-words",
            sets: [
                NFSet(name: "networks", key: [.ipv4Address], hasIntervals: true, elements: networks),
                NFSet(
                    name: "ranges",
                    key: [.ipv4Address, .port],
                    content: .values([.ipv4Address]),
                    hasIntervals: true,
                    elements: [ranges]
                ),
                NFSet(
                    name: "chains",
                    key: [.interface],
                    content: .verdicts,
                    elements: [NFElement([.interface(.loopback)], .verdict(.jump("side")))]
                ),
            ],
            chains: [
                NFChain("side", rules: [NFRule(.rejectWithReset), NFRule(.reject), NFRule(.verdict(.return))]),
                NFChain(
                    "input",
                    NFHook(.filter, .input, priority: 0, dropsByDefault: true),
                    rules: [
                        NFRule(.verdictMap([.inputInterface], .named("chains"))),
                        NFRule(.inSet([.source(.v4)], .notEqual, "networks"), .count),
                        NFRule(.inPrefix(.source(.v6), .notEqual, prefix), .setMark(7), .setConnectionMark(8)),
                        NFRule(.restoreMark), NFRule(.family(.v6), .compare(.mark, .notEqual, .mark(1))),
                        NFRule(
                            .compare(.transport, .equal, .transport(.udp)),
                            .compare(.anyDestinationPort, .equal, .port(1)),
                            .verdict(.goto("side"))
                        ),
                        NFRule(.compare(.random(modulus: 2), .equal, .number(1)), .verdict(.drop), comment: "half"),
                        NFRule(.rewrite(.destination(.v6), .address(.v6(.loopback)))),
                    ]
                ),
                NFChain(
                    "prerouting",
                    NFHook(.nat, .prerouting, priority: -100),
                    rules: [
                        NFRule(
                            .dnat(
                                .map(
                                    .v4,
                                    [.destination(.v4), .destinationPort(.udp)],
                                    .named("ranges"),
                                    withPort: false
                                )
                            )
                        ),
                        NFRule(.compare(.destinationPort(.tcp), .equal, .port(1)), .redirect(port: 2)),
                        NFRule(.compare(.destinationPort(.tcp), .equal, .port(2)), .dnat(.endpoint(.v6(.loopback), 3))),
                        NFRule(.dnat(.address(.v4(.loopback)))),
                    ]
                ),
                NFChain(
                    "postrouting",
                    NFHook(.nat, .postrouting, priority: 100),
                    rules: [NFRule(.snat(.address(.v4(.loopback))))]
                ),
            ]
        )
    }
}
