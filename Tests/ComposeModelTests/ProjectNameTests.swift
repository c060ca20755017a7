import ComposeModel
import Testing
import YAMLComposer

@Suite("The project's name without the project")
struct ProjectNameTests {
    /// Files that note which of them were read.
    private final class Reads: FileReader {
        let files: [String: String]
        private(set) var paths: [String] = []

        init(_ files: [String: String]) { self.files = files }

        func isFile(_ path: String) -> Bool { files[path] != nil }
        func contents(of path: String) -> [UInt8]? {
            paths.append(path)
            return files[path].map { Array($0.utf8) }
        }
    }

    private func name(
        _ files: [String: String],
        environment: [String: String] = [:],
        _ change: (inout LoadOptions) -> Void = { _ in }
    ) -> (name: String?, report: String, reads: [String]) {
        var options = LoadOptions(environment: environment, workingDirectory: "/My App")
        change(&options)
        let diagnostics = DiagnosticCollector()
        let reader = Reads(files)
        let name = Loader(options, reader: reader, diagnostics: diagnostics).name()
        return (name?.description, DiagnosticRenderer().render(diagnostics.all), reader.paths)
    }

    @Test("a name on the command line or in the process's variables needs no file, and is lowered")
    func given() {
        let option = name([:]) { $0.projectName = "Voting" }
        #expect(option.name == "voting" && option.reads == [])
        let variable = name([:], environment: ["COMPOSE_PROJECT_NAME": "shop"])
        #expect(variable.name == "shop" && variable.reads == [])
        #expect(name([:], environment: ["COMPOSE_PROJECT_NAME": "Shop!"]).name == nil)
        #expect(name([:]) { $0.projectName = "a b" }.report.contains("\"a b\" is no project name"))
    }

    @Test("the name is that of .env, else of the file, else of the directory")
    func found() {
        let file = "name: ${WHO:-front}-end\nservices: {a: {image: x}}"
        #expect(name(["/My App/compose.yaml": file, "/My App/.env": "COMPOSE_PROJECT_NAME=dot"]).name == "dot")
        #expect(name(["/My App/compose.yaml": file]).name == "front-end")
        #expect(name(["/My App/compose.yaml": file], environment: ["WHO": "back"]).name == "back-end")
        #expect(name(["/My App/compose.yaml": "services: {a: {image: x}}"]).name == "myapp")
        #expect(name(["/compose.yaml": "name: above"]).name == "above")
        #expect(name([:]).name == nil)
    }

    @Test(
        "every way to write the key is found",
        arguments: [
            "name: n", "{services: {}, name: n}", "  services: {}\n  name: n", "\"name\": n", "'name' : n",
            "? name\n: n",
            "\"\\x6eame\": n", "\"n\\u0061me\": n", "---\nservices: {}\n---\nname: n", "x-a: &a {name: n}\n<<: *a",
        ]
    )
    func forms(text: String) { #expect(name(["/My App/compose.yaml": text]).name == "n") }

    @Test("a file without the word is not parsed, so that its mistakes do not matter")
    func unparsed() {
        #expect(name(["/My App/compose.yaml": "services: [\ncontainer_name: hostname: rename"]).name == "myapp")
        #expect(name(["/My App/compose.yaml": "services: [\nname: x"]).name == nil)
    }
}
