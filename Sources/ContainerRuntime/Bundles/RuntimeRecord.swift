package import LinuxSystem
package import OCISpec

/// What is on disk about a container of `roost runtime`: `state.json` in its directory.
///
/// Written before the first thing that outlives the command is made. The process has a file of its own, `process`, from
/// when it waits at its gate.
package struct RuntimeRecord: Codable, Hashable, Sendable {
    /// The version of this form.
    package var version = 1
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
    /// The mount at `rootfs`, by its number, where the container's mounts are among the host's.
    package var rootMount: UInt64?
    /// The first process; nil until it waits at its gate.
    package var process: ProcessIdentity?
    /// The configuration as it was then.
    package var config: RuntimeSpec
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
