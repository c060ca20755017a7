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
        for path in files {
            guard reader.isFile(path), let bytes = reader.contents(of: path) else {
                if required {
                    diagnostics.error(
                        "there is no environment file \(FilePath.shown(path, from: workingDirectory))",
                        at: nil
                    )
                }
                continue
            }
            let known = values
            let parser = Dotenv(lookup: { outer[$0] ?? known[$0] }, diagnostics: diagnostics)
            for (name, value) in parser.variables(
                of: SourceFile(name: FilePath.shown(path, from: workingDirectory), bytes: bytes)
            ) { values[name] = value }
        }
        environment.merge(values) { existing, _ in existing }
    }
}
