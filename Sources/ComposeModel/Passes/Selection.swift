import YAMLComposer

/// Keeps the services that are on: by profile, or because they are asked for.
struct Selection {
    /// The active profiles; `*` is all.
    let profiles: [String]
    /// The services that are asked for; empty for all.
    let services: [String]
    let diagnostics: DiagnosticCollector

    /// The project with the services that profiles or asking for them turn on.
    func active(_ project: YAMLNode) -> YAMLNode {
        guard let all = project["services"]?.mapping else { return project }
        for name in services where all[name] == nil && !diagnostics.isIncomplete {
            diagnostics.error(
                "there is no service \"\(name)\"",
                at: nil,
                hint: diagnostics.hint(name, among: all.keys)
                    ?? "there are \(all.keys.sorted().joined(separator: ", "))"
            )
        }
        var active = Set(profiles)
        let asked = services.compactMap { all[$0] }.filter { !isOn($0, active) }
        for service in asked { active.formUnion(service["profiles"]?.texts ?? []) }
        var result = project
        result.edit("services") { node in
            node.content = .mapping(all.compactMapValues { isOn($0.value, active) ? $0.value : nil })
        }
        return result
    }

    /// The project with only the services that are asked for, and what they depend on.
    func chosen(_ project: YAMLNode) -> YAMLNode {
        guard !services.isEmpty, let all = project["services"]?.mapping else { return project }
        var wanted: Set<String> = []
        var queue = services
        while let name = queue.popLast() {
            guard wanted.insert(name).inserted else { continue }
            queue += (all[name]?["depends_on"]?.mapping?.keys ?? []).filter { all[$0] != nil }
        }
        var result = project
        result.edit("services") { node in
            node.content = .mapping(all.compactMapValues { wanted.contains($0.key) ? chosen($0.value, wanted) : nil })
        }
        return result
    }

    /// The project without the networks, volumes, configs and secrets that no service uses.
    func withUsedResources(_ project: YAMLNode) -> YAMLNode {
        var used: [String: Set<String>] = [:]
        for entry in project["services"]?.mapping?.entries ?? [] {
            let service = entry.value
            used["networks", default: []].formUnion(service["networks"]?.mapping?.keys ?? [])
            used["models", default: []].formUnion(service["models"]?.mapping?.keys ?? [])
            for mount in service["volumes"]?.sequence ?? [] where mount["type"]?.string == "volume" {
                if let source = mount["source"]?.string { used["volumes", default: []].insert(source) }
            }
            for kind in ["configs", "secrets"] {
                used[kind, default: []].formUnion((service[kind]?.sequence ?? []).compactMap { $0["source"]?.string })
            }
            let built = service["build"]?["secrets"]?.sequence ?? []
            used["secrets", default: []].formUnion(built.compactMap { $0["source"]?.string })
            if let config = service["credential_spec"]?["config"]?.string {
                used["configs", default: []].insert(config)
            }
        }
        var result = project
        for kind in ["networks", "volumes", "configs", "secrets", "models"] {
            let names = used[kind] ?? []
            result.edit(kind) { node in
                guard let mapping = node.mapping else { return }
                node.content = .mapping(mapping.compactMapValues { names.contains($0.key) ? $0.value : nil })
            }
        }
        return result
    }

    /// A service that is asked for by name forgets optional dependencies that are off.
    private func chosen(_ service: YAMLNode, _ wanted: Set<String>) -> YAMLNode {
        var service = service
        service.edit("depends_on") { node in
            guard let mapping = node.mapping else { return }
            node.content = .mapping(
                mapping.compactMapValues { entry in
                    wanted.contains(entry.key) || entry.value["required"]?.bool != false ? entry.value : nil
                }
            )
        }
        return service
    }

    private func isOn(_ service: YAMLNode, _ active: Set<String>) -> Bool {
        let own = service["profiles"]?.texts ?? []
        return own.isEmpty || active.contains("*") || own.contains { active.contains($0) }
    }
}
