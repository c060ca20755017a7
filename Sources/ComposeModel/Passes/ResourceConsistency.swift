import YAMLComposer

/// Checks that networks, volumes, configs and secrets say one thing only.
struct ResourceConsistency {
    let diagnostics: DiagnosticCollector

    private static let kinds = ["networks", "volumes", "configs", "secrets"]

    /// The file with the old `external: {name: …}` as two attributes.
    func named(_ document: YAMLNode) -> YAMLNode {
        var document = document
        for kind in Self.kinds {
            guard document[kind]?.mapping?.entries.contains(where: { $0.value["external"]?.mapping != nil }) ?? false
            else { continue }
            document.edit(kind) { resources in resources.editEntries { _, resource in name(&resource) } }
        }
        return document
    }

    private func name(_ resource: inout YAMLNode) {
        guard let external = resource["external"], external.mapping != nil else { return }
        let inner = external["name"]
        if let inner, let outer = resource["name"], inner.string != outer.string {
            diagnostics.error("\"name\" and \"external.name\" exclude each other", at: outer.mark)
        }
        resource.edit("external") { $0.content = .bool(true) }
        if let inner, resource["name"] == nil { resource.set("name", inner.content) }
    }

    /// Checks the resources of a project that any of its users may rely on.
    func check(_ project: YAMLNode) {
        for kind in Self.kinds {
            for entry in project[kind]?.mapping?.entries ?? [] {
                checkExternal(entry, kind)
                checkSources(entry, kind)
            }
        }
    }

    /// An external resource is described by whoever made it.
    private func checkExternal(_ entry: YAMLMapping.Entry, _ kind: String) {
        guard entry.value["external"]?.bool == true else { return }
        for other in entry.value.mapping?.entries ?? [] {
            guard !["external", "name"].contains(other.key), !other.key.hasPrefix("x-") else { continue }
            guard kind == "volumes" || other.key == "labels" && kind != "networks" else { continue }
            diagnostics.error("\"external\" and \"\(other.key)\" exclude each other", at: other.keyMark)
        }
    }

    private func checkSources(_ entry: YAMLMapping.Entry, _ kind: String) {
        guard kind == "configs" || kind == "secrets" else { return }
        let keys = kind == "secrets" ? ["file", "environment"] : ["file", "environment", "content"]
        let given = keys.filter { entry.value[$0] != nil }
        guard given.count != 1, !diagnostics.damaged.contains("\(kind).\(entry.key)") else { return }
        if given.count > 1 {
            diagnostics.error("\(given.joined(separator: " and ")) exclude each other", at: entry.keyMark)
        } else if entry.value["external"] == nil && entry.value["driver"] == nil {
            tellMissing(entry, kind, keys)
        }
    }

    /// Checks that each secret that is the project's own has somewhere to come from.
    func checkSecrets(_ project: YAMLNode) {
        for entry in project["secrets"]?.mapping?.entries ?? [] {
            guard entry.value["external"]?.bool != true, entry.value["file"]?.string?.isEmpty ?? true,
                entry.value["environment"]?.string?.isEmpty ?? true,
                !diagnostics.damaged.contains("secrets.\(entry.key)")
            else { continue }
            tellMissing(entry, "secrets", ["file", "environment"])
        }
    }

    private func tellMissing(_ entry: YAMLMapping.Entry, _ kind: String, _ keys: [String]) {
        let words = keys.map { "\"\($0)\"" }
        let wanted = words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
        diagnostics.error("\"\(entry.key)\" under \"\(kind)\" needs \(wanted)", at: entry.keyMark)
    }
}
