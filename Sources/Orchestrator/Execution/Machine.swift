package import ComposeModel
import ContainerNetwork
import ContainerRuntime
import ImageStore
package import LinuxSystem
package import NIOCore
package import NIOPosix
import OCISpec
import Synchronization

/// Carries out the operations of plans on this machine: the only place where a project touches it.
///
/// It decides nothing about when; every operation may be done again after a crash.
package final class Machine: Sendable {
    /// What a machine is given.
    package struct Configuration: Sendable {
        /// The project's directory of state.
        package var directory: ProjectDirectory
        /// Where Roost keeps things.
        package var roots: StateRoots
        /// Threads for system calls that block.
        package var threads: NIOThreadPool
        /// Event loops for name servers and relays.
        package var loops: any EventLoopGroup
        /// Watches processes.
        package var poller: Poller
        /// Whether containers become children of our parent, the keeper.
        package var hasKeeper: Bool
        /// The wall clock.
        package var clock: @Sendable () -> WallTime
        /// Gives a container its outputs, and its terminal when it has one.
        package var outputs: any ContainerOutputs
        /// Takes what happens.
        package var report: @Sendable (MachineEvent) -> Void
        /// How many descriptors a container may have when its service does not say; nil for as many as we have.
        package var descriptorLimit: ResourceLimit?

        /// Everything that a machine needs.
        package init(
            directory: ProjectDirectory,
            roots: StateRoots,
            threads: NIOThreadPool,
            loops: any EventLoopGroup,
            poller: Poller,
            hasKeeper: Bool,
            clock: @escaping @Sendable () -> WallTime,
            outputs: any ContainerOutputs,
            report: @escaping @Sendable (MachineEvent) -> Void
        ) {
            self.directory = directory
            self.roots = roots
            self.threads = threads
            self.loops = loops
            self.poller = poller
            self.hasKeeper = hasKeeper
            self.clock = clock
            self.outputs = outputs
            self.report = report
        }
    }

    struct Shared {
        var definitions: [String: ServiceDefinition] = [:]
        var images: [String: Image] = [:]
        var filters: [SeccompSpec: SeccompProgram] = [:]
        var records: [String: ContainerRecord] = [:]
        var live: [String: LiveContainer] = [:]
        var leases = AddressLeases()
        var networks: [String: BridgeNetwork] = [:]
        /// Networks of others that containers of ours are on, or have been.
        var visited: [String: BridgeNetwork] = [:]
        var networkPlans: [String: NetworkPlan] = [:]
        var volumes: [String: VolumeRecord] = [:]
        /// The files that the project was loaded from; nil when nobody has said so yet.
        var files: [String]?
        var publisher = Publisher()
        /// Networks that are about to be removed.
        var departingNetworks: Set<String> = []
        /// Namespaces of ended containers, whose links go with the networks.
        var heldNamespaces: [HeldNamespace] = []
        /// Commands before the start of services, by service, until a container of it runs.
        var preStarts: [String: PreStart] = [:]
        /// What hides the host's secrets, made once.
        var masks: [RootMask: MaskMount] = [:]
    }

    let configuration: Configuration
    let images: ImageStore
    let volumes: VolumeStore
    let registry: NetworkRegistry
    let hierarchies: CgroupHierarchies
    let resolver: NameResolver
    let neighbours: NeighbourNames
    let devicePrograms = LoadedDevicePrograms()
    let shared = Mutex(Shared())
    /// Held while a container with a volume that is a filesystem starts.
    let filesystemTurn = Mutex(())
    /// Held while rules are replaced or a network is removed: whoever removes the last one has to know that it is.
    let networkTurn = Mutex(())
    /// Looks after the rules while ports are published.
    let guardian = Mutex<Task<Void, Never>?>(nil)
    private let hostNetwork = Mutex<HostNetwork?>(nil)

    /// A machine for one project.
    package init(_ configuration: Configuration) throws {
        self.configuration = configuration
        let layers = "\(configuration.roots.storage)/containers"
        try makeDirectories(layers, mode: 0o711)
        for directory in [layers, "\(configuration.directory.path)/containers"] { spreadSubdirectories(of: directory) }
        images = configuration.roots.images
        volumes = VolumeStore(in: images)
        registry = NetworkRegistry(directory: configuration.roots.runtime + "/networks")
        hierarchies = try CgroupHierarchies.ofHost()
        // Without a file there is nobody to ask, and names outside the project are not found.
        let text = (try? readFile("/etc/resolv.conf")) ?? ""
        neighbours = NeighbourNames(project: configuration.directory.project)
        resolver = NameResolver(
            on: configuration.loops,
            servers: ResolverConfiguration(parsing: text).servers,
            neighbours: neighbours
        )
    }

    /// The project's name.
    package var project: String { configuration.directory.project }

    /// Carries out one operation.
    package func perform(_ operation: Step.Operation, on state: ContainerState?) async -> Reconciler.Outcome {
        var flaw: String?
        do {
            switch operation {
            case .createNetwork(let name): try await blocking { try self.createNetwork(name) }
            case .removeNetwork(let name): try await blocking { try self.removeNetwork(name) }
            case .createVolume(let name): try await blocking { try self.createVolume(name) }
            case .removeVolume(let name): try await blocking { try self.volumes.remove(name) }
            case .create(let name), .recreate(let name):
                guard let state else { return .failed("\(name) is not known") }
                try await blocking { try self.create(state) }
            case .start(let name):
                guard let state else { return .failed("\(name) is not known") }
                flaw = try await start(state)
            case .stop(let name): flaw = await stop(name, timeout: state?.stopTimeout)
            case .clean(let name): try await clean(name)
            case .remove(let name):
                try await clean(name)
                try await blocking { try self.remove(name, withVolumes: state?.removesVolumes == true) }
            case .wait: break
            }
            // Nobody asked for a start by policy, so nobody's command fails.
            if let found = flaw, case .start = operation, state?.goal == .keep {
                configuration.report(.warning(found))
                flaw = nil
            }
            return .done(at: configuration.clock(), flaw: flaw)
        } catch {
            return .failed("\(error)", status: (error as? ContainerError)?.shellStatus)
        }
    }

    /// Runs what blocks on a thread of its own.
    func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await configuration.threads.runIfActive(body)
    }

    /// The host's network, opened when it is first needed.
    func host() throws -> HostNetwork {
        try hostNetwork.withLock { host in
            if let host { return host }
            let opened = try HostNetwork.open()
            host = opened
            return opened
        }
    }

    /// The definition stored under `digest`.
    func definition(_ digest: String) throws -> ServiceDefinition {
        if let known = shared.withLock({ $0.definitions[digest] }) { return known }
        let text = try configuration.directory.definition(digest)
        guard let definition = ServiceDefinition(text: text, digest: digest) else {
            throw ExecutionError(
                "the definition \(digest) can't be read",
                hint: "recreate the service with \"roost up\""
            )
        }
        learn(definition)
        return definition
    }

    /// Takes in what a definition says of networks and volumes.
    func learn(_ definition: ServiceDefinition) {
        shared.withLock { shared in
            shared.definitions[definition.digest] = definition
            for network in definition.project.networks where !network.isExternal {
                shared.networkPlans[network.name] = NetworkPlan(network, project: project)
            }
            for volume in definition.project.volumes {
                shared.volumes[volume.name] = VolumeRecord(volume, project: project)
            }
            // Labels that a service has for a volume count when it is made.
            for case .volume(let key?, let options) in definition.service.mounts.map(\.kind) {
                guard !options.labels.isEmpty, let name = definition.project.volume(key)?.name else { continue }
                shared.volumes[name]?.labels.merge(options.labels) { own, _ in own }
            }
        }
    }

    /// The image that a definition was made with.
    func image(of definition: ServiceDefinition) throws -> Image {
        if let known = shared.withLock({ $0.images[definition.imageID] }) { return known }
        let reference = try ImageReference(definition.imageID, projectDirectory: definition.project.directory)
        let image = try images.resolve(reference)
        shared.withLock { $0.images[definition.imageID] = image }
        return image
    }

    /// The record of a container.
    func record(of name: String) throws -> ContainerRecord {
        if let known = shared.withLock({ $0.records[name] }) { return known }
        guard let record = try configuration.directory.record(of: name) else {
            throw ExecutionError("\(name) has no record", hint: "recreate it with \"roost up --force-recreate\"")
        }
        shared.withLock { $0.records[name] = record }
        return record
    }

    /// The path of a container's control group in every hierarchy.
    func groupPath(_ name: String, _ service: Service?) -> String {
        guard let parent = service?.cgroupParent else { return "/roost/\(project)/\(name)" }
        return "\(Self.groupPath(below: parent))/roost-\(project)-\(name)"
    }

    /// The path of a group that a file names; `a-b.slice` alone lies in `a.slice`: systemd.slice(5).
    package static func groupPath(below parent: String) -> String {
        let parts = parent.split(separator: "/")
        guard parts.count == 1, parent.hasSuffix(".slice"), parent != "-.slice" else {
            return parts.map { "/\($0)" }.joined()
        }
        var name = ""
        return parts[0].dropLast(".slice".count).split(separator: "-").map { word in
            name += (name.isEmpty ? "" : "-") + word
            return "/\(name).slice"
        }
        .joined()
    }

    // Volumes

    private func createVolume(_ name: String) throws {
        guard let volume = shared.withLock({ $0.volumes[name] }) else {
            throw ExecutionError("volume \(name) is not defined")
        }
        _ = try volumes.ensure(volume)
    }
}

/// Who takes what containers write.
package protocol ContainerOutputs: Sendable {
    /// Makes ready for a container's start; its descriptors are for the container alone.
    func open(_ request: OutputRequest) throws -> OutputDescriptors
    /// Goes on taking what a container writes that an earlier supervisor has started.
    func resume(_ request: OutputRequest) throws
    /// Begins to take what the container writes to a terminal.
    func attach(terminal: consuming OwnedDescriptor, of container: String) throws
    /// The container has ended: takes what is left and lets go.
    func finish(container: String)
}

/// What a container's outputs have to be.
package struct OutputRequest: Sendable {
    /// The container.
    package var container: String
    /// Its id, which names the directory of its log.
    package var id: String
    /// Who it runs as, and may write to its outputs when it opens them anew.
    package var userID: UInt32
    /// The group it runs as.
    package var groupID: UInt32
    /// Whether it has a terminal, which is then all three.
    package var hasTerminal: Bool
    /// Whether its input stays open without anybody writing.
    package var keepsInputOpen: Bool
    /// How its log is kept.
    package var logging: Logging
}

/// A container's three descriptors.
package struct OutputDescriptors: ~Copyable, Sendable {
    /// Standard input.
    package var input: OwnedDescriptor
    /// Standard output.
    package var output: OwnedDescriptor
    /// Standard error.
    package var error: OwnedDescriptor

    /// The three of them.
    package init(
        input: consuming OwnedDescriptor,
        output: consuming OwnedDescriptor,
        error: consuming OwnedDescriptor
    ) {
        self.input = input
        self.output = output
        self.error = error
    }
}
