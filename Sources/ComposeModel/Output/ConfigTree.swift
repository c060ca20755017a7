package import YAMLComposer

/// The canonical tree as `config` shows it: keys in order, values that say nothing left out.
package struct ConfigTree {
    /// What the tree is printed as; Compose shows less of it in JSON.
    package enum Form: Sendable { case yaml, json }

    private let form: Form
    private let escapesDollars: Bool

    /// A maker of such trees.
    ///
    /// Dollar signs are doubled if asked, so that the output reads back as the same values. Without that the tree is one
    /// whose variables were left alone, and shows as it is.
    package init(form: Form, escapesDollars: Bool) {
        self.form = form
        self.escapesDollars = escapesDollars
    }

    /// The tree of `project` for printing.
    package func tree(of project: YAMLNode) -> YAMLNode {
        var project = project
        project.remove("version")
        project.remove("include")
        guard escapesDollars else {
            var path: [String] = []
            return ordered(project, &path)
        }
        if form == .json { project.remove("models") }
        project.edit("services") { services in
            services.editEntries { _, service in
                if form == .json { showEmptyValues(&service) }
                service.edit("dns", Self.tidy)
                service.edit("build") { build in build.edit("ssh", listKeys) }
            }
        }
        // In YAML, a config that says nothing else needs it for being read again.
        for kind in form == .json ? ["configs", "secrets", "networks", "volumes"] : ["networks", "volumes"] {
            project.edit(kind) { objects in
                objects.editEntries { if $1["external"]?.bool == false { $1.remove("external") } }
            }
        }
        if form == .yaml { Self.dropEmptyParts(&project) } else { Self.addEmptyParts(&project) }
        var tree = shown(project, .object(Schema.project)) ?? project
        if tree["services"] == nil { tree.set("services", .mapping(.init())) }
        if form == .json {
            for key in tree.mapping?.keys ?? [] where key.hasPrefix("x-") {
                tree.edit(key) { value in
                    var path = [key]
                    value = ordered(value, &path)
                }
            }
        }
        if form == .json {
            tree.edit("services") { services in services.editEntries { _, service in Self.nameBlockLimits(&service) } }
        }
        return escaped(tree)
    }

    /// In YAML the parts that Compose always has are left out when they are empty.
    private static func dropEmptyParts(_ project: inout YAMLNode) {
        func drop(_ node: inout YAMLNode, _ keys: [String]) {
            for key in keys where node[key]?.mapping?.isEmpty == true { node.remove(key) }
        }
        project.edit("networks") { networks in networks.editEntries { _, network in drop(&network, ["ipam"]) } }
        project.edit("services") { services in
            services.editEntries { _, service in service.edit("deploy") { drop(&$0, ["resources", "placement"]) } }
        }
    }

    /// Empty texts in a list say nothing.
    private static func tidy(_ list: inout YAMLNode) {
        guard let lines = list.sequence else { return }
        list.content = .sequence(lines.filter { $0.string?.isEmpty != true })
    }

    /// In JSON the limits of block devices have the names that Compose gives them there.
    private static func nameBlockLimits(_ service: inout YAMLNode) {
        service.edit("blkio_config") { limits in
            limits.editEntries { _, list in list.editElements(capitaliseKeys) }
        }
    }

    private static func capitaliseKeys(_ limit: inout YAMLNode) {
        guard let mapping = limit.mapping else { return }
        limit.content = .mapping(
            YAMLMapping(
                mapping.entries.map { entry in
                    .init(
                        key: entry.key.prefix(1).uppercased() + entry.key.dropFirst(),
                        keyMark: entry.keyMark,
                        value: entry.value
                    )
                }
            )
        )
    }

    /// In JSON a service always has a command and an entry point, also in its watch rules; Compose has no environment
    /// files there, nor what it does not read itself.
    private func showEmptyValues(_ service: inout YAMLNode) {
        service.setDefault("command", .null)
        service.setDefault("entrypoint", .null)
        for key in ["env_file", "pull_refresh_after"] { service.remove(key) }
        service.edit("develop") { develop in
            develop.edit("watch") { rules in
                rules.editElements { rule in
                    rule.setDefault("exec", .mapping(.init()))
                    rule.edit("exec") { $0.setDefault("command", .null) }
                }
            }
        }
    }

    /// The tree with the keys of all mappings in order; in JSON an empty list is none, but for those that Compose sifts.
    private func ordered(_ node: YAMLNode, _ path: inout [String]) -> YAMLNode {
        switch node.content {
        case .sequence(let elements):
            if elements.isEmpty && form == .json && !Self.isSifted(path) { return node.with(.null) }
            return node.with(
                .sequence(
                    elements.map { element in
                        path.append("[]")
                        defer { path.removeLast() }
                        return ordered(element, &path)
                    }
                )
            )
        case .mapping(let mapping):
            return node.with(
                .mapping(
                    sorted(mapping).compactMapValues { entry in
                        path.append(entry.key)
                        defer { path.removeLast() }
                        return ordered(entry.value, &path)
                    }
                )
            )
        case .null, .bool, .int, .largeInt, .float, .string, .timestamp: return node
        }
    }

    /// Whether Compose looks for repetitions in a list, which makes an empty one of it.
    private static func isSifted(_ path: [String]) -> Bool {
        guard path.count > 2 else { return false }
        var pattern = path[2...].joined(separator: ".")
        if path[0] == "services", path.count == 5, path[2] == "networks" { pattern = "networks.*.\(path[4])" }
        return path[0] == "services" ? siftedOfServices.contains(pattern) : path[0] == "networks" && pattern == "labels"
    }

    private static let siftedOfServices: Set<String> = [
        "annotations", "build.additional_contexts", "build.tags", "build.labels", "cap_add", "cap_drop", "devices",
        "configs", "deploy.labels", "dns", "dns_opt", "dns_search", "env_file", "expose", "labels", "links",
        "networks.*.aliases", "networks.*.link_local_ips", "ports", "profiles", "secrets", "sysctls", "tmpfs",
        "volumes",
    ]

    /// In JSON a network always has its address management, and a volume is never null.
    private static func addEmptyParts(_ project: inout YAMLNode) {
        project.edit("networks") { networks in
            networks.editEntries { _, network in
                network.setDefault("ipam", .mapping(.init()))
                network.edit("ipam") { $0.remove("options") }
            }
        }
        project.edit("volumes") { volumes in
            volumes.editEntries { _, volume in if volume.isNull { volume.content = .mapping(.init()) } }
        }
    }

    /// Compose shows SSH keys as a list.
    private func listKeys(_ keys: inout YAMLNode) {
        let lines = (keys.mapping?.entries ?? []).map { entry in
            let path = entry.value.string ?? ""
            // In YAML, only the default one reads back without a path.
            let isBare = path.isEmpty && (entry.key == "default" || form == .json)
            return YAMLNode(.string(isBare ? entry.key : entry.key + ": " + path), at: entry.keyMark)
        }
        keys.content = lines.isEmpty ? .mapping(.init()) : .sequence(lines)
    }

    private static func escaped(_ text: String) -> String {
        guard text.utf8.contains(0x24) else { return text }
        return text.split(separator: "$", omittingEmptySubsequences: false).joined(separator: "$$")
    }

    /// Keys have theirs doubled only in JSON, as Compose shows them: when YAML is read again, keys stay as they are.
    private func escaped(_ node: YAMLNode) -> YAMLNode { changed(node) ?? node }

    /// The node with its dollar signs doubled; nil when it has none.
    private func changed(_ node: YAMLNode) -> YAMLNode? {
        switch node.content {
        case .string(let text): return text.utf8.contains(0x24) ? node.with(.string(Self.escaped(text))) : nil
        case .sequence(let elements): return elements.replacingElements(changed).map { node.with(.sequence($0)) }
        case .mapping(let mapping):
            let values = mapping.replacingValues { value, _ in changed(value) }
            guard form == .json, mapping.entries.contains(where: { $0.key.utf8.contains(0x24) }) else {
                return values.map { node.with(.mapping($0)) }
            }
            let renamed = (values ?? mapping).entries.map {
                YAMLMapping.Entry(key: Self.escaped($0.key), keyMark: $0.keyMark, value: $0.value)
            }
            return node.with(.mapping(YAMLMapping(renamed)))
        case .null, .bool, .int, .largeInt, .float, .timestamp: return nil
        }
    }

    /// The node without what says nothing; nil when nothing is left.
    private func shown(_ node: YAMLNode, _ shape: Shape) -> YAMLNode? {
        switch (shape, node.content) {
        case (.shorthand(.command, _), .null) where form == .yaml: return nil
        case (.shorthand(.healthTest, _), .sequence(let elements)) where elements.isEmpty: return nil
        case (.shorthand(_, .list(_, .whole)), _): return node
        case (.shorthand(.limit, let long), .int(0)):
            let zero = YAMLNode(.int(0), at: node.mark)
            let pair = ["hard", "soft"].map { YAMLMapping.Entry(key: $0, keyMark: node.mark, value: zero) }
            return shown(node.with(.mapping(YAMLMapping(pair))), long)
        case (.shorthand(_, let long), _): return shown(node, long)
        case (.scalar(let scalar), _): return shown(node, scalar)
        case (.list(let inner, _), .sequence(let elements)):
            return elements.isEmpty ? nil : node.with(.sequence(elements.map { element(of: $0, inner) }))
        case (.map(let inner), .mapping(let mapping)):
            let values = sorted(mapping).compactMapValues { shown($0.value, kept(inner)) ?? $0.value }
            return values.isEmpty ? nil : node.with(.mapping(values))
        case (.object(let object), .mapping(let mapping)):
            var mapping = mapping
            for (key, content) in object.implied where mapping[key] == nil { mapping[key] = node.with(content) }
            return node.with(
                .mapping(
                    sorted(mapping).compactMapValues { entry in
                        guard let inner = object.attributes[entry.key] else { return extensionValue(entry, of: object) }
                        return shown(entry.value, inner) ?? (isKept(entry.key, object) ? entry.value : nil)
                    }
                )
            )
        case (.object, .null): return nil
        default: return node
        }
    }

    /// Whether an attribute is shown even when its value says nothing: where it is needed for reading the output again.
    private func isKept(_ key: String, _ object: ObjectShape) -> Bool {
        object.implied[key] != nil || form == .yaml && object.required.contains(key)
    }

    private func shown(_ node: YAMLNode, _ scalar: Scalar) -> YAMLNode? {
        if form == .yaml && scalar.showsZero { return node }
        // As text, it could not be read again.
        if form == .yaml && scalar.reading == .bytes && node.string == "-1" { return node.with(.int(-1)) }
        let saysNothing = node.saysNothing || (scalar.zero != nil && scalar.zero == node.string)
        return saysNothing && !scalar.keepsZero ? nil : node
    }

    /// In JSON only the project itself shows its extensions.
    private func extensionValue(_ entry: YAMLMapping.Entry, of object: ObjectShape) -> YAMLNode? {
        form == .yaml || object.attributes["services"] != nil ? entry.value : nil
    }

    private func element(of node: YAMLNode, _ shape: Shape) -> YAMLNode {
        if case .scalar = shape { return node }
        return shown(node, shape) ?? node
    }

    /// The values of a mapping with free keys stay, whatever they are.
    private func kept(_ shape: Shape) -> Shape { if case .scalar = shape { .any } else { shape } }

    private func sorted(_ mapping: YAMLMapping) -> YAMLMapping {
        mapping.sortedByKey
    }
}

extension YAMLNode {
    /// Whether the value is the one that leaving it out means.
    fileprivate var saysNothing: Bool {
        switch content {
        case .null, .bool(false), .int(0): true
        case .string(let text): text.isEmpty
        case .float(let number): number == 0
        case .bool, .int, .largeInt, .timestamp, .sequence, .mapping: false
        }
    }
}
