package import LinuxSystem

/// What one container may see through its resolver.
package struct NameView: Hashable, Sendable {
    /// The networks that it is on, by name: only names of these exist for it.
    package var networks: Set<String>
    /// Whether other names are forwarded.
    ///
    /// False for containers on internal networks alone: what they ask must not leave the host either.
    package var asksOutside: Bool
    /// The service's `dns:` servers; the host's if empty.
    package var servers: [IPAddress]
    /// Names that only this container knows, and what they stand for: `links`.
    private var links: [DNSName: [DNSName]]

    /// Describes what a container sees; names of `links` that no message can carry are left out.
    package init(
        networks: Set<String>,
        asksOutside: Bool = true,
        servers: [IPAddress] = [],
        links: [String: [String]] = [:]
    ) {
        self.networks = networks
        self.asksOutside = asksOutside
        self.servers = servers
        self.links = [:]
        for (alias, names) in links {
            if let alias = DNSName(alias) { self.links[alias] = names.compactMap { DNSName($0) } }
        }
    }

    /// What a name stands for, what the container's own links say of it first.
    func meanings(of name: DNSName) -> [DNSName] { (links[name] ?? []) + [name] }
}

/// Decides what becomes of a query; does nothing itself.
struct NameService: Sendable {
    /// What to do.
    enum Decision: Hashable, Sendable {
        /// Send this back.
        case answer(DNSAnswer)
        /// Ask these servers.
        case forward([IPAddress])
    }

    var zone = Zone()
    var servers: [IPAddress] = []
    var neighbours: NeighbourNames?

    func decide(_ query: DNSQuery, for view: NameView, turn: Int) -> Decision {
        let names = view.meanings(of: query.name)
        func records(in zone: Zone) -> [DNSAnswer.Record]? {
            names.lazy.compactMap { zone.records(for: $0, query.type, on: view.networks, turn: turn) }.first
        }
        // The project's own names come first: a neighbour must not be taken for one of its services.
        if let records = records(in: zone)
            ?? neighbours?.zones(of: view.networks).lazy.compactMap({ records(in: $0) }).first
        {
            return .answer(query.answer(.success, records))
        }
        guard view.asksOutside else { return .answer(query.answer(.refused)) }
        let servers = view.servers.isEmpty ? servers : view.servers
        guard query.wantsRecursion, !servers.isEmpty else { return .answer(query.answer(.failure)) }
        return .forward(servers)
    }
}
