package import LinuxSystem
package import OCISpec

/// What is on disk about a container of `roost runtime`: `state.json` in its directory.
///
/// Written before the first thing that outlives the command is made, and not changed. The process has a file of its own,
/// `process`, from when it waits at its gate; so has the mount at `rootfs`, `mount`, where the container's mounts are
/// among the host's.
package struct RuntimeRecord: Hashable, Sendable {
    /// The version of this form.
    private static let version = 1

    package var id: String
    /// The absolute path of the bundle.
    package var bundle: String
    /// The absolute path of the root directory.
    package var rootfs: String
    /// When it was made: RFC 3339, UTC.
    package var created: String
    /// The user id that made it.
    package var owner: UInt32
    /// The path of its control group.
    package var cgroup: String
    /// The scope of systemd's that the group is; nil where it is ours to make.
    package var unit: String?
    /// The first process; nil until it waits at its gate.
    package var process: ProcessIdentity?
    /// The configuration as it was then, with absolute paths.
    package var config: RuntimeSpec

    /// The record as it is written, with the configuration as it was read.
    func document(_ config: [UInt8]) -> [UInt8] {
        var text = JSONText()
        text.add("version", Self.version)
        text.add("id", id)
        text.add("bundle", bundle)
        text.add("rootfs", rootfs)
        text.add("created", created)
        text.add("owner", owner)
        text.add("cgroup", cgroup)
        if let unit { text.add("unit", unit) }
        // A byte order mark may stand before a document only.
        let config = config.starts(with: [0xef, 0xbb, 0xbf]) ? Array(config.dropFirst(3)) : config
        return Array(text.text.utf8.dropLast()) + Array(",\"config\":".utf8) + config + [UInt8(ascii: "}")]
    }
}

extension RuntimeRecord: JSONReadable {
    package init(_ json: JSONObject) throws(JSONError) {
        let version: Int = try json.neededInteger("version")
        guard version == Self.version else {
            throw json.error("\(version) is not the version of this program", "version")
        }
        id = try json.neededText("id")
        bundle = try json.neededText("bundle")
        rootfs = try json.neededText("rootfs")
        created = try json.neededText("created")
        owner = try json.neededInteger("owner")
        cgroup = try json.neededText("cgroup")
        unit = try json.text("unit")
        config = try json.needed("config") { node throws(JSONError) in try RuntimeSpec(node.object()) }
    }
}

/// Where a container is in its life: OCI Runtime Specification, "State".
package enum RuntimeStatus: String, Codable, Hashable, Sendable {
    case creating, created, running, paused, stopped
}

/// What `roost runtime state` prints, and what hooks read from standard input.
package struct RuntimeState: Codable, Hashable, Sendable {
    package var ociVersion: String
    package var id: String
    /// 0 when there is no process.
    package var pid: Int32
    package var status: RuntimeStatus
    package var bundle: String
    package var rootfs: String
    package var created: String
    package var annotations: [String: String]?
    /// The name of the user that made it; its number when it has none.
    package var owner: String

    /// The state of a container with a record.
    package init(_ record: RuntimeRecord, _ status: RuntimeStatus, owner: String) {
        ociVersion = RuntimeSpec().ociVersion
        id = record.id
        pid = status == .stopped ? 0 : record.process?.pid ?? 0
        self.status = status
        (bundle, rootfs, created) = (record.bundle, record.rootfs, record.created)
        annotations = record.config.annotations
        self.owner = owner
    }
}
