import ArgumentParser
import ComposeModel
import ImageStore
import Orchestrator
import TerminalOutput

/// `roost volume`: volumes that belong to no project.
struct VolumeCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "volume",
        abstract: "Make and remove volumes, which projects may use as external ones.",
        subcommands: [Create.self, List.self, Remove.self]
    )

    private static var volumes: VolumeStore {
        let roots = ProjectReading.roots
        return VolumeStore(in: ImageStore(root: roots.storage, runtimeDirectory: roots.runtime))
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
                    let users = try users(of: name)
                    guard users.isEmpty else {
                        throw UserError("the volume \(name) is used by \(users.joined(separator: ", "))")
                    }
                    try volumes.remove(name)
                    ProcessContext.writeOutput(name + "\n")
                }
            }
        }

        /// The containers that have the volume, whether or not they run.
        private func users(of name: String) throws -> [String] {
            try ProjectDirectory.all(below: ProjectReading.roots).flatMap { directory in
                try directory.state().containers.filter { container in
                    if container.definition.volumes.contains(name) { return true }
                    let record = try directory.record(of: container.name)
                    if record?.anonymousVolumes.values.contains(name) == true { return true }
                    guard let record, let text = try? directory.definition(record.definition) else { return false }
                    let definition = ServiceDefinition(text: text, digest: record.definition)
                    return definition?.project.volumes.contains { $0.name == name } == true
                }
                .map(\.name)
            }
        }
    }
}
