/// `linux`: OCI Runtime Specification 1.2, "Linux Container Configuration".
package struct LinuxSpec: Encodable, Hashable, Sendable {
    /// One of `linux.namespaces`: new when it has no path.
    package struct Namespace: Encodable, Hashable, Sendable {
        package var type: String
        package var path: String?

        /// A namespace by the specification's name for its kind.
        package init(type: String, path: String? = nil) {
            self.type = type
            self.path = path
        }
    }

    /// One of `linux.devices`: mknod(2).
    package struct Device: Encodable, Hashable, Sendable {
        package var type: String
        package var path: String
        package var major: Int64?
        package var minor: Int64?
        package var fileMode: UInt32?
        package var uid: UInt32?
        package var gid: UInt32?

        /// A node at `path`; `type` is `c`, `b`, `u` or `p`.
        package init(
            type: String,
            path: String,
            major: Int64? = nil,
            minor: Int64? = nil,
            fileMode: UInt32? = nil,
            uid: UInt32? = nil,
            gid: UInt32? = nil
        ) {
            self.type = type
            self.path = path
            self.major = major
            self.minor = minor
            self.fileMode = fileMode
            self.uid = uid
            self.gid = gid
        }
    }

    /// `linux.personality`: personality(2).
    package struct Personality: Encodable, Hashable, Sendable {
        package var domain: String
        package var flags: [String]?
    }

    /// One clock of `linux.timeOffsets`: time_namespaces(7).
    package struct TimeOffset: Encodable, Hashable, Sendable {
        package var secs: Int64?
        package var nanosecs: UInt32?

        /// An offset; what is not given is 0.
        package init(secs: Int64? = nil, nanosecs: UInt32? = nil) { (self.secs, self.nanosecs) = (secs, nanosecs) }
    }

    /// One of `linux.netDevices`, by its name on the host: version 1.3.
    package struct NetworkDevice: Encodable, Hashable, Sendable {
        package var name: String?

        /// An interface, and what it is called in the container; as on the host if nil.
        package init(name: String? = nil) { self.name = name }
    }

    /// `linux.intelRdt`.
    package struct IntelRdt: Encodable, Hashable, Sendable {
        package var closID: String?
        package var l3CacheSchema: String?
        package var memBwSchema: String?
        package var enableCMT: Bool?
        package var enableMBM: Bool?
    }

    /// `linux.memoryPolicy`: set_mempolicy(2), since version 1.3.
    package struct MemoryPolicy: Encodable, Hashable, Sendable {
        package var mode: String?
        package var nodes: String?
        package var flags: [String]?
    }

    package var memoryPolicy: MemoryPolicy?
    package var uidMappings: [IDMapping]?
    package var gidMappings: [IDMapping]?
    package var sysctl: [String: String]?
    package var resources: ResourcesSpec?
    package var cgroupsPath: String?
    package var namespaces: [Namespace]?
    package var devices: [Device]?
    package var seccomp: SeccompSpec?
    package var rootfsPropagation: String?
    package var maskedPaths: [String]?
    package var readonlyPaths: [String]?
    package var mountLabel: String?
    package var intelRdt: IntelRdt?
    package var personality: Personality?
    package var timeOffsets: [String: TimeOffset]?
    package var netDevices: [String: NetworkDevice]?

    /// No Linux settings.
    package init() {}
}

/// `linux.seccomp`: a system call filter.
package struct SeccompSpec: Encodable, Hashable, Sendable {
    /// A condition on one argument.
    package struct Argument: Encodable, Hashable, Sendable {
        package var index: UInt32
        package var value: UInt64
        package var valueTwo: UInt64?
        package var op: String

        /// A comparison of argument `index`, from 0; `op` is `SCMP_CMP_…`.
        package init(index: UInt32, value: UInt64, valueTwo: UInt64? = nil, op: String) {
            self.index = index
            self.value = value
            self.valueTwo = valueTwo
            self.op = op
        }
    }

    /// One rule.
    package struct Rule: Encodable, Hashable, Sendable {
        package var names: [String]
        package var action: String
        package var errnoRet: UInt32?
        package var args: [Argument]?

        /// What to do for the named calls.
        package init(names: [String], action: String, errnoRet: UInt32? = nil, args: [Argument]? = nil) {
            self.names = names
            self.action = action
            self.errnoRet = errnoRet
            self.args = args
        }
    }

    package var defaultAction: String
    package var defaultErrnoRet: UInt32?
    package var architectures: [String]?
    package var flags: [String]?
    package var listenerPath: String?
    package var listenerMetadata: String?
    package var syscalls: [Rule]?

    /// A filter that does `defaultAction` where no rule says otherwise.
    package init(defaultAction: String, defaultErrnoRet: UInt32? = nil, syscalls: [Rule] = []) {
        self.defaultAction = defaultAction
        self.defaultErrnoRet = defaultErrnoRet
        self.syscalls = syscalls
    }
}
