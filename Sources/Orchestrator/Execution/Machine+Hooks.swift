import ComposeModel
import ContainerRuntime
import LinuxSystem

/// Commands that run in a container when it has started, and before it is stopped.
extension Machine {
    /// Runs hooks one after the other; returns what went wrong with the first that failed, which is also the last run.
    ///
    /// What they write goes where the container's own output goes. They end with the container at the latest.
    func run(_ hooks: [Hook], _ kind: String, in live: LiveContainer) async -> String? {
        for (index, hook) in hooks.enumerated() {
            let place = "\(live.name): \(kind)[\(index)]"
            do {
                let status = try await run(hook, in: live)
                if status == .exited(0) { continue }
                // Ended along with its container, by somebody who would not wait.
                if status == .signaled(9), await live.ended.wait(atMost: .seconds(2)) { return nil }
                return "\(place) ended with status \(status.shellStatus)"
            } catch {
                // A container that has just ended needs no word before its end.
                if kind == "pre_stop", await live.ended.wait(atMost: .seconds(2)) { return nil }
                return "\(place): \(error)"
            }
        }
        return nil
    }

    private final class StartedHook: Sendable {
        let process: LaunchedProcess
        init(_ process: consuming LaunchedProcess) { self.process = process }
    }

    private func run(_ hook: Hook, in live: LiveContainer) async throws -> ProcessStatus {
        let gate = Gate()
        let started = try await blocking { try self.start(hook, in: live) }
        try configuration.poller.watchOnce(started.process.descriptor.rawValue) { gate.open() }
        await gate.wait()
        return try await blocking { try started.process.waitForExit() }
    }

    private func start(_ hook: Hook, in live: LiveContainer) throws -> StartedHook {
        var entry = try ContainerEntry(configuration.directory, container: live.name, roots: configuration.roots)
        entry.command = hook.command
        entry.variables = hook.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        entry.user = hook.user?.text
        entry.workingDirectory = hook.workingDirectory
        entry.isPrivileged = hook.isPrivileged
        let null = try OwnedDescriptor.null()
        let output = try output("stdout", of: live.name)
        let error = try self.output("stderr", of: live.name)
        let stdio = (null.rawValue, output.rawValue, error.rawValue)
        return StartedHook(try live.enter { try entry.start(stdio: stdio).takeProcess() })
    }

    /// Where a container's output goes; nowhere when it has a terminal, or nobody keeps its output.
    private func output(_ stream: String, of container: String) throws -> OwnedDescriptor {
        let path = "\(configuration.directory.container(container))/\(stream)"
        return fileExists(path) ? try OutputPipe.open(path, blocks: true) : try .null()
    }
}
