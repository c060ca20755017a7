package import LinuxSystem

/// Where subnets come from that nobody asked for by number.
package struct AddressPools: Hashable, Sendable {
    /// The version 4 networks that subnets are cut from, in order of preference.
    package var v4: [IPPrefix]
    /// The length of a version 4 subnet.
    package var subnetLength: Int
    /// What makes this host's version 6 networks unlike those of others: a machine id, say.
    package var seed: String

    /// Pools of one's own.
    package init(v4: [IPPrefix], subnetLength: Int = 24, seed: String = "") {
        self.v4 = v4
        self.subnetLength = subnetLength
        self.seed = seed
    }

    /// 512 subnets away from the ranges that Docker, home routers and most companies hand out first.
    package static func standard(seed: String = "") -> AddressPools {
        AddressPools(
            v4: ["10.210.0.0/16", "192.168.224.0/20", "172.30.0.0/16"].compactMap { IPPrefix($0) },
            seed: seed
        )
    }

    /// Picks a free subnet; the same name is given the same subnet as long as it is free.
    ///
    /// Throws `.exhausted` if there is none.
    package func pick(
        _ family: IPFamily,
        for name: String,
        avoiding taken: TakenNames
    ) throws(NetworkError) -> IPPrefix {
        let used =
            taken.networks.flatMap { $0.subnets.map(\.prefix) }
            // Routes to a quarter of the internet or more are another way to write a default route.
            + taken.prefixes.filter { $0.length > 2 }
        let candidates = family == .v4 ? candidates4(for: name) : candidates6(for: name)
        for candidate in candidates where !used.contains(where: { $0.overlaps(candidate) }) { return candidate }
        throw NetworkError(
            .exhausted,
            "network \(name): no free subnet is left in \(v4.map(\.description).joined(separator: ", ")); "
                + "remove networks that are no longer used, or give this one an ipam subnet"
        )
    }

    private func candidates4(for name: String) -> [IPPrefix] {
        let hash = StableHash(name).value
        return v4.flatMap { pool in
            let count = UInt64(1) << UInt64(max(0, subnetLength - pool.length))
            let size = UInt64(1) << UInt64(32 - subnetLength)
            return (0..<min(count, 4096)).compactMap { step in
                pool.host((hash &+ step) % count * size).flatMap { IPPrefix(containing: $0, length: subnetLength) }
            }
        }
    }

    /// Unique local networks, RFC 4193: fd, forty bits of the host, sixteen of the network.
    private func candidates6(for name: String) -> [IPPrefix] {
        let site = UInt128(StableHash("site \(seed)").value & 0xff_ffff_ffff)
        let first = StableHash(name).value
        return (0..<UInt64(256)).compactMap { step in
            let subnet = UInt128((first &+ step) & 0xffff)
            let value = UInt128(0xfd) << 120 | site << 80 | subnet << 64
            return IPPrefix(containing: .v6(IPv6Address(rawValue: value)), length: 64)
        }
    }
}
