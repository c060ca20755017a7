import ArgumentParser
import Glibc
import ImageStore
import LinuxSystem
import Orchestrator

/// `roost save`, and `roost image save`.
struct Save: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Write images as one archive.")

    @Option(name: .shortAndLong, help: "The file to write; standard output without it.") var output: String?
    @Option(help: "The form: docker-archive, oci-archive, or both at once.") var format: String?
    @Option(help: .hidden) var platform: String?
    @Argument(help: "The images.") var images: [String]

    func run() throws { try ProjectReading.reporting { try save() } }

    private func save() throws {
        guard let form = ImageArchiveWriter.Form(rawValue: format ?? "both") else {
            let forms = ImageArchiveWriter.Form.allCases.map(\.rawValue).joined(separator: ", ")
            throw UserError("--format \(format ?? ""): there are \(forms)")
        }
        let store = try ImageSelection.store()
        let all = try store.images()
        var chosen: [(image: StoredImage, names: [String])] = []
        for text in images {
            let image = try ImageStore.choose(text, of: all)
            // By its ID, an image is saved under no name.
            let names = ImageName(text)?.tagged.map { name in image.names.filter { $0 == name } } ?? []
            if let place = chosen.firstIndex(where: { $0.image.id == image.id }) {
                chosen[place].names += names.filter { !chosen[place].names.contains($0) }
            } else {
                chosen.append((image, names))
            }
        }
        let writer = ImageArchiveWriter(store, form: form)
        guard let output else {
            guard isatty(STDOUT_FILENO) == 0 else {
                throw UserError("an archive is not written to a terminal; name a file with -o")
            }
            return try writer.write(chosen, to: STDOUT_FILENO)
        }
        try OutputFile.writeArchive(to: output) { try writer.write(chosen, to: $0) }
    }
}
