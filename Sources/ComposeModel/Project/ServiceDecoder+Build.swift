import YAMLComposer

extension ServiceDecoder {
    /// How the image is built; nil when it is not.
    func build() -> ServiceBuild? {
        guard let fields = fields.fields("build") else { return nil }
        var build = ServiceBuild(context: fields.text("context").flatMap { $0.isEmpty ? nil : $0 } ?? ".")
        build.dockerfile = fields.text("dockerfile")
        build.dockerfileText = fields.text("dockerfile_inline")
        build.arguments = fields.pairs("args")
        build.target = fields.text("target")
        build.contexts = fields.entries("additional_contexts").compactMap { entry in
            entry.value.scalarText.map { .init(name: entry.key, value: $0) }
        }
        build.cacheSources = fields.texts("cache_from")
        build.cacheTargets = fields.texts("cache_to")
        build.labels = fields.pairs("labels")
        build.network = fields.value("network", hint: "use default, host or none") { text in
            ["default", "host", "none"].contains(text) ? text : nil
        }
        build.sharedMemoryBytes = fields.bytes("shm_size")
        build.ulimits = ServiceDecoder(fields: fields).ulimits()
        build.secrets = fields.list("secrets").compactMap { secret in
            guard let source = secret.text("source") else { return nil }
            return .init(source: source, id: secret.text("target") ?? source)
        }
        for entry in fields.entries("ssh") { build.agents[entry.key] = entry.value.scalarText ?? "" }
        build.tags = fields.texts("tags")
        build.platforms = fields.texts("platforms")
        build.refreshesBases = fields.flag("pull") ?? false
        build.ignoresCache = fields.flag("no_cache") ?? false
        build.uncachedStages = stages(fields)
        build.isPrivileged = fields.flag("privileged") ?? false
        build.extraHosts = fields.values("extra_hosts", hint: "use host=address or host=host-gateway") {
            HostEntry(text: $0)
        }
        build.entitlements = fields.values("entitlements", hint: "use network.host or security.insecure") { text in
            ["network.host", "security.insecure"].contains(text) ? text : nil
        }
        return build
    }

    private func stages(_ fields: Fields) -> [String] {
        guard let node = fields.node("no_cache_filter") else { return [] }
        if let text = node.scalarText { return text.split(separator: ",").map(String.init) }
        return fields.texts("no_cache_filter")
    }
}
