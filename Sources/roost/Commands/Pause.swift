import ArgumentParser
import Supervisor

/// `roost pause`.
struct Pause: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Hold the processes of containers still.")

    @ParentCommand var parent: Roost

    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func run() throws {
        var request = ServicesRequest()
        request.services = Set(services)
        try ServiceCommand.perform("pause", request, parent.project)
    }
}

/// `roost unpause`.
struct Unpause: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Let the processes of paused containers go on.")

    @ParentCommand var parent: Roost

    @Argument(help: "The services; all when none is named.") var services: [String] = []

    func run() throws {
        var request = ServicesRequest()
        request.services = Set(services)
        try ServiceCommand.perform("unpause", request, parent.project)
    }
}
