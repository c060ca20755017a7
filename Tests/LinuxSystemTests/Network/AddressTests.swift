import LinuxSystem
import Testing

@Suite("addresses, networks and names")
struct AddressTests {
    @Test(
        "an address prints as it is usually written",
        arguments: [
            ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::1", "::1"),
            ("fd00:0:0:0:0:0:0:5", "fd00::5"), ("2001:DB8::1:0:0:1", "2001:db8::1:0:0:1"),
        ]
    )
    func address(text: String, printed: String) { #expect(IPAddress(text)?.description == printed) }

    @Test(
        "what is no address is refused",
        arguments: [
            "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4", "::1%lo", "a", "1.2.3.4\0", "1::2::3",
        ]
    )
    func noAddress(text: String) { #expect(IPAddress(text) == nil) }

    @Test("a network knows its ends, hosts and broadcast address")
    func prefix() throws {
        let network = try #require(IPPrefix("10.1.0.0/24"))
        #expect(network.description == "10.1.0.0/24")
        #expect(network.last == IPAddress("10.1.0.255") && network.broadcast == network.last)
        #expect(network.mask == IPAddress("255.255.255.0"))
        #expect(network.host(2) == IPAddress("10.1.0.2") && network.host(255) == network.last)
        #expect(network.host(256) == nil)
        #expect(network.contains(try #require(IPAddress("10.1.0.77"))))
        #expect(!network.contains(try #require(IPAddress("10.1.1.0"))) && !network.contains(.v6(.loopback)))
        let six = try #require(IPPrefix("fd00::/64"))
        #expect(six.broadcast == nil && six.last == IPAddress("fd00::ffff:ffff:ffff:ffff"))
        #expect(IPPrefix("10.0.0.0/31")?.broadcast == nil)
    }

    @Test(
        "networks overlap when one holds the other",
        arguments: [
            ("10.0.0.0/8", "10.1.0.0/24", true), ("10.1.0.0/24", "10.0.0.0/8", true),
            ("10.1.0.0/24", "10.1.1.0/24", false),
            ("0.0.0.0/0", "192.168.0.0/16", true), ("0.0.0.0/0", "::/0", false), ("fd00::/8", "fd12::/64", true),
        ]
    )
    func overlap(first: String, second: String, expected: Bool) throws {
        #expect(try #require(IPPrefix(first)).overlaps(try #require(IPPrefix(second))) == expected)
    }

    @Test(
        "what is no network is refused",
        arguments: [
            "10.1.0.5/24", "10.1.0.0", "10.1.0.0/", "10.1.0.0/33", "10.1.0.0/-1", "10.1.0.0/024", "::/129", "/8",
        ]
    )
    func noPrefix(text: String) { #expect(IPPrefix(text) == nil) }

    @Test("an interface's address keeps its host bits")
    func interfaceAddress() {
        let address = InterfaceAddress("10.1.0.5/24")
        #expect(address?.description == "10.1.0.5/24" && address?.prefix == IPPrefix("10.1.0.0/24"))
    }

    @Test("hardware addresses are read, printed and derived")
    func mac() {
        #expect(MACAddress("02:42:0A:01:00:05")?.description == "02:42:0a:01:00:05")
        #expect(MACAddress("02-42-0a-01-00-05") == MACAddress(derivedFrom: IPv4Address(10, 1, 0, 5)))
        #expect(MACAddress("01:00:5e:00:00:01")?.isUnicast == false)
        for text in [
            "", "02:42:0a:01:00", "02:42:0a:01:00:05:06", "2:42:a:1:0:5", "02:42:0a:01:00:0g", "+1:42:0a:01:00:05",
        ] {
            #expect(MACAddress(text) == nil)
        }
    }

    @Test("interface names follow the kernel's rules")
    func names() {
        for text in ["eth0", "rst-1a2b3c4d-00", "br.5", "a"] { #expect(InterfaceName(text)?.description == text) }
        for text in ["", ".", "..", "a/b", "a:b", "a b", "a%d", "sixteen-bytes-xx", "ü", "a\n", "a\0"] {
            #expect(InterfaceName(text) == nil)
        }
    }
}
