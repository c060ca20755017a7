import YAMLComposer

/// Reads the environment and label files of services into their variables and labels.
struct EnvironmentResolution<Reader: FileReader> {
    let environment: [String: String]
    let reader: Reader
    let diagnostics: DiagnosticCollector
    /// Where the user is: paths in messages start there.
    let workingDirectory: String

    /// The project with the files read and no longer named.
    func apply(_ project: YAMLNode) -> YAMLNode {
        var project = project
        project.edit("services") { services in
            services.editEntries { _, service in
                resolveVariables(&service)
                resolveLabels(&service)
            }
        }
        return project
    }

    private func resolveVariables(_ service: inout YAMLNode) {
        guard let files = service["env_file"]?.sequence else { return }
        var values = YAMLMapping()
        for file in files {
            guard let path = file["path"] else { continue }
            let required = file["required"]?.bool ?? true
            let known = values
            for entry in read(path, format: file["format"], required: required, known: known) { set(entry, &values) }
        }
        if !diagnostics.missing.isEmpty { explainMissing(service, values) }
        for entry in service["environment"]?.mapping?.entries ?? [] { set(entry, &values) }
        service.remove("env_file")
        if !values.isEmpty { service.set("environment", .mapping(values)) }
    }

    /// Sets an entry, which remembers the one whose place it takes when someone will ask.
    private func set(_ entry: YAMLMapping.Entry, _ values: inout YAMLMapping) {
        var entry = entry
        if diagnostics.keepsHistory, let older = values[entry.key] {
            entry.value = entry.value.after(.replaced(older))
        }
        values.set(entry)
    }

    /// Many take `env_file` for the variables of the Compose file; whoever lacks one that stands there is told.
    private func explainMissing(_ service: YAMLNode, _ values: YAMLMapping) {
        for use in diagnostics.missing {
            guard let entry = values.entry(use.name), service.contains(use.mark) else { continue }
            let file = entry.keyMark.file.name
            diagnostics.explainMissing(
                at: use.place,
                hint: "what env_file has reaches the container, not this file: put \(use.name) into .env, "
                    + "or use --env-file \(file)",
                note: .init("\(use.name) is set here", at: entry.keyMark)
            )
        }
    }

    private func resolveLabels(_ service: inout YAMLNode) {
        guard let files = service["label_file"]?.sequence else { return }
        var values = YAMLMapping()
        for file in files {
            for entry in read(file, format: nil, required: true, known: values) { set(entry, &values) }
        }
        for entry in service["labels"]?.mapping?.entries ?? [] { set(entry, &values) }
        service.remove("label_file")
        if !values.isEmpty { service.set("labels", .mapping(values)) }
    }

    private func read(
        _ path: YAMLNode,
        format: YAMLNode?,
        required: Bool,
        known: YAMLMapping
    ) -> [YAMLMapping.Entry] {
        let name = path.string ?? ""
        guard reader.isFile(name), let bytes = reader.contents(of: name) else {
            if required {
                diagnostics.error("there is no file \(FilePath.shown(name, from: workingDirectory))", at: path.mark)
            }
            return []
        }
        let source = SourceFile(
            name: FilePath.shown(name, from: workingDirectory),
            bytes: bytes,
            kind: .variables,
            step: .listed(path.mark)
        )
        let variables: [(name: String, value: String, mark: SourceMark)]
        switch format?.string {
        case nil:
            variables = Dotenv(
                lookup: { environment[$0] ?? known[$0]?.string },
                diagnostics: diagnostics
            ).variables(of: source)
        case "raw": variables = raw(source)
        default:
            diagnostics.error("format must be \"raw\" or left out", at: format?.mark)
            return []
        }
        return variables.map {
            YAMLMapping.Entry(key: $0.name, keyMark: $0.mark, value: YAMLNode(.string($0.value), at: $0.mark))
        }
    }

    /// Lines of `KEY=value` where the value is everything after the sign; `KEY` alone has the loader's value.
    private func raw(_ source: SourceFile) -> [(name: String, value: String, mark: SourceMark)] {
        let text = String(decoding: source.bytes, as: UTF8.self)
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        return lines.enumerated().compactMap { index, line in
            let mark = SourceMark(file: source, line: index + 1, column: 1)
            let text = line.drop { $0 == " " || $0 == "\t" }
            guard !text.isEmpty && !text.hasPrefix("#") else { return nil }
            guard let sign = text.firstIndex(of: "=") else {
                return environment[String(text)].map { (String(text), $0, mark) }
            }
            return (String(text[..<sign]), String(text[text.index(after: sign)...]), mark)
        }
    }
}

extension YAMLNode {
    /// Whether a value stands here or below that was written at the place of `mark`.
    fileprivate func contains(_ mark: SourceMark) -> Bool {
        if self.mark.location == mark.location { return true }
        switch content {
        case .sequence(let elements): return elements.contains { $0.contains(mark) }
        case .mapping(let mapping): return mapping.entries.contains { $0.value.contains(mark) }
        case .null, .bool, .int, .float, .string, .timestamp: return false
        }
    }
}
