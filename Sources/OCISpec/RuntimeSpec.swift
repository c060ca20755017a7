/// A container's `config.json`: OCI Runtime Specification 1.2, "Configuration".
package struct RuntimeSpec: Encodable, Hashable, Sendable {
    package var ociVersion: String
    package var process: ProcessSpec?
    package var root: RootSpec?
    package var hostname: String?
    package var domainname: String?
    package var mounts: [MountSpec]?
    package var hooks: HooksSpec?
    package var annotations: [String: String]?
    package var linux: LinuxSpec?

    /// A configuration with nothing in it.
    package init(ociVersion: String = "1.2.0") { self.ociVersion = ociVersion }

    /// Whether `/dev` is a filesystem of the container's own, with nothing of the image in it.
    package var hasOwnDevices: Bool { deviceMount?.type == "tmpfs" }
    /// Whether something that is not the container's alone is mounted at `/dev`.
    package var hasForeignDevices: Bool { deviceMount.map { $0.type != "tmpfs" } ?? false }
    private var deviceMount: MountSpec? {
        (mounts ?? []).last { $0.destination == "/dev" || $0.destination == "/dev/" }
    }
}

/// `root`: the directory that becomes the container's root.
package struct RootSpec: Encodable, Hashable, Sendable {
    package var path: String
    package var readonly: Bool?

    /// A root at `path`, relative to the bundle when not absolute.
    package init(path: String, readonly: Bool? = nil) {
        self.path = path
        self.readonly = readonly
    }
}

/// `process`: the program and the identity it runs with.
package struct ProcessSpec: Encodable, Hashable, Sendable {
    /// `process.consoleSize`, in characters.
    package struct ConsoleSize: Encodable, Hashable, Sendable {
        package var height: UInt32
        package var width: UInt32

        /// A size in characters.
        package init(height: UInt32, width: UInt32) {
            self.height = height
            self.width = width
        }
    }

    /// `process.user`.
    package struct User: Encodable, Hashable, Sendable {
        package var uid: UInt32
        package var gid: UInt32
        package var umask: UInt32?
        package var additionalGids: [UInt32]?

        /// An identity by numbers.
        package init(uid: UInt32 = 0, gid: UInt32 = 0, umask: UInt32? = nil, additionalGids: [UInt32]? = nil) {
            self.uid = uid
            self.gid = gid
            self.umask = umask
            self.additionalGids = additionalGids
        }
    }

    /// `process.capabilities`: names with `CAP_`.
    package struct Capabilities: Encodable, Hashable, Sendable {
        package var bounding: [String]?
        package var effective: [String]?
        package var inheritable: [String]?
        package var permitted: [String]?
        package var ambient: [String]?

        /// Five sets by name.
        package init(
            bounding: [String]? = nil,
            effective: [String]? = nil,
            inheritable: [String]? = nil,
            permitted: [String]? = nil,
            ambient: [String]? = nil
        ) {
            self.bounding = bounding
            self.effective = effective
            self.inheritable = inheritable
            self.permitted = permitted
            self.ambient = ambient
        }
    }

    /// One of `process.rlimits`: `type` is `RLIMIT_…`.
    package struct Rlimit: Encodable, Hashable, Sendable {
        package var type: String
        package var soft: UInt64
        package var hard: UInt64

        /// A limit by its kernel name.
        package init(type: String, soft: UInt64, hard: UInt64) {
            self.type = type
            self.soft = soft
            self.hard = hard
        }
    }

    /// `process.scheduler`: sched_setattr(2).
    package struct Scheduler: Encodable, Hashable, Sendable {
        package var policy: String
        package var nice: Int32?
        package var priority: Int32?
        package var flags: [String]?
        package var runtime: UInt64?
        package var deadline: UInt64?
        package var period: UInt64?
    }

    /// `process.ioPriority`: ioprio_set(2).
    package struct IOPriority: Encodable, Hashable, Sendable {
        package var `class`: String
        package var priority: Int?

        /// A class by its kernel name, and the level in it.
        package init(class: String, priority: Int) {
            self.class = `class`
            self.priority = priority
        }
    }

    /// `process.execCPUAffinity`.
    package struct ExecCPUAffinity: Encodable, Hashable, Sendable {
        package var initial: String?
        package var final: String?
    }

    package var terminal: Bool?
    package var consoleSize: ConsoleSize?
    package var cwd: String
    package var env: [String]?
    package var args: [String]?
    package var commandLine: String?
    package var user: User?
    package var capabilities: Capabilities?
    package var rlimits: [Rlimit]?
    package var noNewPrivileges: Bool?
    package var apparmorProfile: String?
    package var selinuxLabel: String?
    package var oomScoreAdj: Int?
    package var scheduler: Scheduler?
    package var ioPriority: IOPriority?
    package var execCPUAffinity: ExecCPUAffinity?

    /// A program run in `cwd`.
    package init(cwd: String = "/", args: [String] = [], env: [String] = []) {
        self.cwd = cwd
        self.args = args
        self.env = env
    }
}

/// One of `mounts`, in the order they are made.
package struct MountSpec: Encodable, Hashable, Sendable {
    /// The type of a mount that the caller of the runtime lends; its source is the name it is lent under.
    package static let preparedType = "prepared"

    package var destination: String
    package var type: String?
    package var source: String?
    package var options: [String]?
    package var uidMappings: [IDMapping]?
    package var gidMappings: [IDMapping]?

    /// A mount as mount(8) would be told.
    package init(destination: String, type: String? = nil, source: String? = nil, options: [String]? = nil) {
        self.destination = destination
        self.type = type
        self.source = source
        self.options = options
    }
}

/// A range of ids: user_namespaces(7), `uid_map`.
package struct IDMapping: Encodable, Hashable, Sendable {
    package var containerID: UInt32
    package var hostID: UInt32
    package var size: UInt32

    /// `size` ids from `containerID` inside, from `hostID` outside.
    package init(containerID: UInt32, hostID: UInt32, size: UInt32) {
        self.containerID = containerID
        self.hostID = hostID
        self.size = size
    }
}

/// `hooks`: programs run at points of the container's life.
package struct HooksSpec: Encodable, Hashable, Sendable {
    /// One program.
    package struct Hook: Encodable, Hashable, Sendable {
        package var path: String
        package var args: [String]?
        package var env: [String]?
        /// In seconds.
        package var timeout: Int?
    }

    package var prestart: [Hook]?
    package var createRuntime: [Hook]?
    package var createContainer: [Hook]?
    package var startContainer: [Hook]?
    package var poststart: [Hook]?
    package var poststop: [Hook]?
}
