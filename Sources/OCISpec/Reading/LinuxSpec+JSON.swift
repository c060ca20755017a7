extension LinuxSpec {
    init(_ json: JSONObject) throws(JSONError) {
        memoryPolicy = try json.object("memoryPolicy", MemoryPolicy.init)
        uidMappings = try json.objects("uidMappings", IDMapping.init)
        gidMappings = try json.objects("gidMappings", IDMapping.init)
        sysctl = try json.textsByName("sysctl")
        resources = try json.object("resources", ResourcesSpec.init)
        cgroupsPath = try json.text("cgroupsPath")
        namespaces = try json.objects("namespaces", Namespace.init)
        devices = try json.objects("devices", Device.init)
        seccomp = try json.object("seccomp", SeccompSpec.init)
        rootfsPropagation = try json.text("rootfsPropagation")
        maskedPaths = try json.texts("maskedPaths")
        readonlyPaths = try json.texts("readonlyPaths")
        mountLabel = try json.text("mountLabel")
        intelRdt = try json.object("intelRdt", IntelRdt.init)
        personality = try json.object("personality", Personality.init)
        timeOffsets = try json.objectsByName("timeOffsets", TimeOffset.init)
        netDevices = try json.objectsByName("netDevices", NetworkDevice.init)
    }
}

extension SeccompSpec: JSONReadable {
    package init(_ json: JSONObject) throws(JSONError) {
        defaultAction = try json.neededText("defaultAction")
        defaultErrnoRet = try json.integer("defaultErrnoRet")
        architectures = try json.texts("architectures")
        flags = try json.texts("flags")
        listenerPath = try json.text("listenerPath")
        listenerMetadata = try json.text("listenerMetadata")
        syscalls = try json.objects("syscalls", Rule.init)
    }
}

extension LinuxSpec.Namespace {
    init(_ json: JSONObject) throws(JSONError) {
        type = try json.neededText("type")
        path = try json.text("path")
    }
}

extension LinuxSpec.Device {
    init(_ json: JSONObject) throws(JSONError) {
        type = try json.neededText("type")
        path = try json.neededText("path")
        major = try json.integer("major")
        minor = try json.integer("minor")
        fileMode = try json.integer("fileMode")
        uid = try json.integer("uid")
        gid = try json.integer("gid")
    }
}

extension LinuxSpec.Personality {
    init(_ json: JSONObject) throws(JSONError) {
        domain = try json.neededText("domain")
        flags = try json.texts("flags")
    }
}

extension LinuxSpec.TimeOffset {
    init(_ json: JSONObject) throws(JSONError) {
        secs = try json.integer("secs")
        nanosecs = try json.integer("nanosecs")
    }
}

extension LinuxSpec.NetworkDevice {
    init(_ json: JSONObject) throws(JSONError) {
        name = try json.text("name")
    }
}

extension LinuxSpec.IntelRdt {
    init(_ json: JSONObject) throws(JSONError) {
        closID = try json.text("closID")
        l3CacheSchema = try json.text("l3CacheSchema")
        memBwSchema = try json.text("memBwSchema")
        enableCMT = try json.flag("enableCMT")
        enableMBM = try json.flag("enableMBM")
    }
}

extension LinuxSpec.MemoryPolicy {
    init(_ json: JSONObject) throws(JSONError) {
        mode = try json.text("mode")
        nodes = try json.text("nodes")
        flags = try json.texts("flags")
    }
}

extension SeccompSpec.Argument {
    init(_ json: JSONObject) throws(JSONError) {
        index = try json.neededInteger("index")
        value = try json.neededInteger("value")
        valueTwo = try json.integer("valueTwo")
        op = try json.neededText("op")
    }
}

extension SeccompSpec.Rule {
    init(_ json: JSONObject) throws(JSONError) {
        names = try json.neededTexts("names")
        action = try json.neededText("action")
        errnoRet = try json.integer("errnoRet")
        args = try json.objects("args", SeccompSpec.Argument.init)
    }
}
