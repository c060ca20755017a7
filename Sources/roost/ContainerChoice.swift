import Orchestrator

/// The one container of a service that a command is about.
struct ContainerChoice {
    let service: String
    /// The container's number; 0 for the first that will do.
    let index: Int

    init(service: String, index: Int?) {
        self.service = service
        self.index = index ?? 0
    }

    /// The container, which exists and may not run.
    func any(in directory: ProjectDirectory) throws -> ContainerState {
        let containers = try all(in: directory)
        return containers.first(where: \.isRunning) ?? containers[0]
    }

    /// The container, which runs and is not held still.
    func running(in directory: ProjectDirectory) throws -> ContainerState {
        let containers = try all(in: directory)
        guard let found = containers.first(where: \.isRunning) else {
            throw UserError(
                index > 0
                    ? "\(containers[0].name) does not run; start it with `roost start`"
                    : "service \(service) does not run; start it with `roost start \(service)`"
            )
        }
        guard !found.isPaused else {
            throw UserError("\(found.name) is paused; let it go on with `roost unpause \(service)`")
        }
        return found
    }

    /// The containers that the choice allows, the first first; at least one.
    func all(in directory: ProjectDirectory) throws -> [ContainerState] {
        let containers = try directory.state().containers(of: service).filter { $0.actual != nil }
            .sorted { $0.number < $1.number }
        guard !containers.isEmpty else {
            throw UserError(
                "project \(directory.project) has no container of a service \"\(service)\"; see `roost ps -a`"
            )
        }
        guard index > 0 else { return containers }
        guard let found = containers.first(where: { $0.number == index }) else {
            throw UserError("service \(service) has no container number \(index)")
        }
        return [found]
    }
}
