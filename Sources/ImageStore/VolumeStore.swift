import FoundationEssentials
import Glibc
package import LinuxSystem

/// What a volume is.
package struct VolumeRecord: Codable, Hashable, Sendable {
    package var version = 1
    package var name: String
    package var driver: String
    package var driverOptions: [String: String]
    package var labels: [String: String]
    /// The project that made it; nil for one that was made by hand.
    package var project: String?

    /// Describes a volume.
    package init(
        name: String,
        driver: String = "local",
        driverOptions: [String: String] = [:],
        labels: [String: String] = [:],
        project: String? = nil
    ) {
        self.name = name
        self.driver = driver
        self.driverOptions = driverOptions
        self.labels = labels
        self.project = project
    }
}

/// How a volume is mounted.
package enum VolumeMount: Hashable, Sendable {
    /// A directory of the host.
    case directory(String)
    /// A filesystem that each container mounts anew.
    case filesystem(FilesystemRecipe)
}

/// The volumes on this machine: one directory each, with a record and the data.
package struct VolumeStore: Hashable, Sendable {
    /// The directory that holds the volumes.
    package let directory: String

    /// The volumes beside the images of a store.
    package init(in store: ImageStore) { directory = "\(store.root)/volumes" }

    /// Where a volume's data is.
    package func dataDirectory(_ name: String) -> String { "\(directory)/\(name)/_data" }

    /// The volume of that name; nil when there is none.
    package func volume(_ name: String) throws(ImageError) -> VolumeRecord? {
        guard isPlainName(name), let bytes = try readWhole("\(directory)/\(name)/volume.json", limit: 1 << 20) else {
            return nil
        }
        let subject = "read the volume \(name)"
        let volume = try decodeDocument(VolumeRecord.self, bytes, subject, code: .damagedStore)
        guard volume.version == 1 else {
            throw ImageError(.unsupported, "\(subject): version \(volume.version) is of a newer roost")
        }
        return volume
    }

    /// All volumes, by name.
    package func list() throws(ImageError) -> [VolumeRecord] {
        guard access(directory, F_OK) == 0 else { return [] }
        let names = try attempt("list the volumes") { () throws(SyscallError) in
            let opened = try OwnedDescriptor.directory(directory)
            let entries = DirectoryEntries()
            var names: [String] = []
            while true {
                let batch = try entries.next(opened)
                if batch.isEmpty { return names }
                names += batch.map(\.text)
            }
        }
        var volumes: [VolumeRecord] = []
        for name in names.sorted() { if let volume = try volume(name) { volumes.append(volume) } }
        return volumes
    }

    /// Makes a volume, unless one of that name is there; returns the one that is there then.
    ///
    /// Whether what is there is what was wanted is for the caller to judge.
    package func ensure(_ volume: VolumeRecord) throws(ImageError) -> VolumeRecord {
        guard isPlainName(volume.name) else {
            throw ImageError(.invalidReference, "volume \"\(printable(volume.name))\": the name is no plain name")
        }
        if let there = try self.volume(volume.name) { return there }
        _ = try mount(volume)
        return try locked { () throws(ImageError) in
            if let there = try self.volume(volume.name) { return there }
            let path = "\(directory)/.new"
            let purpose = "make the volume \(volume.name)"
            try attempt(purpose) { () throws(SyscallError) in
                try OwnedDescriptor.directory(directory).removeTree(".new")
            }
            try makeStoreDirectories(path, mode: 0o711)
            try makeStoreDirectories("\(path)/_data", mode: 0o755)
            try replaceDurably("\(path)/volume.json", try encoded(volume))
            guard chmod("\(path)/_data", 0o755) == 0, rename(path, "\(directory)/\(volume.name)") == 0 else {
                throw .kernel(purpose, SyscallError(call: "rename", subject: path, errno: .current))
            }
            return volume
        }
    }

    /// Removes a volume with its data; one that isn't there is no error.
    package func remove(_ name: String) throws(ImageError) {
        guard isPlainName(name), access("\(directory)/\(name)", F_OK) == 0 else { return }
        try locked { () throws(ImageError) in
            try attempt("remove the volume \(name)") { () throws(SyscallError) in
                let opened = try OwnedDescriptor.directory(directory)
                try opened.removeTree(".old")
                // Gone at once for everybody, also when removing takes long or breaks off.
                guard renameat(opened.rawValue, name, opened.rawValue, ".old") == 0 || errno == ENOENT else {
                    throw SyscallError(call: "renameat", subject: name, errno: .current)
                }
                try opened.removeTree(".old")
            }
        }
    }

    /// How a volume is mounted.
    ///
    /// Of the driver `local` with options: `o: bind` with a `device` is that directory; any other `type` is a filesystem
    /// with `device` as its source and the options of `o`. Throws `unsupported` for other drivers.
    package func mount(_ volume: VolumeRecord) throws(ImageError) -> VolumeMount {
        let subject = "volume \(volume.name)"
        guard volume.driver == "local" || volume.driver.isEmpty else {
            throw ImageError(.unsupported, "\(subject): there is no driver \"\(printable(volume.driver))\", only local")
        }
        let known: Set = ["type", "o", "device"]
        if let unknown = volume.driverOptions.keys.sorted().first(where: { !known.contains($0) }) {
            throw ImageError(
                .unsupported,
                "\(subject): there is no option \"\(printable(unknown))\", only type, o, device"
            )
        }
        guard !volume.driverOptions.isEmpty else { return .directory(dataDirectory(volume.name)) }
        let options = (volume.driverOptions["o"] ?? "").split(separator: ",").map(String.init)
        let device = volume.driverOptions["device"] ?? ""
        let type = volume.driverOptions["type"] ?? "none"
        if options.contains("bind") || options.contains("rbind") {
            guard device.hasPrefix("/") else {
                throw ImageError(.invalidReference, "\(subject): the device of a bind is an absolute path")
            }
            return .directory(device)
        }
        guard type != "none", !type.isEmpty else {
            throw ImageError(.invalidReference, "\(subject): name a type, as in tmpfs or nfs, or bind in o")
        }
        if let server = options.first(where: { $0.hasPrefix("addr=") })?.dropFirst("addr=".count) {
            guard IPAddress(server) != nil else {
                throw ImageError(
                    .unsupported,
                    "\(subject): addr is the name \"\(printable(String(server)))\"; write the server's address instead"
                )
            }
        }
        return .filesystem(Self.recipe(type, device: device, options: options))
    }

    private static func recipe(_ type: String, device: String, options: [String]) -> FilesystemRecipe {
        var attributes: MountAttributes = []
        var parameters: [FilesystemRecipe.Parameter] = device.isEmpty ? [] : [.init("source", device)]
        for option in options {
            switch option {
            case "ro": attributes.insert(.readOnly)
            case "nosuid": attributes.insert(.noSetuid)
            case "nodev": attributes.insert(.noDevices)
            case "noexec": attributes.insert(.noExecute)
            case "rw", "suid", "dev", "exec", "defaults": break
            default:
                let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
                // nfs resolves names in user space; addr= is what its mount helper would add.
                parameters.append(.init(parts[0], parts.count == 2 ? parts[1] : nil))
            }
        }
        return FilesystemRecipe(type, parameters, attributes: attributes)
    }

    func locked<R>(_ body: () throws(ImageError) -> R) throws(ImageError) -> R {
        try makeStoreDirectories(directory, mode: 0o711)
        let lock = try lockFile("\(directory)/.lock")
        defer { _ = flock(lock.rawValue, LOCK_UN) }
        return try body()
    }
}
