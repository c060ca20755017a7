import ComposeModel
import FoundationEssentials
import LinuxSystem
import NIOHTTP1
import Orchestrator
import YAMLComposer

/// What is done about each command.
extension Supervisor {
    func begin(_ route: String, _ body: [UInt8], _ reply: ControlReply) {
        do {
            switch route {
            case "POST /up": try up(Self.decode(UpRequest.self, body), reply)
            case "POST /run": try run(Self.decode(RunRequest.self, body), reply)
            case "POST /down", "POST /stop", "POST /start", "POST /restart", "POST /rm":
                change(String(route.dropFirst(6)), try Self.decode(ServicesRequest.self, body), reply)
            case "POST /kill": try kill(Self.decode(ServicesRequest.self, body), reply)
            case "POST /pause", "POST /unpause":
                hold(route == "POST /pause", try Self.decode(ServicesRequest.self, body), reply)
            case "GET /events", "GET /events/all":
                watchers.removeAll { !$0.isOpen }
                watchers.append(reply)
                reply.send(.watching)
                if route == "GET /events/all" { for event in past { reply.send(.event(event)) } }
            default: reply.refuse(.notFound)
            }
        } catch { fail(reply, ExecutionError("the request can't be read: \(error)")) }
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ body: [UInt8]) throws -> Value {
        try JSONDecoder().decode(type, from: Data(body))
    }

    func up(_ request: UpRequest, _ reply: ControlReply) throws {
        let project = try Self.project(request.tree, request)
        prepare(project, reply) { supervisor, wish in
            supervisor.describe(request)
            supervisor.reconciler.limit = request.options.stepLimit
            supervisor.release { container in wish.services.contains { $0.name == container.service } }
            supervisor.command(reply, request) { state, result in
                result.orphans = state.up(wish, request.options)
                let services = Set(wish.services.map(\.name))
                for container in state.containers
                where container.isRunning && container.goal == .keep && services.contains(container.service) {
                    reply.send(.progress(Progress(.container, container.name, "Running", .done)))
                }
            }
        }
    }

    static func project(
        _ tree: String,
        _ request: UpRequest,
        reservesPorts: Bool = true
    ) throws -> ProjectRequest {
        var project = ProjectRequest(
            tree: try JSONReader.read(SourceFile(name: "the project", bytes: Array(tree.utf8))),
            directory: request.directory,
            knownServices: request.knownServices,
            files: request.files
        )
        project.reservesPorts = reservesPorts
        return project
    }

    func describe(_ request: UpRequest) {
        attempt {
            // A command about some services only need not know of all providers.
            let known = try directory.description()?.providers
            let providers =
                (request.providers ?? [])
                + (known ?? []).filter { former in
                    request.providers?.contains { $0.service == former.service } != true
                }
            try directory.write(
                .init(
                    directory: request.directory,
                    files: request.files,
                    providers: providers.isEmpty ? nil : providers
                )
            )
        }
    }

    func prepare(
        _ project: ProjectRequest,
        _ reply: ControlReply,
        container: String? = nil,
        _ then: @escaping @Sendable (Supervisor, ProjectWish) -> Void
    ) {
        preparing += 1
        let state = reconciler.state
        Task { [machine, inbox] in
            do {
                let wish = try await machine.prepare(project, state)
                inbox.yield(
                    .prepared(Prepared(reply: reply, command: { then($0, wish) }, failure: nil, container: container))
                )
            } catch {
                let failure = ExecutionError(error)
                inbox.yield(
                    .prepared(Prepared(reply: reply, command: { _ in }, failure: failure, container: container))
                )
            }
        }
    }

    func command(
        _ reply: ControlReply,
        _ request: UpRequest,
        container: String? = nil,
        _ change: (inout ProjectState, inout CommandResult) -> Void
    ) {
        let awaited = request.awaited.map { Reconciler.Awaited.readiness(services: $0) } ?? .steps
        command(reply, awaited, timeout: request.waitTimeout, container: container, change)
    }

    func command(
        _ reply: ControlReply,
        _ awaited: Reconciler.Awaited = .steps,
        timeout: Int? = nil,
        container: String? = nil,
        _ change: (inout ProjectState, inout CommandResult) -> Void
    ) {
        var entry = OpenRequest(reply: reply, container: container)
        let now = clock()
        let (id, actions) = reconciler.request(
            awaiting: awaited,
            deadline: timeout.map { now + .seconds($0) },
            now: now
        ) { change(&$0, &entry.result) }
        open[id] = entry
        perform(actions)
        settleRuns()
    }

    func change(_ verb: String, _ request: ServicesRequest, _ reply: ControlReply) {
        let services = request.services
        let awaited: Reconciler.Awaited
        if request.awaitsReadiness {
            let all = Set(reconciler.state.containers.map(\.service))
            awaited = .readiness(services: services.isEmpty ? all : services)
        } else {
            awaited = .steps
        }
        reconciler.limit = request.stepLimit
        if verb == "start" { release { services.isEmpty || services.contains($0.service) } }
        command(reply, awaited, timeout: request.waitTimeout) { state, _ in
            switch verb {
            case "down":
                state.down(
                    services: services,
                    removesVolumes: request.removesVolumes,
                    stopTimeout: request.timeout
                )
            case "stop": state.stop(services: services, stopTimeout: request.timeout)
            case "start": state.start(services: services)
            case "restart":
                state.restart(
                    services: services,
                    withDependents: request.withDependents,
                    stopTimeout: request.timeout
                )
            default: state.removeStopped(services: services, removesVolumes: request.removesVolumes)
            }
        }
        guard let timeout = request.timeout else { return }
        for container in reconciler.state.containers where container.isRunning && container.stopTimeout == timeout {
            machine.hasten(container.name, timeout: timeout)
        }
    }

    /// A signal that ends a container is a wish to have it ended; any other one is only passed on.
    func kill(_ request: ServicesRequest, _ reply: ControlReply) throws {
        let targets = reconciler.state.containers.filter {
            $0.isRunning && (request.services.isEmpty || request.services.contains($0.service))
        }
        guard request.signal != 9 else {
            command(reply) { state, _ in state.stop(services: request.services, stopTimeout: 0) }
            // At once, also for those that have been given time to end.
            for target in targets {
                announce(.killed, target) { $0.code = 9 }
                _ = try machine.signal(target.name, 9)
            }
            return
        }
        for target in targets {
            announce(.killed, target) { $0.code = request.signal }
            _ = try machine.signal(target.name, request.signal)
            reply.send(.progress(Progress(.container, target.name, "Killed", .done)))
        }
        reply.send(.result(CommandResult()))
        reply.finish()
    }

    /// Holds containers still, or lets them go on.
    func hold(_ isHeld: Bool, _ request: ServicesRequest, _ reply: ControlReply) {
        let targets = reconciler.state.containers.filter { container in
            container.isRunning && container.isPaused != isHeld && !container.isOneOff
                && (request.services.isEmpty || request.services.contains(container.service))
        }
        preparing += 1
        Task { [machine, inbox] in
            var done: [ContainerState] = []
            var failures: [CommandFailure] = []
            for target in targets {
                do {
                    try await machine.setHeld(target.name, isHeld)
                    done.append(target)
                } catch { failures.append(CommandFailure("\(target.name): \(error)")) }
            }
            let (held, problems) = (done, failures)
            let prepared = Prepared(
                reply: reply,
                command: { supervisor in
                    supervisor.command(reply) { state, result in
                        state.note(held: Set(held.map(\.name)), isHeld)
                        result.failures = problems
                        for container in held {
                            let word = isHeld ? "Paused" : "Unpaused"
                            reply.send(.progress(Progress(.container, container.name, word, .done)))
                        }
                    }
                    for container in held { supervisor.announce(isHeld ? .paused : .unpaused, container) }
                },
                failure: nil
            )
            inbox.yield(.prepared(prepared))
        }
    }

    /// Has containers that are held still go on, since a command wants them to run.
    func release(_ isWanted: (ContainerState) -> Bool) {
        let held = reconciler.state.containers.filter { $0.isPaused && isWanted($0) }
        guard !held.isEmpty else { return }
        perform(reconciler.request(now: clock()) { $0.note(held: Set(held.map(\.name)), false) }.actions)
        for container in held {
            announce(.unpaused, container)
            Task { [machine, inbox] in
                do { try await machine.setHeld(container.name, false) } catch {
                    inbox.yield(.machine(.warning("\(container.name) is still paused: \(error)")))
                }
            }
        }
    }

    func run(_ request: RunRequest, _ reply: ControlReply) throws {
        if reconciler.state[container: request.container] != nil { return awaitRun(request, reply) }
        guard !request.isBegun else {
            return fail(
                reply,
                ExecutionError(
                    "\(request.container) is gone, and nobody has seen how its command ended",
                    hint: "its supervisor was killed; what the container wrote has been shown"
                )
            )
        }
        let alone = try Self.project(request.tree, request.up, reservesPorts: false)
        let project = try Self.project(request.up.tree, request.up)
        prepare(project, reply, container: request.container) { supervisor, wish in
            supervisor.prepare(alone, reply, container: request.container) { supervisor, own in
                guard let definition = own.services.first?.definition else { return }
                supervisor.describe(request.up)
                supervisor.reconciler.limit = request.up.options.stepLimit
                let awaiting = request.hasDescriptors ? request.container : nil
                supervisor.command(reply, request.up, container: awaiting) { state, _ in
                    _ = state.up(wish, request.up.options)
                    for (name, digest) in own.networks where !state.networks.contains(where: { $0.name == name }) {
                        state.networks.append(.init(name: name, wanted: digest))
                    }
                    for (name, digest) in own.volumes where !state.volumes.contains(where: { $0.name == name }) {
                        state.volumes.append(.init(name: name, wanted: digest))
                    }
                    var once = definition
                    once.restart = .never
                    state.containers.append(
                        ContainerState(
                            name: request.container,
                            service: request.service,
                            number: 0,
                            definition: once,
                            goal: .start
                        )
                    )
                }
            }
        }
    }

    /// The container is there already: the supervisor that was asked for it first has died.
    private func awaitRun(_ request: RunRequest, _ reply: ControlReply) {
        expected.remove(request.container)
        if let failure = reconciler.state[container: request.container]?.failure {
            removeAtEnd(request.container)
            return fail(reply, ExecutionError("\(request.container): \(failure)"))
        }
        var entry = OpenRequest(reply: reply)
        entry.container = request.hasDescriptors ? request.container : nil
        let (id, actions) = reconciler.request(now: clock()) { _ in }
        open[id] = entry
        perform(actions)
        settleRuns()
    }
}
