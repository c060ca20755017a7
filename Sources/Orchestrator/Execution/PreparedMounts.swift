import ComposeModel
import ContainerRuntime
import ImageStore
import LinuxSystem
import OCISpec
import Synchronization

/// Mounts of a container that are made before it starts; they last as long as this, or until they are attached.
struct PreparedMounts: Sendable {
    /// What is to be mounted.
    enum Request: Hashable, Sendable {
        /// A file or directory of a volume; links lead nowhere but into the volume.
        case part(of: String, path: String)
        /// What an image has, or a part of it, for reading.
        case image(String, subpath: String?)
        /// A file or directory of the host that can't be written to, while what is mounted below it can.
        case readOnlyTop(of: String)
        /// A volume that is a filesystem of its own: one for all containers that run at a time.
        case volume(String, FilesystemRecipe)
    }

    /// The name of the `/dev/shm` of the container whose ipc namespace is shared.
    static let sharedMemory = "shm"

    private final class Held: Sendable {
        let descriptor: OwnedDescriptor
        init(_ mount: consuming DetachedMount) { descriptor = mount.takeDescriptor() }
    }

    /// What each is, by name.
    private(set) var kinds: [String: MountKind] = [:]
    private var held: [String: Held] = [:]

    /// The descriptors, by name; lent.
    var numbers: [String: Int32] { held.mapValues { $0.descriptor.rawValue } }

    fileprivate mutating func add(_ name: String, _ mount: consuming DetachedMount) throws {
        let held = Held(mount)
        kinds[name] = try held.descriptor.metadata().kind == .directory ? .directory : .file
        self.held[name] = held
    }
}

extension Machine {
    /// Makes the mounts that a container is lent.
    func preparedMounts(
        of mounts: ContainerMounts,
        _ definition: ServiceDefinition,
        _ layer: ContainerLayer
    ) throws -> PreparedMounts {
        var result = PreparedMounts()
        for (name, request) in mounts.prepared {
            switch request {
            case .part(let directory, let path):
                do { try result.add(name, DetachedMount.copy(of: path, beneath: directory)) } catch {
                    throw ExecutionError("subpath \(path): \(error)", at: "services.\(definition.service.name).volumes")
                }
            case .image(let source, let subpath):
                try result.add(name, imageMount(source, subpath, definition, layer))
            case .readOnlyTop(let path):
                let mount = try DetachedMount.copy(of: path, recursive: true, attributes: [])
                try mount.setReadOnly()
                try result.add(name, mount)
            case .volume(let volume, let recipe): try result.add(name, mount(volume, recipe))
            }
        }
        let owner: Owner
        switch definition.service.ipcMode {
        case .private, .shareable, .none, .host: return result
        case .service(let name): owner = .service(name)
        case .container(let name): owner = .container(name)
        }
        let other = try companion(owner).open(owner.words)
        try result.add(PreparedMounts.sharedMemory, DetachedMount.copy(of: "/dev/shm", inNamespaceOf: other.rawValue))
        return result
    }

    private func imageMount(
        _ source: String,
        _ subpath: String?,
        _ definition: ServiceDefinition,
        _ layer: ContainerLayer
    ) throws -> DetachedMount {
        let place = "services.\(definition.service.name).volumes"
        do {
            let reference = try ImageReference(source, projectDirectory: definition.project.directory)
            let root = try images.resolve(reference).rootFilesystem
            if let image = root.image { try layer.use(image) }
            let mount = try root.makeReadOnly()
            guard let subpath else { return mount }
            return try DetachedMount.copy(of: subpath, beneath: "/proc/self/fd/\(mount.descriptor.rawValue)")
        } catch { throw ExecutionError("image \(source)\(subpath.map { ", \($0)" } ?? ""): \(error)", at: place) }
    }

    /// The filesystem of a volume: that of a container which has it mounted, or a new one.
    private func mount(_ volume: String, _ recipe: FilesystemRecipe) throws -> DetachedMount {
        for live in shared.withLock({ Array($0.live.values) }) {
            for mount in live.definition.service.mounts {
                guard case .volume(let key?, let options) = mount.kind, options.subpath == nil,
                    live.definition.project.volume(key)?.name == volume
                else { continue }
                do throws(SyscallError) {
                    return try DetachedMount.copy(
                        of: mount.target,
                        inNamespaceOf: live.pidfd.rawValue,
                        attributes: recipe.attributes
                    )
                } catch {
                    guard error.errno.rawValue == 3 else { throw error }  // ESRCH: it has just ended
                }
            }
        }
        return try DetachedMount.filesystem(recipe)
    }
}
