package import LinuxSystem

/// The addresses of a project's containers, kept across restarts; the caller stores it with the project's state.
package struct AddressLeases: Hashable, Sendable, Codable {
    /// Network, then container, to addresses.
    private var leases: [String: [String: [IPAddress]]] = [:]

    /// Starts with none.
    package init() {}

    /// The addresses of a container on a network.
    package func addresses(of container: String, on network: String) -> [IPAddress] {
        leases[network]?[container] ?? []
    }

    /// Gives a container one address of each of the network's subnets: the fixed one, else the one that it had, else
    /// the lowest free one.
    ///
    /// Assign the containers that have fixed addresses first. Throws `.invalidAddress` if a fixed address lies in no
    /// subnet, `.addressTaken` if it is another's, and `.exhausted` if none is free. `guests` are the addresses of
    /// others' containers.
    package mutating func assign(
        on network: BridgeNetwork,
        to container: String,
        fixed: [IPAddress] = [],
        guests: [IPAddress: NetworkGuests.Guest] = [:]
    ) throws(NetworkError) -> [InterfaceAddress] {
        try network.check(fixed, for: container)
        let others = (leases[network.name] ?? [:]).filter { $0.key != container }
        var taken = guests.mapValues { "\($0.container) of project \($0.project)" }
        for (name, list) in others { for address in list { taken[address] = name } }
        var assigned: [IPAddress] = []
        for subnet in network.subnets {
            let wanted = fixed.first { subnet.prefix.contains($0) }
            if let wanted {
                try network.check(wanted, for: container, in: subnet, taken: taken)
                assigned.append(wanted)
            } else {
                let former = leases[network.name]?[container]?.first { subnet.allows($0) && taken[$0] == nil }
                guard let address = former ?? subnet.firstFree({ taken[$0] == nil }) else {
                    throw network.exhausted(subnet, for: container)
                }
                assigned.append(address)
            }
        }
        leases[network.name, default: [:]][container] = assigned
        return zip(assigned, network.subnets).compactMap { address, subnet in
            InterfaceAddress(address, prefixLength: subnet.prefix.length)
        }
    }

    /// Forgets a container that will not come back.
    package mutating func release(container: String) {
        for network in leases.keys { leases[network]?[container] = nil }
    }

    /// Forgets a network.
    package mutating func release(network: String) { leases[network] = nil }

}

extension BridgeNetwork {
    /// Finds one address of each subnet for a container of another project: the fixed one, else the one that it had,
    /// else the highest free one, since the owner takes the lowest.
    ///
    /// `taken` are the addresses of all others and who has them. Throws as `AddressLeases.assign` does.
    package func guestAddresses(
        for container: String,
        fixed: [IPAddress],
        former: [IPAddress],
        taken: [IPAddress: String]
    ) throws(NetworkError) -> [InterfaceAddress] {
        try check(fixed, for: container)
        var result: [InterfaceAddress] = []
        for subnet in subnets {
            let address: IPAddress
            if let wanted = fixed.first(where: { subnet.prefix.contains($0) }) {
                try check(wanted, for: container, in: subnet, taken: taken)
                address = wanted
            } else {
                let known = former.first { subnet.allows($0) && taken[$0] == nil }
                guard let found = known ?? subnet.lastFree({ taken[$0] == nil }) else {
                    throw exhausted(subnet, for: container)
                }
                address = found
            }
            if let placed = InterfaceAddress(address, prefixLength: subnet.prefix.length) { result.append(placed) }
        }
        return result
    }

    fileprivate func exhausted(_ subnet: Subnet, for container: String) -> NetworkError {
        NetworkError(
            .exhausted,
            "container \(container): subnet \(subnet.prefix) of network \(name) has no free "
                + "address; give the network a larger ipam subnet"
        )
    }

    fileprivate func check(_ fixed: [IPAddress], for container: String) throws(NetworkError) {
        for address in fixed where !subnets.contains(where: { $0.prefix.contains(address) }) {
            throw NetworkError(
                .invalidAddress,
                "container \(container): address \(address) is not in a subnet of network \(name); "
                    + "give the network an ipam subnet that contains it"
            )
        }
    }

    fileprivate func check(
        _ address: IPAddress,
        for container: String,
        in subnet: Subnet,
        taken: [IPAddress: String]
    ) throws(NetworkError) {
        if let holder = taken[address] {
            throw NetworkError(
                .addressTaken,
                "container \(container): address \(address) on network \(name) belongs to \(holder)"
            )
        }
        guard subnet.allows(address) else {
            throw NetworkError(
                .addressTaken,
                "container \(container): address \(address) is reserved on network \(name)"
            )
        }
    }
}

extension BridgeNetwork.Subnet {
    /// Whether a container may have the address.
    fileprivate func allows(_ address: IPAddress) -> Bool {
        prefix.contains(address) && address != gateway && address != prefix.network && address != prefix.broadcast
            && !reserved.contains(address)
    }

    /// The highest address, of the first 65536, that may be had and that `isFree` says is free.
    fileprivate func lastFree(_ isFree: (IPAddress) -> Bool) -> IPAddress? {
        let pool = range ?? prefix
        let bits = min(16, pool.family.bitWidth - pool.length)
        for index in (0..<UInt64(1) << UInt64(bits)).reversed() {
            if let address = pool.host(index), allows(address), isFree(address) { return address }
        }
        return nil
    }

    /// The lowest address that may be had and that `isFree` says is free.
    fileprivate func firstFree(_ isFree: (IPAddress) -> Bool) -> IPAddress? {
        let pool = range ?? prefix
        // Far more than a bridge has ports; version 6 subnets have no end.
        for index in 0..<UInt64(1 << 16) {
            guard let address = pool.host(index) else { return nil }
            if allows(address) && isFree(address) { return address }
        }
        return nil
    }
}
