import ComposeModel
import ContainerNetwork
import LinuxSystem

/// The ports that a project holds on the host.
struct Publisher {
    /// Ports that all containers of a service share, by service.
    var ofServices: [String: [PortReservation]] = [:]
    /// Ports of one container, by container.
    var ofContainers: [String: [PortReservation]] = [:]
    /// What carries version 6 to version 4, by port.
    var relays: [PublishedPort: LoopbackRelay] = [:]
    /// What those may take, when the first has been there.
    var budget: RelayBudget?
    /// The rules that are in force; nil when nobody knows.
    private(set) var rules: ProjectRules?

    /// Notes what is in force.
    mutating func note(_ rules: ProjectRules?) { self.rules = rules }

    /// What is in force is not known any more.
    mutating func forgetRules() { rules = nil }

    /// Lets go of a container's own ports.
    mutating func release(container: String) { ofContainers[container] = nil }

    /// Who serves each port, given the containers that run.
    func publications(_ live: [LiveContainer], isOpen: (String) -> Bool) -> [Publication] {
        var result: [Publication] = []
        for (service, reservations) in ofServices.sorted(by: { $0.key < $1.key }) {
            let replicas = Self.ready(live.filter { $0.service == service && !$0.isOneOff })
                .map { $0.replica(isOpen: isOpen) }
            result += reservations.map { Publication($0.port, ready: replicas) }
        }
        for (container, reservations) in ofContainers.sorted(by: { $0.key < $1.key }) {
            let replicas = live.filter { $0.name == container }.map { $0.replica(isOpen: isOpen) }
            result += reservations.map { Publication($0.port, ready: replicas) }
        }
        return result
    }

    /// Those that are ready; all, while none is.
    private static func ready(_ containers: [LiveContainer]) -> [LiveContainer] {
        let ready = containers.filter(\.isReady)
        return (ready.isEmpty ? containers : ready).sorted { $0.name < $1.name }
    }

    /// The ports of a service that all its containers share: neighbours that map alike are one range.
    static func sharedPorts(of service: Service) -> [PublishedPort] {
        var ranges: [PublishedPort] = []
        let fixed = service.ports.filter { $0.published?.count == 1 }.compactMap(Self.port)
            .sorted { ($0.sortKey, $0.hostPorts.lowerBound) < ($1.sortKey, $1.hostPorts.lowerBound) }
        for port in fixed {
            guard let last = ranges.last, last.sortKey == port.sortKey, last.hostPorts.upperBound < .max,
                last.hostPorts.upperBound + 1 == port.hostPorts.lowerBound,
                Int(last.target) + last.hostPorts.count == Int(port.target),
                let longer = PublishedPort(
                    last.hostPorts.lowerBound...port.hostPorts.upperBound,
                    to: last.target,
                    last.transport,
                    on: last.address
                )
            else {
                ranges.append(port)
                continue
            }
            ranges[ranges.count - 1] = longer
        }
        return ranges
    }

    /// A mapping with one published port.
    private static func port(_ mapping: PortMapping) -> PublishedPort? {
        mapping.published.flatMap {
            PublishedPort($0, to: mapping.target, mapping.transport.runtime, on: mapping.address)
        }
    }
}

extension PublishedPort {
    fileprivate var sortKey: String { "\(transport) \(address.map { "\($0)" } ?? "")" }
}

extension PortMapping {
    /// The address on the host; nil for all.
    var address: IPAddress? { hostAddress.flatMap { IPAddress($0.description) } }
}

extension Transport {
    /// The protocol as the network names it.
    var runtime: TransportProtocol {
        switch self {
        case .tcp: .tcp
        case .udp: .udp
        case .sctp: .sctp
        }
    }
}

extension LiveContainer {
    /// Its addresses on networks that the host may forward to.
    fileprivate func replica(isOpen: (String) -> Bool) -> Publication.Replica {
        .init(process.attachments.filter { isOpen($0.network) }.flatMap(\.addresses).compactMap { IPAddress($0) })
    }
}
