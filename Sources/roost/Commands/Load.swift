import ArgumentParser
import ImageStore
import LinuxSystem
import Orchestrator

/// `roost load`.
struct Load: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Take images of an archive into the store.")

    @Option(
        name: .shortAndLong,
        help: "The archive: what docker save or an OCI layout gives; standard input without it."
    )
    var input: String?
    @Flag(name: .shortAndLong, help: "Show errors only.") var quiet = false

    func run() throws {
        try ProjectReading.reporting {
            let roots = ProjectReading.roots
            let store = ImageStore(root: roots.storage, runtimeDirectory: roots.runtime)
            let images: [LoadedImage]
            if let input {
                images = try store.load(archive: input)
            } else {
                images = try store.load(from: OwnedDescriptor.reading("/dev/stdin"), subject: "standard input")
            }
            for image in images {
                for note in image.notes { ProcessContext.writeError("warning: \(note)\n") }
                guard !quiet else { continue }
                let names = image.names.isEmpty ? ["\(image.id)"] : image.names
                ProcessContext.writeOutput(names.map { "Loaded image: \($0)\n" }.joined())
            }
        }
    }
}
