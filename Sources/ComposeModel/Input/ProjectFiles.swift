import YAMLComposer

/// Where a project lies: its files and its directory.
struct ProjectFiles {
    /// Why no project was found.
    enum Failure: Error { case noneFound, missing(String), notFetched(String, RemoteFailure) }

    /// The absolute paths of the files, or `-` for standard input.
    var paths: [String]
    /// The absolute path of the project's directory.
    var directory: String
    /// The directory that names the project and has its `.env`: the same, or the user's own for a project that was fetched.
    var home: String

    private static let overrideNames = [
        "compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml",
    ]

    /// Finds the files that `options` and `environment` name, or those in the directory or the nearest one above.
    static func find(
        _ options: LoadOptions,
        environment: [String: String],
        reader: ProjectReader<some FileReader>,
        diagnostics: DiagnosticCollector
    ) throws(Failure) -> ProjectFiles {
        let explicit = try named(options, environment: environment, reader: reader)
        let given = options.projectDirectory.map { FilePath.absolute($0, in: options.workingDirectory) }
        if !explicit.isEmpty {
            let first = explicit.first { $0 != "-" }
            let directory = given ?? first.map(FilePath.directory) ?? options.workingDirectory
            let isFetched = first.flatMap { reader.fetched.project(holding: $0) } != nil
            let home = given ?? (isFetched ? options.workingDirectory : directory)
            return ProjectFiles(paths: explicit, directory: directory, home: home)
        }
        var directory = given ?? options.workingDirectory
        while true {
            let found = LoadOptions.fileNames.filter { reader.isFile(FilePath.absolute($0, in: directory)) }
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
                    directory: given ?? directory,
                    home: given ?? directory
                )
            }
            guard directory != "/" else { throw .noneFound }
            directory = FilePath.directory(of: directory)
        }
    }

    private static func named(
        _ options: LoadOptions,
        environment: [String: String],
        reader: ProjectReader<some FileReader>
    ) throws(Failure) -> [String] {
        var files = options.files
        if files.isEmpty, let list = environment["COMPOSE_FILE"], !list.isEmpty {
            let given = environment["COMPOSE_PATH_SEPARATOR"] ?? ""
            files = list.split(separator: given.isEmpty ? ":" : given).map(String.init)
        }
        var result: [String] = []
        for file in files {
            if let reference = RemoteReference(file) {
                do throws(RemoteFailure) { result.append(try reader.fetched.project(reference).file) } catch {
                    throw .notFetched(file, error)
                }
                continue
            }
            let path = file == "-" ? file : FilePath.absolute(file, in: options.workingDirectory)
            guard path == "-" || reader.isFile(path) else { throw .missing(file) }
            result.append(path)
        }
        return result
    }
}
