import YAMLComposer

/// Fills in what an attribute means when it is left out.
struct Defaults {
    /// Whether values that are only implied are filled in too.
    let normalises: Bool
    /// Whether short ways of writing are still there.
    var isRaw = false

    /// The project with its defaults.
    func apply(_ project: YAMLNode) -> YAMLNode {
        var project = project
        project.edit("services") { services in services.editEntries { _, service in complete(&service) } }
        return project
    }

    private func complete(_ service: inout YAMLNode) {
        service.edit("ports") { ports in
            ports.editElements { port in
                port.setDefault("mode", .string("ingress"))
                port.setDefault("protocol", .string("tcp"))
            }
        }
        service.edit("env_file") { files in files.editElements { $0.setDefault("required", .bool(true)) } }
        service.edit("depends_on") { dependencies in
            dependencies.editEntries { _, dependency in
                dependency.setDefault("condition", .string("service_started"))
                dependency.setDefault("required", .bool(true))
            }
        }
        service.edit("secrets") { secrets in secrets.editElements(Self.placeSecret) }
        service.edit("deploy") { deploy in
            if deploy.isNull || isRaw { return }
            deploy.setDefault("resources", .mapping(.init()))
            deploy.setDefault("placement", .mapping(.init()))
            deploy.edit("resources") { resources in
                resources.edit("reservations") { reservations in reservations.edit("devices", countDevices) }
            }
        }
        service.edit("gpus", countDevices)
        if !isRaw {
            service.edit("provider") { provider in provider.edit("options", Self.listOptions) }
            service.edit("extra_hosts", Self.order)
            service.edit("build") { $0.edit("extra_hosts", Self.order) }
        }
        completeBuild(&service)
    }

    private func completeBuild(_ service: inout YAMLNode) {
        service.edit("build") { build in
            build.setDefault("context", .string("."))
            if normalises && build["dockerfile_inline"] == nil { build.setDefault("dockerfile", .string("Dockerfile")) }
        }
    }

    /// Names of hosts are looked up in whatever order; Compose forgets that of the file.
    private static func order(_ hosts: inout YAMLNode) {
        guard let lines = hosts.sequence else { return }
        hosts.content = .sequence(
            lines.sorted { ($0.string ?? "").utf8.lexicographicallyPrecedes(($1.string ?? "").utf8) }
        )
    }

    private static func placeSecret(_ secret: inout YAMLNode) {
        secret.setDefault("target", .string("/run/secrets/" + (secret["source"]?.string ?? "")))
    }

    private func countDevices(_ requests: inout YAMLNode) {
        requests.editElements { request in
            if request["device_ids"] == nil { request.setDefault("count", isRaw ? .string("all") : .int(-1)) }
        }
    }

    /// Each option of a provider is a list; one without any value is none.
    private static func listOptions(_ options: inout YAMLNode) {
        guard let mapping = options.mapping else { return }
        options.content = .mapping(
            mapping.compactMapValues { entry in
                guard let text = entry.value.scalarText else {
                    return entry.value.sequence?.isEmpty == false ? entry.value : nil
                }
                return entry.value.with(.sequence([entry.value.with(.string(text))]))
            }
        )
    }
}
