import ComposeModel
import YAMLComposer

/// Files in memory.
struct MemoryFiles: FileReader {
    var files: [String: String]

    func contents(of path: String) -> [UInt8]? { files[path].map { Array($0.utf8) } }
    func isFile(_ path: String) -> Bool { files[path] != nil }
}

/// Loads files that lie in `/app`, and gives the canonical project, or what was wrong with it.
func load(
    _ files: [String: String],
    environment: [String: String] = [:],
    _ change: (inout LoadOptions) -> Void = { _ in }
) -> (tree: YAMLNode?, report: String) {
    var options = LoadOptions(environment: environment, workingDirectory: "/app")
    change(&options)
    let diagnostics = DiagnosticCollector()
    let placed = Dictionary(uniqueKeysWithValues: files.map { ("/app/" + $0.key, $0.value) })
    let loaded = Loader(options, reader: MemoryFiles(files: placed), diagnostics: diagnostics).load()
    return (loaded?.tree, DiagnosticRenderer().render(diagnostics.all))
}

/// The project that one file means, as `config` prints it.
func config(_ text: String, environment: [String: String] = [:], files: [String: String] = [:]) -> String {
    let (tree, report) = load(files.merging(["compose.yaml": text]) { $1 }, environment: environment)
    return report + (tree.map { YAMLPrinter.print(ConfigTree(form: .yaml, escapesDollars: true).tree(of: $0)) } ?? "")
}
