import ComposeModel
import ContainerRuntime
import OCISpec

extension ServiceResources {
    /// The limits as the runtime takes them; throws for a disk that is not there.
    func specification() throws -> ResourcesSpec {
        var result = ResourcesSpec()
        let (cpu, memory) = (processorLimits, memoryLimits)
        if cpu != ResourcesSpec.CPU() { result.cpu = cpu }
        if memory != ResourcesSpec.Memory() { result.memory = memory }
        if let processLimit, processLimit != 0 { result.pids = .init(limit: processLimit) }
        result.blockIO = try blockIO.map { try $0.specification() }
        return result
    }

    private var processorLimits: ResourcesSpec.CPU {
        var cpu = ResourcesSpec.CPU()
        if let nanoCPUs, nanoCPUs > 0 {
            cpu.period = 100_000
            cpu.quota = max(1000, nanoCPUs / 10_000)
        }
        if let cpuQuotaMicroseconds { cpu.quota = cpuQuotaMicroseconds }
        if let cpuPeriodMicroseconds, cpuPeriodMicroseconds > 0 { cpu.period = UInt64(cpuPeriodMicroseconds) }
        if let cpuShares, cpuShares > 0 { cpu.shares = UInt64(cpuShares) }
        cpu.realtimePeriod = cpuRealtimePeriodMicroseconds.map { UInt64($0) }
        cpu.realtimeRuntime = cpuRealtimeRuntimeMicroseconds
        cpu.cpus = cpuSet
        return cpu
    }

    /// The limit of memory and swap together; 0 stands for none given.
    private var givenSwap: Int64? { memorySwapLimitBytes.flatMap { $0 == 0 ? nil : $0 } }

    private var memoryLimits: ResourcesSpec.Memory {
        var memory = ResourcesSpec.Memory()
        if let memoryLimitBytes, memoryLimitBytes > 0 {
            memory.limit = memoryLimitBytes
            // As docker does: as much swap again, unless somebody says otherwise.
            memory.swap = givenSwap ?? memoryLimitBytes.multipliedReportingOverflow(by: 2).partialValue
        } else if let givenSwap {
            memory.swap = givenSwap
        }
        memory.reservation = memoryReservationBytes
        memory.swappiness = memorySwappiness.map { UInt64($0) }
        if oomKillDisabled { memory.disableOOMKiller = true }
        return memory
    }
}

extension BlockIO {
    /// The limits with the numbers of their disks.
    fileprivate func specification() throws -> ResourcesSpec.BlockIO {
        var result = ResourcesSpec.BlockIO()
        result.weight = weight
        let weights = try deviceWeights.map { device in
            let node = try LinuxSpec.Device.ofHost(device.path, at: device.path)
            return ResourcesSpec.WeightDevice(major: node.major ?? 0, minor: node.minor ?? 0, weight: device.weight)
        }
        if !weights.isEmpty { result.weightDevice = weights }
        for throttle in throttles {
            let node = try LinuxSpec.Device.ofHost(throttle.path, at: throttle.path)
            let device = ResourcesSpec.ThrottleDevice(
                major: node.major ?? 0,
                minor: node.minor ?? 0,
                rate: UInt64(throttle.ratePerSecond)
            )
            switch throttle.kind {
            case .readBytes: result.throttleReadBpsDevice = (result.throttleReadBpsDevice ?? []) + [device]
            case .writeBytes: result.throttleWriteBpsDevice = (result.throttleWriteBpsDevice ?? []) + [device]
            case .readOperations: result.throttleReadIOPSDevice = (result.throttleReadIOPSDevice ?? []) + [device]
            case .writeOperations: result.throttleWriteIOPSDevice = (result.throttleWriteIOPSDevice ?? []) + [device]
            }
        }
        return result
    }
}
