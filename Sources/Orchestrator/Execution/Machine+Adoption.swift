import ComposeModel
import ContainerNetwork
import ContainerRuntime
import ImageStore
import LinuxSystem
import OCISpec
import Synchronization

extension Machine {
    /// Takes over what an earlier supervisor left; returns the state as it really is.
    ///
    /// How processes ended that have gone meanwhile, the keeper has written.
    package func adopt(_ state: ProjectState) async -> ProjectState {
        var state = state
        do { try adoptResources(&state) } catch { configuration.report(.warning("\(error)")) }
        var patience = 100
        for index in state.containers.indices {
            await hold(state.containers[index], &patience)
            await adopt(&state.containers[index])
        }
        return state
    }

    /// Finds networks and volumes that were made after the state was last written, and makes bridges again that a
    /// reboot or somebody else has taken away.
    private func adoptResources(_ state: inout ProjectState) throws {
        let networks = try registry.networks(of: project)
        let names = Set(networks.map(\.name))
        for index in state.networks.indices where !names.contains(state.networks[index].name) {
            state.networks[index].actual = nil
        }
        for network in networks {
            for change in try host().ensureBridge(network) {
                configuration.report(.warning("set \(change) on the host"))
            }
            shared.withLock { $0.networks[network.name] = network }
            if let index = state.networks.firstIndex(where: { $0.name == network.name }) {
                // Perhaps only half made, so it is no definition's.
                if state.networks[index].actual == nil { state.networks[index].actual = "" }
            } else {
                state.networks.append(.init(name: network.name, wanted: nil, actual: ""))
            }
        }
        if !networks.isEmpty { updateNeighbours() }
        for index in state.volumes.indices where state.volumes[index].actual == nil {
            guard try volumes.volume(state.volumes[index].name) != nil else { continue }
            state.volumes[index].actual = state.volumes[index].wanted ?? ""
        }
    }

    private func adopt(_ container: inout ContainerState) async {
        let name = container.name
        do {
            if container.actual == nil, let record = try configuration.directory.record(of: name),
                try ContainerLayer(id: record.id, in: images).exists
            {
                // Made, and perhaps started, since the state was last written.
                container.actual = .init(digest: record.definition)
            }
            guard container.actual != nil else { return }
            let process = try configuration.directory.process(of: name)
            if process != nil, !container.isRunning, container.actual?.isUnclean == false, try !hasStartHooks(name) {
                // Its process was started, and the state not written any more: nobody wants it started twice. With hooks
                // a start is done when they are, and how far they came nobody knows.
                container.noteStart(at: configuration.clock())
            }
            guard container.isRunning, let process else {
                // Whether a start was cut off or its record could not be written: no process of it may stay.
                container.actual?.isUnclean = process != nil || groupExists(name)
                if container.isOneOff, container.goal == .start, container.actual?.isUnclean == true {
                    // It may have done things already, and a command that was asked for once is not run twice.
                    container.goal = .create
                    container.failure = "its supervisor was killed while it started, and nobody knows how far it came"
                }
                if process != nil { try resumeOutput(of: name) }
                return
            }
            let identity = ProcessIdentity(pid: process.pid, start: process.start)
            guard let pidfd = try identity.open(), pidfd.isAlive(after: 0) else {
                return try await noteEnd(of: &container, identity)
            }
            do {
                try await takeOver(container, process, pidfd.duplicate())
                let live = shared.withLock { $0.live[name] }
                live?.isHeld = live?.group.group.isFrozen ?? false
                container.isHeld = live?.isHeld == true ? true : nil
            } catch {
                shared.withLock { $0.live[name] = nil }
                // One that is ending has nothing left that could be taken over; it is gone in a moment.
                guard pidfd.isAlive(after: 200) else { return try await noteEnd(of: &container, identity) }
                // What nobody can look after must not run on unseen: it ends here, and what is left is cleared away.
                configuration.report(.warning("\(name) is ended, since it can't be taken over: \(error)"))
                try Container.signal(pidfd.rawValue, 9)
                container.actual?.phase = .lost(at: configuration.clock())
                container.actual?.isUnclean = true
            }
        } catch {
            configuration.report(.warning("\(name): \(error)"))
        }
    }

    private func hasStartHooks(_ name: String) throws -> Bool {
        try !definition(record(of: name).definition).service.postStart.isEmpty
    }

    /// Takes in that a container's process has ended.
    private func noteEnd(of container: inout ContainerState, _ identity: ProcessIdentity) async throws {
        let exit = await exit(of: identity)
        container.actual?.phase =
            exit.map { .exited(code: $0.status, at: WallTime(nanoseconds: $0.nanoseconds)) }
            ?? .lost(at: configuration.clock())
        container.actual?.health = .none
        container.actual?.isUnclean = true
        if container.goal == .restart { container.goal = .start }
        // What it wrote last is still in its pipes; clearing it away has that read.
        try resumeOutput(of: container.name)
    }

    /// Holds a container's ports again.
    ///
    /// A predecessor that is just ending may have them a moment longer than its lock, so this is tried up to `patience`
    /// times in all. A port that is not held works all the same, as long as nobody takes it.
    private func hold(_ container: ContainerState, _ patience: inout Int) async {
        while true {
            do { return try restore(container) } catch {
                patience -= 1
                guard patience > 0 else { return configuration.report(.warning("\(container.name): \(error)")) }
                // A sleep that is cancelled is over.
                try? await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    /// How a process ended that does not live any more; nil when nobody has seen it.
    ///
    /// The keeper writes the record before it reaps, so once the process is gone altogether there is none to come.
    func exit(of identity: ProcessIdentity) async -> ProcessExit? {
        for _ in 0..<200 {
            let isReaped = ProcessIdentity(of: identity.pid) != identity
            if let exit = configuration.directory.exit(of: identity) { return exit }
            if isReaped { return nil }
            // A sleep that is cancelled is over.
            try? await Task.sleep(for: .milliseconds(5))
        }
        return nil
    }

    private func takeOver(
        _ container: ContainerState,
        _ process: ProcessRecord,
        _ pidfd: consuming OwnedDescriptor
    ) async throws {
        let definition = try definition(try record(of: container.name).definition)
        // An image that is gone since is missed by the next start only.
        let image = try? image(of: definition)
        guard let spec = try configuration.directory.specification(of: container.name) else {
            throw ExecutionError("\(container.name) has no config.json")
        }
        let live = LiveContainer(
            container,
            definition: definition,
            blueprint: Blueprint(definition.service, image: image?.configuration.config),
            spec: spec,
            process: process,
            pidfd: pidfd,
            group: ContainerCgroup(
                process.groups.first ?? groupPath(container.name, definition.service),
                in: hierarchies
            )
        )
        shared.withLock { $0.live[container.name] = live }
        do {
            try restoreLeases(of: container.name, process)
            try resumeOutput(of: container.name)
        } catch { configuration.report(.warning("\(container.name): \(error)")) }
        if !process.attachments.isEmpty {
            let namespace = try OwnedDescriptor.reading("/proc/\(process.pid)/ns/net")
            do { try await resolver.serve(container.name, view(of: definition), in: namespace.rawValue) } catch {
                // It runs, and can be looked after: names are not worth its life.
                let words = "finds no names until it is restarted: \(error)"
                configuration.report(.warning("\(container.name) \(words)"))
            }
        }
        try watch(live)
    }

    /// Goes on taking what the container wrote, or has written.
    private func resumeOutput(of name: String) throws {
        let record = try record(of: name)
        let service = try definition(record.definition).service
        let spec = try configuration.directory.specification(of: name)
        try configuration.outputs.resume(
            OutputRequest(
                container: name,
                id: record.id,
                userID: spec?.process?.user?.uid ?? 0,
                groupID: spec?.process?.user?.gid ?? 0,
                hasTerminal: service.hasTerminal,
                keepsInputOpen: service.keepsInputOpen,
                logging: service.logging
            )
        )
    }

    /// What a restarted supervisor gives is what the container had.
    private func restoreLeases(of name: String, _ process: ProcessRecord) throws {
        for attachment in process.attachments {
            let network = try network(attachment.network)
            guard network.project == project else {
                visit(network)
                continue
            }
            let addresses = attachment.addresses.compactMap { IPAddress($0) }
            _ = try shared.withLock { try $0.leases.assign(on: network, to: name, fixed: addresses) }
        }
    }

    /// Takes in what a container is made from, and holds its ports again whether or not it runs.
    private func restore(_ container: ContainerState) throws {
        guard container.goal != .remove else { return }
        let wanted = try definition(container.definition.digest)
        if !container.isOneOff { try reserveSharedPorts(of: [wanted.service]) }
        guard let record = try configuration.directory.record(of: container.name) else { return }
        try restorePorts(of: container, try definition(record.definition).service, record)
    }

    private func restorePorts(of container: ContainerState, _ service: Service, _ record: ContainerRecord) throws {
        let host = try host()
        var own: [PortReservation] = []
        for (mapping, port) in zip(service.ports, record.ports)
        where (mapping.published?.count != 1 || container.isOneOff) && port.published > 0 {
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
        shared.withLock { $0.publisher.ofContainers[container.name] = own.isEmpty ? nil : own }
    }

    private func groupExists(_ name: String) -> Bool {
        let service = knownDefinition(of: name)?.service
        let group = ContainerCgroup(groupPath(name, service), in: hierarchies).group
        return group.unifiedDirectory.map(fileExists) ?? false
    }
}
