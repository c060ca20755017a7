/// `linux.resources`: what the control group limits.
package struct ResourcesSpec: Encodable, Hashable, Sendable {
    /// One rule of `devices`.
    package struct Device: Encodable, Hashable, Sendable {
        package var allow: Bool
        package var type: String?
        package var major: Int64?
        package var minor: Int64?
        package var access: String?

        /// A rule; what is not given matches everything.
        package init(
            allow: Bool,
            type: String? = nil,
            major: Int64? = nil,
            minor: Int64? = nil,
            access: String? = nil
        ) {
            self.allow = allow
            self.type = type
            self.major = major
            self.minor = minor
            self.access = access
        }
    }

    /// `memory`, in bytes; -1 is unlimited.
    package struct Memory: Encodable, Hashable, Sendable {
        package var limit: Int64?
        package var reservation: Int64?
        package var swap: Int64?
        package var kernel: Int64?
        package var kernelTCP: Int64?
        package var swappiness: UInt64?
        package var disableOOMKiller: Bool?
        package var useHierarchy: Bool?
        package var checkBeforeUpdate: Bool?

        /// No limit.
        package init() {}
    }

    /// `cpu`; times in microseconds.
    package struct CPU: Encodable, Hashable, Sendable {
        package var shares: UInt64?
        package var quota: Int64?
        package var burst: UInt64?
        package var period: UInt64?
        package var realtimeRuntime: Int64?
        package var realtimePeriod: UInt64?
        package var cpus: String?
        package var mems: String?
        package var idle: Int64?

        /// No limit.
        package init() {}
    }

    /// `pids`.
    package struct Pids: Encodable, Hashable, Sendable {
        package var limit: Int64?

        /// At most `limit` processes; -1 is unlimited.
        package init(limit: Int64?) { self.limit = limit }
    }

    /// One device of `blockIO.throttle…`.
    package struct ThrottleDevice: Encodable, Hashable, Sendable {
        package var major: Int64
        package var minor: Int64
        /// In bytes or operations a second.
        package var rate: UInt64

        /// A rate for one device.
        package init(major: Int64, minor: Int64, rate: UInt64) {
            self.major = major
            self.minor = minor
            self.rate = rate
        }
    }

    /// One device of `blockIO.weightDevice`.
    package struct WeightDevice: Encodable, Hashable, Sendable {
        package var major: Int64
        package var minor: Int64
        package var weight: UInt16?
        package var leafWeight: UInt16?

        /// A share of one device.
        package init(major: Int64, minor: Int64, weight: UInt16?) {
            self.major = major
            self.minor = minor
            self.weight = weight
        }
    }

    /// `blockIO`.
    package struct BlockIO: Encodable, Hashable, Sendable {
        package var weight: UInt16?
        package var leafWeight: UInt16?
        package var weightDevice: [WeightDevice]?
        package var throttleReadBpsDevice: [ThrottleDevice]?
        package var throttleWriteBpsDevice: [ThrottleDevice]?
        package var throttleReadIOPSDevice: [ThrottleDevice]?
        package var throttleWriteIOPSDevice: [ThrottleDevice]?

        /// No limit.
        package init() {}
    }

    /// One of `hugepageLimits`.
    package struct HugepageLimit: Encodable, Hashable, Sendable {
        package var pageSize: String
        package var limit: UInt64
    }

    /// `network`.
    package struct Network: Encodable, Hashable, Sendable {
        /// One of `network.priorities`.
        package struct Priority: Encodable, Hashable, Sendable {
            package var name: String
            package var priority: UInt32
        }

        package var classID: UInt32?
        package var priorities: [Priority]?
    }

    /// One device of `rdma`.
    package struct RDMA: Encodable, Hashable, Sendable {
        package var hcaHandles: UInt32?
        package var hcaObjects: UInt32?

        /// Limits of one device; nil is none.
        package init(hcaHandles: UInt32? = nil, hcaObjects: UInt32? = nil) {
            self.hcaHandles = hcaHandles
            self.hcaObjects = hcaObjects
        }
    }

    package var devices: [Device]?
    package var memory: Memory?
    package var cpu: CPU?
    package var pids: Pids?
    package var blockIO: BlockIO?
    package var hugepageLimits: [HugepageLimit]?
    package var network: Network?
    package var rdma: [String: RDMA]?
    /// Files of cgroup v2 and their values, written as they are.
    package var unified: [String: String]?

    /// No limit.
    package init() {}
}
