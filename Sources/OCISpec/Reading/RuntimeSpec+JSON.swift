extension RuntimeSpec: JSONReadable {
    package init(_ json: JSONObject) throws(JSONError) {
        ociVersion = try json.neededText("ociVersion")
        process = try json.object("process", ProcessSpec.init)
        root = try json.object("root", RootSpec.init)
        hostname = try json.text("hostname")
        domainname = try json.text("domainname")
        mounts = try json.objects("mounts", MountSpec.init)
        hooks = try json.object("hooks", HooksSpec.init)
        annotations = try json.textsByName("annotations")
        linux = try json.object("linux", LinuxSpec.init)
    }
}

extension RootSpec {
    init(_ json: JSONObject) throws(JSONError) {
        path = try json.neededText("path")
        readonly = try json.flag("readonly")
    }
}

extension ProcessSpec: JSONReadable {
    package init(_ json: JSONObject) throws(JSONError) {
        terminal = try json.flag("terminal")
        consoleSize = try json.object("consoleSize", ConsoleSize.init)
        cwd = try json.neededText("cwd")
        env = try json.texts("env")
        args = try json.texts("args")
        commandLine = try json.text("commandLine")
        user = try json.object("user", User.init)
        capabilities = try json.object("capabilities", Capabilities.init)
        rlimits = try json.objects("rlimits", Rlimit.init)
        noNewPrivileges = try json.flag("noNewPrivileges")
        apparmorProfile = try json.text("apparmorProfile")
        selinuxLabel = try json.text("selinuxLabel")
        oomScoreAdj = try json.integer("oomScoreAdj")
        scheduler = try json.object("scheduler", Scheduler.init)
        ioPriority = try json.object("ioPriority", IOPriority.init)
        execCPUAffinity = try json.object("execCPUAffinity", ExecCPUAffinity.init)
    }
}

extension MountSpec {
    init(_ json: JSONObject) throws(JSONError) {
        destination = try json.neededText("destination")
        type = try json.text("type")
        source = try json.text("source")
        options = try json.texts("options")
        uidMappings = try json.objects("uidMappings", IDMapping.init)
        gidMappings = try json.objects("gidMappings", IDMapping.init)
    }
}

extension IDMapping {
    init(_ json: JSONObject) throws(JSONError) {
        containerID = try json.neededInteger("containerID")
        hostID = try json.neededInteger("hostID")
        size = try json.neededInteger("size")
    }
}

extension HooksSpec {
    init(_ json: JSONObject) throws(JSONError) {
        prestart = try json.objects("prestart", Hook.init)
        createRuntime = try json.objects("createRuntime", Hook.init)
        createContainer = try json.objects("createContainer", Hook.init)
        startContainer = try json.objects("startContainer", Hook.init)
        poststart = try json.objects("poststart", Hook.init)
        poststop = try json.objects("poststop", Hook.init)
    }
}

extension ProcessSpec.ConsoleSize {
    init(_ json: JSONObject) throws(JSONError) {
        height = try json.neededInteger("height")
        width = try json.neededInteger("width")
    }
}

extension ProcessSpec.User {
    init(_ json: JSONObject) throws(JSONError) {
        uid = try json.neededInteger("uid")
        gid = try json.neededInteger("gid")
        umask = try json.integer("umask")
        additionalGids = try json.integers("additionalGids")
    }
}

extension ProcessSpec.Capabilities {
    init(_ json: JSONObject) throws(JSONError) {
        bounding = try json.texts("bounding")
        effective = try json.texts("effective")
        inheritable = try json.texts("inheritable")
        permitted = try json.texts("permitted")
        ambient = try json.texts("ambient")
    }
}

extension ProcessSpec.Rlimit {
    init(_ json: JSONObject) throws(JSONError) {
        type = try json.neededText("type")
        soft = try json.neededInteger("soft")
        hard = try json.neededInteger("hard")
    }
}

extension ProcessSpec.Scheduler {
    init(_ json: JSONObject) throws(JSONError) {
        policy = try json.neededText("policy")
        nice = try json.integer("nice")
        priority = try json.integer("priority")
        flags = try json.texts("flags")
        runtime = try json.integer("runtime")
        deadline = try json.integer("deadline")
        period = try json.integer("period")
    }
}

extension ProcessSpec.IOPriority {
    init(_ json: JSONObject) throws(JSONError) {
        self.class = try json.neededText("class")
        priority = try json.integer("priority")
    }
}

extension ProcessSpec.ExecCPUAffinity {
    init(_ json: JSONObject) throws(JSONError) {
        initial = try json.text("initial")
        final = try json.text("final")
    }
}

extension HooksSpec.Hook {
    init(_ json: JSONObject) throws(JSONError) {
        path = try json.neededText("path")
        args = try json.texts("args")
        env = try json.texts("env")
        timeout = try json.integer("timeout")
    }
}
