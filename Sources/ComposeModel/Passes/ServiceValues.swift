import YAMLComposer

/// Checks single values of a service that the schema's types leave open.
struct ServiceValues {
    let diagnostics: DiagnosticCollector

    /// Checks the services of a project.
    func check(_ project: YAMLNode) {
        for entry in project["services"]?.mapping?.entries ?? [] { check(entry) }
    }

    private func check(_ entry: YAMLMapping.Entry) {
        let service = entry.value
        for mount in service["volumes"]?.sequence ?? [] where mount["type"]?.string == "bind" {
            if mount["source"]?.string?.isEmpty ?? true {
                diagnostics.error("a bind mount needs a source", at: mount.mark)
            }
        }
        let reserved = service["deploy"]?["resources"]?["reservations"]?["devices"]?.sequence ?? []
        for request in (service["gpus"]?.sequence ?? []) + reserved where request["device_ids"] != nil {
            if let count = request["count"] {
                diagnostics.error("\"count\" and \"device_ids\" exclude each other", at: count.mark)
            }
        }
        for port in service["ports"]?.sequence ?? [] {
            if let address = port["host_ip"], let text = address.string, InternetAddress(text: text) == nil {
                diagnostics.error("\"\(text)\" is no address", at: address.mark)
            }
        }
        for rule in service["develop"]?["watch"]?.sequence ?? [] where rule["path"]?.string?.isEmpty ?? false {
            diagnostics.error("a path to watch is empty", at: rule["path"]?.mark)
        }
    }

    static func isContainerName(_ text: String) -> Bool {
        text.utf8.count > 1 && Validation.isName(text) && !"._-".contains(text.prefix(1))
    }
}
