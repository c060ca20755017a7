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

    /// Describes what a container sees.
    package init(networks: Set<String>, asksOutside: Bool = true, servers: [IPAddress] = []) {
        self.networks = networks
        self.asksOutside = asksOutside
        self.servers = servers
    }
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

    func decide(_ query: DNSQuery, for view: NameView, turn: Int) -> Decision {
        if let records = zone.records(for: query.name, query.type, on: view.networks, turn: turn) {
            return .answer(query.answer(.success, records))
        }
        guard view.asksOutside else { return .answer(query.answer(.refused)) }
        let servers = view.servers.isEmpty ? servers : view.servers
        guard query.wantsRecursion, !servers.isEmpty else { return .answer(query.answer(.failure)) }
        return .forward(servers)
    }
}
