import ArgumentParser
import Glibc
import ImageStore
import LinuxSystem
import OCISpec
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
    @Option(help: "Which of an image for several platforms to take.") var platform: String?

    func run() throws {
        try ProjectReading.reporting {
            let store = try ImageSelection.store()
            guard let wanted = platform.map(Platform.init) ?? .host else {
                throw UserError("--platform takes OS/ARCHITECTURE, not \"\(platform ?? "")\"")
            }
            let images: [LoadedImage]
            if let input {
                images = try store.load(archive: input, platform: wanted)
            } else {
                guard isatty(STDIN_FILENO) == 0 else {
                    throw UserError("an archive does not come from a terminal; name a file with -i")
                }
                images = try store.load(
                    from: OwnedDescriptor.reading("/dev/stdin"),
                    subject: "standard input",
                    platform: wanted
                )
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
