import YAMLComposer

/// Adds the variables of files to an environment that already holds better ones.
struct EnvironmentFiles<Reader: FileReader> {
    let reader: Reader
    let diagnostics: DiagnosticCollector
    /// Where the user is: paths in messages start there.
    let workingDirectory: String

    /// Adds the variables of `files`, later files over earlier ones, where `environment` has none of the name.
    func add(_ files: [String], required: Bool, to environment: inout [String: String]) {
        let outer = environment
        var values: [String: String] = [:]
        // Later files count more.
        var places: [[(String, String, SourceMark)]] = []
        for path in files {
            guard reader.isFile(path), let bytes = reader.contents(of: path) else {
                if required {
                    diagnostics.error(
                        "there is no environment file \(reader.shown(path, from: workingDirectory))",
                        at: nil
                    )
                }
                continue
            }
            var parser = Dotenv(lookup: { outer[$0] }, diagnostics: diagnostics)
            parser.earlier = values
            let source = SourceFile(name: reader.shown(path, from: workingDirectory), bytes: bytes, kind: .variables)
            var found: [(String, String, SourceMark)] = []
            for variable in parser.variables(of: source) {
                values[variable.name] = variable.value
                found.append((variable.name, variable.value, variable.mark))
            }
            places.insert(found, at: 0)
        }
        for (name, value, mark) in places.joined() { diagnostics.variables.add(name, value, at: mark) }
        environment.merge(values) { existing, _ in existing }
    }
}
