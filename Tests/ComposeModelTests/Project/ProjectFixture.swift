import ComposeModel
import YAMLComposer

/// The typed project that one file means, and what was wrong with it.
///
/// A project that can be read is printed as JSON and read again, as the supervisor does; the two must be the same.
func project(_ text: String, environment: [String: String] = [:]) -> (project: Project?, report: String) {
    let (tree, report) = load(["compose.yaml": text], environment: environment)
    guard let tree else { return (nil, report) }
    let diagnostics = DiagnosticCollector()
    guard let project = Project(tree: tree, directory: "/app", diagnostics: diagnostics) else {
        return (nil, report + DiagnosticRenderer().render(diagnostics.all))
    }
    let again = reread(tree)
    return again == project ? (project, report) : (nil, report + "reading the JSON gave another project\n")
}

/// The project after its tree went through JSON.
func reread(_ tree: YAMLNode) -> Project? {
    let file = SourceFile(name: "project.json", bytes: Array(JSONPrinter.print(tree).utf8))
    guard let document = try? JSONReader.read(file) else { return nil }
    return Project(tree: document, directory: "/app", diagnostics: DiagnosticCollector())
}

/// The service `web` with these lines below it, or what was wrong with them.
func service(_ lines: String, besides: String = "") -> (service: Service?, report: String) {
    let indented = lines.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }
    let text = "services:\n  web:\n    image: app\n" + indented.joined(separator: "\n") + "\n" + besides
    let (project, report) = project(text)
    return (project?.service("web"), report)
}
