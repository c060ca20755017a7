import ArgumentParser
import ImageStore
import OCISpec
import Orchestrator
import TerminalOutput

extension ImageCommands {
    /// `roost image rm`.
    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm",
            abstract: "Take names from images, and remove those that have none left.",
            aliases: ["remove"]
        )

        @Flag(name: .shortAndLong, help: "Remove an image by its ID even when it has several names.") var force = false
        @Flag(help: .hidden) var noPrune = false
        @Argument(help: "The images.") var images: [String]

        func run() throws {
            try ProjectReading.reporting {
                let store = try ImageSelection.store()
                for text in images { try remove(text, store) }
            }
        }

        private func remove(_ text: String, _ store: ImageStore) throws {
            let image = try store.image(meant: text)
            // Named by name, an image with others keeps them.
            if let name = ImageName(text)?.tagged, image.names.contains(name), image.names.count > 1 {
                _ = try store.untag(name)
                return ProcessContext.writeOutput("Untagged: \(ImageArchiveWriter.familiar(name))\n")
            }
            if let user = try ImageSelection.users(store)[image.id.rawValue] {
                throw UserError("image \(text) is used by \(user); remove that first")
            }
            let isNamed = ImageName(text)?.tagged.map(image.names.contains) ?? false
            guard isNamed || image.names.count <= 1 || force else {
                let names = image.names.map(ImageArchiveWriter.familiar).joined(separator: ", ")
                throw UserError("image \(text) has several names: \(names); name one, or remove all with --force")
            }
            let report = try store.removeImages { _ in [image.manifestDescriptor.digest] }
            guard !report.images.isEmpty else {
                throw UserError("image \(text) stays: a container of another state directory is made from it")
            }
            let lines = report.names.map { "Untagged: \(ImageArchiveWriter.familiar($0))\n" }
            ProcessContext.writeOutput((lines + report.images.map { "Deleted: \($0)\n" }).joined())
        }
    }

    /// `roost image prune`.
    struct Prune: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove images without a name, or all that no container uses."
        )

        @Flag(name: .shortAndLong, help: "Remove all images that no container uses, not only those without a name.")
        var all = false
        @Flag(name: .shortAndLong, help: "Do not ask.") var force = false
        @Option(parsing: .singleValue, help: "Remove some only: until=TIME, label=KEY, label!=KEY.")
        var filter: [String] = []

        func run() throws {
            let which = all ? "images without at least one container associated to them" : "dangling images"
            try Confirmation.prune(isForced: force, "WARNING! This will remove all \(which).") {
                let report = try ImagePruning(all: all, filter: filter).perform()
                return (report.text, report.bytes)
            }
        }
    }

    /// `roost image tag`.
    struct Tag: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give an image one name more.")

        @Argument(help: "The image.") var source: String
        @Argument(help: "The name.") var target: String

        func run() throws {
            try ProjectReading.reporting {
                let store = try ImageSelection.store()
                guard let name = ImageName(target) else { throw UserError("\"\(target)\" is no name of an image") }
                try store.tag(store.image(meant: source), as: name)
            }
        }
    }
}

/// The removal of images that nobody uses.
struct ImagePruning {
    let all: Bool
    let filter: ImageFilter

    init(all: Bool, filter: [String]) throws {
        self.all = all
        // `label!=KEY` reads as the key `label!`; `dangling=false` is another way to say all.
        self.filter = try ImageFilter(filter, allowing: ["until", "label", "label!", "dangling"])
    }

    /// Removes them.
    func perform() throws -> RemovalReport {
        let store = try ImageSelection.store()
        let used = try ImageSelection.users(store)
        let takesNamed = all || filter["dangling"].map { ["false", "0"].contains($0) } ?? false
        // A label that can't be looked for is not one of the store's own failures.
        var report = try store.removeImages { images throws(ImageError) in
            let chosen = (try? filter.apply(to: images)) ?? []
            return Set(
                chosen.filter { (takesNamed || $0.isDangling) && used[$0.id.rawValue] == nil }
                    .map(\.manifestDescriptor.digest)
            )
        }
        // And what is left of downloads that nobody goes on with.
        report.bytes += try store.removeAbandonedDownloads()
        return report
    }
}

extension RemovalReport {
    /// The lines that docker shows; empty when nothing went.
    var text: String {
        if isDeferred {
            ProcessContext.writeError("warning: a build is under way; content stays until images are pruned again\n")
        }
        guard !images.isEmpty else { return "" }
        let lines =
            names.map { "untagged: \(ImageArchiveWriter.familiar($0))" } + images.map { "deleted: \($0)" }
        return "Deleted Images:\n" + lines.joined(separator: "\n") + "\n\n"
    }
}
