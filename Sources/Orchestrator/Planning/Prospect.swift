/// How a condition on a service stands.
enum Prospect: Hashable {
    /// It holds.
    case fulfilled
    /// It may come to hold.
    case open
    /// It can't hold any more, and why.
    case failed(String)

    /// How `dependency` stands, given the service's containers.
    ///
    /// A service without containers (scaled to none, or left out) is not waited for.
    init(
        of dependency: ContainerDefinition.Dependency,
        on containers: [ContainerState],
        blocked: Set<String>,
        isToStart: (String) -> Bool
    ) {
        var isOpen = false
        for container in containers {
            switch Self.prospect(
                of: dependency.condition,
                container,
                isBlocked: blocked.contains(container.name),
                isToStart: isToStart(container.name)
            ) {
            case .fulfilled: continue
            case .open: isOpen = true
            case .failed(let reason):
                self = .failed("dependency \(dependency.service) failed to start: \(reason)")
                return
            }
        }
        self = isOpen ? .open : .fulfilled
    }

    private static func prospect(
        of condition: ContainerDefinition.Dependency.Condition,
        _ container: ContainerState,
        isBlocked: Bool,
        isToStart: Bool
    ) -> Prospect {
        if isBlocked { return .failed("\(container.name) can't start") }
        if isToStart { return .open }
        if container.isRunning {
            switch condition {
            case .started: return .fulfilled
            case .completed: return .open
            case .healthy:
                return switch container.actual?.health {
                case .healthy: .fulfilled
                case .unhealthy: .failed("\(container.name) is unhealthy")
                case .starting: .open
                case nil, .some(.none): .failed("\(container.name) has no health check")
                }
            }
        }
        guard let status = container.endStatus else {
            return .failed(container.failure.map { "\(container.name): \($0)" } ?? "\(container.name) is not started")
        }
        switch condition {
        case .started: return .fulfilled
        case .completed: return status == 0 ? .fulfilled : .failed("\(container.name) exited (\(status))")
        case .healthy: return .failed("\(container.name) exited (\(status))")
        }
    }
}
