import ComposeModel
import Testing
import YAMLComposer

@Test(
    "any text survives the way through JSON, as value and as key",
    arguments: [
        "", " a ", "a\nb", "\u{0}", "\u{7F}", "\u{85}", "\u{9B}31m", "\u{2028}", "\u{FEFF}", "\u{FFFF}", "\u{1F600}",
        "\"\\", "<<", "null", "~", "1e3", "0x10", "2001-01-01", "a: b", "- a", "# a", "!x", "&a", "*a", "{", "%",
        String(repeating: "k", count: 5000), String(repeating: "a b ", count: 5000),
    ]
)
func handOver(text: String) throws {
    let place = SourceMark(file: SourceFile(name: "x", bytes: []), line: 1, column: 1)
    func node(_ content: YAMLNode.Content) -> YAMLNode { YAMLNode(content, at: place) }
    func mapping(_ entries: [(String, YAMLNode)]) -> YAMLNode {
        node(.mapping(YAMLMapping(entries.map { YAMLMapping.Entry(key: $0.0, keyMark: place, value: $0.1) })))
    }
    let labels = mapping([(text, node(.string(text))), ("b", node(.string("c")))])
    let tree = mapping([
        ("name", node(.string("app"))), ("services", mapping([("web", mapping([("labels", labels)]))])),
    ])
    let project = try #require(reread(tree))
    #expect(project.service("web")?.labels == [text: text, "b": "c"])
}

@Test(
    "a tree of other kinds than the loader's gives mistakes, no crash",
    arguments: [
        "[]", "null", "1", "{\"name\": [], \"services\": []}",
        "{\"name\": \"a\", \"services\": {\"w\": {\"ports\": {}, \"deploy\": [], \"healthcheck\": 1, \"command\": {}}}}",
        "{\"name\": \"a\", \"services\": {\"w\": {\"ports\": [1, []], \"volumes\": [[]], \"cpus\": \"nan\"}}}",
        "{\"name\": \"a\", \"services\": {\"w\": {\"shm_size\": 1e300, \"tty\": \"x\", \"labels\": {\"a\": []}}}}",
        "{\"name\": \"a\", \"networks\": {\"n\": {\"ipam\": {\"config\": [{\"subnet\": \"1.2.3.4/99\"}]}}}}",
    ]
)
func foreignTree(text: String) throws {
    let file = SourceFile(name: "project.json", bytes: Array(text.utf8))
    let tree = try JSONReader.read(file)
    let diagnostics = DiagnosticCollector()
    #expect(Project(tree: tree, directory: "/app", diagnostics: diagnostics) == nil)
    #expect(diagnostics.hasErrors)
    UnsupportedAttributes(diagnostics: diagnostics).check(tree)
    _ = ServiceDigest(of: "w", in: tree)
    _ = SourcePositions(tree: tree)
}

@Test("JSON is read as other tools write it")
func foreignJSON() throws {
    let text = #" {"a" :[1,-2.5e1, true,null,"\/\u00e9\ud83d\ude00\b"],"b":{}} "#
    let tree = try JSONReader.read(SourceFile(name: "x.json", bytes: Array(text.utf8)))
    #expect(
        JSONPrinter.print(tree) == """
            {
              "a": [
                1,
                -25,
                true,
                null,
                "/\u{e9}\u{1F600}\\u0008"
              ],
              "b": {}
            }
            """
    )
}

@Test(
    "what is not JSON is refused",
    arguments: [
        "", "{", "[1,]", "{a: 1}", "[1] 2", "\"a", "\"a\nb\"", "\"\\x\"", "\"\\ud800\"", "\"\\u+123\"", "nan", "0x10",
        "+1",
        "1e999", "{\"a\" 1}", String(repeating: "[", count: 100_000),
    ]
)
func noJSON(text: String) {
    #expect(throws: Diagnostic.self) { try JSONReader.read(SourceFile(name: "x.json", bytes: Array(text.utf8))) }
}
