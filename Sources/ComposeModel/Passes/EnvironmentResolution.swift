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
            for entry in read(path, format: file["format"], required: required, known: known) { values.set(entry) }
        }
        for entry in service["environment"]?.mapping?.entries ?? [] { values.set(entry) }
        service.remove("env_file")
        if !values.isEmpty { service.set("environment", .mapping(values)) }
    }

    private func resolveLabels(_ service: inout YAMLNode) {
        guard let files = service["label_file"]?.sequence else { return }
        var values = YAMLMapping()
        for file in files {
            for entry in read(file, format: nil, required: true, known: values) { values.set(entry) }
        }
        for entry in service["labels"]?.mapping?.entries ?? [] { values.set(entry) }
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
        let source = SourceFile(name: FilePath.shown(name, from: workingDirectory), bytes: bytes)
        let mark = SourceMark(file: source, line: 1, column: 1)
        let variables: [(name: String, value: String)]
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
            YAMLMapping.Entry(key: $0.name, keyMark: mark, value: YAMLNode(.string($0.value), at: mark))
        }
    }

    /// Lines of `KEY=value` where the value is everything after the sign; `KEY` alone has the loader's value.
    private func raw(_ source: SourceFile) -> [(name: String, value: String)] {
        String(decoding: source.bytes, as: UTF8.self).split(whereSeparator: \.isNewline).compactMap { line in
            let text = line.drop { $0 == " " || $0 == "\t" }
            guard !text.isEmpty && !text.hasPrefix("#") else { return nil }
            guard let sign = text.firstIndex(of: "=") else {
                return environment[String(text)].map { (String(text), $0) }
            }
            return (String(text[..<sign]), String(text[text.index(after: sign)...]))
        }
    }
}
