import ContainerNetwork
import LinuxSystem
import Testing

@Suite("messages of the domain name system")
struct DNSMessageTests {
    static let query = hex(
        """
        1234 0100 0001 0000 0000 0001   # id, RD, one question, one additional record
        03 415049 05 66726f6e74 00      # API.front
        0001 0001                       # A, IN
        00 0029 04d0 00000000 0000      # EDNS: 1232 bytes
        """
    )

    @Test("a query is read: name in lower case, type, and how long an answer may be")
    func read() throws {
        let query = try DNSQuery(Self.query)
        #expect(query.name.description == "api.front" && query.name == DNSName("API.front."))
        #expect(query.type == .a && query.datagramLimit == 1232 && query.id == 0x1234 && query.wantsRecursion)
    }

    @Test("an answer repeats the question as it was asked, and its records point to it")
    func written() throws {
        let query = try DNSQuery(Self.query)
        let answer = query.answer(.success, [.address(try address("10.1.0.2")), .address(try address("fd00::2"))])
        #expect(
            answer.bytes(limit: 512)
                == hex(
                    """
                    1234 8580 0001 0002 0000 0000
                    03 415049 05 66726f6e74 00 0001 0001
                    c00c 0001 0001 00000005 0004 0a010002
                    c00c 001c 0001 00000005 0010 fd00 0000 0000 0000 0000 0000 0000 0002
                    """
                )
        )
        let reverse = query.answer(.success, [.name(try #require(DNSName("web.front")))])
        #expect(
            reverse.bytes(limit: 512).suffix(23) == hex("c00c 000c 0001 00000005 000b 03 776562 05 66726f6e74 00")[...]
        )
        let none = query.answer(.noSuchName)
        #expect(none.bytes(limit: 512).prefix(12) == hex("1234 8583 0001 0000 0000 0000")[...])
    }

    @Test("what does not fit is left out, and the answer says so")
    func truncated() throws {
        let query = try DNSQuery(Self.query)
        let many = DNSAnswer.Record.address(try address("10.1.0.2"))
        let bytes = query.answer(.success, [DNSAnswer.Record](repeating: many, count: 100)).bytes(limit: 512)
        #expect(bytes.count <= 512 && bytes[2] & 0x02 != 0 && bytes[7] == 30)
    }

    @Test(
        "what is no query is refused within its bounds",
        arguments: [
            "", "1234", "1234 0100 0001 0000 0000 0000", "1234 8100 0001 0000 0000 0000 00 0001 0001",  // an answer
            "1234 2800 0001 0000 0000 0000 00 0001 0001",  // an update
            "1234 0100 0002 0000 0000 0000 00 0001 0001",  // two questions
            "1234 0100 0001 0000 0000 0000 00 0001 0003",  // class CH
            "1234 0100 0001 0000 0000 0000 c00c 0001 0001",  // a name that is itself
            "1234 0100 0001 0000 0000 0000 c0ff 0001 0001",  // a name beyond the end
            "1234 0100 0001 0000 0000 0000 01 61 c00c 0001 0001",  // a name that ends in itself
            "1234 0100 0001 0000 0000 0000 3f 61 00 0001 0001",  // a label beyond the end
            "1234 0100 0001 0000 0000 0000 80 00 0001 0001",  // an unknown kind of label
            "1234 0100 0001 0000 0000 0001 00 0001 0001 00 0029 04d0 00000000 ffff",  // a record beyond the end
        ]
    )
    func malformed(_ text: String) {
        #expect(throws: NetworkError.self) { try DNSQuery(hex(text)) }
    }

    @Test("every prefix of a query, and every query with one byte changed, is read or refused")
    func fuzzed() {
        var read = 0
        for count in 0..<Self.query.count where (try? DNSQuery(Array(Self.query.prefix(count)))) != nil { read += 1 }
        #expect(read == 0)
        for index in Self.query.indices {
            for value in [0, 1, 0x3f, 0x7f, 0x80, 0xc0, 0xff] as [UInt8] {
                var bytes = Self.query
                bytes[index] = value
                if let query = try? DNSQuery(bytes) {
                    #expect(query.answer(.success).bytes(limit: query.datagramLimit).count <= query.datagramLimit)
                }
            }
        }
    }

    @Test("an upstream's answer counts only under its number and with the question")
    func matched() throws {
        let query = try DNSQuery(Self.query)
        let answer = query.answer(.success).bytes(limit: 512)
        #expect(query.isAnswered(by: answer, id: 0x1234))
        #expect(!query.isAnswered(by: answer, id: 0x1235))
        #expect(!query.isAnswered(by: Self.query, id: 0x1234))
        var other = answer
        other[13] = 0x42
        #expect(!query.isAnswered(by: other, id: 0x1234))
        #expect(!query.isAnswered(by: Array(answer.prefix(14)), id: 0x1234))
    }
}

@Suite("names of a project")
struct ZoneTests {
    static let zone = Zone([
        Zone.Container(
            name: "shop-web-1",
            service: "web",
            endpoints: [
                endpoint("shop_front", ["front"], "10.1.0.2", "fd00:1::2", aliases: ["www"]),
                endpoint("shop_back", ["back"], "10.2.0.2"),
            ]
        ),
        Zone.Container(name: "shop-web-2", service: "web", endpoints: [endpoint("shop_front", ["front"], "10.1.0.3")]),
        Zone.Container(
            name: "shop-web-3",
            service: "web",
            isReady: false,
            endpoints: [endpoint("shop_front", ["front"], "10.1.0.4")]
        ),
        Zone.Container(
            name: "shop-db-1",
            service: "db",
            isReady: false,
            endpoints: [endpoint("shop_back", ["back"], "10.2.0.9")]
        ),
    ])

    private static func endpoint(
        _ network: String,
        _ names: [String],
        _ addresses: String...,
        aliases: [String] = []
    ) -> Zone.Endpoint {
        Zone.Endpoint(
            network: network,
            networkNames: names,
            addresses: addresses.compactMap { IPAddress($0) },
            aliases: aliases
        )
    }

    private func ask(
        _ name: String,
        _ type: DNSQuery.RecordType = .a,
        on networks: Set<String> = ["shop_front"],
        turn: Int = 0
    ) throws -> [String]? {
        let name = try #require(DNSName(name))
        return Self.zone.records(for: name, type, on: networks, turn: turn)?.map { record in
            switch record {
            case .address(let address): "\(address)"
            case .name(let name): "\(name)"
            }
        }
    }

    @Test("a service is its ready replicas, in turns; while none is ready, all that run")
    func services() throws {
        #expect(try ask("web") == ["10.1.0.2", "10.1.0.3"])
        #expect(try ask("web", turn: 1) == ["10.1.0.3", "10.1.0.2"])
        #expect(try ask("db", on: ["shop_back"]) == ["10.2.0.9"])
        #expect(try ask("shop-web-3") == ["10.1.0.4"])
    }

    @Test("names exist on shared networks only, there also with the network's names")
    func networks() throws {
        #expect(try ask("db") == nil)
        #expect(try ask("web", on: ["shop_back"]) == ["10.2.0.2"])
        #expect(try ask("web", on: ["shop_back", "shop_front"]) == ["10.1.0.2", "10.2.0.2", "10.1.0.3"])
        #expect(try ask("WWW.Front") == ["10.1.0.2"])
        #expect(try ask("www", on: ["shop_back"]) == nil)
        #expect(try ask("shop-web-1.shop_front") == ["10.1.0.2"])
        #expect(try ask("shop-web-1.back") == nil)
    }

    @Test("a known name without records of a type is no unknown name")
    func types() throws {
        #expect(try ask("web", .aaaa) == ["fd00:1::2"])
        #expect(try ask("shop-web-2", .aaaa) == [])
        #expect(try ask("web", .ptr) == [])
        #expect(try ask("nothing", .aaaa) == nil)
    }

    @Test("addresses lead back to names")
    func reverse() throws {
        #expect(try ask("2.0.1.10.in-addr.arpa", .ptr) == ["shop-web-1.shop_front"])
        #expect(try ask("2.0.2.10.in-addr.arpa", .ptr) == nil)
        let six = DNSName(reverse: try address("fd00:1::2").bytes).description
        #expect(six == "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa")
        #expect(try ask(six, .ptr) == ["shop-web-1.shop_front"])
    }
}

@Suite("files of a container")
struct ContainerFileTests {
    @Test("resolv.conf names our resolver, and keeps the service's search domains and options")
    func resolver() {
        let plain = ResolverConfiguration.containerFile(search: [], options: [])
        #expect(plain == "nameserver 127.0.0.11\noptions ndots:0\n")
        let full = ResolverConfiguration.containerFile(
            search: ["a.example", "b.example"],
            options: ["ndots:2", "rotate"]
        )
        #expect(full == "nameserver 127.0.0.11\nsearch a.example b.example\noptions ndots:2 rotate\n")
    }

    @Test("the host's resolv.conf is read as the C library reads it")
    func host() {
        let parsed = ResolverConfiguration(
            parsing: """
                # comment
                domain old.example
                search  a.example\tb.example
                nameserver 127.0.0.53
                nameserver nonsense
                nameserver ::1
                nameserver 192.0.2.1
                nameserver 192.0.2.2
                options edns0 trust-ad
                """
        )
        #expect(parsed.servers.map(\.description) == ["127.0.0.53", "::1", "192.0.2.1"])
        #expect(parsed.search == ["a.example", "b.example"] && parsed.options == ["edns0", "trust-ad"])
        #expect(ResolverConfiguration(parsing: parsed.file) == parsed)
    }

    @Test("hosts knows localhost, the container and extra hosts")
    func hosts() throws {
        let file = HostsFile(
            hostname: "web.example",
            addresses: [try address("10.1.0.2"), try address("fd00:1::2")],
            extra: [
                .init("db", "192.0.2.9"), .init("host.docker.internal", "host-gateway"), .init("six", "[fd00::9]"),
            ],
            hostGateway: [try address("10.1.0.1")]
        )
        let expected = """
            127.0.0.1\tlocalhost
            ::1\tlocalhost ip6-localhost ip6-loopback
            fe00::\tip6-localnet
            ff00::\tip6-mcastprefix
            ff02::1\tip6-allnodes
            ff02::2\tip6-allrouters
            192.0.2.9\tdb
            10.1.0.1\thost.docker.internal
            fd00::9\tsix
            10.1.0.2\tweb.example web
            fd00:1::2\tweb.example web

            """
        #expect(try file.text() == expected)
    }

    @Test("extra hosts that would add lines, or lead nowhere, are refused")
    func refused() throws {
        for extra in [HostsFile.Extra("a\n10.0.0.1 b", "192.0.2.9"), .init("a", "host-gateway"), .init("a", "b")] {
            let file = HostsFile(hostname: "web", addresses: [], extra: [extra])
            #expect(throws: NetworkError.self) { try file.text() }
        }
    }
}
