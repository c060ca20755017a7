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
            case "GET /events":
                watchers.removeAll { !$0.isOpen }
                watchers.append(reply)
                reply.send(.watching)
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

    static func project(_ tree: String, _ request: UpRequest) throws -> ProjectRequest {
        ProjectRequest(
            tree: try JSONReader.read(SourceFile(name: "the project", bytes: Array(tree.utf8))),
            directory: request.directory,
            knownServices: request.knownServices,
            files: request.files
        )
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
        _ then: @escaping @Sendable (Supervisor, ProjectWish) -> Void
    ) {
        preparing += 1
        let state = reconciler.state
        Task { [machine, inbox] in
            do {
                let wish = try await machine.prepare(project, state)
                inbox.yield(.prepared(Prepared(reply: reply, command: { then($0, wish) }, failure: nil)))
            } catch {
                inbox.yield(.prepared(Prepared(reply: reply, command: { _ in }, failure: ExecutionError(error))))
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
            for target in targets { _ = try machine.signal(target.name, 9) }
            return
        }
        for target in targets {
            _ = try machine.signal(target.name, request.signal)
            reply.send(.progress(Progress(.container, target.name, "Killed", .done)))
        }
        reply.send(.result(CommandResult()))
        reply.finish()
    }

    func run(_ request: RunRequest, _ reply: ControlReply) throws {
        let alone = try Self.project(request.tree, request.up)
        let project = try Self.project(request.up.tree, request.up)
        prepare(project, reply) { supervisor, wish in
            supervisor.prepare(alone, reply) { supervisor, own in
                guard let definition = own.services.first?.definition else { return }
                supervisor.describe(request.up)
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
}
