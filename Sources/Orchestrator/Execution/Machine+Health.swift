import ContainerRuntime
import LinuxSystem
import OCISpec
import Synchronization

extension Machine {
    /// Begins to look after a container that runs.
    func watch(_ live: LiveContainer) throws {
        try configuration.poller.watchOnce(live.pidfd.rawValue) { [report = configuration.report] in
            report(.gone(container: live.name))
        }
        guard let probe = live.blueprint.probe else { return }
        live.beginChecks { [weak self] in await self?.check(live, probe) }
    }

    /// Checks a container's health until it ends.
    ///
    /// As docker does, and sooner: while a container has not been healthy yet it is asked again after 100 ms, then after
    /// twice as long each time, up to its interval. Only the checks that docker would make count as failures.
    private func check(_ live: LiveContainer, _ probe: Blueprint.Probe) async {
        let clock = ContinuousClock()
        let began = clock.now
        var isHealthy = live.isReady
        var failures = 0
        var early = Duration.milliseconds(100)
        var regular = began
        while !Task.isCancelled {
            let isStarting = !isHealthy && clock.now - began < probe.startPeriod
            let interval = isStarting ? probe.startInterval ?? min(.seconds(5), probe.interval) : probe.interval
            let due = regular + interval
            let isEarly = !isHealthy && failures == 0 && clock.now + early < due
            // A cancelled sleep ends the loop at its next turn.
            try? await Task.sleep(until: isEarly ? clock.now + early : due, clock: clock)
            if Task.isCancelled { return }
            if isEarly { early *= 2 } else { regular = due }
            // What is held still can't answer, and neither could a check that joins it.
            if live.isHeld { continue }
            let verdict = await run(probe, in: live)
            if Task.isCancelled { return }
            if live.isHeld { continue }
            if verdict {
                failures = 0
                if !isHealthy || !live.isReady {
                    isHealthy = true
                    live.isReady = true
                    configuration.report(.health(container: live.name, .healthy))
                }
            } else if !isEarly && !(clock.now - began < probe.startPeriod && !isHealthy) {
                failures += 1
                if failures == probe.retries {
                    live.isReady = false
                    configuration.report(.health(container: live.name, .unhealthy))
                }
            }
        }
    }

    /// Runs a check; returns whether it succeeded within its time.
    private func run(_ probe: Blueprint.Probe, in live: LiveContainer) async -> Bool {
        let gate = Gate()
        let started: StartedProbe
        do {
            started = try await blocking { try self.start(probe, in: live) }
            try configuration.poller.watchOnce(started.process.descriptor.rawValue) { gate.open() }
        } catch {
            // What can't even be started does not succeed.
            return false
        }
        let isOver = await gate.wait(atMost: probe.timeout)
        let status = try? await blocking {
            if !isOver { try? Container.signal(started.process.descriptor.rawValue, 9) }
            return try started.process.waitForExit()
        }
        return isOver && status == .exited(0)
    }

    private final class StartedProbe: Sendable {
        let process: LaunchedProcess
        init(_ process: consuming LaunchedProcess) { self.process = process }
    }

    private func start(_ probe: Blueprint.Probe, in live: LiveContainer) throws -> StartedProbe {
        var spec = live.spec
        spec.process?.args = probe.arguments
        spec.process?.terminal = nil
        if let foreign = ForeignRuntime(spec) {
            let null = try OwnedDescriptor.null()
            let stdio = (null.rawValue, null.rawValue, null.rawValue)
            return StartedProbe(try live.enter { try foreign.execute(spec.process ?? ProcessSpec(), stdio: stdio) })
        }
        var inputs = PlanInputs()
        inputs.seccomp = try spec.linux?.seccomp.map { try filter($0) }
        let group = live.group.joined()
        inputs.awaitsGroups = group.needsAttachment
        let first = ProcessIdentity(pid: live.process.pid, start: live.process.start)
        let tracers = TracerNote(in: configuration.directory.container(live.name), of: first)
        inputs.hasTracers = try tracers.hasTracers(beside: spec, of: live.spec)
        try inputs.observeOurselves()
        let plan = try ContainerPlan(exec: spec, inputs)
        let null = try OwnedDescriptor.null()
        var surroundings = Container.ExecSurroundings(
            container: live.pidfd.rawValue,
            stdio: (null.rawValue, null.rawValue, null.rawValue)
        )
        surroundings.group = group
        return StartedProbe(try live.enter { try Container.execute(plan, in: surroundings) })
    }
}
