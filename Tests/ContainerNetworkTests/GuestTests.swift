import ContainerNetwork
import LinuxSystem
import Testing

@Suite("guests of a network")
struct GuestTests {
    private func find(
        on network: BridgeNetwork,
        fixed: [String] = [],
        former: [String] = [],
        taken: [String: String] = [:]
    ) throws -> [String] {
        try network.guestAddresses(
            for: "b-web-1",
            fixed: try fixed.map(address),
            former: try former.map(address),
            taken: Dictionary(uniqueKeysWithValues: try taken.map { (try address($0.key), $0.value) })
        )
        .map(\.description)
    }

    @Test("guests take the highest free address of what is handed out, and keep what they had")
    func highest() throws {
        let front = try network("front", "10.9.0.0/24", "fd00:9::/64") {
            $0.subnets[0].range = IPPrefix("10.9.0.64/26")
            $0.subnets[0].reserved = Set(IPAddress("10.9.0.127").map { [$0] } ?? [])
        }
        #expect(try find(on: front) == ["10.9.0.126/24", "fd00:9::ffff/64"])
        #expect(try find(on: front, taken: ["10.9.0.126": "x"]) == ["10.9.0.125/24", "fd00:9::ffff/64"])
        #expect(try find(on: front, former: ["10.9.0.80"]) == ["10.9.0.80/24", "fd00:9::ffff/64"])
        #expect(
            try find(on: front, former: ["10.9.0.80"], taken: ["10.9.0.80": "x"]) == [
                "10.9.0.126/24", "fd00:9::ffff/64",
            ]
        )
        // The gateway and the ends of a subnet are nobody's.
        let small = try network("small", "10.9.1.0/30") { $0.subnets[0].gateway = IPAddress("10.9.1.2") }
        #expect(try find(on: small) == ["10.9.1.1/30"])
        let full = #expect(throws: NetworkError.self) { try find(on: small, taken: ["10.9.1.1": "x"]) }
        #expect(full?.code == .exhausted)
    }

    @Test("fixed addresses of guests are theirs unless somebody has them")
    func fixed() throws {
        let front = try network("front", "10.9.0.0/24")
        #expect(try find(on: front, fixed: ["10.9.0.5"]) == ["10.9.0.5/24"])
        let taken = #expect(throws: NetworkError.self) {
            try find(on: front, fixed: ["10.9.0.5"], taken: ["10.9.0.5": "web-1 of project shop"])
        }
        #expect(taken?.message.hasSuffix("address 10.9.0.5 on network front belongs to web-1 of project shop") == true)
        let outside = #expect(throws: NetworkError.self) { try find(on: front, fixed: ["10.8.0.5"]) }
        #expect(outside?.code == .invalidAddress)
    }

    @Test("the owner's containers do not get what guests have")
    func owner() throws {
        let front = try network("front", "10.9.0.0/29")
        var leases = AddressLeases()
        let guests = [try address("10.9.0.2"): NetworkGuests.Guest(project: "b", container: "b-web-1")]
        #expect(try leases.assign(on: front, to: "a", guests: guests).map(\.description) == ["10.9.0.3/29"])
        let wanted = try address("10.9.0.2")
        let error = #expect(throws: NetworkError.self) {
            try leases.assign(on: front, to: "c", fixed: [wanted], guests: guests)
        }
        #expect(error?.message == "container c: address 10.9.0.2 on network front belongs to b-web-1 of project b")
    }

    @Test("ports on visited networks are published, and nothing else is said of these networks")
    func rules() throws {
        let theirs = try network("theirs", "10.9.0.0/24") { $0.bridge = InterfaceName("theirs0") }
        let port = try #require(PublishedPort(8081...8081, to: 80, on: .v4(.loopback)))
        let rules = ProjectRules(
            project: "b",
            networks: [],
            visited: [theirs],
            publications: [Publication(port, ready: [.init([try address("10.9.0.254")])])]
        )
        #expect(rules.localhostBridges.map(\.description) == ["theirs0"])
        #expect(rules.table.description.contains("127.0.0.1 . tcp . 8081 : 10.9.0.254 . 80"))
        #expect(!rules.table.description.contains("theirs0"))
    }
}
