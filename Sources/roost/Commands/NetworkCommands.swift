import ArgumentParser
import ContainerNetwork
import FoundationEssentials
import Glibc
import LinuxSystem
import Orchestrator
import TerminalOutput

/// `roost network`: networks that belong to no project.
struct NetworkCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network",
        abstract: "Make and remove networks that projects join as external ones.",
        subcommands: [Create.self, Inspect.self, List.self, Prune.self, Remove.self]
    )

    private static var networks: StandaloneNetworks { StandaloneNetworks(roots: ProjectReading.roots) }

    /// `roost network create`.
    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a network.")

        @Option(name: .shortAndLong, help: "The kind of network: bridge or macvlan.") var driver = "bridge"
        @Flag(help: "Let nothing in or out.") var `internal` = false
        @Flag(help: "Give IPv6 addresses too.") var ipv6 = false
        @Flag(help: .hidden) var attachable = false
        @Option(parsing: .singleValue, help: "Its addresses, as in 10.5.0.0/16; may be given once for each IP version.")
        var subnet: [String] = []
        @Option(parsing: .singleValue, help: "The host's address on it.") var gateway: [String] = []
        @Option(parsing: .singleValue, help: "The part of the subnet that is handed out.") var ipRange: [String] = []
        @Option(name: .customShort("o"), parsing: .singleValue, help: "An option of the bridge: KEY=VALUE.")
        var option: [String] = []
        @Option(parsing: .singleValue, help: "A label: KEY=VALUE.") var label: [String] = []
        @Argument(help: "The network's name.") var name: String

        func run() throws {
            try ProjectReading.reporting {
                guard geteuid() == 0 else { throw UserError("roost needs root to make networks: try again with sudo") }
                ProcessContext.writeOutput(try networks.make(plan()).name + "\n")
            }
        }

        private func plan() throws -> NetworkPlan {
            guard ["bridge", "macvlan"].contains(driver) else {
                throw UserError("there is no driver \"\(driver)\"; there are bridge and macvlan")
            }
            var plan = NetworkPlan(name: name, project: StandaloneNetworks.owner(of: name))
            plan.isInternal = `internal`
            let gateways = try gateway.map { try parse($0, "--gateway", IPAddress.init) }
            let ranges = try ipRange.map { try parse($0, "--ip-range", IPPrefix.init) }
            plan.subnets = try subnet.map { text in
                let prefix = try parse(text, "--subnet", IPPrefix.init)
                return .init(
                    prefix,
                    range: ranges.first { prefix.contains($0.network) },
                    gateway: gateways.first { prefix.contains($0) }
                )
            }
            plan.hasIPv6 = ipv6 || plan.subnets.contains { $0.prefix.family == .v6 }
            plan.labels = try pairs(label, "--label")
            for unknown in plan.set(options: try pairs(option, "-o"), driver: driver).sorted() {
                throw UserError("-o \(unknown): there is no such option of \(driver)")
            }
            if driver == "macvlan" && plan.parent == nil {
                throw UserError("macvlan needs the interface that it is on: -o parent=eth0")
            }
            return plan
        }

        private func parse<Value>(_ text: String, _ option: String, _ read: (String) -> Value?) throws -> Value {
            guard let value = read(text) else { throw UserError("\(option) can't be \"\(text)\"") }
            return value
        }
    }

    /// `roost network ls`.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "Show the networks of this machine.",
            aliases: ["list"]
        )

        @Flag(name: .shortAndLong, help: "Show names only.") var quiet = false

        func run() throws {
            ProcessContext.writeOutput(try ProjectReading.reporting(text))
        }

        private func text() throws -> String {
            let (there, waiting) = try networks.all()
            if quiet { return (there.map(\.name) + waiting).sorted().map { $0 + "\n" }.joined() }
            var table = TextTable(heading: ["NAME", "PROJECT", "SUBNET", "BRIDGE"])
            var rows = there.map { network in
                [
                    network.name, network.ownerProject ?? "",
                    network.subnets.map { "\($0.prefix)" }.joined(separator: ", "), "\(network.bridge)",
                ]
            }
            rows += waiting.map { [$0, "", "", ""] }
            table.rows += rows.sorted { $0[0] < $1[0] }
            return table.text
        }
    }

    /// `roost network inspect`.
    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show everything about networks, as JSON.")

        @Argument(help: "The networks.") var names: [String]

        /// A network with those that are on it from outside its project.
        private struct Report: Encodable {
            var network: BridgeNetwork
            var guests: [String: String]
        }

        func run() throws {
            let text = try ProjectReading.reporting {
                let registry = networks.registry
                let reports = try names.map { name in
                    guard let network = try registry.network(name) else {
                        throw UserError("there is no network \(name); `roost network ls` shows those there are")
                    }
                    let guests = NetworkGuests(of: network, in: registry).all()
                    return Report(
                        network: network,
                        guests: Dictionary(uniqueKeysWithValues: guests.map { ("\($0.key)", $0.value.container) })
                    )
                }
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
                return String(decoding: try encoder.encode(reports), as: UTF8.self) + "\n"
            }
            ProcessContext.writeOutput(text)
        }
    }

    /// `roost network rm`.
    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm",
            abstract: "Remove networks that belong to no project.",
            aliases: ["remove"]
        )

        @Argument(help: "The networks.") var names: [String]

        func run() throws {
            try ProjectReading.reporting {
                for name in names {
                    try networks.remove(name)
                    ProcessContext.writeOutput(name + "\n")
                }
            }
        }
    }
    /// `roost network prune`.
    struct Prune: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove networks that belong to no project and that nobody is on."
        )

        @Flag(name: .shortAndLong, help: "Do not ask.") var force = false
        @Option(parsing: .singleValue, help: "Remove some only: label=KEY, label!=KEY.") var filter: [String] = []

        func run() throws {
            try ProjectReading.reporting {
                if !force {
                    try Confirmation.ask(
                        "WARNING! This will remove all custom networks not used by at least one container."
                    )
                }
                ProcessContext.writeOutput(try NetworkPruning.perform(filter: filter))
            }
        }
    }
}

/// The removal of networks that nobody is on.
enum NetworkPruning {
    /// Removes them; returns the lines that docker shows.
    static func perform(filter: [String]) throws -> String {
        for text in filter where !text.hasPrefix("label=") && !text.hasPrefix("label!=") {
            throw UserError("--filter takes label=KEY or label!=KEY, not \"\(text)\"")
        }
        let networks = StandaloneNetworks(roots: ProjectReading.roots)
        let (there, waiting) = try networks.all()
        let own = there.filter { $0.ownerProject == nil }.filter { network in
            filter.allSatisfy { text in
                let isWanted = text.hasPrefix("label=")
                let parts = text.drop { $0 != "=" }.dropFirst().split(separator: "=", maxSplits: 1).map(String.init)
                let found = network.labels?[parts.first ?? ""].map { parts.count == 1 || $0 == parts[1] } ?? false
                return found == isWanted
            }
        }
        var gone: [String] = []
        // A network that is made only when somebody needs it has no labels to look at.
        for name in own.map(\.name) + (filter.isEmpty ? waiting : []) {
            do {
                try networks.remove(name)
                gone.append(name)
            } catch is ExecutionError {
                // Somebody is on it.
                continue
            }
        }
        return gone.isEmpty ? "" : "Deleted Networks:\n" + gone.sorted().joined(separator: "\n") + "\n\n"
    }
}
