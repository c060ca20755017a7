import ContainerNetwork
import LinuxSystem
import Testing

@Suite("plans of networks")
struct NetworkPlanTests {
    let plan = NetworkPlan(name: "shop_front", project: "shop")

    @Test("an ordinary network is given a bridge, a subnet and a group, always the same ones")
    func ordinary() throws {
        let decided = try plan.decided(among: TakenNames(), pools: .standard())
        #expect(try decided == plan.decided(among: TakenNames(), pools: .standard()))
        #expect(decided.bridge.description.utf8.count == 14 && decided.bridge.description.hasPrefix("roost-"))
        let subnet = try #require(decided.subnet(.v4))
        #expect(try subnet.prefix.length == 24 && prefix("10.210.0.0/16").contains(subnet.prefix.network))
        #expect(subnet.gateway == subnet.prefix.host(1))
        #expect(decided.subnet(.v6) == nil)
        #expect(plan.isMet(by: decided))
    }

    @Test("what is taken is passed over: subnets, routes, interface names and groups")
    func collisions() throws {
        let first = try plan.decided(among: TakenNames(), pools: .standard())
        var other = first
        other.project = "other"
        other.name = "other_front"
        let second = try plan.decided(among: TakenNames(networks: [other]), pools: .standard())
        #expect(second.subnets != first.subnets && second.bridge != first.bridge && second.group != first.group)
        let taken = TakenNames(
            prefixes: [try #require(first.subnet(.v4)).prefix, try prefix("0.0.0.0/1")],
            interfaces: [first.bridge.description]
        )
        let third = try plan.decided(among: taken, pools: .standard())
        #expect(third.subnets != first.subnets && third.bridge != first.bridge)
    }

    @Test("when no subnet is left, the message says what to do")
    func exhausted() throws {
        let pools = AddressPools(v4: [try prefix("10.1.0.0/23")])
        let taken = TakenNames(prefixes: [try prefix("10.0.0.0/8")])
        let error = #expect(throws: NetworkError.self) { try plan.decided(among: taken, pools: pools) }
        #expect(error?.code == .exhausted)
        let expected =
            "network shop_front: no free subnet is left in 10.1.0.0/23; "
            + "remove networks that are no longer used, or give this one an ipam subnet"
        #expect(error?.message == expected)
    }

    @Test("a subnet asked for must be free, and its gateway and range inside")
    func given() throws {
        var plan = plan
        plan.subnets = [.init(try prefix("10.9.0.0/24"), gateway: try address("10.8.0.1"))]
        var error = #expect(throws: NetworkError.self) { try plan.decided(among: TakenNames(), pools: .standard()) }
        #expect(error?.message == "network shop_front: gateway 10.8.0.1 is not in subnet 10.9.0.0/24")
        plan.subnets = [.init(try prefix("10.9.0.0/24"), range: try prefix("10.9.0.0/16"))]
        error = #expect(throws: NetworkError.self) { try plan.decided(among: TakenNames(), pools: .standard()) }
        #expect(error?.message == "network shop_front: range 10.9.0.0/16 is not part of subnet 10.9.0.0/24")
        plan.subnets = [.init(try prefix("10.9.0.0/24"))]
        error = #expect(throws: NetworkError.self) {
            try plan.decided(among: TakenNames(prefixes: [try prefix("10.9.0.128/25")]), pools: .standard())
        }
        #expect(error?.code == .invalidAddress)
        let wide = TakenNames(prefixes: [try prefix("10.0.0.0/8")])
        #expect(try plan.decided(among: wide, pools: .standard()).subnets.count == 1)
    }

    @Test("a network with other settings is no longer what the plan asks for")
    func changed() throws {
        let decided = try plan.decided(among: TakenNames(), pools: .standard())
        for change: (inout NetworkPlan) -> Void in [
            { $0.isInternal = true }, { $0.hasIPv6 = true }, { $0.mtu = 1400 }, { $0.masquerades = false },
            { $0.bridge = InterfaceName("front") }, { $0.subnets = IPPrefix("10.9.0.0/24").map { [.init($0)] } ?? [] },
        ] {
            var other = plan
            change(&other)
            #expect(!other.isMet(by: decided))
            let changed = try other.decided(among: TakenNames(), pools: .standard())
            #expect(other.isMet(by: changed))
        }
    }

    @Test("a network of both versions is not what a plan of one asks for")
    func families() throws {
        #expect(try !NetworkPlan(name: "front", project: "shop").isMet(by: network("front") { $0.hasIPv6 = true }))
    }

    @Test("a network of both versions is given a unique local network of version 6")
    func dualStack() throws {
        let decided = try network("front") { $0.hasIPv6 = true }
        let subnet = try #require(decided.subnet(.v6))
        #expect(try subnet.prefix.length == 64 && prefix("fd00::/8").contains(subnet.gateway))
        let elsewhere = try AddressPools.standard(seed: "other").pick(.v6, for: "front", avoiding: TakenNames())
        #expect(elsewhere != subnet.prefix)
    }
}

@Suite("addresses of containers")
struct AddressLeaseTests {
    @Test("addresses are kept across restarts and freed by release")
    func kept() throws {
        let front = try network("front", "10.9.0.0/29")
        var leases = AddressLeases()
        let names = try ["a", "b", "a"].map { try leases.assign(on: front, to: $0).map(\.description) }
        #expect(names == [["10.9.0.2/29"], ["10.9.0.3/29"], ["10.9.0.2/29"]])
        leases.release(container: "a")
        #expect(try leases.assign(on: front, to: "c").map(\.description) == ["10.9.0.2/29"])
        for name in ["d", "e", "f"] { _ = try leases.assign(on: front, to: name) }
        let error = #expect(throws: NetworkError.self) { try leases.assign(on: front, to: "g") }
        #expect(error?.code == .exhausted)
    }

    @Test("fixed addresses are given, reserved and foreign ones refused")
    func fixed() throws {
        let front = try network("front", "10.9.0.0/24") {
            $0.subnets[0].reserved = Set(IPAddress("10.9.0.9").map { [$0] } ?? [])
            $0.subnets[0].range = IPPrefix("10.9.0.64/26")
        }
        var leases = AddressLeases()
        let fixed = try leases.assign(on: front, to: "a", fixed: [try address("10.9.0.5")])
        #expect(fixed.map(\.description) == ["10.9.0.5/24"])
        #expect(try leases.assign(on: front, to: "b").map(\.description) == ["10.9.0.64/24"])
        let refused = try ["10.9.0.5", "10.9.0.9", "10.9.0.1", "10.8.0.5"].map { text in
            let wanted = try address(text)
            return #expect(throws: NetworkError.self) { try leases.assign(on: front, to: "c", fixed: [wanted]) }?
                .message
        }
        #expect(
            refused == [
                "container c: address 10.9.0.5 on network front belongs to a",
                "container c: address 10.9.0.9 is reserved on network front",
                "container c: address 10.9.0.1 is reserved on network front",
                "container c: address 10.8.0.5 is not in a subnet of network front; "
                    + "give the network an ipam subnet that contains it",
            ]
        )
    }
}

@Suite("plans of namespaces")
struct NamespacePlanTests {
    @Test("interfaces follow priority and name, default routes the gateway priority")
    func ordered() throws {
        let back = try network("back", "10.1.0.0/24", "fd00:1::/64")
        let front = try network("front", "10.2.0.0/24")
        let vault = try network("vault", "10.3.0.0/24") { $0.isInternal = true }
        let plan = NamespacePlan([
            NetworkAttachment(vault, addresses: [try #require(InterfaceAddress("10.3.0.2/24"))], gatewayPriority: 9),
            NetworkAttachment(front, addresses: [try #require(InterfaceAddress("10.2.0.2/24"))], gatewayPriority: 1),
            NetworkAttachment(
                back,
                addresses: ["10.1.0.2/24", "fd00:1::2/64"].compactMap { InterfaceAddress($0) },
                interface: InterfaceName("eth0")
            ),
            NetworkAttachment(
                try network("world", "10.4.0.0/24"),
                addresses: [try #require(InterfaceAddress("10.4.0.2/24"))],
                mac: MACAddress("02:00:00:00:00:01"),
                priority: 5
            ),
        ])
        let world = try network("world").bridge
        #expect(
            plan.description == """
                eth1 on \(world) (world) mac 02:00:00:00:00:01
                eth0 on \(back.bridge) (back) mac 02:42:0a:01:00:02
                eth2 on \(front.bridge) (front) mac 02:42:0a:02:00:02
                eth3 on \(vault.bridge) (vault) mac 02:42:0a:03:00:02
                set interface 1 up
                set interface 2 up
                add address 10.4.0.2/24 to interface 2
                set interface 3 up
                add address 10.1.0.2/24 to interface 3
                add address fd00:1::2/64 to interface 3
                set interface 4 up
                add address 10.2.0.2/24 to interface 4
                set interface 5 up
                add address 10.3.0.2/24 to interface 5
                add route default via 10.2.0.1 dev 4
                add route default via fd00:1::1 dev 3
                """
        )
        #expect(NamespacePlan.loopbackOnly.description == "set interface 1 up")
    }
}
