import ArgumentParser
import Glibc
import LinuxSystem
import Orchestrator

/// `roost export`.
struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the files of a service's container, without its volumes, as an archive."
    )

    @ParentCommand var parent: Roost

    @Option(help: "The number of the container of the service.") var index = 0
    @Option(name: .shortAndLong, help: "The file to write; standard output without it.") var output: String?
    @Argument(help: "The service.") var service: String

    func run() throws { try ProjectReading.reporting { try export() } }

    private func export() throws {
        let roots = ProjectReading.roots
        let directory = ProjectDirectory(project: try parent.project.name(), roots: roots)
        let container = try ContainerChoice(service: service, index: index).any(in: directory)
        // Nothing is refused for "": of volumes only the places are shown.
        let root = try ContainerRoot.open(container, path: "-", in: directory, roots: roots)
        guard let output else {
            guard isatty(STDOUT_FILENO) == 0 else {
                throw UserError("an archive is not written to a terminal; name a file with -o")
            }
            return try write(root.descriptor, to: STDOUT_FILENO)
        }
        try OutputFile.writeArchive(to: output) { try write(root.descriptor, to: $0) }
    }

    private func write(_ root: borrowing OwnedDescriptor, to descriptor: Int32) throws {
        let writer = TarWriter(to: descriptor, as: "")
        try TreeWalk(staysInMount: true).walk(root, as: [0], to: writer)
        try writer.finish()
    }
}
