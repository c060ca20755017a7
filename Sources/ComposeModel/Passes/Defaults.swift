import YAMLComposer

/// Fills in what an attribute means when it is left out.
struct Defaults {
    /// Whether values that are only implied are filled in too.
    let normalises: Bool

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
            if deploy.isNull { return }
            deploy.setDefault("resources", .mapping(.init()))
            deploy.setDefault("placement", .mapping(.init()))
            deploy.edit("resources") { resources in
                resources.edit("reservations") { reservations in reservations.edit("devices", Self.countDevices) }
            }
        }
        service.edit("gpus", Self.countDevices)
        completeBuild(&service)
    }

    private func completeBuild(_ service: inout YAMLNode) {
        service.edit("build") { build in
            if build["dockerfile"] != nil || build["dockerfile_inline"] != nil || normalises {
                build.setDefault("context", .string("."))
            }
            if normalises && build["dockerfile_inline"] == nil { build.setDefault("dockerfile", .string("Dockerfile")) }
        }
    }

    private static func placeSecret(_ secret: inout YAMLNode) {
        secret.setDefault("target", .string("/run/secrets/" + (secret["source"]?.string ?? "")))
    }

    private static func countDevices(_ requests: inout YAMLNode) {
        requests.editElements { request in
            if request["device_ids"] == nil { request.setDefault("count", .int(-1)) }
        }
    }
}
