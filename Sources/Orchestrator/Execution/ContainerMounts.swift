import ComposeModel
import ImageStore
import LinuxSystem
import OCISpec

/// The mounts of a container, decided: what comes from where, in the order they are made.
struct ContainerMounts: Sendable {
    /// A file that is written for the container before it starts.
    struct WrittenFile: Hashable, Sendable {
        var target: String
        var source: Source
        var userID: UInt32
        var groupID: UInt32
        var mode: UInt32

        enum Source: Hashable, Sendable {
            case file(String)
            case content(String)
        }
    }

    /// A volume that is filled with the image's content when it is new.
    struct Seed: Hashable, Sendable {
        var volume: String
        var target: String
    }

    /// What a container's mounts depend on beside its service.
    struct Place {
        var containerID: String
        /// The volumes that the container has already, by mount point.
        var anonymous: [String: String]
        /// Where files for the container are written.
        var filesDirectory: String
        /// The mounts of others that it has as well; nil when those others need not be there yet.
        var inherited: [ContainerMounts]? = []
    }

    /// A directory of the host that is made when it is not there.
    private(set) var hostDirectories: [String] = []
    private(set) var seeds: [Seed] = []
    private(set) var files: [WrittenFile] = []
    /// Mounts that are made before the container, by the name that its configuration has for them.
    private(set) var prepared: [String: PreparedMounts.Request] = [:]
    private(set) var mounts: [MountSpec] = []
    /// Where secrets and configs lie, which are nobody else's.
    private var fileTargets: [String] = []
    /// Volumes that belong to the container alone, by mount point.
    private(set) var anonymousVolumes: [String: String]

    /// Decides the mounts of a service's container; `volumeMount` says how a volume is mounted.
    init(
        _ definition: ServiceDefinition,
        blueprint: Blueprint,
        _ place: Place,
        volumeMount: (String) throws -> VolumeMount
    ) throws {
        anonymousVolumes = place.anonymous
        let service = definition.service
        for mount in service.mounts {
            try add(mount, definition, containerID: place.containerID, volumeMount: volumeMount)
        }
        for mount in service.memoryMounts {
            mounts.append(Self.memory(mount.target, mount.options))
        }
        for (index, other) in (place.inherited ?? []).enumerated() {
            inherit(other, from: index, isReadOnly: service.mountsFrom[index].isReadOnly)
        }
        let covered = Set(mounts.map(\.destination))
        // What others bring is known only when they are there, and takes the place of a volume of the image's.
        for target in blueprint.volumes where !covered.contains(target) && place.inherited != nil {
            try addVolume(anonymousVolume(at: target, place.containerID), target: target, mount: nil, volumeMount)
        }
        try addFiles(definition, filesDirectory: place.filesDirectory)
        // A mount must not hide one that was made below it.
        mounts = mounts.enumerated().sorted {
            ($0.element.destination.filter { $0 == "/" }.count, $0.offset)
                < ($1.element.destination.filter { $0 == "/" }.count, $1.offset)
        }
        .map(\.element)
    }

    /// Adds the volumes and bind mounts of another container, as they are there; its own come first.
    private mutating func inherit(_ other: ContainerMounts, from index: Int, isReadOnly: Bool) {
        let covered = Set(mounts.map(\.destination))
        let files = Set(other.fileTargets)
        for var mount in other.mounts
        where mount.type != "tmpfs" && !covered.contains(mount.destination) && !files.contains(mount.destination) {
            if mount.type == MountSpec.preparedType, let source = mount.source {
                let name = "from-\(index)-\(source)"
                prepared[name] = other.prepared[source]
                mount.source = name
            }
            if isReadOnly { mount.options = (mount.options ?? []).filter { $0 != "rw" } + ["rro"] }
            mounts.append(mount)
        }
    }

    private mutating func add(
        _ mount: Mount,
        _ definition: ServiceDefinition,
        containerID: String,
        volumeMount: (String) throws -> VolumeMount
    ) throws {
        let place = "services.\(definition.service.name).volumes"
        switch mount.kind {
        case .bind(let source, let options):
            if options.createsHostPath { hostDirectories.append(source) }
            if mount.isReadOnly && options.recursion == .writable {
                return prepare(.readOnlyTop(of: source), at: mount.target, isReadOnly: false)
            }
            var words = [
                options.recursion == .disabled ? "bind" : "rbind", options.propagation?.rawValue ?? "rprivate",
            ]
            words.append(mount.isReadOnly ? "rro" : "rw")
            mounts.append(.init(destination: mount.target, type: "bind", source: source, options: words))
        case .volume(let key, let options):
            let name: String
            if let key {
                guard let volume = definition.project.volume(key) else {
                    throw ExecutionError("volume \(key) is not defined", at: place)
                }
                name = volume.name
            } else {
                name = anonymousVolume(at: mount.target, containerID)
            }
            if let subpath = options.subpath {
                guard case .directory(let directory) = try volumeMount(name) else {
                    throw ExecutionError("volume \(name): only a directory has a subpath", at: place)
                }
                prepare(.part(of: directory, path: subpath), at: mount.target, isReadOnly: mount.isReadOnly)
            } else {
                try addVolume(name, target: mount.target, mount: mount, volumeMount)
            }
        case .tmpfs(let options):
            var words: [String] = []
            if let size = options.sizeBytes { words.append("size=\(size)") }
            if let mode = options.mode { words.append("mode=\(String(mode, radix: 8))") }
            if mount.isReadOnly { words.append("ro") }
            mounts.append(Self.memory(mount.target, words))
        case .image(let source, let subpath):
            prepare(.image(source, subpath: subpath), at: mount.target, isReadOnly: true)
        case .other:
            throw ExecutionError("a mount of this type is not supported", at: place)
        }
    }

    private mutating func anonymousVolume(at target: String, _ containerID: String) -> String {
        if let known = anonymousVolumes[target] { return known }
        let name = "\(containerID.prefix(32))-\(anonymousVolumes.count)"
        anonymousVolumes[target] = name
        return name
    }

    private mutating func addVolume(
        _ name: String,
        target: String,
        mount: Mount?,
        _ volumeMount: (String) throws -> VolumeMount
    ) throws {
        let access = mount?.isReadOnly == true ? "rro" : "rw"
        switch try volumeMount(name) {
        case .directory(let path):
            mounts.append(
                .init(destination: target, type: "bind", source: path, options: ["rbind", "rprivate", access])
            )
        case .filesystem(let recipe):
            return prepare(.volume(name, recipe), at: target, isReadOnly: mount?.isReadOnly == true)
        }
        var skipsCopy = false
        if case .volume(_, let options) = mount?.kind { skipsCopy = options.skipsCopy }
        if !skipsCopy { seeds.append(Seed(volume: name, target: target)) }
    }

    private mutating func prepare(_ request: PreparedMounts.Request, at target: String, isReadOnly: Bool) {
        let name = "volume-\(prepared.count)"
        prepared[name] = request
        mounts.append(
            .init(
                destination: target,
                type: MountSpec.preparedType,
                source: name,
                options: isReadOnly ? ["ro"] : []
            )
        )
    }

    /// A filesystem in memory, with docker's defaults for what nobody says.
    private static func memory(_ target: String, _ options: [String]) -> MountSpec {
        let names = Set(options.map { String($0.prefix { $0 != "=" }) })
        var words = options
        if !names.contains("mode") { words.append("mode=1777") }
        for (word, opposite) in [("nosuid", "suid"), ("nodev", "dev"), ("noexec", "exec")]
        where !names.contains(word) && !names.contains(opposite) { words.append(word) }
        return .init(destination: target, type: "tmpfs", source: "tmpfs", options: words)
    }

    // Secrets and configs

    private mutating func addFiles(_ definition: ServiceDefinition, filesDirectory: String) throws {
        let service = definition.service
        let groups = [
            ("secrets", service.secrets, definition.project.secrets),
            ("configs", service.configs, definition.project.configs),
        ]
        for (kind, attachments, objects) in groups {
            for (index, attachment) in attachments.enumerated() {
                let place = "services.\(service.name).\(kind)[\(index)]"
                guard let object = objects.first(where: { $0.key == attachment.source }) else {
                    throw ExecutionError("\(attachment.source) is not defined", at: place)
                }
                try addFile(attachment, object, filesDirectory: filesDirectory, place: place)
            }
        }
    }

    private mutating func addFile(
        _ attachment: FileAttachment,
        _ object: FileObject,
        filesDirectory: String,
        place: String
    ) throws {
        fileTargets.append(attachment.target)
        let source: WrittenFile.Source
        switch object.source {
        case .file(let path):
            // A file as it is, unless somebody wants it to be another's.
            if attachment.userID == nil && attachment.groupID == nil && attachment.mode == nil {
                let words = ["rbind", "rprivate", "rro"]
                return mounts.append(
                    .init(destination: attachment.target, type: "bind", source: path, options: words)
                )
            }
            source = .file(path)
        case .content(let text): source = .content(text)
        case .environment(let name):
            throw ExecutionError("the value of \(name) for \(object.key) is not known", at: place)
        case .external:
            throw ExecutionError("\(object.key) is external, and there is no store of such", at: place)
        }
        let path = "\(filesDirectory)/file-\(files.count)"
        files.append(
            WrittenFile(
                target: path,
                source: source,
                userID: attachment.userID ?? 0,
                groupID: attachment.groupID ?? 0,
                mode: attachment.mode ?? 0o444
            )
        )
        mounts.append(
            .init(destination: attachment.target, type: "bind", source: path, options: ["bind", "rprivate", "ro"])
        )
    }
}
