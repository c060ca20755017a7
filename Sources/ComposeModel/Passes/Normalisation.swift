import YAMLComposer

/// Spells out what a project implies: names, the default network, dependencies of shared namespaces.
struct Normalisation {
    let name: ProjectName
    let environment: [String: String]
    /// Whether short ways of writing are still there.
    var isRaw = false

    /// The project with everything implied spelled out.
    func apply(_ project: YAMLNode) -> YAMLNode {
        var project = project
        var usesDefault = false
        project.edit("services") { services in
            services.editEntries { _, service in
                complete(&service)
                usesDefault = usesDefault || service["networks"]?["default"] != nil
            }
        }
        if usesDefault && project["networks"]?["default"] == nil {
            project.setDefault("networks", .mapping(.init()))
            project.edit("networks") { $0.set("default", .mapping(.init())) }
        }
        for kind in ["networks", "volumes", "configs", "secrets"] {
            project.edit(kind) { resources in
                resources.editEntries { nameResource($0, &$1, isConfig: kind == "configs") }
            }
        }
        guard !isRaw else { return project }
        project.edit("networks") { networks in
            networks.editEntries { _, network in network.setDefault("ipam", .mapping(.init())) }
        }
        return project
    }

    private func complete(_ service: inout YAMLNode) {
        if service["networks"]?.mapping?.isEmpty ?? true, service["network_mode"] == nil && service["provider"] == nil {
            service.set("networks", .mapping(.init()))
            service.edit("networks") { $0.set("default", .null) }
        }
        if service["pull_policy"]?.string == "if_not_present" { service.set("pull_policy", .string("missing")) }
        service.edit("volumes") { mounts in
            mounts.editElements { mount in
                mount.edit("target") { target in
                    if let path = target.string { target.content = .string(FilePath.cleaned(path)) }
                }
            }
        }
        resolve(&service, "build")
        service.edit("environment") { fill(&$0) }
        addDependencies(&service)
    }

    private func resolve(_ service: inout YAMLNode, _ key: String) {
        service.edit(key) { build in
            build.edit("args") { arguments in
                fill(&arguments)
                if let lines = arguments.sequence {
                    arguments.content = .sequence(lines.filter { $0.string?.contains("=") ?? true })
                }
                // An argument that nothing gives a value is not passed at all.
                let known = arguments.mapping?.compactMapValues { $0.value.isNull ? nil : $0.value }
                if let known { arguments.content = .mapping(known) }
            }
        }
    }

    /// Variables without a value take the one of the environment, if it has one.
    private func fill(_ variables: inout YAMLNode) {
        variables.editElements { line in
            guard let name = line.string, !name.contains("="), let known = environment[name], !known.isEmpty else {
                return
            }
            line.content = .string("\(name)=\(known)")
        }
        variables.editEntries { key, value in
            if value.isNull, let known = environment[key] { value.content = .string(known) }
        }
    }

    private func addDependencies(_ service: inout YAMLNode) {
        for link in service["links"]?.sequence ?? [] {
            let parts = (link.string ?? "").split(separator: ":", omittingEmptySubsequences: false)
            addDependency(parts.count == 2 ? String(parts[0]) : link.string ?? "", restart: true, link, to: &service)
        }
        for key in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
            guard let mode = service[key], let text = mode.string, text.hasPrefix("service:") else { continue }
            addDependency(String(text.dropFirst("service:".count)), restart: true, mode, to: &service)
        }
        for source in service["volumes_from"]?.sequence ?? [] {
            guard let text = source.string, !text.hasPrefix("container:") else { continue }
            addDependency(String(text.prefix { $0 != ":" }), restart: false, source, to: &service)
        }
    }

    /// Makes the service depend on another one because of what stands at `reason`.
    private func addDependency(_ other: String, restart: Bool, _ reason: YAMLNode, to service: inout YAMLNode) {
        guard service["depends_on"]?[other] == nil else { return }
        service.setDefault("depends_on", .mapping(.init()))
        service.edit("depends_on") { dependencies in
            var dependency = YAMLNode(.mapping(.init()), at: reason.mark)
            dependency.set("condition", .string("service_started"))
            if restart || isRaw { dependency.set("restart", .bool(restart)) }
            dependency.set("required", .bool(true))
            guard var mapping = dependencies.mapping else { return }
            mapping[other] = dependency
            dependencies.content = .mapping(mapping)
        }
    }

    private func nameResource(_ key: String, _ resource: inout YAMLNode, isConfig: Bool) {
        // Saying that it is none of someone else's makes up for all that a config does not say.
        let saysMore = !isConfig || ["file", "environment", "content"].contains { resource[$0] != nil }
        if !isRaw && saysMore && resource["external"]?.bool == false { resource.remove("external") }
        let external = resource["external"]
        if external?.bool ?? external?.string.flatMap(BooleanWord.setting) ?? false {
            resource.setDefault("name", .string(key))
        } else {
            resource.setDefault("name", .string("\(name)_\(key)"))
        }
    }
}
