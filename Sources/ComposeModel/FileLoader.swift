import YAMLComposer

/// Reads the files of one project, and those that they extend and include, into canonical trees.
struct FileLoader<Base: FileReader> {
    /// Where a file belongs: its project's directory and variables.
    struct Scope {
        var directory: String
        var environment: [String: String]
    }

    let options: LoadOptions
    let reader: ProjectReader<Base>
    let diagnostics: DiagnosticCollector
    /// Files that were parsed before, and how often and how much was taken in: includes may name each other many times.
    private var parsed: [String: [YAMLNode]] = [:]
    private var sizes: [String: Int] = [:]
    /// The services of the document at hand that are complete already.
    private var completed: [String: YAMLNode] = [:]
    /// The files that were fetched, and the directories that they may lead into; each is kept, so that it stays itself.
    var confines: [ObjectIdentifier: (file: SourceFile, root: String)] = [:]
    /// What the services at hand say that extend others, the last one being that which is looked at.
    private var covers: [YAMLMapping] = []
    private var takenFiles = 0
    private var takenBytes = 0

    private static var fileLimit: Int { 10_000 }
    private static var byteLimit: Int { 256 << 20 }
    private static var documentLimit: Int { 256 }
    /// How many files may include, and services extend, one another in a row.
    private static var chainLimit: Int { 100 }

    init(options: LoadOptions, reader: ProjectReader<Base>, diagnostics: DiagnosticCollector) {
        self.options = options
        self.reader = reader
        self.diagnostics = diagnostics
    }

    private var merge: Merge { Merge(diagnostics: diagnostics, isRaw: !options.interpolates) }

    /// The documents of a file, as written.
    mutating func documents(_ path: String) -> [YAMLNode] {
        if parsed[path] == nil { parse(path) }
        takenFiles += 1
        takenBytes += sizes[path] ?? 0
        if takenFiles > Self.fileLimit || takenBytes > Self.byteLimit {
            if takenFiles == Self.fileLimit + 1 || takenBytes - (sizes[path] ?? 0) <= Self.byteLimit {
                diagnostics.error("the project takes in more files than can be read", at: nil)
            }
            return []
        }
        return parsed[path] ?? []
    }

    private mutating func parse(_ path: String) {
        parsed[path] = []
        guard let bytes = reader.contents(of: path) else {
            let hint = "look at who may read it; a file of more than 64 MiB is not read"
            diagnostics.error("\(shown(path)) can't be read", at: nil, hint: hint)
            return
        }
        sizes[path] = bytes.count
        do {
            let source = SourceFile(name: shown(path), bytes: bytes)
            if let project = reader.fetched.project(holding: path) {
                confines[ObjectIdentifier(source)] = (source, project.root)
            }
            parsed[path] = try YAMLReader().documents(of: source)
        } catch {
            diagnostics.add(error)
            diagnostics.markIncomplete()
        }
    }

    /// All documents as one canonical tree, later ones laid over earlier ones.
    mutating func merged(_ documents: [YAMLNode], _ scope: Scope, chain: [String]) -> YAMLNode? {
        var result: YAMLNode?
        if documents.count > Self.documentLimit {
            diagnostics.error("more than \(Self.documentLimit) files and documents can't make one project", at: nil)
        }
        var hasContent = false
        for document in documents.prefix(Self.documentLimit) {
            if document.isNull && documents.count > 1 {
                diagnostics.error("a document of the file is empty", at: document.mark)
            }
            guard !document.isNull, let canonical = canonical(document, scope) else { continue }
            hasContent = hasContent || canonical.mapping?.isEmpty == false
            // A service can't extend one that is included, as in Compose.
            let complete = withIncluded(extended(canonical, scope), scope, chain: chain)
            let laid = result.map { merge.apply(complete, over: $0, .object(Schema.project)) ?? $0 } ?? complete
            result = Validation(diagnostics: diagnostics, allowsEmpty: false).checked(laid, after: complete)
        }
        if !hasContent && !diagnostics.hasErrors { diagnostics.error("the Compose file is empty", at: nil) }
        return result
    }

    private func canonical(
        _ document: YAMLNode,
        _ scope: Scope,
        below covers: [YAMLMapping] = []
    ) -> YAMLNode? {
        var tree = document
        if let version = tree.mapping?.entry("version") {
            diagnostics.warning("\"version\" means nothing any more and can be removed", at: version.keyMark)
        }
        if options.interpolates {
            var pass = Interpolation(lookup: { scope.environment[$0] }, diagnostics: diagnostics)
            guard let replaced = pass.apply(tree, .object(Schema.project)) else { return nil }
            tree = replaced
        }
        if tree["include"]?.isNull == true { tree.remove("include") }
        if !covers.isEmpty { tree = ReplacedValues(covers: covers, isRaw: !options.interpolates).removed(from: tree) }
        tree = Validation(diagnostics: diagnostics, allowsEmpty: true).checked(tree)
        tree = Canonicalisation(diagnostics: diagnostics, isRaw: !options.interpolates).apply(tree)
        if confines[ObjectIdentifier(document.mark.file.asRead)] != nil { checkServiceFiles(tree, scope) }
        return ResourceConsistency(diagnostics: diagnostics).named(tree)
    }

    // MARK: Including

    /// The document with the projects it includes below it.
    private mutating func withIncluded(_ document: YAMLNode, _ scope: Scope, chain: [String]) -> YAMLNode {
        guard let includes = document["include"]?.sequence, var mapping = document.mapping else { return document }
        mapping["include"] = nil
        guard chain.count <= Self.chainLimit else {
            diagnostics.error("files include each other more than \(Self.chainLimit) levels deep", at: document.mark)
            diagnostics.markIncomplete()
            return document.with(.mapping(mapping))
        }
        var base: YAMLNode?
        for entry in includes {
            guard let project = included(entry, scope, chain: chain) else {
                diagnostics.markIncomplete()
                continue
            }
            if let base { checkConflicts(project, base) }
            checkConflicts(project, document)
            base = base.map { merge.apply(project, over: $0, .object(Schema.project)) ?? $0 } ?? project
        }
        let own = document.with(.mapping(mapping))
        return base.flatMap { merge.apply(own, over: $0, .object(Schema.project)) } ?? own
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
        let path = entry["path"]
        let written = path?.sequence?.compactMap(\.string) ?? path?.string.map { [$0] } ?? []
        let paths = written.compactMap { place(of: $0, at: entry.mark, scope) }
        guard paths.count == written.count else { return nil }
        guard let first = paths.first else {
            diagnostics.warning("an include names no file", at: entry.mark)
            return entry.with(.mapping(YAMLMapping()))
        }
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
        let environment = environment(of: entry, directory: directory, scope)
        for (path, name) in zip(paths, written) where !reader.isFile(path) {
            diagnostics.error("there is no file \(name) to include", at: entry.mark, hint: RemoteReference.hint(name))
            return nil
        }
        let step = SourceStep.included(entry.mark)
        var documents: [YAMLNode] = []
        for path in paths { documents += self.documents(path).map { $0.deeplyAfter(step) } }
        let inner = Scope(directory: directory, environment: environment)
        guard var tree = merged(documents, inner, chain: chain + paths).map(Merge.settled)?.mapping else { return nil }
        for key in tree.keys where key == "name" || key == "version" || key.hasPrefix("x-") { tree[key] = nil }
        let rooted = PathResolution(directory: base(directory, scope), home: environment["HOME"])
        return rooted.apply(entry.with(.mapping(tree)))
    }

    /// The variables of an included project: the outer ones, then those of its files.
    private func environment(of entry: YAMLNode, directory: String, _ scope: Scope) -> [String: String] {
        var environment = scope.environment
        let files = entry["env_file"]
        if files?.sequence?.contains(where: \.isNull) == true {
            diagnostics.error("an environment file of an include has no name", at: entry.mark)
        }
        let written = files?.sequence?.compactMap(\.string) ?? files?.string.map { [$0] } ?? []
        let paths = (written.isEmpty ? [".env"] : written).filter { $0 != "/dev/null" }
            .map { FilePath.absolute($0, in: written.isEmpty ? directory : scope.directory) }
        EnvironmentFiles(reader: reader, diagnostics: diagnostics, workingDirectory: options.workingDirectory)
            .add(
                written.isEmpty ? paths : paths.filter { checkReach(of: $0, at: entry.mark, scope) },
                required: !written.isEmpty,
                to: &environment
            )
        return environment
    }

    // MARK: Extending

    /// The document with every `extends` replaced by what it stands for.
    private mutating func extended(_ document: YAMLNode, _ scope: Scope) -> YAMLNode {
        guard var mapping = document.mapping, let services = document["services"]?.mapping else { return document }
        var result = services
        completed = [:]
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
        if file.isEmpty, let known = completed[name] { return known }
        let result = completed(name, services, scope, file: file, chain: chain)
        if file.isEmpty, let result { completed[name] = result }
        return result
    }

    private mutating func completed(
        _ name: String,
        _ services: YAMLMapping,
        _ scope: Scope,
        file: String,
        chain: [String]
    ) -> YAMLNode? {
        guard let service = services[name], var own = service.mapping else { return services[name] }
        guard let written = own["extends"], written.mapping != nil else { return service }
        own["extends"] = nil
        let rest = service.with(.mapping(own))
        guard written.directive != .reset else { return rest }
        let extends = Merge.settled(written)
        let link = "\(file):\(name)"
        guard !chain.contains(link), chain.count < Self.chainLimit else {
            let problem =
                chain.contains(link)
                ? "the service \"\(name)\" extends itself"
                : "services extend each other more than \(Self.chainLimit) levels deep"
            diagnostics.error(problem, at: extends.mark)
            diagnostics.markDamaged("services.\(name)")
            return rest
        }
        guard let target = extends["service"]?.string else {
            diagnostics.error("services.\(name).extends needs \"service\"", at: extends.mark)
            diagnostics.markDamaged("services.\(name)")
            return rest
        }
        covers.append(own)
        defer { covers.removeLast() }
        var base: YAMLNode?
        if let other = extends["file"]?.string {
            let step = SourceStep.extended(service: "services.\(target)", by: "services.\(name)", extends.mark)
            base = foreign(target, other, extends, scope, chain: chain + [link], step)
        } else {
            base = complete(target, services, scope, file: file, chain: chain + [link])
            if base == nil {
                diagnostics.error(
                    "there is no service \"\(target)\" to extend",
                    at: extends.mark,
                    hint: diagnostics.hint(target, among: services.keys)
                )
            }
            base = base?.deeplyAfter(
                .extended(service: "services.\(target)", by: "services.\(name)", extends.mark)
            )
        }
        guard let base else {
            diagnostics.markDamaged("services.\(name)")
            return rest
        }
        diagnostics.markDamaged(service: name, like: target)
        // A service without any content is none to extend, and Compose shows so.
        if base.isNull { return service }
        var merge = merge
        merge.isExtending = true
        return merge.apply(rest, over: base, .object(Schema.service))
    }

    private mutating func foreign(
        _ target: String,
        _ file: String,
        _ extends: YAMLNode,
        _ scope: Scope,
        chain: [String],
        _ step: SourceStep
    ) -> YAMLNode? {
        guard let path = place(of: file, at: extends.mark, scope) else { return nil }
        guard reader.isFile(path) else {
            diagnostics.error(
                "there is no file \(file) to extend from",
                at: extends.mark,
                hint: RemoteReference.hint(file)
            )
            return nil
        }
        let inner = Scope(directory: FilePath.directory(of: path), environment: scope.environment)
        let isFirst = parsed[path] == nil
        let found = diagnostics.hasErrors
        let written = documents(path)
        let covers = covers
        let trees = written.compactMap { document -> YAMLNode? in
            let reduced = Self.reduced(document, to: target, withOtherParts: isFirst).deeplyAfter(step)
            return canonical(reduced, inner, below: covers)
        }
        if isFirst { for document in written { checkVariables(document, inner) } }
        guard let services = trees.last?["services"]?.mapping, services.entry(target) != nil else {
            if found || !diagnostics.hasErrors {
                diagnostics.error("\(file) has no service \"\(target)\" to extend", at: extends.mark)
            }
            return nil
        }
        guard let service = complete(target, services, inner, file: path, chain: chain) else { return nil }
        // Its tags are about its own file.
        let settled = Merge.settled(service)
        return PathResolution(directory: base(inner.directory, scope), home: scope.environment["HOME"]).service(settled)
    }

    /// Where paths of another directory's files start: as it is seen from here when paths stay as they are written.
    private func base(_ directory: String, _ scope: Scope) -> String {
        options.resolvesPaths ? directory : FilePath.relative(directory, from: scope.directory)
    }

    /// Tells what is wrong with variables anywhere in a file that only some services are taken from, as Compose does.
    private func checkVariables(_ document: YAMLNode, _ scope: Scope) {
        guard options.interpolates else { return }
        var pass = Interpolation(lookup: { scope.environment[$0] }, diagnostics: diagnostics)
        _ = pass.apply(document, .object(Schema.project))
    }

    /// The file with the service and those of the file that it extends: the others may be unfit to stand alone.
    private static func reduced(_ document: YAMLNode, to target: String, withOtherParts: Bool) -> YAMLNode {
        guard let services = document["services"]?.mapping else { return document }
        var kept = YAMLMapping()
        var next: String? = target
        while let name = next, kept.entry(name) == nil, let entry = services.entry(name) {
            kept.set(entry)
            let extends = entry.value["extends"]
            next = extends?["file"] == nil ? extends?.string ?? extends?["service"]?.string : nil
        }
        var result = withOtherParts ? document : document.with(.mapping(YAMLMapping()))
        result.set("services", .mapping(kept))
        return result
    }

    /// A path as the user would write it.
    private func shown(_ path: String) -> String {
        path == "-" ? "<stdin>" : reader.shown(path, from: options.workingDirectory)
    }
}
