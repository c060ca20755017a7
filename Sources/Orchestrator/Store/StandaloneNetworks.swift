package import ContainerNetwork
import FoundationEssentials
import LinuxSystem

/// Networks that belong to no project: made by name, for projects that join them as external ones.
///
/// What was asked for is kept beside the images, so a network is made again after a boot when somebody needs it.
package struct StandaloneNetworks: Sendable {
    private let directory: String
    private let roots: StateRoots
    /// The records of all networks.
    package let registry: NetworkRegistry

    /// The networks of a machine.
    package init(roots: StateRoots) {
        self.roots = roots
        directory = "\(roots.storage)/networks"
        registry = NetworkRegistry(directory: "\(roots.runtime)/networks")
    }

    /// What stands for the project of a network; no project has a name with this beginning.
    package static func owner(of name: String) -> String { "_\(name)" }

    /// Makes a network, or finds that it is there as it was asked for.
    package func make(_ plan: NetworkPlan) throws -> BridgeNetwork {
        guard Self.isName(plan.name) else {
            throw ExecutionError(
                "\"\(plan.name)\" is no name for a network",
                hint: "use letters, digits, \".\", \"-\" and \"_\", a letter or digit first"
            )
        }
        if let other = try registry.network(plan.name), other.project != Self.owner(of: plan.name) {
            throw ExecutionError("the network \(plan.name) is there already; project \(other.project) has it")
        }
        var plan = plan
        plan.project = Self.owner(of: plan.name)
        let host = try HostNetwork.open()
        let network = try make(plan, on: host)
        try makeDirectories(directory)
        try replaceFile("\(directory)/\(plan.name).json", [UInt8](JSONEncoder().encode(plan)))
        return network
    }

    /// The network of that name that belongs to no project, made again when a boot has taken it; nil when there is none.
    package func ensure(_ name: String, on host: HostNetwork) throws -> BridgeNetwork? {
        guard Self.isName(name), let bytes = try? readBytes("\(directory)/\(name).json") else { return nil }
        return try make(JSONDecoder().decode(NetworkPlan.self, from: Data(bytes)), on: host)
    }

    private func make(_ plan: NetworkPlan, on host: HostNetwork) throws -> BridgeNetwork {
        let network = try registry.claim(plan, on: host, pools: .standard(seed: plan.name))
        _ = try host.ensureBridge(network)
        try host.apply(ProjectRules(project: plan.project, networks: [network]))
        return network
    }

    /// Removes a network that nobody is on.
    package func remove(_ name: String) throws {
        let path = "\(directory)/\(name).json"
        let network = try registry.network(name)
        guard let network else {
            guard Self.isName(name), removeFile(path) else {
                throw ExecutionError("there is no network \(name)", hint: "\"roost network ls\" shows those there are")
            }
            return
        }
        guard network.project == Self.owner(of: name) else {
            throw ExecutionError(
                "the network \(name) is that of project \(network.project)",
                hint: "it goes with \"roost -p \(network.project) down\""
            )
        }
        let users = try registry.withGuests(of: network) { guests throws(NetworkError) in
            let there = guests.all().values.filter { guest in
                fileExists(ProjectDirectory(project: guest.project, roots: roots).container(guest.container))
            }
            if there.isEmpty { guests.clear() }
            return Set(there.map(\.container))
        }
        guard users.isEmpty else {
            throw ExecutionError("the network \(name) is used by \(users.sorted().joined(separator: ", "))")
        }
        try registry.removeAll(of: network.project, on: HostNetwork.open())
        removeFile(path)
    }

    /// All networks that are there, and the names of those that are made when they are needed.
    package func all() throws -> (there: [BridgeNetwork], waiting: [String]) {
        let there = try registry.networks()
        let names = namesInDirectory(directory).filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }
        return (there, names.filter { name in !there.contains { $0.name == name } }.sorted())
    }

    /// Whether a text may name a network: file names and tables are made of it.
    private static func isName(_ name: String) -> Bool {
        let isWord = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2D, 0x2E, 0x5F].contains(byte)
        }
        return isWord && name.utf8.count <= 200 && name.first.map { $0.isLetter || $0.isNumber } == true
    }
}

extension BridgeNetwork {
    /// The project that the network belongs to; nil when it belongs to none.
    package var ownerProject: String? { project.hasPrefix("_") ? nil : project }
}
