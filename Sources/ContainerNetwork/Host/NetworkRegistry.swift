import FoundationEssentials
import Glibc
import LinuxSystem

/// The records of the networks of all projects on this host: one file each, written before anything is made.
///
/// A lock on the directory keeps two projects from picking one subnet. Nothing is synced to disk: what a record tells
/// of does not survive the host's reboot either.
package struct NetworkRegistry: Sendable {
    private struct Record: Codable {
        var version = 1
        var network: BridgeNetwork
    }

    /// `<state root>/networks`, made when first written to.
    package let directory: String

    /// Names the directory; nothing is touched yet.
    package init(directory: String) { self.directory = directory }

    /// All recorded networks, by name.
    ///
    /// Throws `.record` for a file that cannot be read; it is kept.
    package func networks() throws(NetworkError) -> [BridgeNetwork] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: directory) } catch {
            guard access(directory, F_OK) == 0 else { return [] }
            throw NetworkError(.record, "read \(directory): \(error)", cause: error)
        }
        var networks: [BridgeNetwork] = []
        for name in names.sorted() where name.hasSuffix(".json") {
            if let network = try read("\(directory)/\(name)") { networks.append(network) }
        }
        return networks.sorted { $0.name < $1.name }
    }

    /// The recorded networks of a project.
    package func networks(of project: String) throws(NetworkError) -> [BridgeNetwork] {
        try networks().filter { $0.project == project }
    }

    /// The network that the plan asks for: as recorded if the record meets the plan, else decided and recorded now.
    ///
    /// Throws `.nameTaken` if the recorded network is another project's, or is no longer what the plan asks for and
    /// has to be released first.
    package func claim(
        _ plan: NetworkPlan,
        on host: HostNetwork,
        pools: AddressPools
    ) throws(NetworkError) -> BridgeNetwork {
        try withLock { () throws(NetworkError) in
            let networks = try networks()
            if let known = networks.first(where: { $0.name == plan.name }) {
                guard known.project == plan.project else {
                    throw NetworkError(
                        .nameTaken,
                        "network \(plan.name) belongs to project \(known.project); choose another name"
                    )
                }
                guard plan.isMet(by: known) else {
                    throw NetworkError(
                        .nameTaken,
                        "network \(plan.name) has other settings; it must be removed before it is made anew"
                    )
                }
                return known
            }
            let network = try plan.decided(among: try host.observed(with: networks), pools: pools)
            try write(network)
            return network
        }
    }

    /// The network of that name, whoever's it is; nil when there is none.
    package func network(_ name: String) throws(NetworkError) -> BridgeNetwork? {
        try networks().first { $0.name == name }
    }

    /// Does something to a network's guests, and nobody else meanwhile.
    package func withGuests<Value>(
        of network: BridgeNetwork,
        _ body: (NetworkGuests) throws(NetworkError) -> Value
    ) throws(NetworkError) -> Value {
        try withLock { () throws(NetworkError) in try body(NetworkGuests(of: network, in: self)) }
    }

    /// Takes a guest off a network, and the network away when its owner has left it and this was the last one.
    ///
    /// `isThere` says whether a guest's container is known to anybody; the others are forgotten too.
    package func leave(
        _ network: BridgeNetwork,
        _ guest: NetworkGuests.Guest,
        on host: HostNetwork,
        isThere: (NetworkGuests.Guest) -> Bool
    ) throws(NetworkError) {
        try withLock { () throws(NetworkError) in
            let guests = NetworkGuests(of: network, in: self)
            guard guests.exist else { return }
            var remaining: [NetworkGuests.Guest] = []
            for (address, other) in guests.all() {
                if other == guest || !isThere(other) { guests.forget(address) } else { remaining.append(other) }
            }
            guard remaining.isEmpty else {
                if !remaining.contains(where: { $0.project == guest.project }) { guests.forgetNames(of: guest.project) }
                return
            }
            if guests.isLeft {
                try host.removeBridge(network)
                if try networks(of: network.project).allSatisfy({ $0.name == network.name }) {
                    try host.remove(table: ProjectRules.tableName(of: network.project))
                }
                guard unlink(path(of: network)) == 0 || Glibc.errno == ENOENT else {
                    throw failure("remove", path(of: network))
                }
            }
            guests.clear()
        }
    }

    /// Forgets a network, whose bridge must be gone.
    package func release(_ network: BridgeNetwork) throws(NetworkError) {
        try withLock { () throws(NetworkError) in
            guard unlink(path(of: network)) == 0 || Glibc.errno == ENOENT else {
                throw failure("remove", path(of: network))
            }
        }
    }

    /// Removes a project's links, its table and its records, in this order; goes on after a failure and throws the
    /// first.
    package func removeAll(of project: String, on host: HostNetwork) throws(NetworkError) {
        let networks = try networks(of: project)
        var failures: [NetworkError] = []
        for group in Set(networks.map(\.group)) {
            let bridges = networks.filter { $0.group == group && $0.parent == nil }.map(\.bridge)
            do { try host.removeLinks(group: group, bridges: bridges) } catch { failures.append(error) }
        }
        do { try host.remove(table: ProjectRules.tableName(of: project)) } catch { failures.append(error) }
        // The records stay as long as something may be left to remove.
        if failures.isEmpty {
            for network in networks {
                do { try release(network) } catch { failures.append(error) }
            }
        }
        if let first = failures.first { throw first }
    }

    private func path(of network: BridgeNetwork) -> String { "\(directory)/\(network.bridge).json" }

    private func read(_ path: String) throws(NetworkError) -> BridgeNetwork? {
        let text: String
        do { text = try readFile(path) } catch {
            // Another project may have removed it since.
            guard error.errno.rawValue == ENOENT else { throw NetworkError("read a record of a network", error) }
            return nil
        }
        // Left by a power failure, which took the bridge too.
        guard !text.isEmpty else { return nil }
        do {
            let record = try JSONDecoder().decode(Record.self, from: Data(text.utf8))
            guard record.version == 1 else {
                throw NetworkError(.record, "\(path) was written by a newer version of roost")
            }
            return record.network
        } catch let error as NetworkError {
            throw error
        } catch {
            throw NetworkError(.record, "\(path) is not a record of a network; move it away: \(error)", cause: error)
        }
    }

    private func write(_ network: BridgeNetwork) throws(NetworkError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let path = path(of: network)
        let temporary = "\(path).new"
        do {
            try encoder.encode(Record(network: network)).write(to: URL(filePath: temporary))
        } catch {
            throw NetworkError(.record, "write \(temporary): \(error)", cause: error)
        }
        guard rename(temporary, path) == 0 else { throw failure("rename", temporary) }
    }

    private func withLock<Value>(_ body: () throws(NetworkError) -> Value) throws(NetworkError) -> Value {
        do {
            try FileManager.default.createDirectory(
                atPath: directory,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw NetworkError(.record, "make \(directory): \(error)", cause: error)
        }
        let descriptor = Glibc.open("\(directory)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("open", "\(directory)/lock") }
        let lock = OwnedDescriptor(adopting: descriptor)
        while flock(lock.rawValue, LOCK_EX) != 0 {
            guard Glibc.errno == EINTR else { throw failure("lock", "\(directory)/lock") }
        }
        return try body()
    }

    private func failure(_ call: String, _ path: String) -> NetworkError {
        let error = SyscallError(call: call, subject: path, errno: .current)
        return NetworkError(.record, "keep the records of networks: \(error)", cause: error)
    }
}
