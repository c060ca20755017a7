package import LinuxSystem

/// The packet filter of one project: values in, one table out.
///
/// - Published ports are translated where connections enter the host and where the host's own begin. The client's
///   address is kept, but where the answer would not come back this way: from 127.0.0.1, and within one network.
/// - Several ready replicas take turns, one connection each (`numgen inc`): a hash of the client's address would send
///   all that comes through one proxy to one replica.
/// - What was not published is not reachable, from other networks or from outside; internal networks reach nothing.
package struct ProjectRules: Hashable, Sendable {
    /// The project.
    package var project: String
    /// Its networks.
    package var networks: [BridgeNetwork]
    /// Networks of others that its containers are on; their own tables say what passes there.
    package var visited: [BridgeNetwork]
    /// Its published ports; of two for the same host port the first counts.
    package var publications: [Publication]

    /// Describes a project.
    package init(
        project: String,
        networks: [BridgeNetwork],
        visited: [BridgeNetwork] = [],
        publications: [Publication] = []
    ) {
        self.project = project
        self.networks = networks
        self.visited = visited
        self.publications = publications
    }

    /// The name of a project's table.
    package static func tableName(of project: String) -> String { "roost_\(project)" }

    /// The bridges on which the host's loopback addresses must be routable, for ports published on 127.0.0.1.
    ///
    /// The table keeps others from reaching loopback through them, so it has to be there first.
    package var localhostBridges: [InterfaceName] {
        guard publications.contains(where: { $0.port.covers(.v4(.loopback)) }) else { return [] }
        return (open + visited.filter { !$0.isInternal }).filter { $0.subnet(.v4) != nil }.map(\.bridge)
    }

    /// The table.
    package var table: NFTable {
        let translations = IPFamily.allCases.map { PortTranslations($0, publications) }
        var sets = translations.flatMap(\.maps)
        if !open.isEmpty { sets.append(Self.set("open", of: open)) }
        if !closed.isEmpty { sets.append(Self.set("internal", of: closed)) }
        if !connected.isEmpty {
            let pairs = connected.map { NFElement([.interface($0.bridge), .interface($0.bridge)]) }
            sets.append(NFSet(name: "same", key: [.interface, .interface], elements: pairs))
        }
        let jump = NFRule(.destinationType(.local), .verdict(.jump("publish")))
        // Nothing can be routed from ::1, so it is left to the relay.
        let spared = NFRule(
            .compare(.destination(.v6), .equal, .address(.v6(.loopback))),
            .verdict(.return),
            comment: "relayed"
        )
        return NFTable(
            Self.tableName(of: project),
            sets: sets,
            chains: [
                NFChain("publish", rules: [spared] + translations.flatMap(\.rules)),
                NFChain("loopback", NFHook(.filter, .prerouting, priority: -300), rules: Self.loopbackRules),
                NFChain("prerouting", NFHook(.nat, .prerouting, priority: -100), rules: [jump]),
                NFChain("output", NFHook(.nat, .output, priority: -100), rules: [jump]),
                NFChain("forward", NFHook(.filter, .forward, priority: 0), rules: forwardRules),
                NFChain("postrouting", NFHook(.nat, .postrouting, priority: 100), rules: postroutingRules),
            ]
        )
    }

    private var open: [BridgeNetwork] { networks.filter { !$0.isInternal } }
    private var closed: [BridgeNetwork] { networks.filter(\.isInternal) }
    private var connected: [BridgeNetwork] { networks.filter(\.connectsContainers) }

    private static func set(_ name: String, of networks: [BridgeNetwork]) -> NFSet {
        NFSet(name: name, key: [.interface], elements: networks.map { NFElement([.interface($0.bridge)]) })
    }

    private static let loopback4 = IPPrefix(containing: .v4(.loopback), length: 8) ?? .everything(.v4)

    /// With route_localnet set on a bridge, its containers could talk to the host's loopback services, or in their name.
    private static var loopbackRules: [NFRule] {
        [NFField.destination(.v4), .source(.v4)].map { field in
            NFRule(
                .compare(.inputInterface, .notEqual, .interface(.loopback)),
                .inPrefix(field, .equal, loopback4),
                .verdict(.drop),
                comment: "not from outside"
            )
        }
    }

    private var forwardRules: [NFRule] {
        var rules: [NFRule] = []
        if !connected.isEmpty {
            // Bridged frames come here too where br_netfilter is loaded.
            rules.append(NFRule(.inSet([.inputInterface, .outputInterface], .equal, "same"), .verdict(.accept)))
        }
        if !closed.isEmpty {
            for field in [NFField.inputInterface, .outputInterface] {
                rules.append(NFRule(.inSet([field], .equal, "internal"), .verdict(.drop), comment: "internal"))
            }
        }
        guard !open.isEmpty else { return rules }
        let into = NFStatement.inSet([.outputInterface], .equal, "open")
        return rules + [
            NFRule(into, .state([.established, .related]), .verdict(.accept)),
            NFRule(into, .status(.dnat), .verdict(.accept)),
            NFRule(into, .verdict(.drop), comment: "not published"),
        ]
    }

    private var postroutingRules: [NFRule] {
        guard !open.isEmpty else { return [] }
        let into = NFStatement.inSet([.outputInterface], .equal, "open")
        let localhost = NFRule(
            .inPrefix(.source(.v4), .equal, Self.loopback4),
            into,
            .masquerade,
            comment: "from localhost"
        )
        let hairpins = open.flatMap { network in
            network.subnets.map { subnet in
                NFRule(
                    .inPrefix(.source(subnet.prefix.family), .equal, subnet.prefix),
                    .compare(.outputInterface, .equal, .interface(network.bridge)),
                    .status(.dnat),
                    .masquerade,
                    comment: "hairpin"
                )
            }
        }
        let outbound = open.filter(\.masquerades).flatMap { network in
            network.subnets.map { subnet in
                NFRule(
                    .inPrefix(.source(subnet.prefix.family), .equal, subnet.prefix),
                    .compare(.outputInterface, .notEqual, .interface(network.bridge)),
                    .masquerade,
                    comment: "outbound"
                )
            }
        }
        return [localhost] + hairpins + [NFRule(into, .verdict(.accept), comment: "keep the source")] + outbound
    }
}
