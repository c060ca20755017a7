import LinuxSystem

/// The maps and rules that lead the published ports of one IP version to containers.
///
/// A port with one replica is an element of a map, which costs the same with a thousand ports as with one. Ranges are
/// one rule each, balanced ports too. Ports of one address come before ports of all addresses.
struct PortTranslations {
    private let family: IPFamily
    private var specific: [NFElement] = []
    private var general: [NFElement] = []
    private var specificRules: [NFRule] = []
    private var generalRules: [NFRule] = []
    private var seen: Set<[NFValue]> = []

    init(_ family: IPFamily, _ publications: [Publication]) {
        self.family = family
        for publication in publications where publication.port.families.contains(family) {
            let replicas = publication.ready.compactMap { $0.address(family) }
            guard !replicas.isEmpty else { continue }
            add(publication.port, replicas)
        }
    }

    private var addressType: NFType { family == .v4 ? .ipv4Address : .ipv6Address }
    private var suffix: String { family == .v4 ? "4" : "6" }

    private var specificMap: NFSet {
        NFSet(
            name: "published\(suffix)",
            key: [addressType, .transport, .port],
            content: .values([addressType, .port]),
            elements: specific
        )
    }

    private var generalMap: NFSet {
        NFSet(
            name: "any\(suffix)",
            key: [.transport, .port],
            content: .values([addressType, .port]),
            elements: general
        )
    }

    /// The maps that are not empty.
    var maps: [NFSet] { [specificMap, generalMap].filter { !$0.elements.isEmpty } }

    /// The rules, for a chain that sees only what is meant for the host.
    var rules: [NFRule] {
        let fields: [NFField] = [.transport, .anyDestinationPort]
        var rules: [NFRule] = []
        if !specific.isEmpty {
            rules.append(
                NFRule(
                    .dnat(.map(family, [.destination(family)] + fields, .named(specificMap.name), withPort: true))
                )
            )
        }
        rules += specificRules
        if !general.isEmpty {
            rules.append(NFRule(.dnat(.map(family, fields, .named(generalMap.name), withPort: true))))
        }
        return rules + generalRules
    }

    private mutating func add(_ port: PublishedPort, _ replicas: [IPAddress]) {
        let address = port.specificAddress(family)
        if port.hostPorts.count > 1 {
            if let shift = NFPortShift(port.hostPorts, to: port.target) {
                append(ranged(port, address, replicas, shift), isSpecific: address != nil)
                return
            }
            // No constant distance that the kernel could add: one by one then.
            for (offset, host) in port.hostPorts.enumerated() {
                addSingle(port, address, host, replicas.map { NFEndpoint($0, port.target + UInt16(offset)) })
            }
            return
        }
        addSingle(port, address, port.hostPorts.lowerBound, replicas.map { NFEndpoint($0, port.target) })
    }

    private mutating func addSingle(
        _ port: PublishedPort,
        _ address: IPAddress?,
        _ host: UInt16,
        _ endpoints: [NFEndpoint]
    ) {
        let key = (address.map { [NFValue.address($0)] } ?? []) + [.transport(port.transport), .port(host)]
        guard seen.insert(key).inserted else { return }
        if endpoints.count == 1 {
            let element = NFElement(key, .values([.address(endpoints[0].address), .port(endpoints[0].port)]))
            if address == nil { general.append(element) } else { specific.append(element) }
            return
        }
        var rule = NFRule()
        if let address { rule.statements.append(.compare(.destination(family), .equal, .address(address))) }
        rule.statements.append(.compare(.destinationPort(port.transport), .equal, .port(host)))
        rule.statements.append(
            .dnat(
                .map(
                    family,
                    [.counter(modulus: UInt32(endpoints.count))],
                    .inline(.choice(endpoints)),
                    withPort: true
                )
            )
        )
        append([rule], isSpecific: address != nil)
    }

    /// One rule for each replica.
    ///
    /// The first takes one connection of n, the next one of the remaining n - 1, and so on.
    private func ranged(
        _ port: PublishedPort,
        _ address: IPAddress?,
        _ replicas: [IPAddress],
        _ shift: NFPortShift
    ) -> [NFRule] {
        replicas.enumerated().map { index, replica in
            var rule = NFRule()
            if let address { rule.statements.append(.compare(.destination(family), .equal, .address(address))) }
            rule.statements.append(
                .range(
                    .destinationPort(port.transport),
                    .port(port.hostPorts.lowerBound),
                    .port(port.hostPorts.upperBound)
                )
            )
            let left = UInt32(replicas.count - index)
            if left > 1 { rule.statements.append(.compare(.counter(modulus: left), .equal, .number(0))) }
            rule.statements.append(.dnat(.shifted(replica, shift)))
            return rule
        }
    }

    private mutating func append(_ rules: [NFRule], isSpecific: Bool) {
        if isSpecific { specificRules += rules } else { generalRules += rules }
    }
}
