extension ProjectState {
    /// Makes nothing of the project, or nothing of `services` and of those that depend on them, wanted.
    ///
    /// Networks and named volumes go only with the whole project, and volumes only when asked.
    package mutating func down(services: Set<String> = [], removesVolumes: Bool = false, stopTimeout: Int? = nil) {
        let selected = services.isEmpty ? nil : withDependents(services)
        forgetFailures()
        change { container in
            guard selected?.contains(container.service) ?? true else { return }
            container.goal = .remove
            container.stopTimeout = stopTimeout
            container.removesVolumes = removesVolumes ? true : nil
        }
        guard selected == nil else { return }
        for index in networks.indices { networks[index].wanted = nil }
        if removesVolumes { for index in volumes.indices { volumes[index].wanted = nil } }
    }

    /// Has the containers of `services`, or all, end.
    package mutating func stop(services: Set<String> = [], stopTimeout: Int? = nil) {
        change { container in
            guard container.goal != .remove, services.isEmpty || services.contains(container.service) else { return }
            container.goal = container.isRunning || container.goal != .create ? .stop : .create
            container.stopTimeout = stopTimeout
        }
    }

    /// Has the containers of `services`, or all, run; those of `roost run` stay as they are.
    package mutating func start(services: Set<String> = []) {
        change { container in
            guard container.goal != .remove, !container.isOneOff, !container.isRunning else { return }
            guard services.isEmpty || services.contains(container.service) else { return }
            container.goal = .start
            container.failure = nil
        }
    }

    /// Has the containers of `services`, or all, end and run anew, and with them those that asked for it.
    package mutating func restart(services: Set<String> = [], withDependents: Bool, stopTimeout: Int? = nil) {
        var selected = services.isEmpty ? Set(containers.map(\.service)) : services
        var pending = withDependents ? selected : []
        while let service = pending.popFirst() {
            for container in containers
            where container.isRunning && container.restarts(with: service) && !selected.contains(container.service) {
                selected.insert(container.service)
                pending.insert(container.service)
            }
        }
        change { container in
            guard selected.contains(container.service), !container.isOneOff, container.goal != .remove else { return }
            container.goal = container.isRunning ? .restart : .start
            container.failure = nil
            container.stopTimeout = stopTimeout
        }
    }

    /// Takes note of containers that are held still now, or go on.
    package mutating func note(held names: Set<String>, _ isHeld: Bool) {
        for index in containers.indices where names.contains(containers[index].name) && containers[index].isRunning {
            containers[index].isHeld = isHeld ? true : nil
        }
    }

    /// Removes the containers of `services`, or all, that do not run.
    package mutating func removeStopped(services: Set<String> = [], removesVolumes: Bool = false) {
        change { container in
            guard !container.isRunning, services.isEmpty || services.contains(container.service) else { return }
            container.goal = .remove
            container.removesVolumes = removesVolumes ? true : nil
        }
    }

    /// Has whatever failed be tried again.
    package mutating func forgetFailures() {
        for index in containers.indices { containers[index].failure = nil }
        for index in networks.indices { networks[index].failure = nil }
        for index in volumes.indices { volumes[index].failure = nil }
    }

    private mutating func change(_ body: (inout ContainerState) -> Void) {
        for index in containers.indices {
            let goal = containers[index].goal
            body(&containers[index])
            if containers[index].goal != goal { containers[index].failure = nil }
        }
    }

    /// `services` and everything that depends on one of them.
    private func withDependents(_ services: Set<String>) -> Set<String> {
        var result = services
        var pending = services
        while let service = pending.popFirst() {
            for container in containers
            where container.definition.dependencies.contains(where: { $0.service == service }) {
                if result.insert(container.service).inserted { pending.insert(container.service) }
            }
        }
        return result
    }
}
