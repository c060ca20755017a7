import YAMLComposer

/// Checks that the parts of a project fit together.
struct Consistency {
    let diagnostics: DiagnosticCollector
    /// Every service of the files, those that are off too.
    let knownServices: Set<String>
    /// Whether two containers may have one name: nothing is made.
    var allowsSharedNames = false

    /// Checks a normalised project.
    func check(_ project: YAMLNode) {
        guard let services = project["services"]?.mapping else { return }
        for entry in services.entries {
            check(entry, services, project)
            checkReferences(entry, project)
            checkBuild(entry, services)
            checkLimits(entry)
        }
        checkCycles(services)
        if !allowsSharedNames { checkContainerNames(services) }
        ResourceConsistency(diagnostics: diagnostics).checkSecrets(project)
    }

    private func check(_ entry: YAMLMapping.Entry, _ services: YAMLMapping, _ project: YAMLNode) {
        let (name, service) = (entry.key, entry.value)
        let hasNothing = service["build"] == nil && service["provider"] == nil
        if service["image"]?.string?.isEmpty ?? true, hasNothing, !diagnostics.damaged.contains("services.\(name)") {
            diagnostics.error(
                "the service \"\(name)\" has nothing to run",
                at: entry.keyMark,
                hint: "give it an image or a build"
            )
        }
        if let build = service["build"], build["dockerfile_inline"] != nil, let file = build["dockerfile"] {
            diagnostics.error(
                "\"dockerfile\" and \"dockerfile_inline\" exclude each other",
                at: file.mark,
                notes: [Self.other("dockerfile_inline", build.mapping?.entry("dockerfile_inline")?.keyMark)]
            )
        }
        if let platform = service["platform"]?.string, let platforms = service["build"]?["platforms"],
            platforms.sequence?.isEmpty == false, !platforms.texts.contains(platform)
        {
            diagnostics.error("the platforms of the build lack the service's \(platform)", at: platforms.mark)
        }
        if let mode = service["network_mode"], mode.string?.isEmpty == false,
            service["networks"]?.mapping?.isEmpty == false
        {
            diagnostics.error(
                "\"network_mode\" and \"networks\" exclude each other",
                at: mode.mark,
                notes: [Self.other("networks", service.mapping?.entry("networks")?.keyMark)]
            )
        }
        checkNetworkOwner(of: service, services)
        if let test = service["healthcheck"]?["test"], let first = test.texts.first,
            !["NONE", "CMD", "CMD-SHELL"].contains(first)
        {
            diagnostics.error("a health check starts with CMD, CMD-SHELL or NONE", at: test.mark)
        }
        for dependency in service["depends_on"]?.mapping?.entries ?? [] where services[dependency.key] == nil {
            // One that is off may be missing, but not one that nobody knows.
            let isOptional = dependency.value["required"]?.bool == false
            if diagnostics.isIncomplete || isOptional && knownServices.contains(dependency.key) { continue }
            diagnostics.error(
                "\"\(name)\" depends on \"\(dependency.key)\", which is not there or not active",
                at: dependency.keyMark,
                hint: diagnostics.hint(dependency.key, among: services.keys)
            )
        }
        for rule in service["develop"]?["watch"]?.sequence ?? [] where rule["target"]?.string?.isEmpty ?? true {
            if let action = rule["action"], action.string != "rebuild", action.string != "restart" {
                diagnostics.error("to \(action.string ?? "") needs a \"target\"", at: rule.mark)
            }
        }
    }

    /// Who shares another service's network depends on it, which is not written down where nothing is normalised.
    private func checkNetworkOwner(of service: YAMLNode, _ services: YAMLMapping) {
        guard let mode = service["network_mode"], let text = mode.string, text.hasPrefix("service:") else { return }
        let name = String(text.dropFirst("service:".count))
        guard services[name] == nil, service["depends_on"]?[name] == nil, !diagnostics.isIncomplete else { return }
        diagnostics.error(
            "there is no service \"\(name)\" to share the network of",
            at: mode.mark,
            hint: diagnostics.hint(name, among: services.keys)
        )
    }

    /// A context that is another service's image wants that to be built.
    private func checkBuild(_ entry: YAMLMapping.Entry, _ services: YAMLMapping) {
        for context in entry.value["build"]?["additional_contexts"]?.mapping?.entries ?? [] {
            guard let text = context.value.string, text.hasPrefix("service:") else { continue }
            let name = String(text.dropFirst("service:".count))
            if services[name] == nil {
                guard !diagnostics.isIncomplete else { continue }
                diagnostics.error(
                    "there is no service \"\(name)\" to build from",
                    at: context.value.mark,
                    hint: diagnostics.hint(name, among: services.keys)
                )
            } else if services[name]?["build"] == nil, !diagnostics.damaged.contains("services.\(name)") {
                diagnostics.error(
                    "the service \"\(name)\" is not built, so none can build from it",
                    at: context.value.mark
                )
            }
        }
    }

    private func checkReferences(_ entry: YAMLMapping.Entry, _ project: YAMLNode) {
        let service = entry.value
        for network in service["networks"]?.mapping?.entries ?? [] {
            demand("networks", network.key, at: network.keyMark, project)
        }
        for model in service["models"]?.mapping?.entries ?? [] {
            demand("models", model.key, at: model.keyMark, project)
        }
        for mount in service["volumes"]?.sequence ?? [] where mount["type"]?.string == "volume" {
            if let source = mount["source"], let name = source.string, !name.isEmpty {
                demand("volumes", name, at: source.mark, project)
            }
        }
        for kind in ["configs", "secrets"] {
            for reference in service[kind]?.sequence ?? [] {
                // A source that was taken out has been told about.
                if reference["source"] == nil && diagnostics.hasErrors { continue }
                demand(kind, reference["source"]?.string ?? "", at: (reference["source"] ?? reference).mark, project)
            }
        }
        for reference in service["build"]?["secrets"]?.sequence ?? [] {
            let source = reference["source"]
            if source == nil && diagnostics.hasErrors { continue }
            demand("secrets", source?.string ?? "", at: (source ?? reference).mark, project)
        }
        var targets: [String: YAMLNode] = [:]
        let volatile = service["tmpfs"]?.sequence ?? []
        let mounts = (service["volumes"]?.sequence ?? []).compactMap { $0["target"] }
        let paths =
            mounts.map { $0.string ?? "" } + volatile.map { ($0.string ?? "").prefix { $0 != ":" } }.map(String.init)
        for (target, path) in zip(mounts + volatile, paths) where !path.isEmpty {
            if let first = targets.updateValue(target, forKey: path) {
                diagnostics.error(
                    "two mounts of \"\(entry.key)\" share the target \(path)",
                    at: target.mark,
                    notes: [Self.other("the other one", first.mark)]
                )
            }
        }
    }

    private func demand(_ kind: String, _ name: String, at mark: SourceMark, _ project: YAMLNode) {
        let known = project[kind]?.mapping
        guard known?.entry(name) == nil, !diagnostics.isIncomplete else { return }
        // The section may be there under a misspelled name.
        if known == nil && diagnostics.damaged.contains(kind) { return }
        diagnostics.error(
            "\"\(name)\" is not defined under \"\(kind)\"",
            at: mark,
            hint: diagnostics.hint(name, among: known?.keys ?? []) ?? Self.example(kind, name)
        )
    }

    /// How a name is defined that needs no more than to be there.
    private static func example(_ kind: String, _ name: String) -> String? {
        guard kind == "networks" || kind == "volumes" else { return nil }
        return "define it, at the left margin: \(kind): {\(name): {}}"
    }

    private func checkLimits(_ entry: YAMLMapping.Entry) {
        let service = entry.value
        if let scale = service["scale"], let replicas = service["deploy"]?["replicas"], scale.int != replicas.int {
            diagnostics.error(
                "\"scale\" and \"deploy.replicas\" differ",
                at: scale.mark,
                notes: [Self.other("deploy.replicas", service["deploy"]?["replicas"]?.mark)]
            )
        }
        let replicas = service["deploy"]?["replicas"] ?? service["scale"]
        if let replicas, let count = replicas.int {
            if count < 0 { diagnostics.error("a number of replicas is not negative", at: replicas.mark) }
            if count > 1, let name = service["container_name"] {
                diagnostics.error(
                    "a container name allows one replica only",
                    at: name.mark,
                    notes: [.init("\(count) are wanted here", at: replicas.mark)]
                )
            }
        }
        let resources = service["deploy"]?["resources"]
        let pairs = [
            ("cpus", "limits", "cpus"), ("mem_limit", "limits", "memory"),
            ("mem_reservation", "reservations", "memory"), ("pids_limit", "limits", "pids"),
        ]
        for (key, kind, name) in pairs {
            guard let own = service[key], let text = own.scalarText, text != "0", let group = resources?[kind],
                !diagnostics.damaged.contains("services.\(entry.key).deploy.resources.\(kind)")
            else { continue }
            if group[name]?.scalarText != text {
                diagnostics.error(
                    "\"\(key)\" differs from what \"deploy\" says",
                    at: own.mark,
                    notes: [Self.other("deploy.resources.\(kind)", (group[name] ?? group).mark)]
                )
            }
        }
    }

    private func checkContainerNames(_ services: YAMLMapping) {
        var owners: [String: (service: String, mark: SourceMark)] = [:]
        for entry in services.entries {
            guard let node = entry.value["container_name"], let name = node.string else { continue }
            if let owner = owners.updateValue((entry.key, node.mark), forKey: name) {
                diagnostics.error(
                    "the container name \"\(name)\" is already that of \"\(owner.service)\"",
                    at: node.mark,
                    notes: [Self.other("the other one", owner.mark)]
                )
            }
        }
    }

    /// The second of two values that do not go together.
    private static func other(_ name: String, _ mark: SourceMark?) -> Diagnostic.Note {
        .init("\(name) stands here", at: mark)
    }

    private func checkCycles(_ services: YAMLMapping) {
        var done: Set<String> = []
        for start in services.keys where !done.contains(start) {
            guard let cycle = Self.cycle(from: start, services, &done) else { continue }
            diagnostics.error(
                "services depend on each other in a circle: \(cycle.joined(separator: " → "))",
                at: services.entry(cycle[0])?.keyMark
            )
            return
        }
    }

    /// The circle that `start` leads into; a chain of any length takes no stack.
    private static func cycle(from start: String, _ services: YAMLMapping, _ done: inout Set<String>) -> [String]? {
        func next(_ name: String) -> [String].Iterator {
            (services[name]?["depends_on"]?.mapping?.keys ?? []).makeIterator()
        }
        var path = [start]
        var open = [start: 0]
        var stack = [next(start)]
        while !path.isEmpty {
            if let name = stack[stack.count - 1].next() {
                if let first = open[name] { return path[first...] + [name] }
                guard !done.contains(name) else { continue }
                open[name] = path.count
                path.append(name)
                stack.append(next(name))
            } else {
                stack.removeLast()
                let name = path.removeLast()
                open[name] = nil
                done.insert(name)
            }
        }
        return nil
    }
}
