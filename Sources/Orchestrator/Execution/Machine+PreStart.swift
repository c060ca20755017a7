import ComposeModel
import ContainerNetwork
import ContainerRuntime
import ImageStore
import LinuxSystem
import OCISpec
import Synchronization
import YAMLComposer

/// Commands that run to their end before the first container of a service starts, each in a container of its own.
///
/// That container has the networks and volumes of the one that is to start, and writes into its log. Nothing but its
/// control group and its directory tells of it, both named after the one that is to start, so whoever comes after a
/// crash finds them.
extension Machine {
    /// The commands of one service, under way or done; containers that start at the same time wait for them.
    final class PreStart: Sendable {
        let done = Gate()
        let failure = Mutex<String?>(nil)
    }

    /// Runs what `pre_start` says, unless another container of the service runs already or sees to it.
    ///
    /// Returns what the caller has to end with `endPreStart` once its container runs or won't; nil for nothing.
    func preStart(_ state: ContainerState) async throws -> PreStart? {
        // A start by policy is none of a service that has not run.
        guard !state.isOneOff, state.goal != .keep else { return nil }
        let known = shared.withLock { shared in
            shared.records[state.name].flatMap { shared.definitions[$0.definition] }
        }
        // Nearly always nothing is asked for, and nobody need be asked.
        if let known, known.service.preStart.isEmpty { return nil }
        let definition = try await blocking { try self.definition(self.record(of: state.name).definition) }
        guard !definition.service.preStart.isEmpty else { return nil }
        let own = PreStart()
        let turn = shared.withLock { shared -> PreStart? in
            if shared.live.values.contains(where: { $0.service == state.service && !$0.isOneOff }) { return nil }
            if let other = shared.preStarts[state.service] { return other }
            shared.preStarts[state.service] = own
            return own
        }
        guard let turn else { return nil }
        guard turn === own else {
            await turn.done.wait()
            if let failure = turn.failure.withLock({ $0 }) { throw ExecutionError(failure) }
            return nil
        }
        do {
            try await runPreStart(of: state, definition)
            own.done.open()
            return own
        } catch {
            own.failure.withLock { $0 = "\(error)" }
            endPreStart(own, of: state.service)
            throw error
        }
    }

    /// The next start of the service looks anew who runs.
    func endPreStart(_ turn: PreStart?, of service: String) {
        guard let turn else { return }
        shared.withLock { $0.preStarts[service] = nil }
        turn.done.open()
    }

    private func runPreStart(of state: ContainerState, _ definition: ServiceDefinition) async throws {
        for index in definition.service.preStart.indices {
            let name = Self.preStartName(state.name, index)
            try await blocking { try self.removePreStart(name, definition) }
            do {
                let status = try await runPreStart(index, name, of: state, definition)
                try await endPreStart(name, definition)
                guard status == 0 else {
                    throw ExecutionError(
                        "pre_start[\(index)] ended with status \(status)",
                        at: "services.\(state.service).pre_start[\(index)]"
                    )
                }
            } catch {
                try await endPreStart(name, definition)
                throw error
            }
        }
    }

    /// A name of which the state knows nothing, as that of a hidden file.
    private static func preStartName(_ container: String, _ index: Int) -> String { ".\(container)-pre-start-\(index)" }

    /// Makes and runs one; returns its status, 255 when nobody saw it.
    private func runPreStart(
        _ index: Int,
        _ name: String,
        of state: ContainerState,
        _ definition: ServiceDefinition
    ) async throws -> Int32 {
        let own = try await blocking { try self.makePreStart(index, name, of: state, definition) }
        let container = ContainerState(name: name, service: state.service, number: 0, definition: own, goal: .start)
        let launch = try await blocking { try self.launch(container, logging: self.record(of: state.name).id) }
        if let opened = launch.resolver {
            try await resolver.serve(name, view(of: launch.container.definition), over: opened)
        }
        let gate = Gate()
        try configuration.poller.watchOnce(launch.container.pidfd.rawValue) { gate.open() }
        await gate.wait()
        let process = launch.container.process
        let identity = ProcessIdentity(pid: process.pid, start: process.start)
        let exit = await exit(of: identity)
        configuration.directory.forgetExit(identity)
        return exit?.status ?? 255
    }

    private func makePreStart(
        _ index: Int,
        _ name: String,
        of state: ContainerState,
        _ definition: ServiceDefinition
    ) throws -> ContainerDefinition {
        let record = try record(of: state.name)
        let hook = definition.service.preStart[index]
        var imageID = definition.imageID
        if let text = hook.image {
            imageID = try images.resolve(ImageReference(text, projectDirectory: definition.project.directory)).id
        }
        guard let own = definition.alone(running: hook, imageID: imageID) else {
            throw ExecutionError("\(name) can't be described")
        }
        learn(own)
        let image = try image(of: own)
        let blueprint = Blueprint(own.service, image: image.configuration.config)
        guard !blueprint.arguments.isEmpty else {
            throw ExecutionError("pre_start[\(index)] of \(state.service): neither it nor its image says what to run")
        }
        var mine = ContainerRecord(
            id: Self.newID(),
            definition: own.digest,
            image: hook.image ?? record.image,
            command: blueprint.arguments,
            created: configuration.clock()
        )
        mine.anonymousVolumes = record.anonymousVolumes
        mine.labels = ["com.docker.compose.hook": "pre_start"]
        let directory = configuration.directory
        try directory.write(definition: own.text, digest: own.digest)
        try makeDirectories(directory.container(name))
        try directory.write(mine, of: name)
        shared.withLock { [mine] in $0.records[name] = mine }
        try ContainerLayer(id: mine.id, in: images).make(for: image.rootFilesystem)
        return ContainerDefinition(own, probe: false)
    }

    private func endPreStart(_ name: String, _ definition: ServiceDefinition) async throws {
        await resolver.stop(name)
        try await blocking { try self.removePreStart(name, definition) }
    }

    /// Ends and removes everything that there is of one; its processes first.
    private func removePreStart(_ name: String, _ definition: ServiceDefinition) throws {
        guard fileExists(configuration.directory.container(name)) else { return }
        let own = knownDefinition(of: name) ?? definition
        let group = ContainerCgroup(groupPath(name, own.service), in: hierarchies)
        forgetForeign(name)
        let failures = group.remove()
        configuration.outputs.finish(container: name)
        try leaveNetworks(name, own)
        if let failure = failures.first { throw ExecutionError("\(name): \(failure)") }
        if let process = try configuration.directory.process(of: name) {
            configuration.directory.forgetExit(ProcessIdentity(pid: process.pid, start: process.start))
        }
        // Its volumes are those of the container that is to start.
        if let record = try configuration.directory.record(of: name) {
            try ContainerLayer(id: record.id, in: images).remove()
        }
        shared.withLock { shared in
            shared.records[name] = nil
            shared.leases.release(container: name)
        }
        try configuration.directory.removeContainer(name)
    }

    /// Removes what a crash has left of those of a container.
    func removePreStart(of container: String, _ definition: ServiceDefinition) throws {
        for index in definition.service.preStart.indices {
            try removePreStart(Self.preStartName(container, index), definition)
        }
    }

    /// What the commands before a service's start run in has to be there before anything is made.
    func checkPreStart(of service: Service, in project: Project) throws {
        for (index, hook) in service.preStart.enumerated() {
            guard let image = hook.image else { continue }
            do { _ = try images.resolve(ImageReference(image, projectDirectory: project.directory)) } catch {
                throw ExecutionError(error, at: "services.\(service.name).pre_start[\(index)].image")
            }
        }
    }
}

extension ServiceDefinition {
    /// The same service, as it runs one command before its start.
    fileprivate func alone(running hook: Hook, imageID: String) -> ServiceDefinition? {
        let source = SourceFile(name: "definition \(digest.prefix(12))", bytes: Array(text.utf8))
        guard var tree = (try? JSONReader.read(source))?["project"] else { return nil }
        tree.edit("services") { services in services.edit(service.name) { $0.becomeAlone(running: hook) } }
        return ServiceDefinition(of: service.name, in: tree, directory: project.directory, imageID: imageID)
    }
}

extension YAMLNode {
    /// What a service has for its clients and its own life goes; what the command has of its own comes instead.
    fileprivate mutating func becomeAlone(running hook: Hook) {
        for key in [
            "ports", "expose", "healthcheck", "restart", "deploy", "scale", "container_name", "depends_on", "pre_start",
            "post_start", "pre_stop", "mac_address", "tty", "stdin_open", "command", "entrypoint",
        ] { remove(key) }
        if !hook.command.isEmpty {
            set("entrypoint", .sequence(hook.command.map { YAMLNode(.string($0), at: mark) }))
        }
        if let image = hook.image { set("image", .string(image)) }
        if let user = hook.user { set("user", .string(user.text)) }
        if let directory = hook.workingDirectory { set("working_dir", .string(directory)) }
        if hook.isPrivileged { set("privileged", .bool(true)) }
        if !hook.environment.isEmpty {
            setDefault("environment", .mapping(.init()))
            edit("environment") { variables in
                for (name, value) in hook.environment { variables.set(name, .string(value)) }
            }
        }
        edit("networks") { networks in
            networks.editEntries { _, network in
                for key in ["aliases", "ipv4_address", "ipv6_address", "mac_address"] { network.remove(key) }
            }
        }
    }
}
