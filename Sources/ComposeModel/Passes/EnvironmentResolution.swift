import YAMLComposer

/// Reads the environment and label files of services into their variables and labels.
struct EnvironmentResolution<Reader: FileReader> {
    let environment: [String: String]
    let reader: Reader
    let diagnostics: DiagnosticCollector
    /// Where the user is: paths in messages start there.
    let workingDirectory: String
    /// Whether files of variables are read; those of labels always are.
    var readsVariables = true
    /// How many bytes may still be read: files may be named many times.
    private var allowance = 256 << 20
    private var paths = SourcePaths()

    init(
        environment: [String: String],
        reader: Reader,
        diagnostics: DiagnosticCollector,
        workingDirectory: String
    ) {
        self.environment = environment
        self.reader = reader
        self.diagnostics = diagnostics
        self.workingDirectory = workingDirectory
    }

    /// The project with the files read and no longer named.
    mutating func apply(_ project: YAMLNode) -> YAMLNode {
        var project = project
        project.edit("services") { services in
            services.editEntries { name, service in
                if readsVariables { resolveVariables(name, &service) }
                resolveLabels(&service)
            }
        }
        return project
    }

    private mutating func resolveVariables(_ name: String, _ service: inout YAMLNode) {
        // Where nothing has been completed, variables without a value are still there.
        service.edit("environment") { variables in
            variables.editEntries { name, value in
                if value.isNull, let known = environment[name] { value.content = .string(known) }
            }
        }
        guard let files = service["env_file"]?.sequence else { return }
        // Variables of the project count first, then those of the service, then what the files have said so far.
        let own = service["environment"]?.mapping ?? YAMLMapping()
        var values = YAMLMapping()
        for file in files {
            guard let path = file["path"] else { continue }
            let known = values
            var source = EnvironmentSource(path: path, format: file["format"])
            source.isRequired = file["required"]?.bool ?? true
            source.earlier = known
            source.lookup = { [environment] in environment[$0] ?? own[$0]?.string }
            source.place = { own[$0]?.mark ?? known[$0]?.mark }
            for entry in read(source) { set(entry, &values) }
        }
        if !diagnostics.missing.isEmpty { explainMissing(name, service, values) }
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
    private mutating func explainMissing(_ name: String, _ service: YAMLNode, _ values: YAMLMapping) {
        for entry in values.entries {
            let file = entry.keyMark.file.name
            for use in diagnostics.missing[entry.key] ?? [] {
                // A value that could not do without the variable is not in the service any more.
                let isWithin = paths.path(of: use.mark)?.hasPrefix("services.\(name).") ?? false
                guard isWithin || service.contains(use.mark) else { continue }
                diagnostics.explainMissing(
                    at: use.told,
                    hint: "what env_file has reaches the container, not this file: put \(entry.key) into .env, "
                        + "or use --env-file \(file)",
                    note: .init("\(entry.key) is set here", at: entry.keyMark)
                )
            }
        }
    }

    private mutating func resolveLabels(_ service: inout YAMLNode) {
        guard let files = service["label_file"]?.sequence else { return }
        var values = YAMLMapping()
        for file in files {
            let known = values
            var source = EnvironmentSource(path: file)
            source.lookup = { known[$0]?.string }
            source.place = { known[$0]?.mark }
            for entry in read(source) { set(entry, &values) }
        }
        for entry in service["labels"]?.mapping?.entries ?? [] { set(entry, &values) }
        service.remove("label_file")
        if !values.isEmpty { service.set("labels", .mapping(values)) }
    }

    /// A file to be read, and what its lines may refer to.
    private struct EnvironmentSource {
        let path: YAMLNode
        var format: YAMLNode?
        var isRequired = true
        /// What earlier files have said, whose place the lines take.
        var earlier = YAMLMapping()
        /// What counts more than the lines.
        var lookup: (String) -> String? = { _ in nil }
        /// Where a value stands that is no variable of the project.
        var place: (String) -> SourceMark? = { _ in nil }
    }

    private mutating func read(_ file: EnvironmentSource) -> [YAMLMapping.Entry] {
        let (path, format) = (file.path, file.format)
        let name = path.string ?? ""
        guard reader.isFile(name), let bytes = reader.contents(of: name) else {
            if file.isRequired {
                diagnostics.error("there is no file \(reader.shown(name, from: workingDirectory))", at: path.mark)
            }
            return []
        }
        allowance -= bytes.count
        guard allowance >= 0 else {
            diagnostics.error("the services take in more environment files than can be read", at: path.mark)
            return []
        }
        let source = SourceFile(
            name: reader.shown(name, from: workingDirectory),
            bytes: bytes,
            kind: .variables,
            step: .listed(path.mark)
        )
        let variables: [(name: String, value: String, mark: SourceMark)]
        switch format?.string {
        case nil, "":
            var parser = Dotenv(lookup: file.lookup, diagnostics: diagnostics, place: file.place)
            for entry in file.earlier.entries { parser.earlier[entry.key] = entry.value.string }
            variables = parser.variables(of: source)
        case "raw": variables = raw(source, file.lookup)
        default:
            diagnostics.error("format must be \"raw\" or left out", at: format?.mark)
            return []
        }
        return variables.map {
            YAMLMapping.Entry(key: $0.name, keyMark: $0.mark, value: YAMLNode(.string($0.value), at: $0.mark))
        }
    }

    /// Lines of `KEY=value` where the value is everything after the sign; `KEY` alone has the loader's value.
    private func raw(
        _ source: SourceFile,
        _ lookup: (String) -> String?
    ) -> [(name: String, value: String, mark: SourceMark)] {
        var text = String(decoding: source.bytes, as: UTF8.self)[...]
        if text.unicodeScalars.first == "\u{FEFF}" { text = Substring(text.unicodeScalars.dropFirst()) }
        var result: [(name: String, value: String, mark: SourceMark)] = []
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, line) in lines.enumerated() {
            let mark = SourceMark(file: source, line: index + 1, column: 1)
            let line = line.drop(while: \.isWhitespace)
            guard !line.isEmpty && !line.hasPrefix("#") else { continue }
            let name = line.prefix { $0 != "=" }
            guard !name.isEmpty, !name.contains(where: \.isWhitespace) else {
                diagnostics.error(
                    name.isEmpty ? "a line names no variable" : "the name of a variable has a blank: \"\(name)\"",
                    at: mark
                )
                continue
            }
            if name.count < line.count {
                result.append((String(name), String(line.dropFirst(name.count + 1)), mark))
            } else if let value = lookup(String(name)) {
                result.append((String(name), value, mark))
            }
        }
        return result
    }
}

extension YAMLNode {
    /// Whether a value stands here or below that was written at the place of `mark`.
    fileprivate func contains(_ mark: SourceMark) -> Bool {
        if self.mark.location == mark.location { return true }
        switch content {
        case .sequence(let elements): return elements.contains { $0.contains(mark) }
        case .mapping(let mapping): return mapping.entries.contains { $0.value.contains(mark) }
        case .null, .bool, .int, .largeInt, .float, .string, .timestamp: return false
        }
    }
}
