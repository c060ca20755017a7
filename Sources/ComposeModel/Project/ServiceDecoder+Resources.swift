import YAMLComposer

extension ServiceDecoder {
    /// Reads the limits of a service; those of `deploy` come first.
    func resources() -> ServiceResources {
        var result = ServiceResources()
        result.nanoCPUs = cpus(fields)
        result.cpuShares = amount("cpu_shares")
        result.cpuQuotaMicroseconds = amount("cpu_quota", atLeast: -1)
        result.cpuPeriodMicroseconds = amount("cpu_period")
        result.cpuRealtimePeriodMicroseconds = amount("cpu_rt_period")
        result.cpuRealtimeRuntimeMicroseconds = amount("cpu_rt_runtime")
        result.cpuSet = fields.value("cpuset", hint: "use numbers and ranges such as 0-3,6", Self.cpuSet)
        result.memoryLimitBytes = limit("mem_limit")
        result.memorySwapLimitBytes = fields.bytes("memswap_limit", atLeast: -1)
        result.memoryReservationBytes = limit("mem_reservation")
        result.memorySwappiness = fields.integer("mem_swappiness", in: 0...100)
        result.processLimit = amount("pids_limit", atLeast: -1)
        result.sharedMemoryBytes = limit("shm_size")
        result.oomKillDisabled = fields.flag("oom_kill_disable") ?? false
        result.oomScoreAdjustment = fields.integer("oom_score_adj", in: -1000...1000)
        result.blockIO = fields.fields("blkio_config").map(blockIO)
        result.devices = fields.list("gpus").map { deviceRequest($0) }
        let deployed = fields.fields("deploy")?.fields("resources")
        if let limits = deployed?.fields("limits") {
            result.nanoCPUs = cpus(limits) ?? result.nanoCPUs
            result.memoryLimitBytes = limits.bytes("memory") ?? result.memoryLimitBytes
            result.processLimit = limits.bytes("pids", atLeast: -1) ?? result.processLimit
        }
        if let reservations = deployed?.fields("reservations") {
            result.memoryReservationBytes = reservations.bytes("memory") ?? result.memoryReservationBytes
            result.devices += reservations.list("devices").map { deviceRequest($0) }
        }
        return result
    }

    /// More processors than any machine has are a mistake.
    private func cpus(_ fields: Fields) -> Int64? {
        guard let count = fields.decimal("cpus", atLeast: 0, atMost: 65536), count > 0 else { return nil }
        return Int64((count * 1e9).rounded())
    }

    /// A number that says nothing when it is zero.
    private func amount(_ key: String, atLeast least: Int = 0) -> Int64? { fields.bytes(key, atLeast: least) }

    /// Compose takes -1 for amounts without a limit, which is the same as none.
    private func limit(_ key: String) -> Int64? {
        fields.bytes(key, atLeast: -1).flatMap { $0 < 0 ? nil : $0 }
    }

    private static func cpuSet(_ text: String) -> String? {
        let ranges = text.split(separator: ",", omittingEmptySubsequences: false)
        return ranges.allSatisfy { PortRange.read(String($0)) != nil } ? text : nil
    }

    /// Compose takes a count of -1 for all of them.
    private func deviceRequest(_ fields: Fields) -> DeviceRequest {
        var request = DeviceRequest(place: fields.path)
        request.driver = fields.text("driver")
        request.ids = fields.texts("device_ids")
        request.capabilities = fields.texts("capabilities")
        request.count = fields.node("count").flatMap { node in
            if node.string == "all" { return nil }
            return fields.integer("count", in: -1...1024).flatMap { $0 < 0 ? nil : $0 }
        }
        return request
    }

    private func blockIO(_ fields: Fields) -> BlockIO {
        var result = BlockIO()
        result.weight = weight(fields)
        for device in fields.list("weight_device") {
            guard let path = path(device), let weight = weight(device) else { continue }
            result.deviceWeights.append(.init(path: path, weight: weight))
        }
        for kind in BlockIO.Throttle.Kind.allCases {
            for device in fields.list(kind.rawValue) {
                guard let path = path(device), let rate = device.bytes("rate") else { continue }
                result.throttles.append(.init(kind: kind, path: path, ratePerSecond: rate))
            }
        }
        return result
    }

    private func weight(_ fields: Fields) -> UInt16? {
        guard let node = fields.node("weight"), node.int != 0 else { return nil }
        return fields.integer("weight", in: 10...1000).map(UInt16.init)
    }

    private func path(_ fields: Fields) -> String? {
        fields.value("path", hint: "use the absolute path of a disk", Self.absolutePath)
    }
}
