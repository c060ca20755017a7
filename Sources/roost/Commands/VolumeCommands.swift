import ArgumentParser
import ComposeModel
import ImageStore
import OCISpec
import Orchestrator
import TerminalOutput

/// `roost volume`: volumes that belong to no project.
struct VolumeCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "volume",
        abstract: "Make and remove volumes, which projects may use as external ones.",
        subcommands: [Create.self, Inspect.self, List.self, Prune.self, Remove.self]
    )

    private static var volumes: VolumeStore {
        let roots = ProjectReading.roots
        return VolumeStore(in: roots.images)
    }

    /// `roost volume create`.
    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a volume.")

        @Option(name: .shortAndLong, help: "The driver: local.") var driver = "local"
        @Option(name: .shortAndLong, parsing: .singleValue, help: "An option of the driver: type, o or device=VALUE.")
        var opt: [String] = []
        @Option(parsing: .singleValue, help: "A label: KEY=VALUE.") var label: [String] = []
        @Argument(help: "The volume's name.") var name: String

        func run() throws {
            let made = try ProjectReading.reporting {
                try volumes.ensure(
                    VolumeRecord(
                        name: name,
                        driver: driver,
                        driverOptions: pairs(opt, "-o"),
                        labels: pairs(label, "--label")
                    )
                )
            }
            ProcessContext.writeOutput(made.name + "\n")
        }
    }

    /// `roost volume ls`.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "Show the volumes of this machine.",
            aliases: ["list"]
        )

        @Flag(name: .shortAndLong, help: "Show names only.") var quiet = false

        func run() throws {
            let all = try ProjectReading.reporting { try volumes.list() }
            if quiet { return ProcessContext.writeOutput(all.map { $0.name + "\n" }.joined()) }
            var table = TextTable(heading: ["NAME", "PROJECT"])
            table.rows = all.map { [$0.name, $0.project ?? ""] }
            ProcessContext.writeOutput(table.text)
        }
    }

    /// `roost volume rm`.
    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm",
            abstract: "Remove volumes with what they hold.",
            aliases: ["remove"]
        )

        @Argument(help: "The volumes.") var names: [String]

        func run() throws {
            try ProjectReading.reporting {
                for name in names {
                    guard try volumes.volume(name) != nil else {
                        throw UserError("there is no volume \(name); `roost volume ls` shows those there are")
                    }
                    let users = try VolumeUse.users(of: name)
                    guard users.isEmpty else {
                        throw UserError("the volume \(name) is used by \(users.joined(separator: ", "))")
                    }
                    try volumes.remove(name)
                    ProcessContext.writeOutput(name + "\n")
                }
            }
        }
    }
    /// `roost volume inspect`.
    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show everything about volumes, as JSON.")

        @Argument(help: "The volumes.") var names: [String]

        func run() throws {
            let text = try ProjectReading.reporting {
                try names.map { name in
                    guard let volume = try volumes.volume(name) else {
                        throw UserError("there is no volume \(name); `roost volume ls` shows those there are")
                    }
                    var object = JSONText()
                    object.add("Driver", volume.driver)
                    object.add("Labels", literal: Self.object(volume.labels))
                    object.add("Mountpoint", volumes.dataDirectory(name))
                    object.add("Name", volume.name)
                    object.add("Options", literal: Self.object(volume.driverOptions))
                    if let project = volume.project { object.add("Project", project) }
                    object.add("Scope", "local")
                    return object.text
                }
                .joined(separator: ",")
            }
            ProcessContext.writeOutput("[\(text)]\n")
        }

        private static func object(_ values: [String: String]) -> String {
            var object = JSONText()
            for (key, value) in values.sorted(by: { $0.key < $1.key }) { object.add(key, value) }
            return object.text
        }
    }

    /// `roost volume prune`.
    struct Prune: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove volumes that no container has, those without a name of their own."
        )

        @Flag(name: .shortAndLong, help: "Remove volumes with a name too.") var all = false
        @Flag(name: .shortAndLong, help: "Do not ask.") var force = false
        @Option(parsing: .singleValue, help: "Remove some only: label=KEY, label!=KEY, all=true.")
        var filter: [String] = []

        func run() throws {
            try ProjectReading.reporting {
                if !force {
                    try Confirmation.ask(
                        all
                            ? "WARNING! This will remove all local volumes not used by at least one container."
                            : "WARNING! This will remove anonymous local volumes not used by at least one container."
                    )
                }
                let pruned = try VolumePruning(all: all, filter: filter).perform()
                ProcessContext.writeOutput(pruned.text)
                ProcessContext.writeOutput("Total reclaimed space: \(Amount.decimal(UInt64(pruned.bytes)))\n")
            }
        }
    }
}

/// Which containers have a volume.
enum VolumeUse {
    /// The containers that have the volume, whether or not they run.
    static func users(of name: String) throws -> [String] { try all()[name] ?? [] }

    /// The containers of every volume that has some.
    static func all() throws -> [String: [String]] {
        var users: [String: Set<String>] = [:]
        for directory in ProjectDirectory.all(below: ProjectReading.roots) {
            for container in try directory.state().containers {
                var names = Set(container.definition.volumes)
                if let record = try directory.record(of: container.name) {
                    names.formUnion(record.anonymousVolumes.values)
                    let text = try? directory.definition(record.definition)
                    let definition = text.flatMap { ServiceDefinition(text: $0, digest: record.definition) }
                    names.formUnion(definition?.project.volumes.map(\.name) ?? [])
                }
                for name in names { users[name, default: []].insert(container.name) }
            }
        }
        return users.mapValues { $0.sorted() }
    }
}

/// The removal of volumes that no container has.
struct VolumePruning {
    let all: Bool
    private var labels: [(key: String, value: String?, isWanted: Bool)] = []

    init(all: Bool, filter: [String]) throws {
        var all = all
        for text in filter {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            switch parts.first {
            case "all" where parts.count == 2: all = ["true", "1"].contains(parts[1])
            case "label" where parts.count == 2, "label!" where parts.count == 2:
                let pair = parts[1].split(separator: "=", maxSplits: 1).map(String.init)
                labels.append((pair.first ?? "", pair.count == 2 ? pair[1] : nil, parts[0] == "label"))
            default: throw UserError("--filter takes label=KEY, label!=KEY or all=true, not \"\(text)\"")
            }
        }
        self.all = all
    }

    /// Removes them; returns their names, and the bytes that they took.
    func perform() throws -> (names: [String], bytes: Int64, text: String) {
        let store = VolumeStore(in: ProjectReading.roots.images)
        let used = try VolumeUse.all()
        var names: [String] = []
        var bytes: Int64 = 0
        for volume in try store.list() where used[volume.name] == nil && isMeant(volume) {
            bytes += try DiskUsage.of(store.dataDirectory(volume.name))
            try store.remove(volume.name)
            names.append(volume.name)
        }
        let text = names.isEmpty ? "" : "Deleted Volumes:\n" + names.joined(separator: "\n") + "\n\n"
        return (names, bytes, text)
    }

    private func isMeant(_ volume: VolumeRecord) -> Bool {
        // A volume without a name of its own is called by 64 digits.
        let isAnonymous = volume.name.utf8.count == 64 && volume.name.allSatisfy(\.isHexDigit)
        guard all || isAnonymous else { return false }
        return labels.allSatisfy { key, value, isWanted in
            let has = volume.labels[key].map { value == nil || $0 == value } ?? false
            return has == isWanted
        }
    }
}
