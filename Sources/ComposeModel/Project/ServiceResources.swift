/// What a container may use of the machine; what `deploy` says comes before what the service says.
package struct ServiceResources: Hashable, Sendable {
    /// The time of processors it may use, in billionths of one.
    package var nanoCPUs: Int64?
    /// Its share when processors are short.
    package var cpuShares: Int64?
    /// How long it may run in each period.
    package var cpuQuotaMicroseconds: Int64?
    /// The length of a period.
    package var cpuPeriodMicroseconds: Int64?
    /// The length of a period of real-time scheduling.
    package var cpuRealtimePeriodMicroseconds: Int64?
    /// How long its real-time programs may run in each period.
    package var cpuRealtimeRuntimeMicroseconds: Int64?
    /// The processors it may run on: `0-3,6`.
    package var cpuSet: String?
    /// The most memory.
    package var memoryLimitBytes: Int64?
    /// The most memory and swap together; -1 for no limit.
    package var memorySwapLimitBytes: Int64?
    /// The memory it keeps when memory is short.
    package var memoryReservationBytes: Int64?
    /// How readily it is swapped out, from 0 to 100.
    package var memorySwappiness: Int?
    /// The most processes; -1 for no limit.
    package var processLimit: Int64?
    /// The size of /dev/shm; nil for 64 MiB.
    package var sharedMemoryBytes: Int64?
    /// Whether it is spared when memory runs out.
    package var oomKillDisabled = false
    /// How readily it is ended when memory runs out, from -1000 to 1000.
    package var oomScoreAdjustment: Int?
    /// What it may use of disks.
    package var blockIO: BlockIO?
    /// Devices that are looked for on the machine, those of `gpus` first.
    package var devices: [DeviceRequest] = []

    /// No limits.
    package init() {}
}

/// What a container may use of disks.
package struct BlockIO: Hashable, Sendable {
    /// A limit of one disk.
    package struct Throttle: Hashable, Sendable {
        /// What is limited.
        package enum Kind: String, Hashable, Sendable, CaseIterable {
            case readBytes = "device_read_bps"
            case writeBytes = "device_write_bps"
            case readOperations = "device_read_iops"
            case writeOperations = "device_write_iops"
        }

        /// What is limited.
        package var kind: Kind
        /// The disk's device node.
        package var path: String
        /// How many bytes or operations a second.
        package var ratePerSecond: Int64
    }

    /// The share of one disk.
    package struct DeviceWeight: Hashable, Sendable {
        /// The disk's device node.
        package var path: String
        /// The share, from 10 to 1000.
        package var weight: UInt16
    }

    /// Its share when disks are busy, from 10 to 1000.
    package var weight: UInt16?
    /// Its share of single disks.
    package var deviceWeights: [DeviceWeight] = []
    /// Limits of single disks.
    package var throttles: [Throttle] = []
}
