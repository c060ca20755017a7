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

    /// The documents of a file, as written; `step` says why a file is read that the project does not name.
    func documents(_ path: String, _ step: SourceStep? = nil) -> [YAMLNode] {
        guard let bytes = reader.contents(of: path) else {
            diagnostics.error("\(shown(path)) can't be read", at: nil)
            return []
        }
        do {
            return try YAMLReader().documents(of: SourceFile(name: shown(path), bytes: bytes, step: step))
        } catch {
            diagnostics.add(error)
            return []
        }
    }

    /// All documents as one canonical tree, later ones laid over earlier ones.
    mutating func merged(_ documents: [YAMLNode], _ scope: Scope, chain: [String]) -> YAMLNode? {
        var result: YAMLNode?
        var raw: [YAMLNode] = []
        for document in documents {
            if document.isNull && documents.count > 1 {
                diagnostics.error("a document of the file is empty", at: document.mark)
            }
            if document.isNull { continue }
            if let canonical = canonical(document, scope) { raw.append(canonical) }
        }
        guard !diagnostics.stopsPasses else { return nil }
        for document in raw {
            let complete = extended(included(document, scope, chain: chain), scope)
            result =
                result.map { Merge(diagnostics: diagnostics).apply(complete, over: $0, .object(Schema.project)) ?? $0 }
                ?? complete
            if let result, !diagnostics.stopsPasses {
                Validation(diagnostics: diagnostics, allowsEmpty: false).check(result)
            }
        }
        if result?.mapping?.isEmpty ?? true && !diagnostics.hasErrors {
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
        if tree["include"]?.isNull == true { tree.remove("include") }
        let checked = DiagnosticCollector()
        Validation(diagnostics: checked, allowsEmpty: true).check(tree)
        diagnostics.add(contentsOf: checked)
        guard !checked.stopsPasses else { return nil }
        let result = Canonicalisation(diagnostics: diagnostics).apply(tree)
        ResourceConsistency(diagnostics: diagnostics).checkExternal(result)
        return result
    }

    /// The document with the projects it includes below it.
    private mutating func included(_ document: YAMLNode, _ scope: Scope, chain: [String]) -> YAMLNode {
        guard let includes = document["include"]?.sequence, var mapping = document.mapping else { return document }
        mapping["include"] = nil
        var base: YAMLNode?
        for entry in includes {
            guard let project = included(entry, scope, chain: chain) else { continue }
            if let base { checkConflicts(project, base) }
            checkConflicts(project, document)
            base =
                base.map { Merge(diagnostics: diagnostics).apply(project, over: $0, .object(Schema.project)) ?? $0 }
                ?? project
        }
        let own = document.with(.mapping(mapping))
        return base.flatMap { Merge(diagnostics: diagnostics).apply(own, over: $0, .object(Schema.project)) } ?? own
    }

    /// What is included may not be defined otherwise beside it.
    private func checkConflicts(_ project: YAMLNode, _ other: YAMLNode) {
        for kind in ["services", "networks", "volumes", "secrets", "configs", "models"] {
            for entry in project[kind]?.mapping?.entries ?? [] {
                guard let own = other[kind]?.mapping?.entry(entry.key) else { continue }
                guard JSONPrinter.print(own.value) != JSONPrinter.print(entry.value) else { continue }
                diagnostics.add(
                    Diagnostic(
                        "\"\(entry.key)\" is also defined in an included file",
                        at: own.keyMark,
                        hint: "change what is included with a further file: -f",
                        notes: [.init("there", at: entry.keyMark)]
                    )
                )
            }
        }
    }

    private mutating func included(_ entry: YAMLNode, _ scope: Scope, chain: [String]) -> YAMLNode? {
        let written = entry["path"]?.sequence?.compactMap(\.string) ?? []
        let paths = written.map { FilePath.absolute($0, in: scope.directory) }
        guard let first = paths.first else { return nil }
        for path in paths where chain.contains(path) {
            diagnostics.error(
                "\(shown(path)) includes itself",
                at: entry.mark,
                hint: (chain + [path]).map(shown).joined(separator: " includes ")
            )
            return nil
        }
        let directory =
            entry["project_directory"]?.string.map { FilePath.absolute($0, in: scope.directory) }
            ?? FilePath.directory(of: first)
        var environment = scope.environment
        let written_ = entry["env_file"]?.sequence?.compactMap(\.string) ?? []
        let files = written_.isEmpty ? [".env"] : written_
        let base = written_.isEmpty ? directory : scope.directory
        EnvironmentFiles(reader: reader, diagnostics: diagnostics, workingDirectory: options.workingDirectory)
            .add(
                files.filter { $0 != "/dev/null" }.map { FilePath.absolute($0, in: base) },
                required: !written_.isEmpty,
                to: &environment
            )
        for (path, name) in zip(paths, written) where !reader.isFile(path) {
            diagnostics.error("there is no file \(name) to include", at: entry.mark)
            return nil
        }
        let documents = paths.flatMap { self.documents($0, .included(entry.mark)) }
        let inner = Scope(directory: directory, environment: environment)
        guard var tree = merged(documents, inner, chain: chain + paths)?.mapping else { return nil }
        for key in tree.keys where key == "name" || key.hasPrefix("x-") { tree[key] = nil }
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
        _ name: String,
        _ services: YAMLMapping,
        _ scope: Scope,
        file: String,
        chain: [String]
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
            let step = SourceStep.extended(service: "services.\(target)", by: "services.\(name)", extends.mark)
            base = foreign(target, other, extends, scope, chain: chain + [link], step)
        } else {
            base = complete(target, services, scope, file: file, chain: chain + [link])
            if base == nil { diagnostics.error("there is no service \"\(target)\" to extend", at: extends.mark) }
            base = base?.deeplyAfter(
                .extended(service: "services.\(target)", by: "services.\(name)", extends.mark)
            )
        }
        guard let base else { return rest }
        return Merge(diagnostics: diagnostics).apply(rest, over: base, .object(Schema.service))
    }

    private mutating func foreign(
        _ target: String,
        _ file: String,
        _ extends: YAMLNode,
        _ scope: Scope,
        chain: [String],
        _ step: SourceStep
    ) -> YAMLNode? {
        let path = FilePath.absolute(file, in: scope.directory)
        guard reader.isFile(path) else {
            diagnostics.error("there is no file \(file) to extend from", at: extends.mark)
            return nil
        }
        let inner = Scope(directory: FilePath.directory(of: path), environment: scope.environment)
        let trees = documents(path, step).compactMap { canonical(Self.reduced($0, to: target), inner) }
        guard let services = trees.last?["services"]?.mapping, services[target] != nil else {
            if !diagnostics.hasErrors {
                diagnostics.error("\(file) has no service \"\(target)\" to extend", at: extends.mark)
            }
            return nil
        }
        guard let service = complete(target, services, inner, file: path, chain: chain) else { return nil }
        return PathResolution(directory: inner.directory, home: scope.environment["HOME"]).service(service)
    }

    /// The file with the service and those of the file that it extends: the others may be unfit to stand alone.
    private static func reduced(_ document: YAMLNode, to target: String) -> YAMLNode {
        guard let services = document["services"]?.mapping else { return document }
        var kept: Set<String> = []
        var next: String? = target
        while let name = next, kept.insert(name).inserted {
            let extends = services[name]?["extends"]
            next = extends?["file"] == nil ? extends?.string ?? extends?["service"]?.string : nil
        }
        var result = document
        result.edit("services") { node in
            node.content = .mapping(services.compactMapValues { kept.contains($0.key) ? $0.value : nil })
        }
        return result
    }

    /// A path as the user would write it.
    private func shown(_ path: String) -> String {
        path == "-" ? "<stdin>" : FilePath.shown(path, from: options.workingDirectory)
    }
}
