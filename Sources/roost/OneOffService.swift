import ComposeModel
import Orchestrator
import YAMLComposer

/// A service as `roost run` wants it for one command.
struct OneOffService {
    private let name: String
    private let command: [String]
    private let options: RunOptions
    private let hasTerminal: Bool

    init(_ name: String, _ command: [String], _ options: RunOptions, hasTerminal: Bool) {
        self.name = name
        self.command = command
        self.options = options
        self.hasTerminal = hasTerminal
    }

    /// The project with this service alone, as it is to run; mistakes in options go to `diagnostics`.
    func tree(of project: RunnableProject, _ diagnostics: DiagnosticCollector) -> YAMLNode {
        let given = ServiceOptions(
            ports: options.publish,
            mounts: options.volume,
            directory: ProcessContext.workingDirectory,
            home: ProcessContext.variable("HOME"),
            diagnostics: diagnostics
        )
        let variables = variables(diagnostics)
        var tree = project.tree
        tree.edit("services") { all in
            for other in all.mapping?.keys ?? [] where other != name { all.remove(other) }
            all.edit(name) { own in
                setCommand(&own)
                setVariables(variables, &own)
                setLabels(&own)
                for (key, names) in [("cap_add", options.capAdd), ("cap_drop", options.capDrop)] where !names.isEmpty {
                    let former = own[key]?.sequence?.compactMap(\.string) ?? []
                    own.set(key, .list(former + names.filter { !former.contains($0) }, at: own.mark))
                }
                if let user = options.user { own.set("user", .string(user)) }
                if let workdir = options.workdir { own.set("working_dir", .string(workdir)) }
                setLife(&own)
                if !options.servicePorts { own.remove("ports") }
                if !given.ports.isEmpty { own.set("ports", .sequence(given.ports)) }
                setMounts(given.mounts, &own)
            }
        }
        defineVolumes(given.mounts, &tree)
        return tree
    }

    private func setCommand(_ own: inout YAMLNode) {
        if let entrypoint = options.entrypoint {
            own.set("entrypoint", .list(ShellWords.split(entrypoint) ?? [entrypoint], at: own.mark))
            own.remove("command")
        }
        if !command.isEmpty { own.set("command", .list(command, at: own.mark)) }
    }

    /// Variables of files, then those given one by one.
    private func variables(_ diagnostics: DiagnosticCollector) -> [(String, String)] {
        let environment = ProcessContext.environment
        let ofFiles = ComposeModel.variables(
            ofFiles: options.envFromFile,
            lookup: { environment[$0] },
            diagnostics: diagnostics
        )
        let own = options.env.compactMap { text -> (String, String)? in
            guard let sign = text.firstIndex(of: "=") else { return environment[text].map { (text, $0) } }
            return (String(text[..<sign]), String(text[text.index(after: sign)...]))
        }
        return ofFiles.map { ($0.name, $0.value) } + own
    }

    private func setVariables(_ variables: [(String, String)], _ own: inout YAMLNode) {
        own.setDefault("environment", .mapping(YAMLMapping()))
        own.edit("environment") { node in for (name, value) in variables { node.set(name, .string(value)) } }
    }

    private func setLabels(_ own: inout YAMLNode) {
        own.setDefault("labels", .mapping(YAMLMapping()))
        own.edit("labels") { labels in
            for text in options.label {
                let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                labels.set(String(parts[0]), .string(parts.count > 1 ? String(parts[1]) : ""))
            }
            if options.rm { labels.set(Machine.removalLabel, .string("true")) }
            if options.useAliases { labels.set(Machine.aliasesLabel, .string("true")) }
        }
    }

    private func setLife(_ own: inout YAMLNode) {
        own.set("tty", .bool(hasTerminal))
        own.set("stdin_open", .bool(false))
        own.set("restart", .string("no"))
        own.set("scale", .int(1))
        own.edit("deploy") { deploy in
            deploy.remove("replicas")
            deploy.remove("restart_policy")
        }
        own.remove("container_name")
    }

    /// A mount given with the command takes the place of the service's at the same target.
    private func setMounts(_ mounts: [YAMLNode], _ own: inout YAMLNode) {
        guard !mounts.isEmpty else { return }
        let targets = Set(mounts.compactMap { $0["target"]?.string })
        let former = (own["volumes"]?.sequence ?? []).filter { !targets.contains($0["target"]?.string ?? "") }
        own.set("volumes", .sequence(former + mounts))
    }

    /// A volume that the file does not define is the one of exactly that name.
    private func defineVolumes(_ mounts: [YAMLNode], _ tree: inout YAMLNode) {
        for mount in mounts where mount["type"]?.string == "volume" {
            guard let source = mount["source"]?.string, tree["volumes"]?[source] == nil else { continue }
            tree.setDefault("volumes", .mapping(YAMLMapping()))
            tree.edit("volumes") { volumes in
                volumes.set(source, .mapping(YAMLMapping()))
                volumes.edit(source) { $0.set("name", .string(source)) }
            }
        }
    }
}

extension YAMLNode.Content {
    /// A sequence of texts.
    static func list(_ texts: [String], at mark: SourceMark) -> YAMLNode.Content {
        .sequence(texts.map { YAMLNode(.string($0), at: mark) })
    }
}
