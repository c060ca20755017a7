import ArgumentParser
import Orchestrator

/// `roost port`.
struct Port: ParsableCommand {
    /// Of which kind a port is.
    enum Transport: String, ExpressibleByArgument { case tcp, udp }

    static let configuration = CommandConfiguration(abstract: "Show where a port of a service is published.")

    @ParentCommand var parent: Roost

    @Option(help: "The number of the container of the service.") var index = 0
    @Option(name: .customLong("protocol"), help: "tcp or udp.") var transport: Transport = .tcp
    @Argument(help: "The service.") var service: String
    @Argument(help: "The port of the container.") var privatePort: UInt16

    func run() throws {
        ProcessContext.writeOutput(try ProjectReading.reporting(text))
    }

    private func text() throws -> String {
        let directory = ProjectDirectory(project: try parent.project.name(), roots: ProjectReading.roots)
        let container = try ContainerChoice(service: service, index: index).any(in: directory)
        let ports = try directory.record(of: container.name)?.ports ?? []
        let found = ports.first {
            $0.target == privatePort && $0.transport == transport.rawValue && $0.published != 0
        }
        guard let found else {
            let others = ports.filter { $0.published != 0 }.map { "\($0.target)/\($0.transport)" }
            throw UserError(
                "no port \(privatePort)/\(transport.rawValue) of \(container.name) is published; "
                    + (others.isEmpty ? "it has none" : "it has \(others.joined(separator: ", "))")
            )
        }
        let address = found.hostAddress.isEmpty ? "0.0.0.0" : found.hostAddress
        return "\(address.contains(":") ? "[\(address)]" : address):\(found.published)\n"
    }
}
