import YAMLComposer

/// Turns one service of the canonical tree into a typed one.
struct ServiceDecoder {
    let fields: Fields

    /// The service called `name`.
    func service(_ name: String) -> Service {
        var service = Service(name: name)
        readIdentity(&service)
        readProcess(&service)
        readHooks(&service)
        readRights(&service)
        readNamespaces(&service)
        readNetwork(&service)
        readMounts(&service)
        readLifecycle(&service)
        service.resources = resources()
        return service
    }

    private func readIdentity(_ service: inout Service) {
        service.image = fields.text("image")
        service.provider = fields.node("provider").flatMap { ServiceProvider($0) }
        service.build = build()
        service.pullPolicy = fields.value(
            "pull_policy",
            hint: "use always, never, missing, build, daily, weekly or every_ with a length of time"
        ) { PullPolicy(text: $0) }
        if fields.text("pull_policy") == "refresh", let age = fields.duration("pull_refresh_after") {
            service.pullPolicy = .every(age)
        }
        service.platform = fields.value("platform", hint: "use os/arch or os/arch/variant") { text in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            return (1...3).contains(parts.count) && !parts.contains("") ? text : nil
        }
        service.runtime = fields.text("runtime")
        service.containerName = fields.value(
            "container_name",
            hint: "use two or more letters, digits, \".\", \"-\" and \"_\", starting with a letter or digit"
        ) { ServiceValues.isContainerName($0) ? $0 : nil }
        let nameHint = "use at most 64 letters, digits, \"-\" and \".\""
        service.hostname = fields.value("hostname", hint: nameHint, Self.hostName)
        service.domainName = fields.value("domainname", hint: nameHint, Self.hostName)
        service.labels = fields.pairs("labels")
        service.annotations = fields.pairs("annotations")
        service.profiles = fields.texts("profiles")
        service.isAttached = fields.flag("attach") ?? true
    }

    /// The kernel takes any 64 bytes; what would break the hosts file is refused.
    private static func hostName(_ text: String) -> String? {
        text.utf8.count <= 64 && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != 0x2F } ? text : nil
    }

    private func readProcess(_ service: inout Service) {
        service.command = fields.command("command")
        service.entrypoint = fields.command("entrypoint")
        service.environment = environment(fields)
        service.workingDirectory = fields.text("working_dir")
        service.user = fields.user("user")
        service.supplementaryGroups = fields.values("group_add", hint: "use the name or number of a group") {
            UserReference.Account(text: $0)
        }
        service.usesInit = fields.flag("init")
        service.hasTerminal = fields.flag("tty") ?? false
        service.keepsInputOpen = fields.flag("stdin_open") ?? false
        let nearest = fields.text("stop_signal").flatMap { Signal.nearest(to: $0) }
        service.stopSignal = fields.value(
            "stop_signal",
            hint: nearest.map { "did you mean \($0)?" } ?? "use a name such as SIGINT, or a number from 1 to 64"
        ) { Signal(text: $0) }
        service.stopGracePeriod = fields.duration("stop_grace_period")
    }

    /// Names that can't be in an environment are refused: the rest of a name after `=` would be its value.
    private func environment(_ fields: Fields) -> [String: String] {
        let pairs = fields.pairs("environment")
        for name in pairs.keys.sorted() where name.isEmpty || name.utf8.contains(0) || name.utf8.contains(0x3D) {
            fields.wrong("environment", "can't have a variable called \"\(name)\"")
        }
        for name in pairs.keys.sorted() where pairs[name]?.utf8.contains(0) == true {
            fields.wrong("environment", "has a zero byte in \"\(name)\"")
        }
        return pairs
    }

    private func readHooks(_ service: inout Service) {
        service.preStart = fields.list("pre_start").map(hook)
        service.postStart = fields.list("post_start").map(hook)
        service.preStop = fields.list("pre_stop").map(hook)
    }

    private func hook(_ fields: Fields) -> Hook {
        var hook = Hook(command: fields.command("command") ?? [])
        hook.user = fields.user("user")
        hook.isPrivileged = fields.flag("privileged") ?? false
        hook.workingDirectory = fields.text("working_dir")
        hook.environment = environment(fields)
        hook.image = fields.text("image")
        hook.runsPerReplica = fields.flag("per_replica") ?? false
        return hook
    }

    private func readRights(_ service: inout Service) {
        service.isPrivileged = fields.flag("privileged") ?? false
        service.hasReadOnlyRoot = fields.flag("read_only") ?? false
        service.addedCapabilities = capabilities("cap_add")
        service.droppedCapabilities = capabilities("cap_drop")
        service.securityOptions = fields.values(
            "security_opt",
            hint: "use no-new-privileges, seccomp=, apparmor=, label= or systempaths=unconfined"
        ) { SecurityOption(text: $0) }
        service.sysctls = fields.pairs("sysctls")
        for name in service.sysctls.keys.sorted() where !Self.isSysctl(name) {
            fields.wrong(
                "sysctls",
                "can't have a parameter called \"\(name)\"",
                hint: "use a name such as net.core.somaxconn"
            )
        }
        service.devices = fields.list("devices").compactMap(device)
        service.deviceRules = fields.values(
            "device_cgroup_rules",
            hint: "use a, b or c, major:minor and rwm: c 13:* rwm"
        ) {
            DeviceRule(text: $0)
        }
        service.ulimits = ulimits()
    }

    private static func isSysctl(_ name: String) -> Bool {
        let isWord = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        return isWord && !name.isEmpty && !name.contains("..") && !name.hasPrefix("/") && !name.hasPrefix(".")
    }

    private func capabilities(_ key: String) -> CapabilityNames {
        var result = CapabilityNames()
        for (index, text) in fields.texts(key).enumerated() where !result.insert(text) {
            let hint = CapabilityNames.nearest(to: text).map { "did you mean \"\($0)\"?" }
            fields.diagnostics.error(
                "\(fields.path).\(key)[\(index)]: there is no capability \"\(text)\"",
                at: fields.elements(key)[index].mark,
                hint: hint ?? "capabilities(7) lists them"
            )
        }
        return result
    }

    private func device(_ fields: Fields) -> DeviceMapping? {
        guard let source = fields.value("source", hint: "use the absolute path of a device node", Self.absolutePath)
        else {
            if fields.text("source") == nil {
                fields.diagnostics.error("\(fields.path) needs a source", at: fields.mark)
            }
            return nil
        }
        let target = fields.value("target", hint: "use an absolute path", Self.absolutePath)
        let permissions = fields.value("permissions", hint: "use letters of rwm, each once") {
            DevicePermissions(text: $0)
        }
        return DeviceMapping(
            source: source,
            target: target ?? source,
            permissions: permissions ?? [.read, .write, .makeNode]
        )
    }

    /// The path without `.` and `..`; nil when it does not start at the root.
    static func absolutePath(_ text: String) -> String? {
        text.hasPrefix("/") && !text.utf8.contains(0) ? FilePath.cleaned(text) : nil
    }

    func ulimits() -> [Ulimit] {
        fields.entries("ulimits").compactMap { entry in
            let path = "\(fields.path).ulimits.\(entry.key)"
            guard let resource = Ulimit.Resource(rawValue: entry.key) else {
                let known = Ulimit.Resource.allCases.map(\.rawValue)
                fields.diagnostics.error(
                    "\(path): there is no such limit",
                    at: entry.keyMark,
                    hint: NearestKey.match(entry.key, among: known).map { "did you mean \"\($0)\"?" }
                )
                return nil
            }
            let parts: (soft: Int?, hard: Int?)
            if let both = entry.value.int {
                parts = (both, both)
            } else {
                let inner = Fields(entry.value, path: path, diagnostics: fields.diagnostics)
                parts = (inner.integer("soft", in: -1...Int.max), inner.integer("hard", in: -1...Int.max))
            }
            guard let soft = parts.soft, let hard = parts.hard, soft >= -1, hard >= -1 else {
                if entry.value.int != nil {
                    fields.diagnostics.error("\(path) is -1 or more", at: entry.value.mark)
                }
                return nil
            }
            let limit = Ulimit(resource, soft: UInt64(exactly: soft), hard: UInt64(exactly: hard))
            if limit.soft ?? .max > limit.hard ?? .max {
                fields.diagnostics.error("\(path) has a soft limit above the hard one", at: entry.value.mark)
            }
            return limit
        }
    }

    private func readNamespaces(_ service: inout Service) {
        let hint = "use host, service: with a service or container: with a container"
        service.pidMode = fields.value("pid", hint: hint) { NamespaceMode(text: $0) } ?? .own
        service.utsMode = fields.value("uts", hint: hint) { NamespaceMode(text: $0) } ?? .own
        // Of words for what there is not `UnsupportedAttributes` tells.
        service.userMode = fields.text("userns_mode").flatMap { NamespaceMode(text: $0) }
        service.cgroupMode = fields.value("cgroup", hint: "use host or private") { NamespaceMode(text: $0) }
        service.ipcMode =
            fields.value("ipc", hint: "use private, shareable, host, none, service: or container:") {
                IPCMode(text: $0)
            } ?? .private
        service.cgroupParent = fields.value("cgroup_parent", hint: "use a path without \"..\"") { text in
            text.split(separator: "/").contains("..") || text.utf8.contains(0) ? nil : text
        }
    }
}
