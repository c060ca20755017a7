import FoundationEssentials
import Glibc
import LinuxSystem
import OCISpec

/// Runs hooks, one after the other: OCI Runtime Specification, "POSIX-platform Hooks".
struct HookRun {
    /// Where a hook's program lies and runs.
    enum Place {
        /// Among the host's files and namespaces.
        case host
        /// In the namespaces of a process, by its pidfd, with whatever files its mount namespace has.
        case namespaces(Int32, RuntimeSpec)
        /// In a container, by a pidfd, with the rights of the configuration's process.
        ///
        /// There may be programs in it that may trace others.
        case container(Int32, RuntimeSpec, hasTracers: Bool)
    }

    /// What the hooks are, for errors: `createRuntime`.
    let name: String
    let state: RuntimeState
    let place: Place

    /// The most of a hook's error output that a message shows.
    private static let shown = 1024

    /// Runs all of them, whatever becomes of the others; returns what went wrong.
    func runAll(_ hooks: [HooksSpec.Hook]?) -> [ContainerError] {
        var failures: [ContainerError] = []
        for (index, hook) in (hooks ?? []).enumerated() {
            do { try run(hook, "hooks.\(name)[\(index)]") } catch { failures.append(error) }
        }
        return failures
    }

    /// Runs all of them; throws at the first that fails, or takes longer than its timeout.
    func run(_ hooks: [HooksSpec.Hook]?) throws(ContainerError) {
        for (index, hook) in (hooks ?? []).enumerated() { try run(hook, "hooks.\(name)[\(index)]") }
    }

    private func run(_ hook: HooksSpec.Hook, _ origin: String) throws(ContainerError) {
        guard hook.path.hasPrefix("/") else { throw .invalid("\(origin).path", "'\(hook.path)' is not absolute") }
        if let timeout = hook.timeout, timeout <= 0 || timeout > Int(Int32.max) / 1000 {
            throw .invalid("\(origin).timeout", "\(timeout) is not a number of seconds above 0")
        }
        do {
            // Files in memory, not pipes: nobody has to wait for a hook that doesn't read, or writes much.
            let input = try OwnedDescriptor.memory("hook-input")
            let output = try OwnedDescriptor.memory("hook-output")
            try input.writeAll(Array(try JSONEncoder().encode(state)), subject: "hook-input")
            lseek(input.rawValue, 0, SEEK_SET)
            let process = try start(hook, input.rawValue, output.rawValue)
            guard waitReadable([process.descriptor.rawValue], milliseconds: Int32((hook.timeout ?? -1) * 1000))[0]
            else {
                // What it has started goes with it, unless that has made a session of its own. Nobody has taken its status,
                // so the number is still its own; it may just have ended.
                Glibc.kill(-process.pid, SIGKILL)
                _ = try process.waitForExit()
                throw ContainerError.invalid(origin, "\(hook.path) took longer than its \(hook.timeout ?? 0) seconds")
            }
            let status = try process.waitForExit()
            guard status == .exited(0) else {
                let said = HookRun.text(of: output)
                throw ContainerError.invalid(
                    origin,
                    "\(hook.path) ended with status \(status.shellStatus)" + (said.isEmpty ? "" : ": \(said)")
                )
            }
        } catch let error as ContainerError {
            throw error
        } catch {
            throw ContainerError(code: .kernel, message: "\(origin): \(hook.path): \(error)", cause: error)
        }
    }

    private func start(_ hook: HooksSpec.Hook, _ input: Int32, _ output: Int32) throws -> LaunchedProcess {
        let arguments = [hook.path] + (hook.args ?? []).dropFirst()
        if case .container(let pidfd, var spec, let hasTracers) = place {
            let own = spec.process
            spec.process = ProcessSpec(cwd: own?.cwd ?? "/", args: arguments, env: hook.env ?? [])
            spec.process?.user = own?.user
            spec.process?.capabilities = own?.capabilities
            spec.process?.noNewPrivileges = own?.noNewPrivileges
            var inputs = PlanInputs()
            inputs.hasTracers = hasTracers
            try inputs.observeOurselves()
            let surroundings = Container.ExecSurroundings(container: pidfd, stdio: (input, output, output))
            return try Container.execute(ContainerPlan(exec: spec, inputs), in: surroundings)
        }
        var plan = LaunchPlan(namespaces: [])
        var descriptors: [LaunchSlot: Int32] = [:]
        var options = LaunchedProcess.Options()
        if case .namespaces(let pidfd, let spec) = place {
            let slot = plan.makeSlot("container")
            descriptors[slot] = pidfd
            let kinds = try NamespacePlan(spec.linux?.namespaces ?? []).all
            if kinds.contains(.user) {
                plan.append(.join(slot, kinds.subtracting(.cgroup)))
                plan.append(.hide)
                plan.append(.fork([]))
                plan.append(.setCredentials((spec.linux ?? LinuxSpec()).namespaceRoot))
            } else {
                options.pidNamespace = pidfd
                plan.append(.join(slot, [.mount, .network, .ipc, .uts]))
            }
            // Who is root in a user namespace alone may not be let in there.
            if !kinds.contains(.user) { plan.append(.changeDirectory(state.bundle)) }
        } else if fileExists(state.bundle) {
            // It may be gone by the end.
            plan.append(.changeDirectory(state.bundle))
        }
        plan.append(.makeSession)
        for (number, descriptor) in [input, output, output].enumerated() {
            let slot = plan.makeSlot("descriptor-\(number)")
            descriptors[slot] = descriptor
            plan.append(.duplicate(slot, as: UInt32(number)))
        }
        plan.append(.closeDescriptors(from: 3))
        plan.append(
            .execute(
                candidates: [hook.path],
                arguments: [hook.args?.first ?? hook.path] + arguments.dropFirst(),
                // On the host one without variables has ours, as with other runtimes.
                environment: hook.env ?? HookRun.ownVariables
            )
        )
        let process = try LaunchedProcess.start(plan, descriptors: descriptors, options: options)
        do { try process.awaitExecution() } catch {
            _ = try process.waitForExit()
            throw error
        }
        return process
    }

    /// The variables of this process: environ(7).
    private static var ownVariables: [String] {
        var variables: [String] = []
        var next = environ
        while let variable = next.pointee {
            variables.append(String(cString: variable))
            next += 1
        }
        return variables
    }

    private static func text(of output: borrowing OwnedDescriptor) -> String {
        var buffer = [UInt8](repeating: 0, count: shown)
        let count = pread(output.rawValue, &buffer, buffer.count, 0)
        let text = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).joined(separator: "; ")
    }
}
