/// Something that is mounted into a container.
package struct Mount: Hashable, Sendable {
    /// What is mounted.
    package enum Kind: Hashable, Sendable {
        /// A file or directory of the host.
        case bind(source: String, BindOptions)
        /// A volume: the key in the file, or nil for one that belongs to the container.
        case volume(key: String?, VolumeOptions)
        /// A file system in memory.
        case tmpfs(TmpfsOptions)
        /// The files of an image.
        case image(source: String, subpath: String?)
        /// What other systems have: `npipe` and `cluster`.
        case other(type: String, source: String?)
    }

    /// What mounts made later on one side mean for the other: mount_namespaces(7).
    package enum Propagation: String, Hashable, Sendable, CaseIterable {
        case shared, rshared, slave, rslave, `private`, rprivate
    }

    /// What `read_only` means for mounts further down.
    package enum Recursion: String, Hashable, Sendable {
        /// Read-only as far as the kernel can.
        case enabled
        /// The mounts further down are left out.
        case disabled
        /// The mounts further down stay writable.
        case writable
        /// All of them are read-only, or it is an error.
        case readonly
    }

    /// How a file or directory of the host is mounted.
    package struct BindOptions: Hashable, Sendable {
        /// What later mounts mean for the other side; nil for `rprivate`.
        package var propagation: Propagation?
        /// Whether a missing source is made as a directory.
        package var createsHostPath = false
        /// What `read_only` means for mounts further down.
        package var recursion: Recursion?
        /// The SELinux label: `z` to share it, `Z` to have it alone.
        package var selinux: String?

        /// The usual way.
        package init() {}
    }

    /// How a volume is mounted.
    package struct VolumeOptions: Hashable, Sendable {
        /// Whether an empty volume stays empty instead of taking the image's files.
        package var skipsCopy = false
        /// The directory in the volume that is mounted.
        package var subpath: String?
        /// Labels of a volume that is made for this.
        package var labels: [String: String] = [:]

        /// The usual way.
        package init() {}
    }

    /// How a file system in memory is mounted.
    package struct TmpfsOptions: Hashable, Sendable {
        /// The most it holds; nil for half the memory.
        package var sizeBytes: Int64?
        /// The mode of its root; nil for 1777.
        package var mode: UInt32?

        /// The usual way.
        package init() {}
    }

    /// What is mounted.
    package var kind: Kind
    /// Where: an absolute path inside.
    package var target: String
    /// Whether it can't be written to.
    package var isReadOnly: Bool

    /// Mounts `kind` at `target`.
    package init(_ kind: Kind, target: String, isReadOnly: Bool = false) {
        self.kind = kind
        self.target = target
        self.isReadOnly = isReadOnly
    }
}

/// A file system in memory, of the short form `tmpfs: path[:options]`.
package struct MemoryMount: Hashable, Sendable {
    /// Where: an absolute path inside.
    package var target: String
    /// Options as mount(8) takes them: `size=64m`, `noexec`.
    package var options: [String]

    /// Reads `path` and `path:option,option`.
    init?(text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts[0].hasPrefix("/") else { return nil }
        target = FilePath.cleaned(parts[0])
        options = parts.count == 1 ? [] : parts[1].split(separator: ",").map(String.init)
    }
}

/// Whose mounts a service has as well: one entry of `volumes_from`.
package struct MountsSource: Hashable, Sendable {
    /// A service, or a container of someone else.
    package enum Owner: Hashable, Sendable { case service(String), container(String) }

    /// Whose.
    package var owner: Owner
    /// Whether they can't be written to.
    package var isReadOnly: Bool

    /// Reads `service[:ro]` and `container:name[:ro]`.
    init?(text: String) {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let isContainer = parts.count > 1 && parts[0] == "container"
        if isContainer { parts.removeFirst() }
        guard (1...2).contains(parts.count), !parts[0].isEmpty,
            ["ro", "rw"].contains(parts.count == 2 ? parts[1] : "rw")
        else { return nil }
        owner = isContainer ? .container(parts[0]) : .service(parts[0])
        isReadOnly = parts.last == "ro" && parts.count == 2
    }
}

/// A secret or config that a service sees as a file.
package struct FileAttachment: Hashable, Sendable {
    /// The key of the secret or config.
    package var source: String
    /// Where the file is: an absolute path inside.
    package var target: String
    /// The owner of the file; nil for root.
    package var userID: UInt32?
    /// The group of the file; nil for root's.
    package var groupID: UInt32?
    /// The mode of the file; nil for 0444.
    package var mode: UInt32?

    /// A file of `source` at `target`.
    package init(source: String, target: String) {
        self.source = source
        self.target = target
    }
}
