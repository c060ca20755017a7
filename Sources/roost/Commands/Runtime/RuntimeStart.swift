import ArgumentParser
import ContainerRuntime
import LinuxSystem

/// `roost runtime start`.
struct RuntimeStart: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Let a created container execute its program."
    )

    @Argument(help: "The container's id.") var id: String

    func run() throws {
        let container = try RuntimeContainer(ContainerID(id), in: RuntimeProgram.settings.store)
        let readiness = try ReadinessRelay(for: container, manager: RuntimeForeground.manager)
        let process = readiness == nil ? nil : try container.process()
        try container.start()
        guard let readiness, let process else { return }
        try readiness.await(process, mainProcess: container.record.process?.pid ?? 0)
    }
}
