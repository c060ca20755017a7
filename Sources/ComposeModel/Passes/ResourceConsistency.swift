import YAMLComposer

/// Checks that networks, volumes, configs and secrets say one thing only.
struct ResourceConsistency {
    let diagnostics: DiagnosticCollector

    /// Checks the resources of a project.
    func check(_ project: YAMLNode) {
        for kind in ["networks", "volumes", "configs", "secrets"] {
            for entry in project[kind]?.mapping?.entries ?? [] { checkSources(entry, kind) }
        }
    }

    /// An external resource is described by whoever made it.
    func checkExternal(_ document: YAMLNode) {
        for kind in ["networks", "volumes", "configs", "secrets"] {
            for entry in document[kind]?.mapping?.entries ?? [] {
                guard let external = entry.value["external"], external.bool != false else { continue }
                if external["name"] != nil, let name = entry.value["name"] {
                    diagnostics.error("\"name\" and \"external.name\" exclude each other", at: name.mark)
                }
                let others = entry.value.mapping?.entries ?? []
                for other in others where !["external", "name"].contains(other.key) && !other.key.hasPrefix("x-") {
                    guard kind == "volumes" || other.key == "labels" && kind != "networks" else { continue }
                    diagnostics.error("\"external\" and \"\(other.key)\" exclude each other", at: other.keyMark)
                }
            }
        }
    }

    private func checkSources(_ entry: YAMLMapping.Entry, _ kind: String) {
        guard kind == "configs" || kind == "secrets", entry.value["external"]?.bool != true else { return }
        let keys = kind == "secrets" ? ["file", "environment"] : ["file", "environment", "content"]
        let given = keys.filter { entry.value[$0] != nil }
        if given.count > 1 {
            diagnostics.error("\(given.joined(separator: " and ")) exclude each other", at: entry.keyMark)
        } else if given.isEmpty && kind == "secrets" {
            diagnostics.error("the secret \"\(entry.key)\" needs a file or an environment variable", at: entry.keyMark)
        }
    }
}
