import Glibc
import LinuxSystem
import Testing

extension NetworkTests {
    @Suite("rtnetlink")
    struct RouteTests {
        @Test("a new namespace lists loopback alone")
        func empty() throws {
            try withNetworkNamespace { host in
                try host.withRoutes { session in
                    let links = try session.links()
                    #expect(links.map(\.name) == ["lo"])
                    #expect(try session.addresses().isEmpty)
                    #expect(try session.routes().isEmpty)
                }
            }
        }

        @Test("a bridge is made as configured and its name is then taken")
        func bridge() throws {
            try withNetworkNamespace { host in
                try host.withRoutes { session in
                    let mac = try #require(MACAddress("02:42:0a:01:00:01"))
                    let bridge = BridgeConfiguration(
                        name: try interfaceName("front"),
                        options: LinkOptions(mac: mac, mtu: 1400, index: .init(rawValue: 70))
                    )
                    try session.perform(.create(bridge))
                    let link = try session.link(.name(bridge.name))
                    #expect(link.kind == "bridge" && link.mac == mac && link.mtu == 1400 && link.isUp)
                    #expect(link.index == InterfaceIndex(rawValue: 70))
                    let error = try #require(throws: NetlinkError.self) { try session.perform(.create(bridge)) }
                    #expect(error.code == .exists)
                    #expect(error.description == "create bridge front: file exists (EEXIST)")
                    try session.perform(.deleteLink(.name(bridge.name)))
                    let missing = #expect(throws: NetlinkError.self) { _ = try session.link(.name(bridge.name)) }
                    #expect(missing?.code == .notFound)
                }
            }
        }

        @Test("the outcome of each request of a batch is its own")
        func outcomes() throws {
            try withNetworkNamespace { host in
                try host.withRoutes { session in
                    let outcomes = try session.outcomes(
                        of: NetlinkBatch([
                            try KernelTests.bridge("d0", 4), .deleteLink(.name(try interfaceName("nothing"))),
                            try KernelTests.bridge("d0", 5), try KernelTests.bridge("d1", 6),
                        ])
                    )
                    let codes = outcomes.map { outcome -> NetlinkError.Code? in
                        guard case .failure(let error) = outcome else { return nil }
                        return error.code
                    }
                    #expect(codes == [nil, .notFound, .exists, nil])
                    #expect(try session.links().map(\.name) == ["lo", "d0", "d1"])
                }
            }
        }

        @Test("addresses and routes are added, listed and removed, in both families")
        func addresses() throws {
            try withNetworkNamespace { host in
                try host.withRoutes { session in
                    let index = InterfaceIndex(rawValue: 9)
                    let v4 = try #require(InterfaceAddress("10.1.0.5/24"))
                    let v6 = try #require(InterfaceAddress("fd00:1::5/64"))
                    let far = Route(
                        to: try #require(IPPrefix("10.9.0.0/16")),
                        via: IPAddress("10.1.0.1"),
                        interface: index,
                        metric: 7
                    )
                    let fallback = Route(
                        defaultVia: try #require(IPAddress("fd00:1::1")),
                        interface: index,
                        metric: 1024
                    )
                    try session.perform(
                        try KernelTests.bridge("d0", 9),
                        .addAddress(v4, to: index),
                        .addAddress(v6, to: index, flags: .skipDuplicateDetection),
                        .addRoute(far),
                        .addRoute(fallback),
                        .setNeighbour(
                            try #require(IPAddress("10.1.0.1")),
                            MACAddress(derivedFrom: .loopback),
                            on: index
                        )
                    )
                    let listed = try session.addresses().map(\.address)
                    #expect(listed.contains(v4) && listed.contains(v6))
                    let routes = try session.routes()
                    #expect(routes.contains(far) && routes.contains(fallback))
                    #expect(routes.contains { $0.destination == v4.prefix && $0.source == v4.address })
                    try session.perform(.deleteRoute(far), .deleteAddress(v4, from: index))
                    #expect(try !session.routes().contains(far))
                    #expect(try !session.addresses().map(\.address).contains(v4))
                }
            }
        }

        @Test("links change: name, mtu, bridge, port flags, state")
        func changes() throws {
            try withNetworkNamespace { host in
                try host.withRoutes { session in
                    let bridge = InterfaceIndex(rawValue: 50)
                    let port = InterfaceIndex(rawValue: 51)
                    try session.perform(
                        try KernelTests.bridge("br", 50),
                        .create(
                            VethConfiguration(
                                name: try interfaceName("old"),
                                options: LinkOptions(index: port),
                                peerName: try interfaceName("far")
                            )
                        ),
                        .setUp(.index(port), false),
                        .rename(port, to: try interfaceName("new")),
                        .setMTU(.index(port), 1300),
                        .setMaster(.index(port), bridge),
                        .setPortFlags(.index(port), BridgePortFlags(isIsolated: true, isHairpin: true)),
                        .setUp(.index(port))
                    )
                    let link = try session.link(.index(port))
                    #expect(link.name == "new" && link.mtu == 1300 && link.master == bridge && link.isUp)
                    #expect(link.portFlags == BridgePortFlags(isIsolated: true, isHairpin: true))
                    try session.perform(.setMaster(.index(port), nil), .setUp(.index(port), false))
                    let after = try session.link(.index(port))
                    #expect(after.master == nil && !after.isUp)
                }
            }
        }

        @Test("two containers on a bridge talk over veth pairs made in one request each")
        func containers() throws {
            try withNetworkNamespace { host in
                let network = try TestNetwork(on: host, name: "front", subnet: "10.1.0.0/24")
                let first = try network.attach()
                let second = try network.attach()
                let server = try Listener(in: second.namespace, second.address, port: 80)
                #expect(try server.sourceSeen(from: first.namespace, connecting: second.address, 80) == first.address)
                let end = try second.namespace.withRoutes { try $0.link(.name(try interfaceName("eth0"))) }
                #expect(end.index == TestNetwork.containerIndex && end.kind == "veth" && end.isUp && end.hasCarrier)
            }
        }

        @Test("the interfaces of a group are deleted together")
        func groups() throws {
            try withNetworkNamespace { host in
                try host.withRoutes { session in
                    for name in ["a", "b"] {
                        let options = LinkOptions(group: 77)
                        try session.perform(
                            .create(BridgeConfiguration(name: try interfaceName(name), options: options))
                        )
                    }
                    try session.perform(try KernelTests.bridge("c", 9), .deleteLinks(group: 77))
                    #expect(try session.links().map(\.name) == ["lo", "c"])
                    let error = #expect(throws: NetlinkError.self) { try session.perform(.deleteLinks(group: 77)) }
                    #expect(error?.code == .notFound)
                }
            }
        }

        @Test("macvlan interfaces are made inside another namespace")
        func macvlan() throws {
            try withNetworkNamespace { host in
                let container = try NetworkNamespace()
                try host.withRoutes { session in
                    let parent = InterfaceIndex(rawValue: 30)
                    try session.perform(
                        try KernelTests.bridge("phy", 30),
                        .createMacvlan(
                            try interfaceName("eth0"),
                            on: parent,
                            mode: .bridge,
                            namespace: container.descriptor
                        )
                    )
                }
                #expect(try container.withRoutes { try $0.link(.name(try interfaceName("eth0"))).kind } == "macvlan")
            }
        }

        @Test("descriptors and the process's own namespace are left as they were", .timeLimit(.minutes(1)))
        func leaks() throws {
            let before = try Leaks()
            let rounds = 12
            for _ in 0..<rounds { try containers() }
            let after = try Leaks()
            #expect(after.namespace == before.namespace && after.links == before.links)
            // Other tests open and close some meanwhile; what each round left would be more than that.
            #expect(after.descriptors < before.descriptors + rounds)
        }
    }
}

/// What a test must leave as it was.
private struct Leaks {
    let namespace: ino_t
    let links: [String]
    /// Namespaces and sockets that this process holds open.
    let descriptors: Int

    init() throws {
        var status = stat()
        try check(stat("/proc/self/ns/net", &status), "stat(2)")
        namespace = status.st_ino
        descriptors = (0..<1024).count { number in
            var target = [CChar](repeating: 0, count: 16)
            guard readlink("/proc/self/fd/\(number)", &target, target.count - 1) > 0 else { return false }
            let bytes = target.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            let text = String(decoding: bytes, as: UTF8.self)
            return text.hasPrefix("net:[") || text.hasPrefix("socket:[")
        }
        var session = try NetlinkSession.open(.route)
        // Other programs on this machine, Docker above all, make and remove links of their own meanwhile.
        links = try session.links().map(\.name).filter { !["veth", "br-", "roost"].contains(where: $0.hasPrefix) }
    }
}

/// A request for a bridge with the given index, the simplest interface there is.
func bridge(_ name: String, _ index: UInt32) throws -> NetlinkRequest {
    let options = LinkOptions(index: InterfaceIndex(rawValue: index))
    return .create(BridgeConfiguration(name: try interfaceName(name), options: options))
}
