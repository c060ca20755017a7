import CLinux
import Glibc

/// How changes of mounts travel between namespaces: mount_namespaces(7).
package enum MountPropagation: Hashable, Sendable, CustomStringConvertible {
    case `private`, slave, shared, unbindable

    /// The flags of mount(2) that set it, without `MS_REC`.
    package var flag: UInt64 {
        switch self {
        case .private: UInt64(MS_PRIVATE)
        case .slave: UInt64(MS_SLAVE)
        case .shared: UInt64(MS_SHARED)
        case .unbindable: UInt64(MS_UNBINDABLE)
        }
    }

    /// The word mount(8) uses.
    package var description: String {
        switch self {
        case .private: "private"
        case .slave: "slave"
        case .shared: "shared"
        case .unbindable: "unbindable"
        }
    }
}

/// What a path may pass through on its way.
///
/// Magic links of procfs are refused always.
package enum SymlinkPolicy: Hashable, Sendable {
    /// Links are followed; after `pivot` they can't lead out of the container.
    case follow
    /// A link anywhere in the path is an error.
    case refuse
}

/// Attributes of one mount: mount_setattr(2).
///
/// The raw value is the kernel's `MOUNT_ATTR_…` bits.
package struct MountAttributes: OptionSet, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The elements together, without the standard library's look-up of types, which takes longer than a whole plan.
    package init(arrayLiteral elements: MountAttributes...) {
        self.init(rawValue: elements.reduce(0) { $0 | $1.rawValue })
    }

    /// `MOUNT_ATTR_RDONLY`.
    package static let readOnly = MountAttributes(rawValue: 0x1)
    /// `MOUNT_ATTR_NOSUID`.
    package static let noSetuid = MountAttributes(rawValue: 0x2)
    /// `MOUNT_ATTR_NODEV`.
    package static let noDevices = MountAttributes(rawValue: 0x4)
    /// `MOUNT_ATTR_NOEXEC`.
    package static let noExecute = MountAttributes(rawValue: 0x8)

    /// `MOUNT_ATTR_NOATIME`.
    package static let noAccessTimes = MountAttributes(rawValue: 0x10)
    /// `MOUNT_ATTR_STRICTATIME`.
    package static let strictAccessTimes = MountAttributes(rawValue: 0x20)
    /// `MOUNT_ATTR_NODIRATIME`.
    package static let noDirectoryAccessTimes = MountAttributes(rawValue: 0x80)
    /// `MOUNT_ATTR_NOSYMFOLLOW`, Linux 5.14.
    package static let noSymlinks = MountAttributes(rawValue: 0x20_0000)

    /// What mount_setattr(2) has to clear first: `MOUNT_ATTR__ATIME`, which is a field and not a bit.
    var cleared: UInt64 { rawValue & 0x70 == 0 ? 0 : 0x70 }

    private static let names: [(MountAttributes, String)] = [
        (.readOnly, "ro"), (.noSetuid, "nosuid"), (.noDevices, "nodev"), (.noExecute, "noexec"),
        (.noAccessTimes, "noatime"), (.strictAccessTimes, "strictatime"), (.noDirectoryAccessTimes, "nodiratime"),
        (.noSymlinks, "nosymfollow"),
    ]

    /// The options as mount(8) writes them, one by one.
    var names: [String] { MountAttributes.names.filter { contains($0.0) }.map(\.1) }

    /// The options as mount(8) writes them; `rw` when there is none.
    package var description: String {
        isEmpty ? "rw" : names.joined(separator: ",")
    }
}

/// What one call of mount_setattr(2) changes.
package struct MountAlteration: Hashable, Sendable {
    package var set: MountAttributes = []
    package var cleared: MountAttributes = []
    package var propagation: MountPropagation?
    /// Whether it is for the mounts below, too.
    package var isRecursive: Bool

    /// Nothing yet.
    package init(isRecursive: Bool) { self.isRecursive = isRecursive }

    /// Whether it changes nothing.
    package var isEmpty: Bool { self.set.isEmpty && cleared.isEmpty && propagation == nil }

    /// What the call clears: also the field that a choice of access times is in.
    var allCleared: UInt64 {
        let times = MountAttributes([.noAccessTimes, .strictAccessTimes])
        let clearsTimes = !set.isDisjoint(with: times) || !cleared.isDisjoint(with: times)
        return cleared.subtracting(times).rawValue | (clearsTimes ? 0x70 : 0)
    }
}

/// Attributes and propagation of a mount, and of those below it, as they are to be: mount_setattr(2).
package struct MountChange: Hashable, Sendable, CustomStringConvertible {
    /// For the mount alone; made last, so that it wins.
    package var top = MountAlteration(isRecursive: false)
    /// For it and those below it.
    package var all = MountAlteration(isRecursive: true)

    /// Nothing.
    package init() {}

    /// Attributes that are set, with no word about propagation.
    package init(_ set: MountAttributes, recursive: Bool) {
        if recursive { all.set = set } else { top.set = set }
    }

    /// Whether it changes nothing.
    package var isEmpty: Bool { top.isEmpty && all.isEmpty }

    /// The calls that make it.
    package var parts: [MountAlteration] { [all, top].filter { !$0.isEmpty } }

    /// As options of mount(8), those that are for all mounts with an `r`.
    package var description: String {
        func words(_ part: MountAlteration) -> [String] {
            let prefix = part.isRecursive ? "r" : ""
            let cleared = part.cleared.names.map { "not-\($0)" }
            return (part.set.names + cleared + (part.propagation.map { ["\($0)"] } ?? [])).map { prefix + $0 }
        }
        return (words(all) + words(top)).joined(separator: ",")
    }
}

/// A filesystem to make: its type, its parameters and the attributes of its first mount.
package struct FilesystemRecipe: Hashable, Sendable, CustomStringConvertible {
    /// One parameter of fsconfig(2): a flag when it has no value.
    package struct Parameter: Hashable, Sendable {
        /// The parameter's name.
        package var key: String
        /// Its value, at most 255 bytes.
        package var value: String?

        /// A parameter; a flag when there is no value.
        package init(_ key: String, _ value: String? = nil) {
            self.key = key
            self.value = value
        }
    }

    /// The type as in filesystems(5).
    package var type: String
    /// Its parameters in order.
    package var parameters: [Parameter]
    /// Attributes of the mount.
    package var attributes: MountAttributes
    /// What lists of mounts show as its source; `none` when it is nil.
    package var source: String?

    /// Describes a filesystem of `type`.
    package init(_ type: String, _ parameters: [Parameter] = [], attributes: MountAttributes = []) {
        self.type = type
        self.parameters = parameters
        self.attributes = attributes
    }

    /// The type, the parameters and the attributes, as mount(8) would write them.
    package var description: String {
        let options = parameters.map { parameter in parameter.value.map { "\(parameter.key)=\($0)" } ?? parameter.key }
        return "\(type) \((["\(attributes)"] + options).joined(separator: ","))"
    }
}

/// A device node: mknod(2).
package struct DeviceNode: Hashable, Sendable, CustomStringConvertible {
    /// What kind of node.
    package enum Kind: Hashable, Sendable { case character, block, fifo }

    package var path: String
    package var kind: Kind
    package var major: UInt32
    package var minor: UInt32
    /// The permission bits.
    package var mode: UInt32

    /// A node at `path`.
    package init(_ path: String, _ kind: Kind, major: UInt32, minor: UInt32, mode: UInt32) {
        self.path = path
        self.kind = kind
        self.major = major
        self.minor = minor
        self.mode = mode
    }

    /// The type bits and permission bits of mknod(2).
    package var fileMode: UInt32 {
        switch kind {
        case .character: mode | 0o020000
        case .block: mode | 0o060000
        case .fifo: mode | 0o010000
        }
    }

    /// The number as the kernel packs it: makedev(3).
    package var device: UInt64 {
        let (major, minor) = (UInt64(major), UInt64(minor))
        return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xff) << 12 | (major & ~0xfff) << 32
    }

    /// Path, kind, numbers and mode.
    package var description: String {
        let letter =
            switch kind {
            case .character: "c"
            case .block: "b"
            case .fifo: "p"
            }
        return "\(path) \(letter) \(major):\(minor) 0\(String(mode, radix: 8))"
    }
}

/// One limit of getrlimit(2).
package struct ResourceLimit: Hashable, Sendable, CustomStringConvertible {
    /// The resources by their names in limits.conf(5); the raw value is the kernel's `RLIMIT_…`.
    package enum Resource: UInt32, Hashable, Sendable, CaseIterable, CustomStringConvertible {
        case cpu = 0, fsize, data, stack, core, rss, nproc, nofile, memlock, `as`, locks, sigpending, msgqueue, nice
        case rtprio, rttime

        private static let names = [
            "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending",
            "msgqueue", "nice", "rtprio", "rttime",
        ]

        /// The name in limits.conf(5).
        package var description: String { Resource.names[Int(rawValue)] }
    }

    /// No limit: `RLIM_INFINITY`.
    package static let unlimited = UInt64.max

    package var resource: Resource
    package var soft: UInt64
    package var hard: UInt64

    /// A limit in the resource's own unit.
    package init(_ resource: Resource, soft: UInt64, hard: UInt64) {
        self.resource = resource
        self.soft = soft
        self.hard = hard
    }

    /// Resource, soft and hard value.
    package var description: String {
        func text(_ value: UInt64) -> String { value == ResourceLimit.unlimited ? "unlimited" : "\(value)" }
        return "\(resource) \(text(soft)) \(text(hard))"
    }
}

/// The numeric identity of a process: credentials(7).
package struct Credentials: Hashable, Sendable, CustomStringConvertible {
    package var uid: UInt32
    package var gid: UInt32
    /// Supplementary groups.
    package var groups: [UInt32]
    /// What becomes of the supplementary groups of before.
    package enum GroupChange: Hashable, Sendable {
        /// They make room for `groups`.
        case set
        /// They go where setgroups(2) is permitted: there is no other way to know in a user namespace of others.
        case dropIfPossible
        /// They stay, as setgroups(2) is denied: user_namespaces(7).
        case keep
    }
    package var change = GroupChange.set
    /// Whether the process may stay dumpable.
    package var staysVisible = false

    /// An identity.
    package init(uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
    }

    /// `uid:gid` and the supplementary groups.
    package var description: String {
        let change =
            switch change {
            case .set: ""
            case .dropIfPossible: " no groups if possible"
            case .keep: " same groups"
            }
        let list = groups.isEmpty ? "" : " groups \(groups.map { "\($0)" }.joined(separator: ","))"
        return "\(uid):\(gid)\(list)\(change)"
    }
}

/// A compiled filter for seccomp(2): classic BPF, eight bytes an instruction.
package struct SeccompProgram: Hashable, Sendable, CustomStringConvertible {
    /// The instructions as the kernel reads them.
    package var instructions: [UInt8]
    /// `SECCOMP_FILTER_FLAG_…`.
    package var flags: UInt32

    /// Whether loading it opens a descriptor on which calls are told: `SECCOMP_FILTER_FLAG_NEW_LISTENER`, Linux 5.0.
    package var hasListener: Bool { flags & SeccompProgram.listenerFlag != 0 }
    /// `SECCOMP_FILTER_FLAG_NEW_LISTENER`.
    package static let listenerFlag: UInt32 = 1 << 3

    /// A program of whole instructions.
    package init(instructions: [UInt8], flags: UInt32) {
        self.instructions = instructions
        self.flags = flags
    }

    /// The number of instructions.
    package var description: String { "\(instructions.count / 8) instructions" }
}

/// The size of a terminal in characters: `TIOCSWINSZ`.
package struct TerminalSize: Hashable, Sendable, CustomStringConvertible {
    package var rows: UInt16
    package var columns: UInt16

    /// A size; what is above the kernel's 65535 is cut.
    package init(rows: UInt32, columns: UInt32) {
        self.rows = UInt16(clamping: rows)
        self.columns = UInt16(clamping: columns)
    }

    /// Columns and rows, as in `80x24`.
    package var description: String { "\(columns)x\(rows)" }
}

extension ResourceLimit {
    /// A limit that this process has: prlimit(2).
    package static func ofThisProcess(_ resource: Resource) throws(SyscallError) -> ResourceLimit {
        var limits: (soft: UInt64, hard: UInt64) = (0, 0)
        let result = withUnsafeMutablePointer(to: &limits) {
            clinux_syscall(Int64(SYS_prlimit64), 0, UInt64(resource.rawValue), 0, UInt64(UInt(bitPattern: $0)), 0, 0)
        }
        _ = try SyscallError.check(CInt(result), "prlimit", "\(resource)")
        return ResourceLimit(resource, soft: limits.soft, hard: limits.hard)
    }

    /// Raises the hard limit of another process to this one's, where it is lower: prlimit(2).
    ///
    /// The soft limit stays; the process itself sets both.
    package func allow(pid: Int32) throws(SyscallError) {
        var limits: (soft: UInt64, hard: UInt64) = (0, 0)
        let (pid, number) = (UInt64(pid), UInt64(resource.rawValue))
        var result = withUnsafeMutablePointer(to: &limits) {
            clinux_syscall(Int64(SYS_prlimit64), pid, number, 0, UInt64(UInt(bitPattern: $0)), 0, 0)
        }
        _ = try SyscallError.check(CInt(result), "prlimit", "\(resource)")
        guard limits.hard < hard else { return }
        limits.hard = hard
        result = withUnsafeMutablePointer(to: &limits) {
            clinux_syscall(Int64(SYS_prlimit64), pid, number, UInt64(UInt(bitPattern: $0)), 0, 0, 0)
        }
        _ = try SyscallError.check(CInt(result), "prlimit", "\(self)")
    }

    /// Raises a limit of this process as far as its hard limit allows; returns what it was: prlimit(2).
    package static func raise(_ resource: Resource) throws(SyscallError) -> ResourceLimit {
        let former = try ofThisProcess(resource)
        var limits = (soft: former.hard, hard: former.hard)
        let result = withUnsafeMutablePointer(to: &limits) {
            clinux_syscall(Int64(SYS_prlimit64), 0, UInt64(resource.rawValue), UInt64(UInt(bitPattern: $0)), 0, 0, 0)
        }
        _ = try SyscallError.check(CInt(result), "prlimit", "\(resource)")
        return former
    }
}
