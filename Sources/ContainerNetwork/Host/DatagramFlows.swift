import LinuxSystem

/// A datagram flow that the kernel tracks, as ctnetlink lists it.
///
/// A flow keeps the translation of its first packet for as long as packets come. A client that never pauses would
/// reach a container that has gone, or the host instead of a container that came later.
struct DatagramFlow: Hashable, Sendable {
    /// Where the client sends to.
    var destination: IPAddress
    /// The port that it sends to.
    var port: UInt16
    /// Who answers: the target of the translation, or the destination itself.
    var answerer: IPAddress
    /// CTA_TUPLE_ORIG and CTA_ID, by which the kernel finds it again.
    var original: ArraySlice<UInt8>
    var id: ArraySlice<UInt8>

    /// Reads IPCTNL_MSG_CT_NEW; nil for other protocols.
    init?(_ message: NetlinkMessage) {
        let attributes = message.attributes(after: 4)
        guard message.type == Self.newType, let original = attributes[1], let id = attributes[12],
            let ports = attributes.nested(1)?.nested(2),
            ports.number(1, as: UInt8.self) == TransportProtocol.udp.rawValue,
            let port = ports.number(3, as: UInt16.self),
            let destination = Self.address(attributes.nested(1)?.nested(1), v4: 2, v6: 4),
            let answerer = Self.address(attributes.nested(2)?.nested(1), v4: 1, v6: 3)
        else { return nil }
        self.destination = destination
        self.port = UInt16(bigEndian: port)
        self.answerer = answerer
        self.original = original
        self.id = id
    }

    /// Whether the flow is meant for a published port and answered by none of those who are ready.
    func isStale(among publications: [Publication], hostAddresses: Set<IPAddress>) -> Bool {
        guard hostAddresses.contains(destination) || destination.isLoopback else { return false }
        let meant = publications.filter {
            $0.port.transport == .udp && $0.port.hostPorts.contains(port) && $0.port.covers(destination)
        }
        guard !meant.isEmpty else { return false }
        return !meant.contains { $0.ready.contains { $0.address(answerer.family) == answerer } }
    }

    /// Forgets the flow: IPCTNL_MSG_CT_DELETE.
    var deletion: NetlinkRequest {
        NetlinkRequest("forget the flow to \(destination) port \(port)/udp", type: 0x102) {
            Self.header(family: destination.family.number, &$0)
            $0.attribute(0x8001, bytes: original)
            $0.attribute(12, bytes: id)
        }
    }

    /// Lists the flows of one version: IPCTNL_MSG_CT_GET.
    static func list(_ family: IPFamily) -> NetlinkRequest {
        NetlinkRequest("list tracked connections", type: 0x101) { header(family: family.number, &$0) }
    }

    private static let newType: UInt16 = 0x100

    /// struct nfgenmsg.
    private static func header(family: UInt8, _ writer: inout NetlinkWriter) {
        writer.append(family)
        writer.append(UInt8(0))
        writer.append(UInt16(0))
    }

    private static func address(_ tuple: NetlinkAttributes?, v4: UInt16, v6: UInt16) -> IPAddress? {
        (tuple?[v4] ?? tuple?[v6]).flatMap { IPAddress(bytes: $0) }
    }
}
