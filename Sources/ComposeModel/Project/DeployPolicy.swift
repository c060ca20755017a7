/// How containers spread over machines; here there is one machine.
package enum DeployMode: String, Hashable, Sendable, CaseIterable {
    case replicated, global
    case replicatedJob = "replicated-job"
    case globalJob = "global-job"
}

/// How a change is rolled out, or taken back.
package struct UpdatePolicy: Hashable, Sendable {
    /// What comes first.
    package enum Order: String, Hashable, Sendable, CaseIterable {
        case stopFirst = "stop-first"
        case startFirst = "start-first"
    }

    /// What a failure leads to.
    package enum FailureAction: String, Hashable, Sendable, CaseIterable { case `continue`, pause, rollback }

    /// How many containers change at once; 0 for all.
    package var parallelism = 1
    /// The pause between two groups.
    package var delay = Duration.zero
    /// How long a new container is watched.
    package var monitor: Duration?
    /// What a failure leads to.
    package var failureAction = FailureAction.pause
    /// The share of failures that is tolerated, from 0 to 1.
    package var maximumFailureRatio = 0.0
    /// What comes first.
    package var order = Order.stopFirst

    /// The usual way.
    package init() {}
}
