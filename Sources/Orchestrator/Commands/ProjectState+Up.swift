extension ProjectState {
    /// Makes what `wish` says wanted; touches nothing that is as it should be.
    ///
    /// Returns the names of containers whose service the file does not know and that were left alone.
    package mutating func up(_ wish: ProjectWish, _ options: UpOptions = UpOptions()) -> [String] {
        forgetFailures()
        for (name, digest) in wish.networks.sorted(by: { $0.key < $1.key }) {
            Self.want(digest, as: name, in: &networks)
        }
        // A volume's data outlives a change of its definition: it is made anew only by `down -v`.
        for (name, digest) in wish.volumes.sorted(by: { $0.key < $1.key }) {
            let existing = volumes.first { $0.name == name }?.actual
            Self.want(existing ?? digest, as: name, in: &volumes)
        }
        var restarted: Set<String> = []
        for service in wish.services { restarted.formUnion(up(service, options)) }
        if options.starts { restartUsersOfChangedNetworks() }
        restartDependents(of: restarted, options)
        let orphans = handleOrphans(of: wish, options)
        sort(by: wish.services.map(\.name))
        return orphans
    }

    private static func want(_ digest: String, as name: String, in resources: inout [Resource]) {
        if let index = resources.firstIndex(where: { $0.name == name }) {
            resources[index].wanted = digest
        } else {
            resources.append(Resource(name: name, wanted: digest))
        }
    }

    /// Returns the service's name when containers that run are replaced or stopped for a while.
    private mutating func up(_ service: ProjectWish.Service, _ options: UpOptions) -> Set<String> {
        // A container can't be renamed: one that should have another name makes room for a new one.
        for container in containers(of: service.name)
        where container.name != name(of: service, container.number, options) {
            self[container: container.name]?.goal = .remove
        }
        let existing = containers(of: service.name).filter { $0.goal != .remove }
            .sorted { ($0.staleness(service.definition), $0.number) < ($1.staleness(service.definition), $1.number) }
        var isInterrupted = false
        for container in existing.prefix(max(0, service.replicas)) {
            let before = container
            self[container: container.name] = container.updated(to: service.definition, options)
            let isRecreated = self[container: container.name]?.isDiverged ?? false
            isInterrupted = isInterrupted || (before.isRunning && isRecreated)
        }
        for container in existing.dropFirst(max(0, service.replicas)) {
            var container = container
            container.goal = .remove
            container.stopTimeout = options.stopTimeout
            self[container: container.name] = container
        }
        let taken = containers(of: service.name).map(\.number).max() ?? 0
        for index in 0..<max(0, service.replicas - existing.count) {
            let number = taken + 1 + index
            containers.append(
                ContainerState(
                    name: name(of: service, number, options),
                    service: service.name,
                    number: number,
                    definition: service.definition,
                    goal: options.starts ? .start : .create
                )
            )
        }
        return isInterrupted ? [service.name] : []
    }

    private func name(of service: ProjectWish.Service, _ number: Int, _ options: UpOptions) -> String {
        let separator = options.nameSeparator ?? "-"
        return service.containerName ?? [project, service.name, String(number)].joined(separator: separator)
    }

    /// A network is made anew only when nobody is attached to it.
    private mutating func restartUsersOfChangedNetworks() {
        let changed = Set(networks.filter { $0.actual != nil && $0.actual != $0.wanted }.map(\.name))
        for index in containers.indices where containers[index].isRunning && containers[index].goal == .keep {
            if !changed.isDisjoint(with: containers[index].definition.networks) { containers[index].goal = .restart }
        }
    }

    /// Containers that said so are started anew when something they depend on is replaced.
    private mutating func restartDependents(of services: Set<String>, _ options: UpOptions) {
        guard options.starts else { return }
        var pending = services
        while let service = pending.popFirst() {
            for container in containers
            where container.isRunning && container.goal == .keep && container.restarts(with: service) {
                var container = container
                container.goal = .restart
                self[container: container.name] = container
                pending.insert(container.service)
            }
        }
    }

    private mutating func handleOrphans(of wish: ProjectWish, _ options: UpOptions) -> [String] {
        let orphans = containers.filter { container in
            container.goal != .remove
                && (container.isOneOff ? container.hasEnded : !wish.knownServices.contains(container.service))
        }
        guard options.removesOrphans else { return orphans.filter { !$0.isOneOff }.map(\.name) }
        for var orphan in orphans {
            orphan.goal = .remove
            self[container: orphan.name] = orphan
        }
        return []
    }

    /// Containers in the order of their services in the file, then by number; others stay behind.
    private mutating func sort(by services: [String]) {
        let rank = Dictionary(uniqueKeysWithValues: services.enumerated().map { ($0.element, $0.offset) })
        containers = containers.enumerated().sorted { left, right in
            let keys = [left, right].map { ($0.element.rank(rank), $0.element.number, $0.offset) }
            return keys[0] < keys[1]
        }
        .map(\.element)
    }
}

extension ContainerState {
    /// Whether what exists was made from another definition than the one it should have.
    var isDiverged: Bool { actual.map { $0.digest != definition.digest } ?? false }

    /// 1 when it would have to be made anew to follow `definition`, else 0: the last to be kept when there are too many.
    fileprivate func staleness(_ definition: ContainerDefinition) -> Int {
        actual.map { $0.digest != definition.digest } ?? false ? 1 : 0
    }

    fileprivate func rank(_ ranks: [String: Int]) -> Int { isOneOff ? .max : ranks[service] ?? .max - 1 }

    /// Whether a dependency on `service` has it started anew with that service.
    func restarts(with service: String) -> Bool {
        definition.dependencies.contains { $0.service == service && $0.restarts }
    }

    fileprivate func updated(
        to definition: ContainerDefinition,
        _ options: UpOptions
    ) -> ContainerState {
        var result = self
        let recreation = options.recreation(of: service)
        if recreation != .never || actual == nil {
            result.definition = definition
        } else {
            result.definition.dependencies = definition.dependencies
        }
        // What was made from no known definition is made anew.
        if recreation == .always { result.actual?.digest = "" }
        result.renewsVolumes = options.renewsAnonymousVolumes && options.isNamed(service) ? true : nil
        result.failure = nil
        result.stopTimeout = options.stopTimeout
        if !options.starts {
            if !isRunning || result.isDiverged { result.goal = .create }
        } else if !isRunning || result.isDiverged {
            result.goal = .start
        } else if goal == .stop || goal == .create {
            result.goal = .keep
        }
        return result
    }
}
