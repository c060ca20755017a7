import Orchestrator
import ArgumentParser
import Glibc
import ImageBuilder
import ImageStore
import LinuxSystem
import OCISpec
import RegistryClient
import Supervisor

extension ImageCommands {
    /// `roost image import`.
    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an image of an archive of a root filesystem."
        )

        @Option(
            name: .shortAndLong,
            parsing: .singleValue,
            help: "An instruction of a Dockerfile that changes the image: 'CMD [\"/bin/sh\"]', 'ENV A=b', …"
        )
        var change: [String] = []
        @Option(name: .shortAndLong, help: "A remark that stays with the image.") var message = ""
        @Option(help: "The platform that the programs are for.") var platform: String?
        @Argument(
            help: "The archive, plain or compressed: a file, its address over http or https, or - for standard input."
        ) var file: String
        @Argument(help: "The image's name.") var name: String?

        func run() throws {
            try ProjectReading.reporting {
                let image = try imported()
                for note in image.notes { ProcessContext.writeError("warning: \(note)\n") }
                ProcessContext.writeOutput("\(image.id)\n")
            }
        }

        private func imported() throws -> LoadedImage {
            var order = RootImport(created: Timestamp.text(WallTime.now))
            order.changes = try change.map { try ConfigurationChange($0) }
            order.message = message
            if let platform {
                guard let parsed = Platform(platform) else {
                    throw UserError("--platform takes OS/ARCHITECTURE, not \"\(platform)\"")
                }
                order.platform = parsed
            }
            if let name {
                guard let parsed = ImageName(name), parsed.digest == nil else {
                    throw UserError("\"\(name)\" is no name that an image can get")
                }
                order.name = parsed
            }
            if file == "-", isatty(STDIN_FILENO) == 1 {
                throw UserError("an archive does not come from a terminal; name a file, or send one to standard input")
            }
            if RemoteFile.isAddress(file) { return try fetched(order) }
            if file.contains("://") { throw UserError("\(file): files are fetched over http and https only") }
            let path = file == "-" ? "/dev/stdin" : file
            let subject = file == "-" ? "standard input" : file
            return try ImageSelection.store().importRoot(order, from: .reading(path), subject: subject)
        }

        /// Imports what an address has.
        private func fetched(_ order: RootImport) throws -> LoadedImage {
            let store = try ImageSelection.store()
            // What is fetched goes with it, whatever happens.
            let intake = try store.beginIntake()
            defer { withExtendedLifetime(intake) {} }
            let path = intake.makePath()
            let request = FileDownload.Request(file, limit: store.limits.layerBytes)
            _ = try FileDownload.perform(request, to: path, environment: ProcessContext.environment)
            return try store.importRoot(order, from: .reading(path), subject: file)
        }
    }
}
