/// What carries a port's data.
package enum Transport: String, Hashable, Sendable, CaseIterable { case tcp, udp, sctp }

/// A port of a container that the host passes on.
package struct PortMapping: Hashable, Sendable {
    /// Who listens on the host: `host` is the container's own machine, `ingress` every machine; here they are the same.
    package enum Mode: String, Hashable, Sendable { case host, ingress }

    /// The port inside the container, from 1.
    package var target: UInt16
    /// The ports of the host, of which the first free one is taken; nil for any free one.
    package var published: ClosedRange<UInt16>?
    /// The address of the host; nil for all.
    package var hostAddress: InternetAddress?
    /// What carries the data.
    package var transport: Transport
    /// Who listens.
    package var mode: Mode
    /// A name for people.
    package var name: String?
    /// What is spoken there, for other tools.
    package var applicationProtocol: String?

    /// A port that is passed on.
    package init(
        target: UInt16,
        published: ClosedRange<UInt16>? = nil,
        hostAddress: InternetAddress? = nil,
        transport: Transport = .tcp
    ) {
        self.target = target
        self.published = published
        self.hostAddress = hostAddress
        self.transport = transport
        mode = .ingress
    }
}

/// Ports that a service says it has.
package struct ExposedPort: Hashable, Sendable {
    /// The ports.
    package var ports: ClosedRange<UInt16>
    /// What carries the data.
    package var transport: Transport

    /// Reads `80`, `8000-8010` or `53/udp`.
    init?(text: String) {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard halves.count <= 2, let ports = PortRange.read(halves[0]), ports.lowerBound > 0,
            let transport = halves.count == 1 ? .tcp : Transport(rawValue: halves[1].lowercased())
        else { return nil }
        self.ports = ports
        self.transport = transport
    }
}

/// Ports as text.
enum PortRange {
    /// Reads `80` and `80-90`.
    static func read(_ text: String) -> ClosedRange<UInt16>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last else {
            return nil
        }
        return first...last
    }
}
