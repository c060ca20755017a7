import ContainerRuntime
import Glibc
import ImageStore
import LinuxSystem
import OCISpec

/// What a step has mounted beside its filesystem, made before it starts and held until its end.
final class StepMounts {
    /// In the order in which they are mounted.
    private(set) var specs: [MountSpec] = []
    private(set) var kinds: [String: MountKind] = [:]
    private var held: [String: HeldDescriptor] = [:]
    /// Locks of cache directories.
    private var locks: [HeldDescriptor] = []
    private var relays: [AgentRelay] = []
    /// Variables that mounts add.
    private(set) var environment: [String] = []
    /// Directories of this step alone, removed after it.
    private var ownDirectories: [String] = []

    /// The descriptors, by name; lent.
    var numbers: [String: Int32] { held.mapValues { $0.descriptor.rawValue } }

    deinit { for path in ownDirectories { WorkPlace.removeDirectory(path) } }

    /// Adds a mount that is there at a path of the container.
    func add(_ mount: consuming DetachedMount, at destination: String, isReadOnly: Bool) throws {
        let descriptor = HeldDescriptor(mount.takeDescriptor())
        let name = "build-\(held.count)"
        kinds[name] = try descriptor.descriptor.metadata().kind == .directory ? .directory : .file
        held[name] = descriptor
        let options = ["nosuid", "nodev"] + (isReadOnly ? ["ro"] : [])
        specs.append(
            MountSpec(destination: destination, type: MountSpec.preparedType, source: name, options: options)
        )
    }

    /// Adds a filesystem that the container makes itself.
    func add(_ spec: MountSpec) { specs.append(spec) }

    func add(environment variable: String) { environment.append(variable) }

    func hold(_ lock: HeldDescriptor) { locks.append(lock) }

    func hold(_ relay: AgentRelay) { relays.append(relay) }

    func own(_ directory: String) { ownDirectories.append(directory) }

    /// Replaces where mounts lie by where these places are in the root.
    func place(_ place: (String) throws -> String) rethrows {
        for index in specs.indices { specs[index].destination = try place(specs[index].destination) }
    }
}
