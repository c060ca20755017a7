import LinuxSystem
import TestSupport
import Testing

@Suite("netlink answers")
struct NetlinkSessionTests {
    private let batch = NetlinkBatch([.setUp(.index(.loopback)), .setUp(.index(.init(rawValue: 2)))])

    @Test("an acknowledgement of the last request is success for all before it")
    func success() throws {
        var session = NetlinkSession(over: RecordedTransport(Self.answer(sequence: 2, code: 0)))
        try session.perform(batch)
    }

    @Test("a refusal names its request and carries the kernel's words")
    func refusal() throws {
        let refused = hex(
            """
            40 00 00 00  02 00 00 03  01 00 00 00  00 00 00 00  # 64 bytes, NLMSG_ERROR, capped + attributes, sequence 1
            ed ff ff ff                                         # -ENODEV
            20 00 00 00  13 00 01 00  01 00 00 00  00 00 00 00  # the request's header
            09 00 01 00  67 6f 6e 65  00 00 00 00               # NLMSGERR_ATTR_MSG "gone"
            08 00 02 00  14 00 00 00                            # NLMSGERR_ATTR_OFFS 20
            00 00 00 00  00 00 00 00
            """
        )
        var session = NetlinkSession(over: RecordedTransport(refused, Self.answer(sequence: 2, code: 0)))
        let error = #expect(throws: NetlinkError.self) { try session.perform(batch) }
        #expect(error?.description == "set interface 1 up: gone: no such device (ENODEV)")
        #expect(error?.code == .notFound && error?.offset == 20)
    }

    @Test("answers to others' requests are passed over, and silence ends in a time-out")
    func strangers() throws {
        var session = NetlinkSession(over: RecordedTransport(Self.answer(sequence: 99, code: -1)))
        let error = #expect(throws: NetlinkError.self) { try session.perform(batch) }
        #expect(error?.code == .timedOut && error?.subject == "set interface 1 up")
    }

    @Test("a list that changed while it was read is read again")
    func interrupted() throws {
        let interrupted = Self.message(type: 3, flags: 0x12, sequence: 1, body: [0, 0, 0, 0])
        let done = Self.message(type: 3, flags: 0x2, sequence: 2, body: [0, 0, 0, 0])
        let link = Self.message(
            type: 16,
            flags: 2,
            sequence: 2,
            body: hex(
                """
                00 00 01 00  05 00 00 00  01 00 01 00  00 00 00 00  # interface 5, IFF_UP + IFF_LOWER_UP
                07 00 03 00  62 72 30 00                            # IFLA_IFNAME "br0"
                08 00 04 00  dc 05 00 00                            # IFLA_MTU 1500
                """
            )
        )
        var session = NetlinkSession(over: RecordedTransport(interrupted, link + link, done))
        let links = try session.links()
        #expect(links.map(\.name) == ["br0", "br0"])
        #expect(links.first?.mtu == 1500 && links.first?.isUp == true && links.first?.hasCarrier == true)
    }

    @Test("hostile bytes are read without harm", arguments: 1...40)
    func hostile(seed: UInt64) throws {
        var generator = SeededNumbers(seed: seed)
        for _ in 0..<200 {
            // A header that fits now and then, so that the bodies are reached too.
            var body = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator) & (Bool.random(using: &generator) ? 0x1f : 0xff)
            }
            let type = [2, 3, 16, 20, 24, 0xa00].randomElement(using: &generator) ?? 2
            let flags = UInt16.random(in: 0...0xffff, using: &generator)
            var datagram = Self.message(type: UInt16(type), flags: flags, sequence: 1, body: body)
            datagram.removeLast(Int.random(in: 0...min(20, datagram.count), using: &generator))
            body = Array(datagram.prefix(3))
            for answers in [RecordedTransport(datagram), RecordedTransport(body)] {
                var links = NetlinkSession(over: answers)
                _ = try? links.links()
                var addresses = NetlinkSession(over: answers)
                _ = try? addresses.addresses()
                var routes = NetlinkSession(over: answers)
                _ = try? routes.routes()
                var tables = NetlinkSession(over: answers)
                _ = try? tables.tableNames()
                var outcomes = NetlinkSession(over: answers)
                _ = try? outcomes.outcomes(of: batch)
            }
        }
    }

    private static func answer(sequence: UInt8, code: Int8) -> [UInt8] {
        let sign: UInt8 = code < 0 ? 0xff : 0
        let echo = [UInt8](repeating: 0, count: 16)
        return message(
            type: 2,
            flags: 0x100,
            sequence: sequence,
            body: [UInt8(bitPattern: code), sign, sign, sign] + echo
        )
    }

    private static func message(type: UInt16, flags: UInt16, sequence: UInt8, body: [UInt8]) -> [UInt8] {
        let length = UInt8(16 + body.count)
        let header: [UInt8] = [
            length, 0, 0, 0, UInt8(truncatingIfNeeded: type), UInt8(type >> 8), UInt8(truncatingIfNeeded: flags),
            UInt8(flags >> 8), sequence, 0, 0, 0, 0, 0, 0, 0,
        ]
        return header + body
    }
}
