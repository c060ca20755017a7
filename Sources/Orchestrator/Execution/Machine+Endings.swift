import ComposeModel
import ContainerNetwork
import ContainerRuntime
import ImageStore
import LinuxSystem
import Synchronization

/// How containers end: by a stop, by a signal, by themselves; and what is left then.
extension Machine {
    /// Stops a container; returns what went wrong with the commands that run before, when something did.
    func stop(_ name: String, timeout: Int?) async -> String? {
        guard let live = shared.withLock({ $0.live[name] }) else { return nil }
        let grace = timeout.map { Duration.seconds($0) } ?? live.blueprint.stopGracePeriod
        live.isStopping = true
        let hooks = live.definition.service.preStop
        if live.isHeld && !hooks.isEmpty { try? await setHeld(name, false) }
        let flaw = hooks.isEmpty || live.isOneOff ? nil : await run(hooks, "pre_stop", in: live)
        // A process that is gone has nothing to be told.
        _ = try? await blocking { try self.send(live.blueprint.stopSignal, to: live) }
        // What is held still hears nothing until it goes on.
        if live.isHeld { try? await setHeld(name, false) }
        if await live.ended.wait(atMost: grace) { return flaw }
        _ = try? await blocking { try self.send(9, to: live) }
        _ = await live.ended.wait(atMost: .seconds(30))
        return flaw
    }

    /// Has a container that is being stopped, and was given more time, end within `timeout` seconds.
    package func hasten(_ name: String, timeout: Int) {
        guard let live = shared.withLock({ $0.live[name] }), live.isStopping else { return }
        Task {
            if await live.ended.wait(atMost: .seconds(timeout)) { return }
            // A process that is gone has nothing to be told.
            _ = try? await self.blocking { try self.send(9, to: live) }
        }
    }

    /// Holds all processes of a container still, or lets them go on: the freezer of cgroups(7), version 2.
    ///
    /// Does nothing to a container that does not run.
    package func setHeld(_ name: String, _ isHeld: Bool) async throws {
        guard let live = shared.withLock({ $0.live[name] }) else { return }
        do {
            try await blocking {
                let group = live.group.group
                if isHeld { try live.hold { try group.setFrozen(true) } } else { try group.setFrozen(false) }
            }
        } catch {
            live.isHeld = live.group.group.isFrozen
            throw error
        }
        live.isHeld = isHeld
    }

    /// Sends a signal to a container's process; false when it does not run.
    package func signal(_ name: String, _ signal: Int32) throws -> Bool {
        guard let live = shared.withLock({ $0.live[name] }) else { return false }
        try send(signal, to: live)
        return true
    }

    /// A container's process has ended; whoever waits for that goes on.
    package func hasEnded(_ name: String) {
        guard let live = shared.withLock({ $0.live[name] }) else { return }
        live.endChecks()
        live.ended.open()
    }

    func clean(_ name: String) async throws {
        let live = shared.withLock { $0.live.removeValue(forKey: name) }
        live?.endChecks()
        await resolver.stop(name)
        try await blocking {
            let definition = live?.definition ?? self.knownDefinition(of: name)
            let group = ContainerCgroup(self.groupPath(name, definition?.service), in: self.hierarchies)
            self.forgetForeign(name)
            let failures = group.remove()
            if definition?.service.cgroupParent != nil { group.group.removeOwnParents() }
            self.configuration.outputs.finish(container: name)
            if let definition {
                try self.leaveNetworks(name, definition)
                try self.removePreStart(of: name, definition)
            }
            if let failure = failures.first { throw ExecutionError("\(name): \(failure)") }
            try self.configuration.directory.write(nil as ProcessRecord?, of: name)
        }
    }

    /// What a container was made from; nil when that can't be read, and it then has nothing outside of the usual places.
    func knownDefinition(of name: String) -> ServiceDefinition? {
        (try? record(of: name)).flatMap { try? definition($0.definition) }
    }

    /// Removes the control group that held those of the project's containers.
    package func removeGroup() async {
        // What is left of it is empty, and the next project of this name takes it over.
        _ = try? await blocking {
            ContainerCgroup("/roost/\(self.project)", in: self.hierarchies).group.removeIfEmpty()
            // Other projects may be at work in it: their groups are empty for a moment too.
            ContainerCgroup("/roost", in: self.hierarchies).group.removeIfEmpty()
        }
    }

    /// Removes a container, and the volumes that belong to it alone when somebody asked for that.
    func remove(_ name: String, withVolumes: Bool) throws {
        if let record = try configuration.directory.record(of: name) {
            try ContainerLayer(id: record.id, in: images).remove()
            if record.isRemovedAtEnd || withVolumes {
                for volume in record.anonymousVolumes.values { try volumes.remove(volume) }
            }
        }
        shared.withLock { shared in
            shared.records[name] = nil
            shared.leases.release(container: name)
            shared.publisher.release(container: name)
        }
        try configuration.directory.removeContainer(name)
    }
}
