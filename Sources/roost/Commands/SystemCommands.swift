import ArgumentParser
import ImageBuilder
import ImageStore
import LinuxSystem
import OCISpec
import Orchestrator
import TerminalOutput

/// `roost system`: what Roost takes of the disk.
struct SystemCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "system",
        abstract: "Show what takes room on the disk, and remove what nobody uses.",
        subcommands: [DiskFree.self, Prune.self]
    )

    /// `roost system df`.
    struct DiskFree: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "df",
            abstract: "Show what images, containers and volumes take of the disk."
        )

        @Flag(name: .shortAndLong, help: "Show every image, container and volume.") var verbose = false
        @Option(help: "The form of the output: table, json, or a template: {{.Type}}.") var format = "table"

        func run() throws { ProcessContext.writeOutput(try ProjectReading.reporting(text)) }

        private func text() throws -> String {
            let usage = try SystemUsage()
            guard !verbose else {
                guard ["", "table"].contains(format) else {
                    throw UserError("--verbose and --format can't be used together")
                }
                return usage.details
            }
            let form =
                ["", "table"].contains(format)
                ? "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}" : format
            return try OutputRow.text(usage.rows, format: form, headings: ["TotalCount": "TOTAL"])
        }
    }

    /// `roost system prune`.
    struct Prune: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove networks and images that nobody uses, and what containers have left behind."
        )

        @Flag(name: .shortAndLong, help: "Remove all images that no container uses, not only those without a name.")
        var all = false
        @Flag(help: "Remove volumes without a name of their own that no container has too.") var volumes = false
        @Flag(name: .shortAndLong, help: "Do not ask.") var force = false
        @Option(parsing: .singleValue, help: "Remove some only: until=TIME, label=KEY, label!=KEY.")
        var filter: [String] = []

        func run() throws { try ProjectReading.reporting(prune) }

        private func prune() throws {
            if !force { try Confirmation.ask(warning) }
            let labels = filter.filter { $0.hasPrefix("label") }
            if volumes && labels.count < filter.count {
                throw UserError("the filter \"until\" is not supported with --volumes")
            }
            var bytes: Int64 = 0
            let containers = try LeftContainers.remove()
            bytes += containers.bytes
            if !containers.ids.isEmpty {
                ProcessContext.writeOutput("Deleted Containers:\n\(containers.ids.joined(separator: "\n"))\n\n")
            }
            ProcessContext.writeOutput(try NetworkPruning.perform(filter: labels))
            if volumes {
                let pruned = try VolumePruning(all: false, filter: labels).perform()
                bytes += pruned.bytes
                ProcessContext.writeOutput(pruned.text)
            }
            bytes += try pruneBuilds()
            let images = try ImagePruning(all: all, filter: filter).perform()
            bytes += images.bytes
            ProcessContext.writeOutput(images.text)
            Confirmation.showReclaimed(bytes)
        }

        /// The results of builds that no image has, cache directories, and files that builds have fetched.
        private func pruneBuilds() throws -> Int64 {
            var pruning = BuildCachePruning()
            if let until = try ImageFilter(filter, allowing: ["until", "label", "label!"])["until"] {
                pruning.usedBefore = TimeArgument.moment(until, now: WallTime.now)?.nanoseconds
            }
            guard let result = try pruning.run(in: ProjectReading.roots.images) else {
                ProcessContext.writeError("warning: a build is under way; what builds keep stays\n")
                return 0
            }
            return result.bytes
        }

        private var warning: String {
            let parts =
                [
                    "  - what is left of containers that belong to no project any more",
                    "  - all networks not used by at least one container",
                ] + (volumes ? ["  - all anonymous volumes not used by at least one container"] : [])
                + [
                    all
                        ? "  - all images without at least one container associated to them"
                        : "  - all dangling images",
                    "  - all build cache",
                ]
            return "WARNING! This will remove:\n" + parts.joined(separator: "\n") + "\n"
        }
    }
}

/// What is left of containers that no project knows of, and that no boot will bring back.
enum LeftContainers {
    /// Removes it; returns the IDs, and the bytes that it took.
    static func remove() throws -> (ids: [String], bytes: Int64) {
        let roots = ProjectReading.roots
        let known = try SystemUsage.containers().mapValues(\.name)
        var ids: [String] = []
        var bytes: Int64 = 0
        for id in try ContainerLayer.left(in: roots.images) where known[id] == nil {
            bytes += try DiskUsage.of("\(roots.storage)/containers/\(id)")
            try ContainerLayer(id: id, in: roots.images).remove()
            ids.append(id)
        }
        return (ids, bytes)
    }
}

/// What Roost takes of the disk.
struct SystemUsage {
    /// A container that a project has.
    struct Container {
        var name: String
        var image: String
        var isRunning: Bool
    }

    private let images: ImageUsage
    private let users: [String: String]
    private let containers: [(container: Container, id: String, bytes: Int64)]
    private let volumes: [(name: String, users: Int, bytes: Int64)]
    private let builds: BuildCachePruning.Result

    init() throws {
        let store = try ImageSelection.store()
        images = try store.usage()
        users = try ImageSelection.users(store)
        containers = try Self.containers().sorted { $0.value.name < $1.value.name }.map { id, container in
            (container, id, try DiskUsage.of("\(store.root)/containers/\(id)"))
        }
        builds = BuildCachePruning.usage(of: store)
        let volumeStore = VolumeStore(in: store)
        let used = try VolumeUse.all()
        volumes = try volumeStore.list().map { volume in
            (volume.name, used[volume.name]?.count ?? 0, try DiskUsage.of(volumeStore.dataDirectory(volume.name)))
        }
    }

    /// The containers of all projects by their IDs.
    static func containers() throws -> [String: Container] {
        var result: [String: Container] = [:]
        for directory in ProjectDirectory.all(below: ProjectReading.roots) {
            for container in try directory.state().containers {
                guard let record = try directory.record(of: container.name) else { continue }
                result[record.id] = Container(
                    name: container.name,
                    image: record.image,
                    isRunning: container.isRunning
                )
            }
        }
        return result
    }

    private func isUsed(_ image: StoredImage) -> Bool { users[image.id.rawValue] != nil }

    /// One row for each kind of thing.
    var rows: [OutputRow] {
        let unused = images.images.filter { !isUsed($0.image) }
        // What only images share that nobody uses would go too; that much is not promised.
        let imageRow = Self.row(
            "Images",
            count: images.images.count,
            active: images.images.count - unused.count,
            bytes: images.total,
            reclaimable: unused.count == images.images.count ? images.total : unused.reduce(0) { $0 + $1.unique }
        )
        let containerRow = Self.row(
            "Containers",
            count: containers.count,
            active: containers.filter(\.container.isRunning).count,
            bytes: containers.reduce(0) { $0 + $1.bytes },
            reclaimable: containers.filter { !$0.container.isRunning }.reduce(0) { $0 + $1.bytes }
        )
        let volumeRow = Self.row(
            "Local Volumes",
            count: volumes.count,
            active: volumes.filter { $0.users > 0 }.count,
            bytes: volumes.reduce(0) { $0 + $1.bytes },
            reclaimable: volumes.filter { $0.users == 0 }.reduce(0) { $0 + $1.bytes }
        )
        let buildRow = Self.row(
            "Build Cache",
            count: builds.count,
            active: 0,
            bytes: builds.bytes,
            reclaimable: builds.bytes
        )
        return [imageRow, containerRow, volumeRow, buildRow]
    }

    private static func row(
        _ type: String,
        count: Int,
        active: Int,
        bytes: Int64,
        reclaimable: Int64
    ) -> OutputRow {
        var row = OutputRow()
        let share = bytes > 0 ? " (\(reclaimable * 100 / bytes)%)" : ""
        row["Active"] = .text("\(active)")
        row["Reclaimable"] = .text(Amount.decimal(UInt64(max(0, reclaimable))) + share)
        row["Size"] = .text(Amount.decimal(UInt64(max(0, bytes))))
        row["TotalCount"] = .text("\(count)")
        row["Type"] = .text(type)
        return row
    }

    /// Every image, container and volume.
    var details: String {
        func size(_ bytes: Int64) -> String { Amount.decimal(UInt64(max(0, bytes))) }
        var table = TextTable(
            heading: ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"]
        )
        for (image, unique, shared) in images.images {
            let (repository, tag) = image.names.first.map(ImageSelection.parts) ?? ("<none>", "<none>")
            let count = containers.filter { users[image.id.rawValue] == "container \($0.container.name)" }.count
            table.rows.append([
                repository, tag, ImageSelection.short(image.id), ImageSelection.age(image), size(unique + shared),
                size(shared), size(unique), "\(count)",
            ])
        }
        var text = "Images space usage:\n\n" + table.text
        table = TextTable(heading: ["CONTAINER ID", "IMAGE", "SIZE", "STATUS", "NAMES"])
        table.rows += containers.map { container, id, bytes in
            [
                String(id.prefix(12)), container.image, size(bytes), container.isRunning ? "running" : "exited",
                container.name,
            ]
        }
        text += "\nContainers space usage:\n\n" + table.text
        table = TextTable(heading: ["VOLUME NAME", "LINKS", "SIZE"])
        table.rows += volumes.map { [$0.name, "\($0.users)", size($0.bytes)] }
        text += "\nLocal Volumes space usage:\n\n" + table.text
        return text + "\nBuild cache usage: \(size(builds.bytes)) in \(builds.count)\n"
    }
}
