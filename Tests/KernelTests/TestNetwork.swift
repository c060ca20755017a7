import Glibc
import LinuxSystem
import Testing

/// A bridge with containers on it, which are namespaces with nothing in them.
final class TestNetwork {
    struct Container {
        let namespace: NetworkNamespace
        let address: IPAddress
    }

    static let containerIndex = InterfaceIndex(rawValue: 2)
    let host: NetworkNamespace
    let bridge: InterfaceIndex
    let name: InterfaceName
    let subnet: IPPrefix
    let gateway: IPAddress
    private var count: UInt64 = 0

    init(on host: NetworkNamespace, name: String, subnet: String) throws {
        self.host = host
        self.name = try interfaceName(name)
        self.subnet = try #require(IPPrefix(subnet))
        gateway = try #require(self.subnet.host(1))
        let address = try #require(InterfaceAddress(gateway, prefixLength: self.subnet.length))
        let configuration = BridgeConfiguration(name: self.name)
        bridge = try host.withRoutes { session in
            try session.perform(.create(configuration), .setUp(.index(.loopback)))
            let index = try session.link(.name(configuration.name)).index
            try session.perform(.addAddress(address, to: index, flags: .skipDuplicateDetection))
            // The link-local address the kernel makes is unusable for a second, and neighbours are asked from it.
            let linkLocal = try #require(InterfaceAddress("fe80::1/64"))
            try session.perform(.addAddress(linkLocal, to: index, flags: .skipDuplicateDetection))
            return index
        }
        try host.run { try writeSystemControl("net/ipv4/ip_forward", "1") }
        try host.run { try writeSystemControl("net/ipv6/conf/all/forwarding", "1") }
    }

    /// Makes one more container and configures it: one request batch outside, one inside.
    func attach() throws -> Container {
        count += 1
        let namespace = try NetworkNamespace()
        let address = try #require(subnet.host(count + 1))
        let own = try #require(InterfaceAddress(address, prefixLength: subnet.length))
        let veth = VethConfiguration(
            name: try interfaceName("\(name)-\(count)"),
            bridge: bridge,
            peerName: try interfaceName("eth0"),
            peerOptions: LinkOptions(index: Self.containerIndex),
            peerNamespace: namespace.descriptor
        )
        try host.withRoutes {
            try $0.perform(.create(veth), .setPortFlags(.name(veth.name), BridgePortFlags(isHairpin: true)))
        }
        try namespace.withRoutes {
            try $0.perform(
                .setUp(.index(.loopback)),
                .setUp(.index(Self.containerIndex)),
                .addAddress(own, to: Self.containerIndex, flags: .skipDuplicateDetection),
                .addRoute(Route(defaultVia: gateway))
            )
        }
        return Container(namespace: namespace, address: address)
    }
}

/// Writes a file below /proc/sys as the calling thread's namespace sees it.
func writeSystemControl(_ path: String, _ value: String) throws {
    let file = OwnedDescriptor(adopting: try check(open("/proc/sys/\(path)", O_WRONLY | O_CLOEXEC), "open(2)"))
    try check(CInt(write(file.rawValue, value, value.utf8.count)), "write(2)")
}

func interfaceName(_ text: String) throws -> InterfaceName { try #require(InterfaceName(text)) }
