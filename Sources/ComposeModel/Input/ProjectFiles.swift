import YAMLComposer

/// Where a project lies: its files and its directory.
struct ProjectFiles {
    /// Why no project was found.
    enum Failure: Error { case noneFound, missing(String), remote(String) }

    /// The absolute paths of the files, or `-` for standard input.
    var paths: [String]
    /// The absolute path of the project's directory.
    var directory: String

    private static let names = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]
    private static let overrideNames = [
        "compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml",
    ]

    /// Finds the files that `options` and `environment` name, or those in the directory or the nearest one above.
    static func find(
        _ options: LoadOptions,
        environment: [String: String],
        reader: some FileReader,
        diagnostics: DiagnosticCollector
    ) throws(Failure) -> ProjectFiles {
        let explicit = try named(options, environment: environment, reader: reader)
        let given = options.projectDirectory.map { FilePath.absolute($0, in: options.workingDirectory) }
        if !explicit.isEmpty {
            let first = explicit.first { $0 != "-" }
            let directory = given ?? first.map(FilePath.directory) ?? options.workingDirectory
            return ProjectFiles(paths: explicit, directory: directory)
        }
        var directory = given ?? options.workingDirectory
        while true {
            let found = names.filter { reader.isFile(FilePath.absolute($0, in: directory)) }
            if let winner = found.first {
                if found.count > 1 {
                    diagnostics.warning(
                        "several Compose files are here: \(found.joined(separator: ", ")); using \(winner)",
                        at: nil
                    )
                }
                let overrides = overrideNames.filter { reader.isFile(FilePath.absolute($0, in: directory)) }
                let override = overrides.first
                if let override, overrides.count > 1 {
                    diagnostics.warning(
                        "several override files are here: \(overrides.joined(separator: ", ")); using \(override)",
                        at: nil
                    )
                }
                let paths = [winner] + (override.map { [$0] } ?? [])
                return ProjectFiles(
                    paths: paths.map { FilePath.absolute($0, in: directory) },
                    directory: given ?? directory
                )
            }
            guard directory != "/" else { throw .noneFound }
            directory = FilePath.directory(of: directory)
        }
    }

    private static func named(
        _ options: LoadOptions,
        environment: [String: String],
        reader: some FileReader
    ) throws(Failure) -> [String] {
        var files = options.files
        if files.isEmpty, let list = environment["COMPOSE_FILE"], !list.isEmpty {
            let given = environment["COMPOSE_PATH_SEPARATOR"] ?? ""
            files = list.split(separator: given.isEmpty ? ":" : given).map(String.init)
        }
        var result: [String] = []
        for file in files {
            guard !RemoteReference.isOne(file) else { throw .remote(file) }
            let path = file == "-" ? file : FilePath.absolute(file, in: options.workingDirectory)
            guard path == "-" || reader.isFile(path) else { throw .missing(file) }
            result.append(path)
        }
        return result
    }
}
