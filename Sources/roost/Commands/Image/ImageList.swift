import ArgumentParser
import ImageStore
import OCISpec
import Orchestrator
import Supervisor
import TerminalOutput

extension ImageCommands {
    /// `roost image ls`.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "Show the images of this machine.",
            aliases: ["list"]
        )

        @Flag(name: .shortAndLong, help: .hidden) var all = false
        @Flag(help: "Show digests too.") var digests = false
        @Option(
            name: .shortAndLong,
            parsing: .singleValue,
            help: "Show some only: dangling=true, label=KEY, before=IMAGE, since=IMAGE, until=TIME, reference=PATTERN."
        )
        var filter: [String] = []
        @Option(help: "The form of the output: table, json, or a template: {{.ID}}.") var format = "table"
        @Flag(help: "Show whole IDs.") var noTrunc = false
        @Flag(name: .shortAndLong, help: "Show IDs only.") var quiet = false
        @Argument(help: "A repository, or a repository and a tag; all without it.") var repository: String?

        func run() throws { ProcessContext.writeOutput(try ProjectReading.reporting(text)) }

        private func text() throws -> String {
            let keys = ["dangling", "label", "before", "since", "until", "reference"]
            let filter = try ImageFilter(filter, allowing: keys)
            let images = try filter.apply(to: ImageSelection.store().images())
                .sorted {
                    ($0.created?.nanoseconds ?? 0, $0.id.rawValue) > ($1.created?.nanoseconds ?? 0, $1.id.rawValue)
                }
            let isDangling = filter["dangling"].map { ["true", "1"].contains($0) }
            var rows: [OutputRow] = []
            for image in images where isDangling == nil || isDangling == image.isDangling {
                let names = image.names.filter { filter.accepts(name: $0) && isMeant($0) }
                if image.isDangling, repository == nil, filter["reference"] == nil { rows.append(row(image, nil)) }
                rows += names.map { row(image, $0) }
            }
            if quiet {
                var seen: Set<String> = []
                return rows.map(ImageSelection.id).filter { seen.insert($0).inserted }.map { $0 + "\n" }.joined()
            }
            let shown = digests ? "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t" : "{{.Repository}}\t{{.Tag}}\t"
            let form = ["", "table"].contains(format) ? "table \(shown){{.ID}}\t{{.CreatedSince}}\t{{.Size}}" : format
            return try OutputRow.text(rows, format: form, headings: Self.headings)
        }

        private static let headings = [
            "Repository": "REPOSITORY", "Tag": "TAG", "Digest": "DIGEST", "ID": "IMAGE ID", "CreatedSince": "CREATED",
            "CreatedAt": "CREATED AT", "Size": "SIZE", "Platform": "PLATFORM", "Containers": "CONTAINERS",
            "SharedSize": "SHARED SIZE", "UniqueSize": "UNIQUE SIZE", "VirtualSize": "SIZE",
        ]

        private func isMeant(_ name: String) -> Bool {
            guard let repository else { return true }
            let (own, tag) = ImageSelection.parts(name)
            guard let wanted = ImageName(repository), let full = wanted.tagged else {
                return Glob.matches(repository[...], own[...])
            }
            return name == full
                || (ImageSelection.parts(full).repository == own && !repository.hasSuffix(":\(tag)")
                    && !repository.dropFirst(own.count).contains(":"))
        }

        private func row(_ image: StoredImage, _ name: String?) -> OutputRow {
            let (repository, tag) = name.map(ImageSelection.parts) ?? ("<none>", "<none>")
            var row = OutputRow()
            row.labels = image.configuration.config?.labels ?? [:]
            row["Containers"] = .text("N/A")
            row["CreatedAt"] = .text(image.created.map { Timestamp.text($0) } ?? "N/A")
            row["CreatedSince"] = .text(ImageSelection.age(image))
            row["Digest"] = .text(image.manifestDescriptor.digest.rawValue)
            row["ID"] = .text(noTrunc ? image.id.rawValue : ImageSelection.short(image.id))
            row["Platform"] = .text(image.configuration.platform.map { "\($0)" } ?? "")
            row["Repository"] = .text(repository)
            row["SharedSize"] = .text("N/A")
            row["Size"] = .text(Amount.decimal(UInt64(max(0, image.size))))
            row["Tag"] = .text(tag)
            row["UniqueSize"] = .text("N/A")
            row["VirtualSize"] = .text(Amount.decimal(UInt64(max(0, image.size))))
            return row
        }
    }

    /// `roost image history`.
    struct History: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show what an image was made of.")

        @Option(help: "The form of the output: table, json, or a template: {{.CreatedBy}}.") var format = "table"
        @Flag(name: [.customShort("H"), .long], inversion: .prefixedNo, help: "Show amounts and times for people.")
        var human = true
        @Flag(help: "Show everything in full.") var noTrunc = false
        @Flag(name: .shortAndLong, help: "Show IDs only.") var quiet = false
        @Argument(help: "The image.") var image: String

        func run() throws { ProcessContext.writeOutput(try ProjectReading.reporting(text)) }

        private func text() throws -> String {
            let image = try ImageSelection.store().image(meant: image)
            var layers = image.manifest.layers[...]
            var rows: [OutputRow] = []
            let steps =
                image.configuration.history
                ?? layers.map { _ in
                    .init(createdBy: "", created: nil, isEmptyLayer: false)
                }
            for (position, step) in steps.enumerated() {
                let size = step.emptyLayer == true ? 0 : layers.popFirst()?.size ?? 0
                let id = noTrunc ? image.id.rawValue : ImageSelection.short(image.id)
                rows.append(row(step, size: size, id: position == steps.count - 1 ? id : "<missing>"))
            }
            rows.reverse()
            if quiet { return rows.map { ImageSelection.id($0) + "\n" }.joined() }
            let form =
                ["", "table"].contains(format)
                ? "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}" : format
            return try OutputRow.text(rows, format: form, headings: Self.headings)
        }

        private static let headings = [
            "ID": "IMAGE", "CreatedSince": "CREATED", "CreatedAt": "CREATED AT", "CreatedBy": "CREATED BY",
            "Size": "SIZE", "Comment": "COMMENT",
        ]

        private func row(_ step: ImageConfiguration.History, size: Int64, id: String) -> OutputRow {
            var row = OutputRow()
            let created = step.created.flatMap { Timestamp.moment($0) }
            var text = (step.createdBy ?? "").split(whereSeparator: \.isNewline).joined(separator: " ")
            if !noTrunc && text.count > 45 { text = text.prefix(44) + "…" }
            row["Comment"] = .text(step.comment ?? "")
            row["CreatedAt"] = .text(created.map { Timestamp.text($0) } ?? "N/A")
            row["CreatedBy"] = .text(text)
            let since = created.map { "\((WallTime.now - $0).inWords) ago" } ?? "N/A"
            row["CreatedSince"] = human ? .text(since) : row["CreatedAt"]
            row["ID"] = .text(id)
            row["Size"] = .text(human ? Amount.decimal(UInt64(max(0, size))) : "\(size)")
            return row
        }
    }
}
