import Orchestrator

extension ContainerDefinition {
    /// A definition whose digest is `digest`.
    static func fixture(
        _ digest: String = "a",
        after dependencies: [Dependency] = [],
        _ change: (inout Self) -> Void = { _ in }
    )
        -> ContainerDefinition
    {
        var definition = ContainerDefinition(digest: digest, dependencies: dependencies)
        change(&definition)
        return definition
    }
}

extension ProjectState {
    /// The state of project `p` after `up` of a wish, before anything is done.
    static func wanting(_ wish: ProjectWish, _ options: UpOptions = UpOptions()) -> ProjectState {
        var state = ProjectState(project: "p")
        _ = state.up(wish, options)
        return state
    }

    /// The state when everything that is wanted was made and runs, healthy where there is a check.
    static func running(_ wish: ProjectWish) -> ProjectState {
        var state = wanting(wish)
        for index in state.containers.indices {
            var actual = ContainerState.Actual(
                digest: state.containers[index].definition.digest,
                phase: .running(since: .start)
            )
            actual.health = state.containers[index].definition.hasHealthcheck ? .healthy : .none
            state.containers[index].actual = actual
            state.containers[index].goal = .keep
        }
        for index in state.networks.indices { state.networks[index].actual = state.networks[index].wanted }
        for index in state.volumes.indices { state.volumes[index].actual = state.volumes[index].wanted }
        return state
    }

    /// The plan for this state, as text.
    func plan(at now: WallTime = .start) -> String { Planner.plan(self, now: now).description }
}

extension WallTime {
    /// When tests begin.
    static let start = WallTime(nanoseconds: 1_000_000_000_000)
}
