import ComposeModel
import ContainerNetwork
import ContainerRuntime
import FoundationEssentials
import ImageStore
import LinuxSystem
import OCISpec
import Synchronization

extension Machine {
    // Making

    /// Makes a container, in the place of one of its name; its own volumes stay.
    func create(_ state: ContainerState) throws {
        let directory = configuration.directory
        let definition = try definition(state.definition.digest)
        let image = try image(of: definition)
        let blueprint = Blueprint(definition.service, image: image.configuration.config)
        guard !blueprint.arguments.isEmpty else {
            throw ExecutionError(
                "\(state.name): neither the service nor its image says what to run",
                at: "services.\(state.service)",
                hint: "give it a command"
            )
        }
        if state.number == 1 { for sentence in try advice(definition) { configuration.report(.warning(sentence)) } }
        let former = try directory.record(of: state.name)
        var record = ContainerRecord(
            id: Self.newID(),
            definition: definition.digest,
            image: definition.project.imageName(of: definition.service),
            command: blueprint.arguments,
            created: configuration.clock()
        )
        let keepsVolumes = state.renewsVolumes != true
        record.anonymousVolumes = keepsVolumes ? former?.anonymousVolumes ?? [:] : [:]
        record.labels = labels(of: definition)
        record.isUnattached = definition.service.isAttached ? nil : true
        let mounts = try mounts(definition, blueprint, record, name: state.name, isStarting: false)
        try ensureVolumes(mounts.anonymousVolumes, of: definition.service)
        record.anonymousVolumes = mounts.anonymousVolumes
        record.ports = try assignPorts(to: state, definition.service, blueprint, image, former: former?.ports ?? [])
        if state.isOneOff {
            record.isRemovedAtEnd = definition.project.services.first?.labels[Self.removalLabel] == "true"
        }
        // In this order a crash leaves no layer that no record names.
        if let former { try ContainerLayer(id: former.id, in: images).remove() }
        try directory.write(record, of: state.name)
        shared.withLock { $0.records[state.name] = record }
        try ContainerLayer(id: record.id, in: images).make(for: image.rootFilesystem)
        if let former, !keepsVolumes { for volume in former.anonymousVolumes.values { try volumes.remove(volume) } }
    }

    /// Marks a definition whose containers are removed when they end: `roost run --rm`.
    package static let removalLabel = "io.roost.run.remove"
    /// Marks a definition whose containers answer to their service's names: `roost run --use-aliases`.
    package static let aliasesLabel = "io.roost.run.aliases"

    static func newID() -> String {
        (0..<4).map { _ in
            let digits = String(UInt64.random(in: .min ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        .joined()
    }

    // Starting

    /// Starts a container; returns what went wrong with the commands that run right after, when something did.
    func start(_ state: ContainerState) async throws -> String? {
        let preStart = try await preStart(state)
        defer { endPreStart(preStart, of: state.service) }
        let prepared = try await blocking { try self.launchInTurn(state) }
        let live = prepared.container
        if let opened = prepared.resolver {
            // Its first questions wait there already.
            try await resolver.serve(state.name, view(of: live.definition), over: opened)
        }
        try watch(live)
        let hooks = live.definition.service.postStart
        return hooks.isEmpty || state.isOneOff ? nil : await run(hooks, "post_start", in: live)
    }

    /// What a launch hands over.
    final class Launch: Sendable {
        let container: LiveContainer
        let resolver: OpenedResolver?

        init(_ container: LiveContainer, resolver: OpenedResolver?) {
            self.container = container
            self.resolver = resolver
        }
    }

    /// Launches a container; those with volumes that are filesystems one after the other, as each has to find the
    /// filesystem of the one before.
    private func launchInTurn(_ state: ContainerState) throws -> Launch {
        let definition = try definition(record(of: state.name).definition)
        let waits = definition.project.volumes.contains { !$0.driverOptions.isEmpty }
        func launch() throws -> Launch {
            let launch = try self.launch(state)
            shared.withLock { $0.live[state.name] = launch.container }
            return launch
        }
        return waits ? try filesystemTurn.withLock { _ in try launch() } : try launch()
    }

    /// Launches a container; `log` is the id whose log has its output, when that is not its own.
    func launch(_ state: ContainerState, logging log: String? = nil) throws -> Launch {
        let directory = configuration.directory
        let record = try record(of: state.name)
        let definition = try definition(record.definition)
        let service = definition.service
        let image = try image(of: definition)
        let blueprint = Blueprint(service, image: image.configuration.config)
        let layer = try ContainerLayer(id: record.id, in: images)
        try layer.make(for: image.rootFilesystem)
        let place = try networkPlace(of: state, definition)
        let hostname = try hostname(service, id: record.id, place)
        let names = try nameFiles(hostname: hostname, definition, place)
        let areWritten = try layer.write(names, in: "etc", of: image.rootFilesystem)
        let root = try layer.makeRoot(of: image.rootFilesystem, sharing: try mask(of: image.rootFilesystem))
        if !areWritten { for file in names { try root.writeFile(file.name, in: "/etc", file.bytes) } }
        let user = try UserDatabase(root: root).resolve(blueprint.user, adding: blueprint.groups)
        let namespace = try place.plan.map { try host().makeNamespace($0) }
        let opened: OpenedResolver? =
            switch namespace {
            case .some(let descriptor): try OpenedResolver(in: descriptor.rawValue)
            case .none: nil
            }
        let mounts = try prepareMounts(definition, blueprint, record, state, root)
        let prepared = try preparedMounts(of: mounts, definition, layer)

        var request = ContainerSpec(
            service: service,
            blueprint: blueprint,
            hostname: hostname,
            domainName: place.domainName(service),
            user: user,
            mounts: mounts.mounts
        )
        request.descriptorLimit = configuration.descriptorLimit
        request.sysctls = place.sysctls
        request.sharing = try sharing(of: definition, network: place.sharing)
        let program = try ForeignRuntime.program(of: service.runtime, service: service.name)
        let foreign = program.map { ForeignRuntime(program: $0, container: record, roots: configuration.roots) }
        let spec = ForeignRuntime.marking(try request.runtimeSpec(), foreign)
        let path = groupPath(state.name, service)
        let above = service.cgroupParent == nil ? [] : ContainerCgroup(path, in: hierarchies).group.missingParents
        let group = try ContainerCgroup.make(
            path,
            in: hierarchies,
            resources: spec.linux?.resources,
            devices: service.isPrivileged ? nil : spec.linux?.resources?.devices.map { try DeviceProgram($0) },
            sharing: devicePrograms
        )
        if !above.isEmpty { try Cgroup.markOwn(above) }
        let asksForSwap = service.resources.memorySwapLimitBytes != nil
        for sentence in group.unenforced where asksForSwap || !sentence.contains("memory.swap") {
            configuration.report(.warning("\(state.name): \(sentence)"))
        }
        var inputs = PlanInputs()
        inputs.seccomp = try spec.linux?.seccomp.map { try filter($0) }
        inputs.lendsNetwork = namespace != nil
        inputs.awaitsGroups = group.needsAttachment
        inputs.hasForeignLimits = service.cgroupParent != nil
        inputs.hasInit = service.usesInit == true
        inputs.prepared = prepared.kinds
        if foreign == nil { try inputs.observe(for: spec) }
        let plan = try foreign == nil ? ContainerPlan(spec, inputs) : nil
        for sentence in plan?.unenforced ?? [] { configuration.report(.warning("\(state.name): \(sentence)")) }

        let outputs = try configuration.outputs.open(
            OutputRequest(
                container: state.name,
                id: log ?? record.id,
                userID: user.user.uid,
                groupID: user.user.gid,
                hasTerminal: service.hasTerminal,
                keepsInputOpen: service.keepsInputOpen,
                logging: service.logging
            )
        )
        if let foreign {
            var request = ForeignRuntime.Request(
                spec: spec,
                group: path,
                mounts: prepared,
                root: root.descriptor.rawValue,
                stdio: (outputs.input.rawValue, outputs.output.rawValue, outputs.error.rawValue)
            )
            request.directory = group.group.unifiedDirectory
            switch namespace {
            case .some(let descriptor): request.network = descriptor.rawValue
            case .none: break
            }
            let known = try launch(request, by: foreign, state, definition, group, place.attachments)
            let live = LiveContainer(
                state,
                definition: definition,
                blueprint: blueprint,
                spec: spec,
                process: known.process,
                pidfd: try known.descriptor.duplicate(),
                group: group
            )
            return Launch(live, resolver: opened)
        }
        guard let plan else { throw ExecutionError("\(state.name): there is no plan") }
        var surroundings = Container.Surroundings(
            root: root,
            stdio: (outputs.input.rawValue, outputs.output.rawValue, outputs.error.rawValue)
        )
        switch namespace {
        case .some(let descriptor): surroundings.network = descriptor.rawValue
        case .none: break
        }
        surroundings.group = group
        surroundings.mounts = prepared.numbers
        let terminal = try DescriptorSocket.make()
        if service.hasTerminal { surroundings.terminal = terminal.sending }
        var options = LaunchedProcess.Options()
        options.isSibling = configuration.hasKeeper
        let process = try Container.start(plan, in: surroundings, options: options)
        withExtendedLifetime(prepared) {}
        if service.hasTerminal { try configuration.outputs.attach(terminal: terminal.receive(), of: state.name) }
        var known = ProcessRecord(
            pid: process.pid,
            start: startTime(of: process.pid),
            groups: [path]
        )
        known.attachments = place.attachments
        // The process last: whoever finds it knows that all of the start is done.
        try directory.write(FilterChoice.replacingFilter(of: spec, service), of: state.name)
        try directory.write(known, of: state.name)
        let live = LiveContainer(
            state,
            definition: definition,
            blueprint: blueprint,
            spec: spec,
            process: known,
            pidfd: try process.descriptor.duplicate(),
            group: group
        )
        return Launch(live, resolver: opened)
    }

    /// When a process was started that was just started, and may have ended and been reaped since.
    private func startTime(of pid: Int32) -> UInt64 {
        if let identity = ProcessIdentity(of: pid) { return identity.start }
        // The keeper writes before it reaps; of several records with this number the last is the one.
        return configuration.directory.exits().filter { $0.pid == pid }.map(\.start).max() ?? 0
    }

    private func mask(of root: RootFilesystem) throws -> MaskMount? {
        guard let mask = root.mask else { return nil }
        return try shared.withLock { shared in
            if let known = shared.masks[mask] { return known }
            let mount = try MaskMount(of: mask)
            shared.masks[mask] = mount
            return mount
        }
    }

    /// The compiled filter; the same for all containers with the same wishes.
    func filter(_ spec: SeccompSpec) throws -> SeccompProgram {
        if let known = shared.withLock({ $0.filters[spec] }) { return known }
        let compiled = try configuration.roots.filters.program(spec)
        shared.withLock { $0.filters[spec] = compiled }
        return compiled
    }

    private func prepareMounts(
        _ definition: ServiceDefinition,
        _ blueprint: Blueprint,
        _ record: ContainerRecord,
        _ state: ContainerState,
        _ root: borrowing DetachedMount
    ) throws -> ContainerMounts {
        let mounts = try mounts(definition, blueprint, record, name: state.name, isStarting: true)
        if mounts.anonymousVolumes != record.anonymousVolumes {
            // Those that waited for the mounts of others to be known.
            var record = record
            record.anonymousVolumes = mounts.anonymousVolumes
            try ensureVolumes(mounts.anonymousVolumes, of: definition.service)
            try configuration.directory.write(record, of: state.name)
            shared.withLock { [record] in $0.records[state.name] = record }
        }
        for mount in definition.service.mounts {
            guard case .bind(let source, let options) = mount.kind, !options.createsHostPath, !fileExists(source) else {
                continue
            }
            throw ExecutionError(
                "\(state.name): there is no \(source) to mount on \(mount.target)",
                at: "services.\(state.service).volumes",
                hint: "make it, or have it made with create_host_path: true"
            )
        }
        for path in mounts.hostDirectories where !fileExists(path) { try makeDirectories(path, mode: 0o755) }
        for seed in mounts.seeds { try volumes.seed(seed.volume, from: root, path: seed.target) }
        for file in mounts.files {
            let bytes: [UInt8]
            switch file.source {
            case .content(let text): bytes = Array(text.utf8)
            case .file(let path): bytes = try readBytes(path, limit: 64 << 20)
            }
            try writeOwnedFile(file.target, bytes, owner: file.userID, group: file.groupID, mode: file.mode)
        }
        return mounts
    }

    /// Namespaces of other containers are those of their processes.
    private func sharing(
        of definition: ServiceDefinition,
        network: StandardOptions.Sharing
    ) throws -> ContainerSpec.NamespaceSharing {
        var result = ContainerSpec.NamespaceSharing()
        let service = definition.service
        result.network = network
        func path(_ owner: Owner, _ kind: String) throws -> StandardOptions.Sharing {
            .joined(path: "/proc/\(try companion(owner).process.pid)/ns/\(kind)")
        }
        switch service.ipcMode {
        case .private, .shareable, .none: break
        case .host: result.ipc = .host
        case .service(let name): result.ipc = try path(.service(name), "ipc")
        case .container(let name): result.ipc = try path(.container(name), "ipc")
        }
        switch service.pidMode {
        case .own: break
        case .host: result.pid = .host
        case .service(let name): result.pid = try path(.service(name), "pid")
        case .container(let name): result.pid = try path(.container(name), "pid")
        }
        if service.utsMode == .host || (network == .host && service.hostname == nil) { result.uts = .host }
        if service.cgroupMode == .host { result.cgroup = .host }
        return result
    }

    // Ending
}
