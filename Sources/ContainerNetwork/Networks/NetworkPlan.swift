package import LinuxSystem

/// A network that a project asks for, before it has a subnet and an interface.
package struct NetworkPlan: Hashable, Sendable, Codable {
    /// One entry of `ipam.config`.
    package struct Subnet: Hashable, Sendable, Codable {
        /// The network's addresses.
        package var prefix: IPPrefix
        /// Where automatic addresses come from; the whole subnet if nil.
        package var range: IPPrefix?
        /// The host's address; the first of the subnet if nil.
        package var gateway: IPAddress?
        /// Addresses that nobody is given.
        package var reserved: Set<IPAddress>

        /// Describes a subnet.
        package init(
            _ prefix: IPPrefix,
            range: IPPrefix? = nil,
            gateway: IPAddress? = nil,
            reserved: Set<IPAddress> = []
        ) {
            self.prefix = prefix
            self.range = range
            self.gateway = gateway
            self.reserved = reserved
        }
    }

    /// The network's real name, unique on the host: "app_default".
    package var name: String
    /// The project that it belongs to.
    package var project: String
    /// The subnets asked for; a missing one of a wanted family is picked.
    package var subnets: [Subnet] = []
    /// Whether it has version 4 addresses.
    package var hasIPv4 = true
    /// Whether it has version 6 addresses.
    package var hasIPv6 = false
    /// Whether its containers are cut off from everything but each other and the host.
    package var isInternal = false
    /// The bridge's name: `com.docker.network.bridge.name`; derived from the network's name if nil.
    package var bridge: InterfaceName?
    /// Bytes per packet: `com.docker.network.driver.mtu`.
    package var mtu: UInt32?
    /// Whether its containers reach each other: `com.docker.network.bridge.enable_icc`.
    package var connectsContainers = true
    /// Whether containers go out under the host's address: `com.docker.network.bridge.enable_ip_masquerade`.
    package var masquerades = true
    /// What is written on it, for whoever looks.
    package var labels: [String: String] = [:]

    /// Asks for an ordinary network.
    package init(name: String, project: String) {
        self.name = name
        self.project = project
    }
}

/// What a new network must not collide with.
package struct TakenNames: Hashable, Sendable {
    /// Networks that the host routes to or has an address on.
    package var prefixes: [IPPrefix]
    /// The names of the host's interfaces.
    package var interfaces: Set<String>
    /// The recorded networks of all projects.
    package var networks: [BridgeNetwork]

    /// Collects what is there.
    package init(prefixes: [IPPrefix] = [], interfaces: Set<String> = [], networks: [BridgeNetwork] = []) {
        self.prefixes = prefixes
        self.interfaces = interfaces
        self.networks = networks
    }
}

extension NetworkPlan {
    /// Gives the network its bridge, its subnets and its project's link group.
    ///
    /// Throws `.nameTaken` if the bridge's name is taken, `.invalidAddress` if a subnet asked for overlaps another
    /// network or its gateway lies outside, and `.exhausted` if no free subnet is left.
    package func decided(among taken: TakenNames, pools: AddressPools) throws(NetworkError) -> BridgeNetwork {
        var decided: [BridgeNetwork.Subnet] = []
        for subnet in subnets {
            try check(subnet.prefix, among: taken)
            decided.append(try completed(subnet))
        }
        for (family, isWanted) in [(IPFamily.v4, hasIPv4), (.v6, hasIPv6)]
        where isWanted && !decided.contains(where: { $0.prefix.family == family }) {
            let prefix = try pools.pick(family, for: name, avoiding: taken)
            decided.append(try completed(Subnet(prefix)))
        }
        return BridgeNetwork(
            name: name,
            project: project,
            bridge: try decidedBridge(among: taken),
            group: Self.group(of: project, among: taken.networks),
            subnets: decided,
            isInternal: isInternal,
            mtu: mtu,
            connectsContainers: connectsContainers,
            masquerades: masquerades,
            labels: labels.isEmpty ? nil : labels
        )
    }

    /// Whether a network that is there is what this plan asks for; subnets that were picked then stay as they are.
    package func isMet(by network: BridgeNetwork) -> Bool {
        let families = Set(network.subnets.map(\.prefix.family))
        guard network.name == name, network.project == project, network.isInternal == isInternal,
            network.mtu == mtu, network.connectsContainers == connectsContainers,
            network.masquerades == masquerades, bridge == nil || bridge == network.bridge,
            families == wantedFamilies
        else { return false }
        return subnets.allSatisfy { wanted in
            // A subnet that is no longer valid is met by none.
            network.subnets.contains { (try? completed(wanted)) == $0 }
        }
    }

    private var wantedFamilies: Set<IPFamily> {
        Set((hasIPv4 ? [.v4] : []) + (hasIPv6 ? [.v6] : []) + subnets.map(\.prefix.family))
    }

    private func check(_ prefix: IPPrefix, among taken: TakenNames) throws(NetworkError) {
        for other in taken.networks where other.subnets.contains(where: { $0.prefix.overlaps(prefix) }) {
            throw NetworkError(
                .invalidAddress,
                "network \(name): subnet \(prefix) overlaps network \(other.name) of project \(other.project); "
                    + "choose another subnet or remove that network"
            )
        }
        // The host's own routes only matter where they are as narrow: 10.0.0.0/8 through a tunnel gives way to a
        // subnet that the user wrote down.
        for other in taken.prefixes where prefix.overlaps(other) && other.length >= prefix.length {
            throw NetworkError(
                .invalidAddress,
                "network \(name): subnet \(prefix) overlaps \(other), which this host already reaches; "
                    + "choose another subnet"
            )
        }
    }

    private func completed(_ subnet: Subnet) throws(NetworkError) -> BridgeNetwork.Subnet {
        let prefix = subnet.prefix
        guard let first = prefix.host(1), let gateway = Optional(subnet.gateway ?? first), prefix.contains(gateway)
        else {
            throw NetworkError(
                .invalidAddress,
                "network \(name): gateway \(subnet.gateway.map(\.description) ?? "") is not in subnet \(prefix)"
            )
        }
        if let range = subnet.range, !prefix.contains(range.network) || range.length < prefix.length {
            throw NetworkError(.invalidAddress, "network \(name): range \(range) is not part of subnet \(prefix)")
        }
        return BridgeNetwork.Subnet(
            prefix: prefix,
            gateway: gateway,
            range: subnet.range,
            reserved: subnet.reserved.sorted()
        )
    }

    private func decidedBridge(among taken: TakenNames) throws(NetworkError) -> InterfaceName {
        let used = taken.interfaces.union(taken.networks.map(\.bridge.description))
        if let bridge {
            guard !used.contains(bridge.description) else {
                throw NetworkError(
                    .nameTaken,
                    "network \(name): the bridge name \(bridge) is taken; choose another com.docker.network.bridge.name"
                )
            }
            return bridge
        }
        for attempt in 0... {
            let text = "roost-" + StableHash(attempt == 0 ? name : "\(name)#\(attempt)").digits(8)
            if !used.contains(text), let candidate = InterfaceName(text) { return candidate }
        }
        throw NetworkError(.nameTaken, "network \(name): no free bridge name")
    }

    /// The number that all links of a project share: the recorded one, else derived from the name and not another's.
    static func group(of project: String, among networks: [BridgeNetwork]) -> UInt32 {
        if let known = networks.first(where: { $0.project == project }) { return known.group }
        let others = Set(networks.map(\.group))
        var group = UInt32(truncatingIfNeeded: StableHash(project).value) & 0x7fff_ffff | 0x4000_0000
        while others.contains(group) { group = (group + 1) & 0x7fff_ffff | 0x4000_0000 }
        return group
    }
}
