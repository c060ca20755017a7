package import LinuxSystem

/// A port, or a range of ports, that a service publishes on the host.
package struct PublishedPort: Hashable, Sendable, CustomStringConvertible {
    /// The host's address that it is published on; nil for all addresses of both versions.
    package var address: IPAddress?
    /// The protocol.
    package var transport: TransportProtocol
    /// The host's ports.
    package var hostPorts: ClosedRange<UInt16>
    /// The first of as many ports of the container.
    package var target: UInt16

    /// Publishes as many ports of the container, from `target` on, as there are host ports; nil beyond 65535.
    package init?(
        _ hostPorts: ClosedRange<UInt16>,
        to target: UInt16,
        _ transport: TransportProtocol = .tcp,
        on address: IPAddress? = nil
    ) {
        guard Int(target) + hostPorts.count - 1 <= 65535, hostPorts.lowerBound > 0, target > 0 else { return nil }
        self.address = address
        self.transport = transport
        self.hostPorts = hostPorts
        self.target = target
    }

    /// Whether packets to this address of the host are meant; unspecified addresses stand for all of their version.
    package func covers(_ other: IPAddress) -> Bool {
        guard let address else { return true }
        return address == other || address.family == other.family && address.value == 0
    }

    /// The versions that it is published for.
    package var families: [IPFamily] { address.map { [$0.family] } ?? IPFamily.allCases }

    /// The one address of that version that it is published on; nil for all of them.
    func specificAddress(_ family: IPFamily) -> IPAddress? {
        address.flatMap { $0.family == family && $0.value != 0 ? $0 : nil }
    }

    /// As Compose writes it: "127.0.0.1:8080->80/tcp".
    package var description: String {
        func text(_ ports: ClosedRange<UInt16>) -> String {
            ports.count == 1 ? "\(ports.lowerBound)" : "\(ports.lowerBound)-\(ports.upperBound)"
        }
        let host = address.map { $0.family == .v4 ? "\($0):" : "[\($0)]:" } ?? ""
        let end = UInt16(Int(target) + hostPorts.count - 1)
        return "\(host)\(text(hostPorts))->\(text(target...end))/\(transport)"
    }
}

/// A published port and who serves it now.
package struct Publication: Hashable, Sendable {
    /// The addresses of one container.
    package struct Replica: Hashable, Sendable {
        /// Its version 4 address.
        package var v4: IPAddress?
        /// Its version 6 address.
        package var v6: IPAddress?

        /// Takes the first address of each version; give only those on networks that are not internal.
        package init(_ addresses: [IPAddress]) {
            v4 = addresses.first { $0.family == .v4 }
            v6 = addresses.first { $0.family == .v6 }
        }

        /// The address of a version.
        package func address(_ family: IPFamily) -> IPAddress? { family == .v4 ? v4 : v6 }
    }

    /// The port.
    package var port: PublishedPort
    /// The containers that are ready; with none the host refuses connections.
    package var ready: [Replica]

    /// Describes who serves a port.
    package init(_ port: PublishedPort, ready: [Replica]) {
        self.port = port
        self.ready = ready
    }
}
