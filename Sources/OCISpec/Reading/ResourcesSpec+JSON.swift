extension ResourcesSpec: JSONReadable {
    package init(_ json: JSONObject) throws(JSONError) {
        devices = try json.objects("devices", Device.init)
        memory = try json.object("memory", Memory.init)
        cpu = try json.object("cpu", CPU.init)
        pids = try json.object("pids", Pids.init)
        blockIO = try json.object("blockIO", BlockIO.init)
        hugepageLimits = try json.objects("hugepageLimits", HugepageLimit.init)
        network = try json.object("network", Network.init)
        rdma = try json.objectsByName("rdma", RDMA.init)
        unified = try json.textsByName("unified")
    }
}

extension ResourcesSpec.Device {
    init(_ json: JSONObject) throws(JSONError) {
        allow = try json.neededFlag("allow")
        type = try json.text("type")
        major = try json.integer("major")
        minor = try json.integer("minor")
        access = try json.text("access")
    }
}

extension ResourcesSpec.Memory {
    init(_ json: JSONObject) throws(JSONError) {
        limit = try json.integer("limit")
        reservation = try json.integer("reservation")
        swap = try json.integer("swap")
        kernel = try json.integer("kernel")
        kernelTCP = try json.integer("kernelTCP")
        swappiness = try json.integer("swappiness")
        disableOOMKiller = try json.flag("disableOOMKiller")
        useHierarchy = try json.flag("useHierarchy")
        checkBeforeUpdate = try json.flag("checkBeforeUpdate")
    }
}

extension ResourcesSpec.CPU {
    init(_ json: JSONObject) throws(JSONError) {
        shares = try json.integer("shares")
        quota = try json.integer("quota")
        burst = try json.integer("burst")
        period = try json.integer("period")
        realtimeRuntime = try json.integer("realtimeRuntime")
        realtimePeriod = try json.integer("realtimePeriod")
        cpus = try json.text("cpus")
        mems = try json.text("mems")
        idle = try json.integer("idle")
    }
}

extension ResourcesSpec.Pids {
    init(_ json: JSONObject) throws(JSONError) {
        limit = try json.integer("limit")
    }
}

extension ResourcesSpec.ThrottleDevice {
    init(_ json: JSONObject) throws(JSONError) {
        major = try json.neededInteger("major")
        minor = try json.neededInteger("minor")
        rate = try json.neededInteger("rate")
    }
}

extension ResourcesSpec.WeightDevice {
    init(_ json: JSONObject) throws(JSONError) {
        major = try json.neededInteger("major")
        minor = try json.neededInteger("minor")
        weight = try json.integer("weight")
        leafWeight = try json.integer("leafWeight")
    }
}

extension ResourcesSpec.BlockIO {
    init(_ json: JSONObject) throws(JSONError) {
        weight = try json.integer("weight")
        leafWeight = try json.integer("leafWeight")
        weightDevice = try json.objects("weightDevice", ResourcesSpec.WeightDevice.init)
        throttleReadBpsDevice = try json.objects("throttleReadBpsDevice", ResourcesSpec.ThrottleDevice.init)
        throttleWriteBpsDevice = try json.objects("throttleWriteBpsDevice", ResourcesSpec.ThrottleDevice.init)
        throttleReadIOPSDevice = try json.objects("throttleReadIOPSDevice", ResourcesSpec.ThrottleDevice.init)
        throttleWriteIOPSDevice = try json.objects("throttleWriteIOPSDevice", ResourcesSpec.ThrottleDevice.init)
    }
}

extension ResourcesSpec.HugepageLimit {
    init(_ json: JSONObject) throws(JSONError) {
        pageSize = try json.neededText("pageSize")
        limit = try json.neededInteger("limit")
    }
}

extension ResourcesSpec.Network {
    init(_ json: JSONObject) throws(JSONError) {
        classID = try json.integer("classID")
        priorities = try json.objects("priorities", Priority.init)
    }
}

extension ResourcesSpec.RDMA {
    init(_ json: JSONObject) throws(JSONError) {
        hcaHandles = try json.integer("hcaHandles")
        hcaObjects = try json.integer("hcaObjects")
    }
}

extension ResourcesSpec.Network.Priority {
    init(_ json: JSONObject) throws(JSONError) {
        name = try json.neededText("name")
        priority = try json.neededInteger("priority")
    }
}
