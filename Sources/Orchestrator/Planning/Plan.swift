/// The way from what is there to what is wanted: steps that form a graph, and what stands in the way.
package struct Plan: Hashable, Sendable {
    /// A container that can't be started, and why.
    package struct Obstacle: Hashable, Sendable {
        /// The container.
        package let container: String
        /// Why: `dependency db failed to start: db-1 exited (1)`.
        package let reason: String
    }

    /// The steps; each comes after those that it waits for.
    package private(set) var steps: [Step] = []
    /// Containers whose start became impossible.
    package var obstacles: [Obstacle] = []
    /// Failed dependencies that nobody insists on.
    package var warnings: [String] = []

    /// A plan with nothing to do.
    package init() {}

    /// Whether nothing is to be done or waited for.
    package var isEmpty: Bool { steps.isEmpty }

    /// The earliest moment at which a rest ends.
    package var nextWake: WallTime? {
        steps.compactMap { step -> WallTime? in
            if case .wait(.rest(_, let until)) = step.operation { until } else { nil }
        }
        .min()
    }

    /// Adds a step and returns its number.
    mutating func append(_ operation: Step.Operation, after: Set<Int> = [], reason: String? = nil) -> Int {
        let number = steps.count + 1
        steps.append(Step(number: number, operation: operation, after: after.sorted(), reason: reason))
        return number
    }
}

extension Plan: CustomStringConvertible {
    /// One line a step, then what stands in the way.
    package var description: String {
        let lines =
            steps.map(\.description) + obstacles.map { "\($0.container) can't start: \($0.reason)" }
            + warnings.map { "warning: \($0)" }
        return lines.map { $0 + "\n" }.joined()
    }
}
