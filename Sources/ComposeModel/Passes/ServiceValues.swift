import YAMLComposer

/// Checks single values of a service that the schema's types leave open.
struct ServiceValues {
    let diagnostics: DiagnosticCollector

    /// Checks one service.
    func check(_ entry: YAMLMapping.Entry) {
        let service = entry.value
        if let name = service["container_name"], let text = name.string, !Self.isContainerName(text) {
            diagnostics.error(
                "\"\(text)\" is no container name",
                at: name.mark,
                hint: "use two or more letters, digits, \".\", \"-\" and \"_\", starting with a letter or digit"
            )
        }
        if let policy = service["pull_policy"], let text = policy.string, !Self.isPullPolicy(text) {
            diagnostics.error(
                "\"\(text)\" is no pull policy",
                at: policy.mark,
                hint: "use always, never, missing, build, daily, weekly or every_ with a length of time"
            )
        }
        if let score = service["oom_score_adj"], let number = score.int, !(-1000...1000).contains(number) {
            diagnostics.error("oom_score_adj lies between -1000 and 1000", at: score.mark)
        }
        for mount in service["volumes"]?.sequence ?? [] where mount["type"]?.string == "bind" {
            if mount["source"]?.string?.isEmpty ?? true {
                diagnostics.error("a bind mount needs a source", at: mount.mark)
            }
        }
        for request in service["gpus"]?.sequence ?? [] where request["device_ids"] != nil {
            if let count = request["count"] {
                diagnostics.error("\"count\" and \"device_ids\" exclude each other", at: count.mark)
            }
        }
    }

    static func isContainerName(_ text: String) -> Bool {
        text.utf8.count > 1 && Validation.isName(text) && !"._-".contains(text.prefix(1))
    }

    private static func isPullPolicy(_ text: String) -> Bool {
        let words = ["always", "never", "build", "if_not_present", "missing", "refresh", "daily", "weekly"]
        return words.contains(text) || text.hasPrefix("every_") && TimeSpan(text: String(text.dropFirst(6))) != nil
    }
}
