import LinuxSystem
import Testing

@Suite("rtnetlink requests")
struct RouteRequestTests {
    @Test("only the last request of a batch asks for an acknowledgement, and numbers follow each other")
    func batch() throws {
        let link = InterfaceReference.index(.loopback)
        let batch = NetlinkBatch([.setUp(link), .deleteLink(link)])
        let expected = hex(
            """
            20 00 00 00  13 00 01 00  07 00 00 00  00 00 00 00  # 32 bytes, RTM_SETLINK, request, sequence 7
            00 00 00 00  01 00 00 00                            # any family, interface 1
            01 00 00 00  01 00 00 00                            # IFF_UP of IFF_UP
            20 00 00 00  11 00 05 00  08 00 00 00  00 00 00 00  # 32 bytes, RTM_DELLINK, request + ack, sequence 8
            00 00 00 00  01 00 00 00
            00 00 00 00  00 00 00 00
            """
        )
        #expect(words(batch.bytes(firstSequence: 7)) == words(expected))
    }

    @Test("an address is added with its broadcast address")
    func address() throws {
        let address = try #require(InterfaceAddress("10.1.0.5/24"))
        let request = NetlinkRequest.addAddress(address, to: .init(rawValue: 2), flags: .noPrefixRoute)
        let expected = hex(
            """
            38 00 00 00  14 00 05 06  01 00 00 00  00 00 00 00  # 56 bytes, RTM_NEWADDR, request + ack + create + excl
            02 18 00 00  02 00 00 00                            # AF_INET, /24, scope universe, interface 2
            08 00 02 00  0a 01 00 05                            # IFA_LOCAL
            08 00 01 00  0a 01 00 05                            # IFA_ADDRESS
            08 00 04 00  0a 01 00 ff                            # IFA_BROADCAST
            08 00 08 00  00 02 00 00                            # IFA_FLAGS: IFA_F_NOPREFIXROUTE
            """
        )
        #expect(words(NetlinkBatch([request]).bytes(firstSequence: 1)) == words(expected))
        #expect(request.subject == "add address 10.1.0.5/24 to interface 2")
    }

    @Test("a default route carries no destination")
    func route() throws {
        let gateway = try #require(IPAddress("10.1.0.1"))
        let request = NetlinkRequest.addRoute(Route(defaultVia: gateway, metric: 5))
        let expected = hex(
            """
            2c 00 00 00  18 00 05 06  01 00 00 00  00 00 00 00  # 44 bytes, RTM_NEWROUTE, request + ack + create + excl
            02 00 00 00  fe 04 00 01                            # AF_INET, /0; main, static, universe, unicast
            00 00 00 00
            08 00 05 00  0a 01 00 01                            # RTA_GATEWAY
            08 00 06 00  05 00 00 00                            # RTA_PRIORITY
            """
        )
        #expect(words(NetlinkBatch([request]).bytes(firstSequence: 1)) == words(expected))
        #expect(request.subject == "add route default via 10.1.0.1")
    }

    @Test("a veth pair is one request with the far end nested in it")
    func veth() throws {
        let veth = VethConfiguration(
            name: try #require(InterfaceName("web-1")),
            options: LinkOptions(mtu: 1400),
            bridge: .init(rawValue: 9),
            peerName: try #require(InterfaceName("eth0")),
            peerOptions: LinkOptions(mac: MACAddress("02:42:0a:01:00:05"), index: .init(rawValue: 2)),
            peerNamespace: 6
        )
        let expected = hex(
            """
            a4 00 00 00  10 00 05 06  01 00 00 00  00 00 00 00  # 164 bytes, RTM_NEWLINK, request + ack + create + excl
            00 00 00 00  00 00 00 00  01 00 00 00  01 00 00 00  # any index, IFF_UP of IFF_UP
            0a 00 03 00  77 65 62 2d  31 00 00 00               # IFLA_IFNAME "web-1"
            08 00 04 00  78 05 00 00                            # IFLA_MTU 1400
            58 00 12 80                                         # IFLA_LINKINFO, nested
            09 00 01 00  76 65 74 68  00 00 00 00               #   IFLA_INFO_KIND "veth"
            48 00 02 80                                         #   IFLA_INFO_DATA, nested
            44 00 01 80                                         #     VETH_INFO_PEER, nested
            00 00 00 00  02 00 00 00  00 00 00 00  00 00 00 00  #       interface 2, down
            09 00 03 00  65 74 68 30  00 00 00 00               #       IFLA_IFNAME "eth0"
            0a 00 01 00  02 42 0a 01  00 05 00 00               #       IFLA_ADDRESS
            08 00 1f 00  01 00 00 00                            #       IFLA_NUM_TX_QUEUES 1
            08 00 20 00  01 00 00 00                            #       IFLA_NUM_RX_QUEUES 1
            08 00 1c 00  06 00 00 00                            #       IFLA_NET_NS_FD 6
            08 00 1f 00  01 00 00 00                            # IFLA_NUM_TX_QUEUES 1
            08 00 20 00  01 00 00 00                            # IFLA_NUM_RX_QUEUES 1
            08 00 0a 00  09 00 00 00                            # IFLA_MASTER 9
            """
        )
        #expect(words(NetlinkBatch([.create(veth)]).bytes(firstSequence: 1)) == words(expected))
    }
}
