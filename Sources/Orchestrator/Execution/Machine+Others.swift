import ComposeModel
import ImageStore
import LinuxSystem
import OCISpec
import Synchronization

/// What a container takes from other containers, whether or not they run.
extension Machine {
    /// Where a container is on disk.
    struct Other {
        var directory: ProjectDirectory
        var name: String
        var record: ContainerRecord
    }

    /// A container of a service of a project, the one with the lowest number; nil when there is none.
    private static func other(of service: String, in directory: ProjectDirectory) throws -> Other? {
        let containers = try directory.state().containers.filter { $0.service == service && !$0.isOneOff }
        for container in containers.sorted(by: { $0.number < $1.number }) {
            if let record = try directory.record(of: container.name) {
                return Other(directory: directory, name: container.name, record: record)
            }
        }
        return nil
    }

    /// A container of any project by its name, our own first; nil when there is none.
    func other(named name: String) throws -> Other? {
        guard !name.contains("/"), name != "..", name != "." else { return nil }
        let others = ProjectDirectory.all(below: configuration.roots).filter { $0.project != project }
        for directory in [configuration.directory] + others {
            if let record = try directory.record(of: name) {
                return Other(directory: directory, name: name, record: record)
            }
        }
        return nil
    }

    /// Containers, devices and images that a service names have to be there before anything is made.
    func checkOthers(of service: Service, in project: Project) throws {
        for (index, mount) in service.mounts.enumerated() {
            guard case .image(let source, _) = mount.kind else { continue }
            do { _ = try images.resolve(ImageReference(source, projectDirectory: project.directory)) } catch {
                throw ExecutionError(error, at: "services.\(service.name).volumes[\(index)]")
            }
        }
        try checkPreStart(of: service, in: project)
        let devices = try MachineDevices().mappings(for: service.resources.devices)
        if devices.contains(where: { $0.target.hasPrefix("/dev/nvidia") }) {
            configuration.report(
                .warning("\(service.name) has the devices of nvidia; the driver's libraries have to be in its image")
            )
        }
        for source in service.mountsFrom {
            guard case .container(let name) = source.owner else { continue }
            try check(name, "services.\(service.name).volumes_from")
        }
        for (index, link) in service.externalLinks.enumerated() {
            try check(link.service, "services.\(service.name).external_links[\(index)]")
        }
    }

    private func check(_ name: String, _ place: String) throws {
        guard try other(named: name) == nil else { return }
        throw ExecutionError(
            "there is no container \(name)",
            at: place,
            hint: "make it first; \"roost -p PROJECT ps -a\" shows the names of a project's containers"
        )
    }

    /// The mounts of those that a service has volumes from, what these have from others included.
    func inheritedMounts(_ definition: ServiceDefinition) throws -> [ContainerMounts] {
        try definition.service.mountsFrom.map {
            try mounts(of: $0, definition.service.name, in: configuration.directory, depth: 0)
        }
    }

    /// How far volumes are handed on; containers that name each other would never end.
    private static let longestChain = 16

    private func mounts(
        of source: MountsSource,
        _ service: String,
        in directory: ProjectDirectory,
        depth: Int
    ) throws -> ContainerMounts {
        let (other, words): (Other?, String) =
            switch source.owner {
            case .service(let name): (try Self.other(of: name, in: directory), "container of service \(name)")
            case .container(let name): (try self.other(named: name), "container \(name)")
            }
        guard let other, depth < Self.longestChain else {
            throw ExecutionError(
                "\(service) can't have volumes from \(words): "
                    + (other == nil ? "there is none" : "the containers have them from each other"),
                at: "services.\(service).volumes_from",
                hint: other == nil ? "make it first" : nil
            )
        }
        let text = try other.directory.definition(other.record.definition)
        guard let theirs = ServiceDefinition(text: text, digest: other.record.definition) else {
            throw ExecutionError("the definition of \(other.name) can't be read")
        }
        let image = try image(of: theirs)
        let place = ContainerMounts.Place(
            containerID: other.record.id,
            anonymous: other.record.anonymousVolumes,
            filesDirectory: other.directory.container(other.name),
            inherited: try theirs.service.mountsFrom.map {
                try mounts(of: $0, theirs.service.name, in: other.directory, depth: depth + 1)
            }
        )
        return try ContainerMounts(
            theirs,
            blueprint: Blueprint(theirs.service, image: image.configuration.config),
            place
        ) { name in
            let known = theirs.project.volumes.first { $0.name == name }
                .map { VolumeRecord($0, project: theirs.project.name) }
            return try volumes.mount(volumes.volume(name) ?? known ?? VolumeRecord(name: name))
        }
    }

    /// What Docker Compose writes on containers, for whoever looks for it, and the service's own labels.
    func labels(of definition: ServiceDefinition) -> [String: String] {
        let service = definition.service
        let prefix = "com.docker.compose."
        var labels = service.labels
        labels[prefix + "project.working_dir"] = definition.project.directory
        labels[prefix + "project.config_files"] = files.joined(separator: ",")
        labels[prefix + "image"] = definition.imageID
        labels[prefix + "depends_on"] = service.dependencies.map {
            "\($0.service):\($0.condition.rawValue):\($0.restarts)"
        }
        .joined(separator: ",")
        return labels
    }

    /// The files that the project was loaded from.
    private var files: [String] {
        if let known = shared.withLock({ $0.files }) { return known }
        // Only for a label: a description that can't be read is told of by others.
        let found = (try? configuration.directory.description())?.files ?? []
        shared.withLock { $0.files = found }
        return found
    }
}
