import ComposeModel
import ContainerNetwork
import ImageStore
import LinuxSystem
import OCISpec
import Synchronization
package import YAMLComposer

/// A project as a command hands it over.
package struct ProjectRequest: Sendable {
    /// The canonical tree, with the services that the command concerns.
    package var tree: YAMLNode
    /// The project's directory.
    package var directory: String
    /// Every service that the files know.
    package var knownServices: Set<String>
    /// The files it was loaded from.
    package var files: [String]
    /// Whether its services get the ports that all their containers share; those of `roost run` have their own.
    package var reservesPorts = true

    /// A project with its services.
    package init(tree: YAMLNode, directory: String, knownServices: Set<String>, files: [String] = []) {
        self.tree = tree
        self.directory = directory
        self.knownServices = knownServices
        self.files = files
    }
}

extension ProjectWish {
    /// What a project wants, as far as that can be said without touching anything: `up --dry-run`.
    ///
    /// Images that would first have to be imported are refused.
    package init(_ request: ProjectRequest, roots: StateRoots) throws {
        let diagnostics = DiagnosticCollector()
        guard let project = Project(tree: request.tree, directory: request.directory, diagnostics: diagnostics) else {
            throw ExecutionError(diagnostics.all.map(\.message).joined(separator: "; "))
        }
        let contents = try Machine.contentDigests(of: project)
        let store = roots.images
        var images: [String: Image] = [:]
        var definitions: [ServiceDefinition] = []
        for service in project.services {
            definitions.append(
                try Machine.define(service, of: project, request, contents) { reference in
                    let image = try images[reference.description] ?? store.resolve(reference)
                    images[reference.description] = image
                    images[image.id] = image
                    return image
                }
            )
        }
        self = Machine.wish(for: project, definitions, request) { images[$0] }
    }
}

extension Machine {
    /// Makes sure that everything a project needs can be had, before anything is touched: images, ports, names.
    ///
    /// Returns what the project wants, for planning.
    package func prepare(_ request: ProjectRequest, _ state: ProjectState) async throws -> ProjectWish {
        try await blocking { try self.prepared(request, state) }
    }

    private func prepared(_ request: ProjectRequest, _ state: ProjectState) throws -> ProjectWish {
        let diagnostics = DiagnosticCollector()
        guard let project = Project(tree: request.tree, directory: request.directory, diagnostics: diagnostics) else {
            throw ExecutionError(diagnostics.all.map(\.message).joined(separator: "; "))
        }
        try checkNames(of: project, state)
        if !request.files.isEmpty { shared.withLock { $0.files = request.files } }
        try checkExternalNetworks(of: project)
        for service in project.services { try checkOthers(of: service, in: project) }
        for service in project.services { try checkRuntime(of: service) }
        for volume in project.volumes where volume.isExternal {
            guard try volumes.volume(volume.name) == nil else { continue }
            throw ExecutionError(
                "volume \(volume.name) is external, and there is no volume of that name",
                at: "volumes.\(volume.key)",
                hint: "make it with \"roost volume create \(volume.name)\", or leave out \"external\""
            )
        }
        let contents = try Self.contentDigests(of: project)
        var definitions: [ServiceDefinition] = []
        for service in project.services where service.replicas > 0 || !state.containers(of: service.name).isEmpty {
            definitions.append(
                try Self.define(service, of: project, request, contents) { reference in
                    let known = shared.withLock { $0.images[reference.description] }
                    let image = try known ?? images.resolve(reference)
                    shared.withLock { $0.images[image.id] = image }
                    return image
                }
            )
        }
        images.settleLater()
        if request.reservesPorts { try reserveSharedPorts(of: project.services) }
        for definition in definitions {
            learn(definition)
            try configuration.directory.write(definition: definition.text, digest: definition.digest)
        }
        return Self.wish(for: project, definitions, request) { id in shared.withLock { $0.images[id] } }
    }

    fileprivate static func define(
        _ service: Service,
        of project: Project,
        _ request: ProjectRequest,
        _ contents: [String: String],
        resolve: (ImageReference) throws -> Image
    ) throws -> ServiceDefinition {
        let place = "services.\(service.name).image"
        guard let name = service.image ?? (service.isBuilt ? project.imageName(of: service) : nil) else {
            throw ExecutionError(
                "service \(service.name) has no image",
                at: "services.\(service.name)",
                hint: "give it an image, as in \"image: rootfs:/\" for the host's own programs"
            )
        }
        let image: Image
        do {
            image = try resolve(ImageReference(name, projectDirectory: project.directory))
        } catch let error as ImageError where error.code == .imageNotFound && service.isBuilt {
            throw ExecutionError(
                "the image of service \(service.name) is not built",
                at: place,
                hint: "build it with \"roost build \(service.name)\""
            )
        } catch { throw ExecutionError(error, at: place) }
        guard
            let definition = ServiceDefinition(
                of: service.name,
                in: request.tree,
                directory: project.directory,
                imageID: image.id,
                contents: contents
            )
        else { throw ExecutionError("service \(service.name) can't be stored", at: "services.\(service.name)") }
        return definition
    }

    fileprivate static func wish(
        for project: Project,
        _ definitions: [ServiceDefinition],
        _ request: ProjectRequest,
        image: (String) -> Image?
    ) -> ProjectWish {
        let byName = Dictionary(definitions.map { ($0.service.name, $0) }) { first, _ in first }
        var wish = ProjectWish(services: [], knownServices: request.knownServices)
        for service in project.services {
            guard let definition = byName[service.name] else { continue }
            let own = definition.project
            wish.services.append(
                .init(
                    service.name,
                    replicas: service.replicas,
                    containerName: service.containerName,
                    definition: ContainerDefinition(definition, probe: hasProbe(definition, image(definition.imageID)))
                )
            )
            for network in own.networks
            where !network.isExternal && service.networks.contains(where: { $0.network == network.key }) {
                wish.networks[network.name] = Self.digest(request.tree["networks"]?[network.key])
            }
            let mounted = ContainerDefinition(definition, probe: false).volumes
            for volume in own.volumes where mounted.contains(volume.name) && !volume.isExternal {
                wish.volumes[volume.name] = Self.digest(request.tree["volumes"]?[volume.key])
            }
        }
        return wish
    }

    private static func hasProbe(_ definition: ServiceDefinition, _ image: Image?) -> Bool {
        Blueprint(definition.service, image: image?.configuration.config).probe != nil
    }

    private static func digest(_ node: YAMLNode?) -> String {
        (node.map(JSONPrinter.print) ?? "").stableHash
    }

    /// A container's name is another's only once on this machine.
    private func checkNames(of project: Project, _ state: ProjectState) throws {
        let own = Set(state.containers.map(\.name))
        let others = ProjectDirectory.all(below: configuration.roots).filter { $0.project != project.name }
        for service in project.services {
            guard let name = service.containerName, !own.contains(name) else { continue }
            if let other = others.first(where: { fileExists($0.container(name)) }) {
                throw ExecutionError(
                    "the name \(name) is taken by a container of project \(other.project)",
                    at: "services.\(service.name).container_name",
                    hint: "choose another name, or end that project with \"roost -p \(other.project) down\""
                )
            }
        }
    }

    /// Digests of what secrets and configs hold, so that other content makes another container.
    fileprivate static func contentDigests(of project: Project) throws -> [String: String] {
        var digests: [String: String] = [:]
        for (kind, objects) in [("secrets", project.secrets), ("configs", project.configs)] {
            for object in objects {
                guard case .file(let path) = object.source else { continue }
                do {
                    digests["\(kind).\(object.key)"] =
                        String(decoding: try readBytes(path, limit: 64 << 20), as: UTF8.self)
                        .stableHash
                } catch {
                    throw ExecutionError("\(kind.dropLast()) \(object.key): \(error)", at: "\(kind).\(object.key)")
                }
            }
        }
        return digests
    }
}

extension ContainerDefinition {
    /// What the planner has to know of a definition.
    init(_ definition: ServiceDefinition, probe: Bool) {
        let service = definition.service
        let mounted = service.mounts.compactMap { mount -> String? in
            guard case .volume(let key?, _) = mount.kind else { return nil }
            return definition.project.volume(key).flatMap { $0.isExternal ? nil : $0.name }
        }
        self.init(
            digest: definition.digest,
            dependencies: service.dependencies.map { Dependency($0) },
            restart: RestartPolicy(service.restart),
            networks: service.networks.compactMap { definition.project.network($0.network)?.name },
            volumes: mounted,
            hasHealthcheck: probe
        )
    }
}

extension ContainerDefinition.Dependency {
    fileprivate init(_ dependency: ComposeModel.Dependency) {
        let condition: Condition =
            switch dependency.condition {
            case .started: .started
            case .healthy: .healthy
            case .completedSuccessfully: .completed
            }
        self.init(dependency.service, condition, isRequired: dependency.isRequired, restarts: dependency.restarts)
    }
}

extension RestartPolicy {
    fileprivate init(_ policy: ComposeModel.RestartPolicy) {
        self =
            switch policy.condition {
            case .no: .never
            case .always, .unlessStopped: .always
            case .onFailure: .onFailure(attempts: policy.maximumAttempts)
            }
    }
}
