/// Whether what a request waits for is there.
extension Reconciler {
    /// What a look at the containers says.
    enum Readiness { case reached, open, failed([Failure]) }

    /// A container without a health check is ready when it has run for this long: a program that can't work mostly ends
    /// sooner.
    static let steadiness = Duration.milliseconds(100)

    /// When the next container that a request waits for has run long enough; nil when there is none.
    func settling(_ awaited: Awaited, now: WallTime) -> WallTime? {
        guard case .readiness(let services) = awaited else { return nil }
        return state.containers.compactMap { container in
            guard services.contains(container.service), container.isReady, !container.definition.hasHealthcheck,
                case .running(let since) = container.actual?.phase, since + Self.steadiness > now
            else { return nil }
            return since + Self.steadiness
        }
        .min()
    }

    /// How far the containers of those services are.
    func readiness(_ awaited: Awaited, now: WallTime) -> Readiness {
        guard case .readiness(let services) = awaited else { return .reached }
        if settling(awaited, now: now) != nil { return .open }
        var failures: [Failure] = []
        var isOpen = false
        for container in state.containers where services.contains(container.service) && !container.isOneOff {
            if container.isReady || (container.endStatus == 0 && container.restartTime == nil) { continue }
            if let status = container.endStatus, container.restartTime == nil {
                failures.append(.init(subject: container.name, message: "exited (\(status))"))
            } else if container.actual?.health == .unhealthy {
                failures.append(.init(subject: container.name, message: "is unhealthy"))
            } else {
                isOpen = true
            }
        }
        return failures.isEmpty ? (isOpen ? .open : .reached) : .failed(failures)
    }
}
