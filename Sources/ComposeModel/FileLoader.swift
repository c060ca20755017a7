import YAMLComposer

/// Reads the files of one project, and those that they extend and include, into canonical trees.
struct FileLoader<Reader: FileReader> {
    /// Where a file belongs: its project's directory and variables.
    struct Scope {
        var directory: String
        var environment: [String: String]
    }

    let options: LoadOptions
    let reader: Reader
    let diagnostics: DiagnosticCollector

    /// The documents of a file, as written.
    func documents(_ path: String) -> [YAMLNode] {
        guard let bytes = reader.contents(of: path) else {
            diagnostics.error("\(shown(path)) can't be read", at: nil)
            return []
        }
        do {
            return try YAMLReader().documents(of: SourceFile(name: shown(path), bytes: bytes))
        } catch {
            diagnostics.add(error)
            return []
        }
    }

    /// All documents as one canonical tree, later ones laid over earlier ones.
    mutating func merged(_ documents: [YAMLNode], _ scope: Scope, chain: [String]) -> YAMLNode? {
        var result: YAMLNode?
        var raw: [YAMLNode] = []
        for document in documents where !document.isNull {
            if let canonical = canonical(document, scope) { raw.append(canonical) }
        }
        guard !diagnostics.hasErrors else { return nil }
        for document in raw {
            let complete = extended(included(document, scope, chain: chain), scope)
            result = result.map { Merge(diagnostics: diagnostics).apply(complete, over: $0, .object(Schema.project)) ?? $0 }
                ?? complete
        }
        if result == nil && !diagnostics.hasErrors {
            diagnostics.error("the Compose file is empty", at: nil)
        }
        return result
    }

    private func canonical(_ document: YAMLNode, _ scope: Scope) -> YAMLNode? {
        var tree = document
        if let version = tree.mapping?.entry("version") {
            diagnostics.warning("\"version\" means nothing any more and can be removed", at: version.keyMark)
        }
        if options.interpolates {
            let pass = Interpolation(lookup: { scope.environment[$0] }, diagnostics: diagnostics)
            tree = pass.apply(tree, .object(Schema.project))
        }
        let before = diagnostics.all.count
        Validation(diagnostics: diagnostics).check(tree)
        guard !diagnostics.all.dropFirst(before).contains(where: { $0.severity == .error }) else { return nil }
        return Canonicalisation(diagnostics: diagnostics).apply(tree)
    }

    /// The document with the projects it includes below it.
    private mutating func included(_ document: YAMLNode, _ scope: Scope, chain: [String]) -> YAMLNode {
        guard let includes = document["include"]?.sequence, var mapping = document.mapping else { return document }
        mapping["include"] = nil
        var base: YAMLNode?
        for entry in includes {
            guard let project = included(entry, scope, chain: chain) else { continue }
            base = base.map { Merge(diagnostics: diagnostics).apply(project, over: $0, .object(Schema.project)) ?? $0 }
                ?? project
        }
        let own = document.with(.mapping(mapping))
        return base.flatMap { Merge(diagnostics: diagnostics).apply(own, over: $0, .object(Schema.project)) } ?? own
    }

    private mutating func included(_ entry: YAMLNode, _ scope: Scope, chain: [String]) -> YAMLNode? {
        let written = entry["path"]?.sequence?.compactMap(\.string) ?? []
        let paths = written.map { FilePath.absolute($0, in: scope.directory) }
        guard let first = paths.first else { return nil }
        for path in paths where chain.contains(path) {
            diagnostics.error(
                "\(shown(path)) includes itself", at: entry.mark,
                hint: (chain + [path]).map(shown).joined(separator: " includes "))
            return nil
        }
        let directory =
            entry["project_directory"]?.string.map { FilePath.absolute($0, in: scope.directory) }
            ?? FilePath.directory(of: first)
        var environment = scope.environment
        let written_ = entry["env_file"]?.sequence?.compactMap(\.string) ?? []
        let files = written_.isEmpty ? [".env"] : written_
        let base = written_.isEmpty ? directory : scope.directory
        EnvironmentFiles(reader: reader, diagnostics: diagnostics)
            .add(files.filter { $0 != "/dev/null" }.map { FilePath.absolute($0, in: base) }, required: !written_.isEmpty, to: &environment)
        for (path, name) in zip(paths, written) where !reader.isFile(path) {
            diagnostics.error("there is no file \(name) to include", at: entry.mark)
            return nil
        }
        let documents = paths.flatMap { self.documents($0) }
        let inner = Scope(directory: directory, environment: environment)
        guard var tree = merged(documents, inner, chain: chain + paths)?.mapping else { return nil }
        tree["name"] = nil
        let rooted = PathResolution(directory: directory, home: environment["HOME"])
        return rooted.apply(entry.with(.mapping(tree)))
    }

    /// The document with every `extends` replaced by what it stands for.
    private mutating func extended(_ document: YAMLNode, _ scope: Scope) -> YAMLNode {
        guard var mapping = document.mapping, let services = document["services"]?.mapping else { return document }
        var result = services
        for entry in services.entries where entry.value["extends"] != nil {
            result[entry.key] = complete(entry.key, services, scope, file: "", chain: [])
        }
        mapping["services"] = mapping["services"]?.with(.mapping(result))
        return document.with(.mapping(mapping))
    }

    /// A service with everything that it extends below it.
    private mutating func complete(
        _ name: String, _ services: YAMLMapping, _ scope: Scope, file: String, chain: [String]
    ) -> YAMLNode? {
        guard let service = services[name], var own = service.mapping else { return services[name] }
        guard let extends = own["extends"] else { return service }
        own["extends"] = nil
        let rest = service.with(.mapping(own))
        let link = "\(file):\(name)"
        guard !chain.contains(link) else {
            diagnostics.error("the service \"\(name)\" extends itself", at: extends.mark)
            return rest
        }
        let target = extends["service"]?.string ?? name
        var base: YAMLNode?
        if let other = extends["file"]?.string {
            base = foreign(target, other, extends, scope, chain: chain + [link])
        } else {
            base = complete(target, services, scope, file: file, chain: chain + [link])
            if base == nil { diagnostics.error("there is no service \"\(target)\" to extend", at: extends.mark) }
        }
        guard let base else { return rest }
        return Merge(diagnostics: diagnostics).apply(rest, over: base, .object(Schema.service))
    }

    private mutating func foreign(
        _ target: String, _ file: String, _ extends: YAMLNode, _ scope: Scope, chain: [String]
    ) -> YAMLNode? {
        let path = FilePath.absolute(file, in: scope.directory)
        guard reader.isFile(path) else {
            diagnostics.error("there is no file \(file) to extend from", at: extends.mark)
            return nil
        }
        let inner = Scope(directory: FilePath.directory(of: path), environment: scope.environment)
        let trees = documents(path).compactMap { canonical($0, inner) }
        guard let services = trees.last?["services"]?.mapping, services[target] != nil else {
            if !diagnostics.hasErrors {
                diagnostics.error("\(file) has no service \"\(target)\" to extend", at: extends.mark)
            }
            return nil
        }
        guard let service = complete(target, services, inner, file: path, chain: chain) else { return nil }
        return PathResolution(directory: inner.directory, home: scope.environment["HOME"]).service(service)
    }

    /// A path as the user would write it.
    private func shown(_ path: String) -> String {
        let prefix = options.workingDirectory == "/" ? "/" : options.workingDirectory + "/"
        return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path == "-" ? "<stdin>" : path
    }
}
