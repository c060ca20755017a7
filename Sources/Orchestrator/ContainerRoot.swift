import ComposeModel
import ImageStore
package import LinuxSystem

/// The files of a container, for commands that copy from or to it.
package struct ContainerRoot: ~Copyable {
    /// The container's root, to be resolved in and nowhere else.
    package let descriptor: OwnedDescriptor

    /// Opens the root of a container as it sees it itself, volumes and all; one that does not run is mounted for this.
    ///
    /// What volumes of a container that does not run hold is not there: `path` is refused when it leads to one.
    package static func open(
        _ container: ContainerState,
        path: String,
        in directory: ProjectDirectory,
        roots: StateRoots
    ) throws -> ContainerRoot {
        if container.isRunning, let process = try directory.process(of: container.name) {
            let identity = ProcessIdentity(pid: process.pid, start: process.start)
            let root = try OwnedDescriptor.path("/proc/\(process.pid)/root")
            // Only now can it not be another process's.
            if ProcessIdentity(of: process.pid) == identity { return ContainerRoot(descriptor: root) }
        }
        guard let record = try directory.record(of: container.name),
            let definition = ServiceDefinition(
                text: try directory.definition(record.definition),
                digest: record.definition
            )
        else { throw ExecutionError("\(container.name) is not made yet", hint: "make it with \"roost create\"") }
        let targets = definition.service.mounts.map(\.target) + record.anonymousVolumes.keys
        if let target = targets.first(where: { leads(path, to: $0) }) {
            throw ExecutionError(
                "\(container.name) does not run, so what is mounted on \(target) can't be reached",
                hint: "start it with \"roost start\""
            )
        }
        let images = roots.images
        let reference = try ImageReference(definition.imageID, projectDirectory: definition.project.directory)
        let layer = try ContainerLayer(id: record.id, in: images)
        let root = try layer.makeRoot(of: try images.resolve(reference).rootFilesystem)
        return ContainerRoot(descriptor: root.takeDescriptor())
    }

    private init(descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

    /// Whether a path, as it is written, lies in `target` or holds it.
    private static func leads(_ path: String, to target: String) -> Bool {
        let parts = path.split(separator: "/").filter { $0 != "." }
        let mount = target.split(separator: "/")
        return !mount.isEmpty && (parts.starts(with: mount) || mount.starts(with: parts))
    }

    /// Opens a path of the container without reading or writing it; the last link is followed or named itself.
    package borrowing func open(_ path: String, followsLast: Bool) throws(SyscallError) -> OwnedDescriptor {
        try descriptor.namedInRoot(path, followsLast: followsLast)
    }
}
