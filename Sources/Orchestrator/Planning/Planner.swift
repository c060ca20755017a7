/// Finds the way from what is there to what is wanted.
///
/// `plan` is a pure function of the state and the time. It is level-triggered: after any event the whole plan is made
/// anew from what is there then, and a step that is already under way is planned again until it is done.
package struct Planner {
    private let state: ProjectState
    private let now: WallTime
    private let byService: [String: [ContainerState]]
    private var plan = Plan()
    /// The last step of each container's stop, start and making, of each resource, and each condition waited for.
    private var stops: [String: Int] = [:]
    private var cleans: [String: Int] = [:]
    private var starts: [String: Int] = [:]
    private var removals: [String: Int] = [:]
    private var resources: [Subject: Int] = [:]
    private var waits: [Step.Awaited: Int] = [:]
    private var blocked: Set<String> = []

    /// The plan for `state` at the time `now`.
    package static func plan(_ state: ProjectState, now: WallTime) -> Plan {
        var planner = Planner(state: state, now: now)
        planner.planStops()
        planner.planRemovals()
        planner.planResources()
        planner.planStarts()
        return planner.plan
    }

    private init(state: ProjectState, now: WallTime) {
        self.state = state
        self.now = now
        byService = Dictionary(grouping: state.containers.filter { !$0.isOneOff }, by: \.service)
    }

    // Ending

    /// Stops containers, those first that others do not depend on.
    private mutating func planStops() {
        let stopping = state.containers.filter { $0.isRunning && $0.failure == nil && stopCause($0) != nil }
        guard !stopping.isEmpty else { return }
        let services = Set(stopping.map(\.service))
        var dependents: [String: Set<String>] = [:]
        for container in stopping {
            for dependency in container.definition.dependencies where services.contains(dependency.service) {
                dependents[dependency.service, default: []].insert(container.service)
            }
        }
        let order = DependencyOrder.sorted(stopping.map(\.service).unique, edges: dependents)
        var stepsOfService: [String: Set<Int>] = [:]
        for service in order {
            let before = (dependents[service] ?? []).reduce(into: Set<Int>()) { $0.formUnion(stepsOfService[$1] ?? []) }
            for container in stopping where container.service == service {
                let reason = stopCause(container)?.reason
                let step = plan.append(.stop(container: container.name), after: before, reason: reason)
                stops[container.name] = step
                stepsOfService[service, default: []].insert(step)
            }
        }
    }

    /// Why a running container has to end.
    private struct StopCause { var reason: String? }

    /// Why a running container has to end; nil when it may go on.
    private func stopCause(_ container: ContainerState) -> StopCause? {
        switch container.goal {
        case .stop, .remove: return StopCause(reason: nil)
        case .restart:
            return StopCause(reason: changedNetwork(of: container).map { "network \($0) changed" } ?? "restart")
        case .create, .start, .keep: return isDiverged(container) ? StopCause(reason: "definition changed") : nil
        }
    }

    private func changedNetwork(of container: ContainerState) -> String? {
        state.networks.first { network in
            network.actual != nil && network.actual != network.wanted
                && container.definition.networks.contains(network.name)
        }?
        .name
    }

    private func isDiverged(_ container: ContainerState) -> Bool {
        container.actual.map { $0.digest != container.definition.digest } ?? false
    }

    private mutating func planRemovals() {
        for container in state.containers where container.goal == .remove && container.failure == nil {
            let after: Set<Int> = stops[container.name].map { [$0] } ?? []
            removals[container.name] = plan.append(.remove(container: container.name), after: after)
        }
        for container in state.containers where container.goal != .remove && container.failure == nil {
            guard let actual = container.actual, actual.isUnclean || stops[container.name] != nil else { continue }
            let after: Set<Int> = stops[container.name].map { [$0] } ?? []
            cleans[container.name] = plan.append(.clean(container: container.name), after: after)
        }
    }

    // Networks and volumes

    private mutating func planResources() {
        for network in state.networks where network.actual != network.wanted && network.failure == nil {
            planResource(
                network,
                .network(network.name),
                users: { $0.definition.networks.contains(network.name) },
                create: .createNetwork(network.name),
                remove: .removeNetwork(network.name)
            )
        }
        for volume in state.volumes where volume.actual != volume.wanted && volume.failure == nil {
            planResource(
                volume,
                .volume(volume.name),
                users: { $0.definition.volumes.contains(volume.name) },
                create: .createVolume(volume.name),
                remove: .removeVolume(volume.name)
            )
        }
    }

    private mutating func planResource(
        _ resource: ProjectState.Resource,
        _ subject: Subject,
        users: (ContainerState) -> Bool,
        create: Step.Operation,
        remove: Step.Operation
    ) {
        var after: Set<Int> = []
        if resource.actual != nil {
            for user in state.containers where users(user) {
                if let step = lastUse(of: resource, subject, by: user) { after.insert(step) }
            }
            after = [plan.append(remove, after: after, reason: resource.wanted == nil ? nil : "definition changed")]
        }
        if resource.wanted != nil { resources[subject] = plan.append(create, after: after) }
    }

    /// The step after which a container that comes to an end needs a resource no more.
    ///
    /// A network that is to go does so when no process uses it any more, while what these leave is cleared away.
    private func lastUse(of resource: ProjectState.Resource, _ subject: Subject, by user: ContainerState) -> Int? {
        if case .network = subject, resource.wanted == nil { return stops[user.name] }
        return removals[user.name] ?? cleans[user.name] ?? stops[user.name]
    }

    // Beginning

    /// Makes and starts containers, those first that others depend on.
    private mutating func planStarts() {
        let candidates = state.containers.indices.filter { mayStart(state.containers[$0]) }
        guard !candidates.isEmpty else { return }
        var grouped: [String: [ContainerState]] = [:]
        var services: [String] = []
        var dependencies: [String: Set<String>] = [:]
        for index in candidates {
            let container = state.containers[index]
            if grouped[container.service]?.append(container) == nil {
                grouped[container.service] = [container]
                services.append(container.service)
            }
            if !container.definition.dependencies.isEmpty {
                dependencies[container.service, default: []].formUnion(container.definition.dependencies.map(\.service))
            }
        }
        for service in dependencies.isEmpty ? services : DependencyOrder.sorted(services, edges: dependencies) {
            for container in grouped[service] ?? [] { planStart(container) }
        }
    }

    /// Whether there may be something to do for a container to be there, or to run.
    private func mayStart(_ container: ContainerState) -> Bool {
        switch container.goal {
        case .remove, .stop: false
        case .keep: container.failure == nil && (!container.isRunning || stops[container.name] != nil)
        case .create, .start, .restart: container.failure == nil
        }
    }

    private mutating func planStart(_ container: ContainerState) {
        if let obstacle = failedResource(of: container) {
            plan.obstacles.append(.init(container: container.name, reason: obstacle))
            blocked.insert(container.name)
            return
        }
        var before: Set<Int> = cleans[container.name].map { [$0] } ?? []
        if let made = planMaking(container, after: before) { before = [made] }
        switch container.goal {
        case .create, .stop, .remove: return
        case .keep:
            if container.isRunning && stops[container.name] == nil { return }
            if !container.isRunning {
                guard let restart = container.restartTime else { return }
                if restart > now {
                    before.insert(plan.append(.wait(.rest(container: container.name, until: restart)), after: before))
                }
            }
        case .start: if container.isRunning && stops[container.name] == nil { return }
        case .restart: break
        }
        for network in container.definition.networks {
            if let step = resources[.network(network)] { before.insert(step) }
        }
        // A container that its policy starts again does not wait: what it depends on has been there before.
        if container.goal != .keep {
            guard let conditions = planConditions(container) else {
                blocked.insert(container.name)
                return
            }
            before.formUnion(conditions)
        }
        starts[container.name] = plan.append(.start(container: container.name), after: before)
    }

    /// Why a network or volume that the container needs is not there.
    private func failedResource(of container: ContainerState) -> String? {
        guard container.goal == .start || container.goal == .create else { return nil }
        for network in state.networks where container.definition.networks.contains(network.name) {
            if let failure = network.failure { return "network \(network.name): \(failure)" }
        }
        for volume in state.volumes where container.definition.volumes.contains(volume.name) {
            if let failure = volume.failure { return "volume \(volume.name): \(failure)" }
        }
        return nil
    }

    private mutating func planMaking(_ container: ContainerState, after: Set<Int>) -> Int? {
        var before = after
        guard container.actual == nil || isDiverged(container) else { return nil }
        for volume in container.definition.volumes {
            if let step = resources[.volume(volume)] { before.insert(step) }
        }
        return container.actual == nil
            ? plan.append(.create(container: container.name), after: before)
            : plan.append(.recreate(container: container.name), after: before, reason: "definition changed")
    }

    /// The steps that the container's dependencies require first; nil when one of them has failed.
    private mutating func planConditions(_ container: ContainerState) -> Set<Int>? {
        var before: Set<Int> = []
        for dependency in container.definition.dependencies {
            let others = (byService[dependency.service] ?? []).filter { $0.goal != .remove }
            switch Prospect(of: dependency, on: others, blocked: blocked, isToStart: { starts[$0] != nil }) {
            case .fulfilled: continue
            case .failed(let reason):
                if dependency.isRequired {
                    plan.obstacles.append(.init(container: container.name, reason: reason))
                    return nil
                }
                plan.warnings.append("\(container.name): optional \(reason)")
            case .open:
                let steps = Set(others.compactMap { starts[$0.name] })
                if dependency.condition == .started {
                    before.formUnion(steps)
                } else {
                    let awaited = Step.Awaited.condition(service: dependency.service, dependency.condition)
                    let wait = waits[awaited] ?? plan.append(.wait(awaited), after: steps)
                    waits[awaited] = wait
                    before.insert(wait)
                }
            }
        }
        return before
    }
}

extension Array where Element: Hashable {
    /// The elements without later copies of earlier ones.
    var unique: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
