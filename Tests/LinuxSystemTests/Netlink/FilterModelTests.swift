import LinuxSystem
import Testing

@Suite("nf_tables model")
struct FilterModelTests {
    @Test("a table prints in nft syntax")
    func description() throws {
        let first = IPAddress.v4(IPv4Address(10, 1, 0, 2))
        let second = IPAddress.v4(IPv4Address(10, 1, 0, 3))
        let choice = NFSet.choice([NFEndpoint(first, 80), NFEndpoint(second, 81)])
        let subnet = try #require(IPPrefix("10.1.0.0/24"))
        let bridge = try #require(InterfaceName("front"))
        let table = NFTable(
            "roost-shop",
            sets: [
                NFSet(
                    name: "published",
                    key: [.ipv4Address, .port],
                    content: .values([.ipv4Address, .port]),
                    elements: [
                        NFElement([.address(.v4(.loopback)), .port(8080)], .values([.address(first), .port(80)]))
                    ]
                ),
                NFSet(name: "private", key: [.ipv4Address], hasIntervals: true, elements: [NFElement(subnet)]),
            ],
            chains: [
                NFChain("publish"),
                NFChain(
                    "prerouting",
                    NFHook(.nat, .prerouting, priority: -100),
                    rules: [
                        NFRule(.destinationType(.local), .verdict(.jump("publish"))),
                        NFRule(
                            .dnat(
                                .map(
                                    .v4,
                                    [.destination(.v4), .destinationPort(.tcp)],
                                    .named("published"),
                                    withPort: true
                                )
                            )
                        ),
                        NFRule(
                            .compare(.destinationPort(.tcp), .equal, .port(81)),
                            .dnat(
                                .map(
                                    .v4,
                                    [.counter(modulus: 2)],
                                    .inline(choice),
                                    withPort: true
                                )
                            ),
                            comment: "web"
                        ),
                    ]
                ),
                NFChain(
                    "postrouting",
                    NFHook(.nat, .postrouting, priority: 100, dropsByDefault: false),
                    rules: [
                        NFRule(
                            .inPrefix(.source(.v4), .equal, subnet),
                            .compare(.outputInterface, .notEqual, .interface(bridge)),
                            .masquerade
                        )
                    ]
                ),
            ]
        )
        #expect(
            table.description == """
                table inet roost-shop {
                    map published {
                        type ipv4_addr . inet_service : ipv4_addr . inet_service
                        elements = { 127.0.0.1 . 8080 : 10.1.0.2 . 80 }
                    }

                    set private {
                        type ipv4_addr
                        flags interval
                        elements = { 10.1.0.0-10.1.0.255 }
                    }

                    chain publish {
                    }

                    chain prerouting {
                        type nat hook prerouting priority -100; policy accept;
                        fib daddr type local jump publish
                        dnat ip to ip daddr . tcp dport map @published
                        tcp dport 81 dnat ip to numgen inc mod 2 map { 0 : 10.1.0.2 . 80, 1 : 10.1.0.3 . 81 } comment "web"
                    }

                    chain postrouting {
                        type nat hook postrouting priority 100; policy accept;
                        ip saddr 10.1.0.0/24 oifname != "front" masquerade
                    }
                }
                """
        )
    }

    @Test("replacing a table adds it, deletes it and adds it again between the transaction's ends")
    func replace() {
        var transaction = NFTransaction()
        transaction.replace(NFTable("t"))
        let expected = hex(
            """
            14 00 00 00  10 00 01 00  05 00 00 00  00 00 00 00  # NFNL_MSG_BATCH_BEGIN, request, sequence 5
            00 00 00 0a                                         # resource NFNL_SUBSYS_NFTABLES
            24 00 00 00  00 0a 01 04  06 00 00 00  00 00 00 00  # NFT_MSG_NEWTABLE, request + create
            01 00 00 00                                         # NFPROTO_INET
            06 00 01 00  74 00 00 00                            # NFTA_TABLE_NAME "t"
            08 00 02 00  00 00 00 00                            # NFTA_TABLE_FLAGS 0
            1c 00 00 00  02 0a 01 00  07 00 00 00  00 00 00 00  # NFT_MSG_DELTABLE, request
            01 00 00 00
            06 00 01 00  74 00 00 00
            24 00 00 00  00 0a 05 04  08 00 00 00  00 00 00 00  # NFT_MSG_NEWTABLE, request + ack + create
            01 00 00 00
            06 00 01 00  74 00 00 00
            08 00 02 00  00 00 00 00
            14 00 00 00  11 00 01 00  09 00 00 00  00 00 00 00  # NFNL_MSG_BATCH_END, request
            00 00 00 0a
            """
        )
        #expect(words(transaction.batch().bytes(firstSequence: 5)) == words(expected))
    }

    @Test("a rule checks IP version and protocol before it reads their headers")
    func rule() throws {
        var transaction = NFTransaction()
        transaction.add(
            NFRule(.compare(.destinationPort(.udp), .equal, .port(53)), .verdict(.drop), comment: "x"),
            to: "c",
            of: "t"
        )
        let request = try #require(transaction.batch().requests.dropFirst().first)
        #expect(request.subject == "add rule t c udp dport 53 drop comment \"x\"")
        let expected = hex(
            """
            01 00 00 00                                         # NFPROTO_INET
            06 00 01 00  74 00 00 00                            # NFTA_RULE_TABLE "t"
            06 00 02 00  63 00 00 00                            # NFTA_RULE_CHAIN "c"
            e4 00 04 80                                         # NFTA_RULE_EXPRESSIONS, nested
            24 00 01 80                                         #   NFTA_LIST_ELEM
            09 00 01 00  6d 65 74 61  00 00 00 00               #     "meta"
            14 00 02 80                                         #     NFTA_EXPR_DATA
            08 00 02 00  00 00 00 10                            #       NFTA_META_KEY NFT_META_L4PROTO
            08 00 01 00  00 00 00 08                            #       NFTA_META_DREG NFT_REG32_00
            2c 00 01 80
            08 00 01 00  63 6d 70 00                            #     "cmp"
            20 00 02 80
            08 00 01 00  00 00 00 08                            #       NFTA_CMP_SREG
            08 00 02 00  00 00 00 00                            #       NFTA_CMP_OP NFT_CMP_EQ
            0c 00 03 80  05 00 01 00  11 00 00 00               #       NFTA_CMP_DATA 17
            34 00 01 80
            0c 00 01 00  70 61 79 6c  6f 61 64 00               #     "payload"
            24 00 02 80
            08 00 01 00  00 00 00 08                            #       NFTA_PAYLOAD_DREG
            08 00 02 00  00 00 00 02                            #       NFTA_PAYLOAD_BASE transport header
            08 00 03 00  00 00 00 02                            #       NFTA_PAYLOAD_OFFSET
            08 00 04 00  00 00 00 02                            #       NFTA_PAYLOAD_LEN
            2c 00 01 80
            08 00 01 00  63 6d 70 00
            20 00 02 80
            08 00 01 00  00 00 00 08
            08 00 02 00  00 00 00 00
            0c 00 03 80  06 00 01 00  00 35 00 00               #       port 53, big-endian
            30 00 01 80
            0e 00 01 00  69 6d 6d 65  64 69 61 74  65 00 00 00  #     "immediate"
            1c 00 02 80
            08 00 01 00  00 00 00 00                            #       NFTA_IMMEDIATE_DREG NFT_REG_VERDICT
            10 00 02 80  0c 00 02 80  08 00 01 00  00 00 00 00  #       NFTA_VERDICT_CODE NF_DROP
            08 00 07 00  00 02 78 00                            # NFTA_RULE_USERDATA: comment, 2 bytes, "x"
            """
        )
        #expect(words(request.body) == words(expected))
    }

    @Test(
        "shifted ports keep their distance over the whole range",
        arguments: [(8000, 8100, 9000), (8000, 8100, 80), (1, 1000, 64536), (30000, 40000, 20000), (8000, 8100, 8000)]
            as [(UInt16, UInt16, UInt16)]
    )
    func shift(_ first: UInt16, _ last: UInt16, _ target: UInt16) throws {
        let shift = try #require(NFPortShift(first...last, to: target))
        for port in first...last { #expect(shift.applied(to: port) == target + (port - first)) }
    }

    @Test("ranges that cannot be shifted are refused")
    func noShift() {
        #expect(NFPortShift(8000...16000, to: 80) == nil)
        #expect(NFPortShift(1...1000, to: 65000) == nil)
    }
}
