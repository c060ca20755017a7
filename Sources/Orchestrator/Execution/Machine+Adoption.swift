import ComposeModel
import ContainerNetwork
import ContainerRuntime
import ImageStore
package import LinuxSystem
import OCISpec
import Synchronization

extension Machine {
    /// Takes over what an earlier supervisor left; returns the state as it really is.
    ///
    /// `exits` tells how processes ended that have gone meanwhile.
    package func adopt(_ state: ProjectState, exits: [ProcessExit]) async -> ProjectState {
        var state = state
        let known = Dictionary(exits.map { ($0.identity, $0) }) { first, _ in first }
        for network in (try? registry.networks(of: project)) ?? [] {
            shared.withLock { $0.networks[network.name] = network }
        }
        for index in state.containers.indices {
            await adopt(&state.containers[index], known)
        }
        return state
    }

    private func adopt(_ container: inout ContainerState, _ exits: [ProcessIdentity: ProcessExit]) async {
        let name = container.name
        do {
            try restore(container)
            if container.actual == nil, let record = try configuration.directory.record(of: name) {
                // Made, and perhaps started, since the state was last written.
                container.actual = .init(digest: record.definition)
            }
            guard container.actual != nil else { return }
            let process = try configuration.directory.process(of: name)
            guard container.isRunning, let process else {
                // Whether a start was cut off or its record could not be written: no process of it may stay.
                container.actual?.isUnclean = process != nil || groupExists(name)
                return
            }
            let identity = ProcessIdentity(pid: process.pid, start: process.start)
            guard let pidfd = try identity.open(), pidfd.isAlive(after: 0) else {
                // One that had ended before anybody could ask when it was started is known by its id alone.
                let exit = exits[identity] ?? exits.first { process.start == 0 && $0.key.pid == process.pid }?.value
                container.actual?.phase =
                    exit.map { .exited(code: $0.status, at: WallTime(nanoseconds: $0.nanoseconds)) }
                    ?? .lost(at: configuration.clock())
                container.actual?.health = .none
                container.actual?.isUnclean = true
                if container.goal == .restart { container.goal = .start }
                return
            }
            try await takeOver(container, process, pidfd)
        } catch {
            configuration.report(.warning("\(name): can't be taken over: \(error)"))
        }
    }

    private func takeOver(
        _ container: ContainerState,
        _ process: ProcessRecord,
        _ pidfd: consuming OwnedDescriptor
    ) async throws {
        let record = try record(of: container.name)
        let definition = try definition(record.definition)
        let image = try image(of: definition)
        guard let spec = try configuration.directory.specification(of: container.name) else {
            throw ExecutionError("\(container.name) has no config.json")
        }
        let live = LiveContainer(
            container,
            definition: definition,
            blueprint: Blueprint(definition.service, image: image.configuration.config),
            spec: spec,
            process: process,
            pidfd: pidfd,
            group: ContainerCgroup(groupPath(container.name), in: hierarchies)
        )
        shared.withLock { $0.live[container.name] = live }
        try restoreLeases(of: container.name, process)
        try configuration.outputs.resume(
            OutputRequest(
                container: container.name,
                id: record.id,
                userID: spec.process?.user?.uid ?? 0,
                groupID: spec.process?.user?.gid ?? 0,
                hasTerminal: definition.service.hasTerminal,
                keepsInputOpen: definition.service.keepsInputOpen,
                logging: definition.service.logging
            )
        )
        if !process.attachments.isEmpty {
            let namespace = try OwnedDescriptor.reading("/proc/\(process.pid)/ns/net")
            try await resolver.serve(container.name, view(of: definition), in: namespace.rawValue)
        }
        try watch(live)
    }

    /// What a restarted supervisor gives is what the container had.
    private func restoreLeases(of name: String, _ process: ProcessRecord) throws {
        for attachment in process.attachments {
            let network = try network(attachment.network)
            let addresses = attachment.addresses.compactMap { IPAddress($0) }
            _ = try shared.withLock { try $0.leases.assign(on: network, to: name, fixed: addresses) }
        }
    }

    /// Takes in what a container is made from, and holds its ports again whether or not it runs.
    private func restore(_ container: ContainerState) throws {
        guard container.goal != .remove else { return }
        let wanted = try definition(container.definition.digest)
        try reserveSharedPorts(of: [wanted.service])
        guard let record = try configuration.directory.record(of: container.name) else { return }
        try restorePorts(of: container.name, try definition(record.definition).service, record)
    }

    private func restorePorts(of name: String, _ service: Service, _ record: ContainerRecord) throws {
        let host = try host()
        var own: [PortReservation] = []
        for (mapping, port) in zip(service.ports, record.ports)
        where mapping.published?.count != 1 && port.published > 0 {
            let transport = mapping.transport.runtime
            guard
                let wanted = PublishedPort(
                    port.published...port.published,
                    to: port.target,
                    transport,
                    on: mapping.address
                )
            else { continue }
            own.append(try PortReservation.reserve(wanted, on: host))
        }
        shared.withLock { $0.publisher.ofContainers[name] = own.isEmpty ? nil : own }
    }

    private func groupExists(_ name: String) -> Bool {
        let group = ContainerCgroup(groupPath(name), in: hierarchies).group
        return group.unifiedDirectory.map(fileExists) ?? false
    }
}
