package import YAMLComposer

/// Loads a project: from files to one canonical tree.
package struct Loader<Reader: FileReader> {
    /// A project that was read.
    package struct Loaded {
        /// The canonical tree.
        package var tree: YAMLNode
        /// The directory of the project.
        package var directory: String
        /// The files it was read from.
        package var files: [String]
        /// The variables that values were replaced from.
        package var environment: [String: String]
        /// Every service that the files have, whatever the profiles and the selection say.
        package var knownServices: Set<String>
        /// Every profile that they name.
        package var knownProfiles: Set<String>
    }

    let options: LoadOptions
    let reader: ProjectReader<Reader>
    let diagnostics: DiagnosticCollector

    /// A loader that reads through `reader` and reports to `diagnostics`.
    package init(_ options: LoadOptions, reader: Reader, diagnostics: DiagnosticCollector) {
        self.options = options
        self.reader = ProjectReader(base: reader, fetched: FetchedProjects(options.fetch))
        self.diagnostics = diagnostics
    }

    /// The project; nil when mistakes make it unusable: the collector has them.
    package func load() -> Loaded? {
        var environment = options.environment
        diagnostics.variables.add(process: options.environment)
        guard let located = locate(&environment) else { return nil }
        var files = FileLoader(options: options, reader: reader, diagnostics: diagnostics)
        var sources: [YAMLNode] = []
        for path in located.paths { sources += files.documents(path) }
        guard !diagnostics.hasErrors else { return nil }
        // A bad name has been told about; what else is wrong shows without it.
        let name = projectName(sources, located, environment) ?? ProjectName(repairing: "unnamed")
        guard let name else { return nil }
        environment["COMPOSE_PROJECT_NAME"] = name.description
        diagnostics.variables.add(projectName: name.description)
        let scope = FileLoader<Reader>.Scope(directory: located.directory, environment: environment)
        guard var project = files.merged(sources, scope, chain: located.paths) else { return nil }
        project = Merge.settled(project)
        let knownServices = Set(project["services"]?.mapping?.keys ?? [])
        let knownProfiles = Set(
            (project["services"]?.mapping?.entries ?? []).flatMap { $0.value["profiles"]?.texts ?? [] }
        )
        complete(&project, name: name, directory: located.directory, environment: environment)
        if options.interpolates || options.wantsNamesOnly { select(&project, knownServices, environment: environment) }
        guard !diagnostics.hasErrors else { return nil }
        return Loaded(
            tree: project,
            directory: located.directory,
            files: located.paths,
            environment: environment,
            knownServices: knownServices,
            knownProfiles: knownProfiles
        )
    }

    /// The variables that the project refers to; nil when it can't be loaded.
    package func variables() -> [VariableUse]? {
        var options = options
        options.interpolates = false
        guard var project = Loader(options, reader: reader.base, diagnostics: diagnostics).load()?.tree else {
            return nil
        }
        project.remove("name")
        return VariableUse.all(in: [project])
    }

    /// Spells out what the project implies.
    private func complete(
        _ project: inout YAMLNode,
        name: ProjectName,
        directory: String,
        environment: [String: String]
    ) {
        diagnostics.keep(.merged, project)
        project = Defaults(normalises: options.normalises, isRaw: !options.interpolates).apply(project)
        diagnostics.keep(.defaults, project)
        ResourceConsistency(diagnostics: diagnostics).check(project)
        ServiceValues(diagnostics: diagnostics).check(project)
        if options.resolvesPaths {
            project = PathResolution(directory: directory, home: environment["HOME"]).apply(project)
        }
        diagnostics.keep(.paths, project)
        if options.normalises {
            project = Normalisation(name: name, environment: environment, isRaw: !options.interpolates).apply(project)
        }
        // A project that is not completed has the name that its files give it, as they have it.
        let isNamed = project["name"] != nil || !options.interpolates && !options.wantsNamesOnly
        if options.normalises || !isNamed {
            project.set("name", .string(name.description))
        }
        diagnostics.keep(.normalisation, project)
    }

    /// Leaves the services that are on, and checks them.
    private func select(
        _ project: inout YAMLNode,
        _ knownServices: Set<String>,
        environment: [String: String]
    ) {
        let named = options.profiles.isEmpty ? Self.list(environment["COMPOSE_PROFILES"]) : options.profiles
        let selection = Selection(
            // Where none is named, that without a name is on.
            profiles: named.isEmpty ? [""] : named,
            services: options.services,
            diagnostics: diagnostics
        )
        project = selection.active(project)
        if options.checksConsistency {
            let checks = Consistency(
                diagnostics: diagnostics,
                knownServices: knownServices,
                allowsSharedNames: options.wantsNamesOnly
            )
            checks.check(project)
            Self.shareScale(in: &project)
        }
        project = selection.chosen(project)
        if !options.keepsUnusedResources { project = selection.withUsedResources(project) }
        var pass = EnvironmentResolution(
            environment: environment,
            reader: reader,
            diagnostics: diagnostics,
            workingDirectory: options.workingDirectory
        )
        pass.readsVariables = options.resolvesEnvironment && !options.wantsNamesOnly
        project = pass.apply(project)
        diagnostics.keep(.environment, project)
    }

    /// What is checked to be the same is shown in both places, as in Compose.
    private static func shareScale(in project: inout YAMLNode) {
        project.edit("services") { services in
            services.editEntries { _, service in
                guard let scale = service["scale"] else { return }
                service.edit("deploy") { deploy in
                    if deploy.mapping != nil { deploy.setDefault("replicas", scale.content) }
                }
            }
        }
    }

    /// The variables of `.env` that configure Compose itself and that the process does not have.
    ///
    /// Which files of variables are read is not among them: a file can't say that of itself.
    package func settings() -> [String: String] {
        var environment = options.environment
        Loader(options, reader: reader.base, diagnostics: DiagnosticCollector())
            .addVariables(in: presumedDirectory, to: &environment)
        return environment.filter { name, _ in
            name.hasPrefix("COMPOSE_") && options.environment[name] == nil
                && !["COMPOSE_DISABLE_ENV_FILE", "COMPOSE_ENV_FILES"].contains(name)
        }
    }

    /// Where the project is before any file that names others was read.
    private var presumedDirectory: String {
        if let given = options.projectDirectory { return FilePath.absolute(given, in: options.workingDirectory) }
        guard let first = options.files.first(where: { $0 != "-" }), RemoteReference(first) == nil else {
            return options.workingDirectory
        }
        return FilePath.directory(of: FilePath.absolute(first, in: options.workingDirectory))
    }

    /// Finds the files; the environment gains what `.env` adds.
    func locate(_ environment: inout [String: String]) -> ProjectFiles? {
        let hint = presumedDirectory
        addVariables(in: hint, to: &environment)
        do throws(ProjectFiles.Failure) {
            let located = try ProjectFiles.find(
                options,
                environment: environment,
                reader: reader,
                diagnostics: diagnostics
            )
            if located.home != hint { addVariables(in: located.home, to: &environment) }
            return located
        } catch {
            switch error {
            case .noneFound:
                diagnostics.error(
                    "there is no Compose file in \(options.workingDirectory) or above it",
                    at: nil,
                    hint: "write a compose.yaml, or name a file with -f"
                )
            case .missing(let file):
                diagnostics.error("there is no file \(file)", at: nil, hint: RemoteReference.hint(file))
            case .notFetched(let name, let failure): diagnostics.add(failure.diagnostic(name, at: nil))
            }
        }
        return nil
    }

    private func addVariables(in directory: String, to environment: inout [String: String]) {
        // The process alone says which files are read; a file can't name others.
        var files = options.environmentFiles
        if files.isEmpty { files = Self.list(options.environment["COMPOSE_ENV_FILES"]) }
        let explicit = !files.isEmpty
        var disabled = false
        if !explicit, let text = options.environment["COMPOSE_DISABLE_ENV_FILE"] {
            guard let value = BooleanWord.setting(text) else {
                diagnostics.error("COMPOSE_DISABLE_ENV_FILE is true or false, not \"\(text)\"", at: nil)
                return
            }
            disabled = value
        }
        if !explicit && !disabled { files = [FilePath.absolute(".env", in: directory)] }
        EnvironmentFiles(reader: reader, diagnostics: diagnostics, workingDirectory: options.workingDirectory)
            .add(
                files.map { FilePath.absolute($0, in: options.workingDirectory) },
                required: explicit,
                to: &environment
            )
    }

    func projectName(
        _ sources: [YAMLNode],
        _ located: ProjectFiles,
        _ environment: [String: String]
    ) -> ProjectName? {
        let rule = "use lower case letters, digits, \"-\" and \"_\", starting with a letter or digit"
        if let given = options.projectName ?? environment["COMPOSE_PROJECT_NAME"], !given.isEmpty {
            if let name = ProjectName(given) { return name }
            diagnostics.error("\"\(given)\" is no project name", at: nil, hint: rule)
            return nil
        }
        let written = sources.last { $0["name"]?.string?.isEmpty == false }?["name"]
        if let written {
            var pass = Interpolation(lookup: { environment[$0] }, diagnostics: diagnostics)
            let text = (options.interpolates ? pass.apply(written, .text) : written)?.string ?? ""
            if let name = ProjectName(repairing: text) { return name }
            diagnostics.error("\"\(text)\" is no project name", at: written.mark, hint: rule)
            return nil
        }
        warnOfLink(located.home)
        if let name = ProjectName(directory: located.home) { return name }
        diagnostics.error("the directory gives no project name", at: nil, hint: "name the project with -p or \"name:\"")
        return nil
    }

    /// A name that comes from a link says nothing about the directory behind it.
    private func warnOfLink(_ directory: String) {
        let name = FilePath.lastPart(of: directory)
        guard let real = reader.resolved(directory), FilePath.lastPart(of: real) != name else { return }
        diagnostics.warning("the project is named \"\(name)\" after a symbolic link, not after \(real)", at: nil)
    }

    private static func list(_ text: String?) -> [String] {
        (text ?? "").split(separator: ",").map { $0.filter { $0 != " " && $0 != "\t" } }.filter { !$0.isEmpty }
    }
}
