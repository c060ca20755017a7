import ContainerRuntime
import Glibc
import ImageStore
import LinuxSystem
import OCISpec

/// What steps share that run commands.
final class RunSurroundings: Sendable {
    let settings: BuildSettings
    let place: WorkPlace
    let network: BuildNetwork
    let filters: FilterCache
    let hierarchies: CgroupHierarchies
    let devicePrograms = LoadedDevicePrograms()
    /// Commands that run, to be ended when the build is.
    let running = RunningCommands()

    init(_ settings: BuildSettings, _ place: WorkPlace, _ network: BuildNetwork, filters: FilterCache) throws {
        self.settings = settings
        self.place = place
        self.network = network
        self.filters = filters
        hierarchies = try CgroupHierarchies.ofHost()
    }
}

/// Runs one command of a Dockerfile as a container on what is there, and leaves what it changes in a directory.
struct RunStep {
    let operation: RunOperation
    let surroundings: RunSurroundings
    /// What the command writes, as it comes.
    let output: (UnsafeRawBufferPointer) -> Void

    private var settings: BuildSettings { surroundings.settings }
    private var isPrivileged: Bool { settings.isPrivileged || operation.security == .insecure }

    private var network: BuildSettings.Network {
        switch operation.network {
        case .default: settings.network
        case .none: .none
        case .host: .host
        }
    }

    /// Runs it to its end; nothing of it is mounted or runs then.
    func run(on filesystem: StepFilesystem?, in step: StepPlace, _ mounts: StepMounts) throws -> ProcessStatus {
        let network = try takeNetwork()
        defer { if let network, !isPrivileged, self.network == .own { surroundings.network.giveBack(network) } }
        try addNameFiles(to: mounts, network)
        try addScript(to: mounts)
        let overlay = try placed(filesystem, step, mounts)
        let user: ContainerUser
        do { user = try UserDatabase(root: overlay.mount).resolve(operation.user ?? "") } catch {
            throw BuildError(.notFound, "\(error)")
        }
        let spec = try spec(user, mounts)
        let group = try makeGroup(spec)
        defer { _ = group.remove() }
        var inputs = PlanInputs()
        inputs.seccomp = try spec.linux?.seccomp.map { try surroundings.filters.program($0) }
        inputs.lendsNetwork = network != nil
        inputs.awaitsGroups = group.needsAttachment
        inputs.prepared = mounts.kinds
        try inputs.observe(for: spec)
        let plan = try ContainerPlan(spec, inputs)
        let null = try OwnedDescriptor.null()
        let pipe = try Pipe()
        let writing = pipe.writing.rawValue
        var lent = Container.Surroundings(root: overlay.takeMount(), stdio: (null.rawValue, writing, writing))
        lent.network = network?.namespace.rawValue
        lent.group = group
        lent.mounts = mounts.numbers
        let process = try Container.start(plan, in: lent)
        withExtendedLifetime(network) {}
        let ticket = surroundings.running.add(process.descriptor.rawValue)
        defer { surroundings.running.remove(ticket) }
        read(pipe.takeReading())
        return try process.waitForExit()
    }

    private func read(_ pipe: consuming OwnedDescriptor) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = Glibc.read(pipe.rawValue, buffer.baseAddress, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            output(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    private func takeNetwork() throws -> BuildNetwork.Place? {
        switch network {
        case .own: try surroundings.network.take()
        case .none: try surroundings.network.makeLoopback()
        case .host: nil
        }
    }

    /// The filesystem, with a place for each mount: what it lacks is in a layer of the step's own, so that nothing has to
    /// be removed from what the command changes.
    private func placed(
        _ filesystem: StepFilesystem?,
        _ step: StepPlace,
        _ mounts: StepMounts
    ) throws -> StepOverlay {
        let overlay = try StepOverlay.make(filesystem, step)
        var missing: [(place: RootPath, isDirectory: Bool)] = []
        let kinds = Dictionary(
            mounts.specs.map {
                ($0.destination, $0.type != MountSpec.preparedType || mounts.kinds[$0.source ?? ""] == .directory)
            }
        ) { first, _ in first }
        try mounts.place { destination in
            let place = try RootPath(destination, in: overlay.mount.descriptor)
            let isDirectory = kinds[destination] ?? true
            if !place.isThere { missing.append((place, isDirectory)) }
            return place.path
        }
        for destination in ["/proc", "/dev", "/sys"]
        where !mounts.specs.contains(where: { $0.destination == destination }) {
            let place = try RootPath(destination, in: overlay.mount.descriptor, followsLast: false)
            if !place.isThere { missing.append((place, true)) }
        }
        guard !missing.isEmpty else { return overlay }
        let stubs = StubLayer(step.stubs)
        for (place, isDirectory) in missing {
            try stubs.add(place, isDirectory: isDirectory, in: overlay.mount.descriptor)
        }
        _ = consume overlay
        try step.forgetVolatility()
        return try StepOverlay.make(filesystem, step, stubs: step.stubs)
    }

    // MARK: what it finds

    private func addNameFiles(to mounts: StepMounts, _ network: BuildNetwork.Place?) throws {
        let directory = try surroundings.place.makeMemory()
        mounts.own(directory)
        let files = try NameFiles(settings, network, hostname: operation.hostname).all
        for (name, text) in files {
            let path = "\(directory)/\(name)"
            try writeOwnedFile(path, Array(text.utf8), owner: 0, group: 0, mode: 0o644)
            let mount = try DetachedMount.copy(of: path, recursive: false, attributes: [])
            try mounts.add(mount, at: "/etc/\(name)", isReadOnly: false)
        }
    }

    private func addScript(to mounts: StepMounts) throws {
        guard let script = operation.script else { return }
        let directory = try surroundings.place.makeMemory()
        mounts.own(directory)
        try writeOwnedFile("\(directory)/script", Array(script.content.utf8), owner: 0, group: 0, mode: 0o755)
        let mount = try DetachedMount.copy(of: "\(directory)/script", recursive: false, attributes: [])
        try mounts.add(mount, at: script.path, isReadOnly: true)
    }

    private func spec(_ user: ContainerUser, _ mounts: StepMounts) throws -> RuntimeSpec {
        var process = ProcessSpec(
            cwd: operation.workingDirectory,
            args: operation.arguments,
            env: environment(user, mounts)
        )
        process.user = user.user
        process.rlimits = settings.limits.isEmpty ? nil : settings.limits
        var options = StandardOptions(process)
        options.sensors = StandardOptions.sensorsOfHost
        options.isPrivileged = isPrivileged
        if network == .host { options.network = .host }
        options.hostname = operation.hostname ?? NameFiles.hostname
        if let size = settings.sharedMemoryBytes { options.sharedMemorySize = size }
        if let limit = settings.memoryBytes {
            var memory = ResourcesSpec.Memory()
            memory.limit = limit
            options.resources.memory = memory
        }
        return try RuntimeSpec.standard(
            options,
            mounts: mounts.specs,
            hostDevices: isPrivileged ? LinuxSpec.Device.ofHost() : []
        )
    }

    private func environment(_ user: ContainerUser, _ mounts: StepMounts) -> [String] {
        let given = operation.environment + operation.unkeyedEnvironment + mounts.environment
        let names = Set(given.map { String($0.prefix { $0 != "=" }) })
        let usual = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=\(user.home)"]
        return usual.filter { !names.contains(String($0.prefix { $0 != "=" })) } + given
    }

    private func makeGroup(_ spec: RuntimeSpec) throws -> ContainerCgroup {
        try ContainerCgroup.make(
            "\(surroundings.place.group)/\(surroundings.place.next())",
            in: surroundings.hierarchies,
            resources: spec.linux?.resources,
            devices: isPrivileged ? nil : spec.linux?.resources?.devices.map { try DeviceProgram($0) },
            sharing: surroundings.devicePrograms
        )
    }
}
