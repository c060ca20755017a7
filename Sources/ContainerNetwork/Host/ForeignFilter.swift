import LinuxSystem

/// A chain of another program that drops forwarded packets which none of its rules accepts.
///
/// What our table accepts is still dropped there, as every table has a say: the administrator must allow it.
package struct ForeignFilter: Hashable, Sendable {
    /// The family and name of the table, as in "ip filter".
    package var table: String
    /// The chain.
    package var chain: String
    /// Whether Docker's chain for the administrator's rules is there.
    package var hasDockerUser: Bool

    /// What is the matter, and what to do.
    package var advice: String {
        let problem = "table \(table), chain \(chain) drops what it does not accept, containers' packets too"
        guard table.hasPrefix("ip ") || table.hasPrefix("ip6 ") else {
            return "\(problem); accept there what comes in or goes out by interfaces roost-*"
        }
        let program = table.hasPrefix("ip6 ") ? "ip6tables" : "iptables"
        let rules = ["-i", "-o"].map {
            "\(program) -I \(hasDockerUser ? "DOCKER-USER" : chain) \($0) roost-+ -j ACCEPT"
        }
        return "\(problem); allow them: \(rules.joined(separator: " && "))"
    }

    /// Finds such chains in a list of all chains: NFT_MSG_NEWCHAIN.
    static func find(in messages: [NetlinkMessage]) -> [ForeignFilter] {
        let chains = messages.compactMap { message -> (table: String, name: String, drops: Bool)? in
            let attributes = message.attributes(after: 4)
            guard message.type == 0xa03, let family = message.body.first.flatMap({ families[$0] }),
                let table = attributes.string(1), let name = attributes.string(3), !table.hasPrefix("roost_")
            else { return nil }
            let isForward = attributes.nested(4)?.number(1, as: UInt32.self).map(UInt32.init(bigEndian:)) == 2
            let policy = attributes.number(5, as: UInt32.self).map(UInt32.init(bigEndian:))
            return ("\(family) \(table)", name, isForward && policy == 0)
        }
        return chains.filter(\.drops).map { chain in
            let hasDockerUser = chains.contains { $0.table == chain.table && $0.name == "DOCKER-USER" }
            return ForeignFilter(table: chain.table, chain: chain.name, hasDockerUser: hasDockerUser)
        }
    }

    /// NFT_MSG_GETCHAIN for all families.
    static var list: NetlinkRequest { NetlinkRequest("list chains", type: 0xa04) { $0.append(UInt32(0)) } }

    /// NFPROTO_: those that see forwarded IP packets.
    private static let families: [UInt8: String] = [1: "inet", 2: "ip", 10: "ip6"]
}
