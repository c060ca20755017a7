import Testing
import YAMLComposer

@Test(
    "the end of a key or value is found on its line",
    arguments: [
        ("a: b c # d", 4, "b c"), ("a: b c # d", 1, "a"), ("a: {b: c, d: e}", 8, "c"), ("a: {b: c, d: e}", 14, "e"),
        ("a: \"b, \\\" c\" # d", 4, "\"b, \\\" c\""), ("a: 'b''s' x", 4, "'b''s'"), ("- x:y]", 3, "x:y]"),
        ("  b,", 3, "b"), ("a: [b, http://c]", 8, "http://c"),
    ]
)
func tokenEnd(line: String, column: Int, expected: String) throws {
    let file = SourceFile(name: "f", bytes: Array("x\n\(line)\n".utf8))
    let mark = SourceMark(file: file, line: 2, column: column)
    #expect(mark.excerpt == expected)
    #expect(mark.endColumn == column + expected.count)
}

@Test("a value that goes on over lines has no end on its line", arguments: ["a: |", "a: {b: c}", "a: \"b", "a: *b"])
func noTokenEnd(line: String) {
    let file = SourceFile(name: "f", bytes: Array(line.utf8))
    #expect(SourceMark(file: file, line: 1, column: 4).endColumn == nil)
}

@Test("the way to a value is found from its place, under the name of the service that has it")
func paths() {
    let text = "services:\n  a:\n    ports:\n      - target: 80\n        mode: host\n"
    let file = SourceFile(name: "f", bytes: Array(text.utf8))
    var finder = SourcePaths()
    func path(_ line: Int, _ column: Int) -> String? {
        finder.path(of: SourceMark(file: file, line: line, column: column))
    }
    #expect(path(2, 3) == "services.a")
    #expect(path(4, 9) == "services.a.ports[0].target")
    #expect(path(5, 15) == "services.a.ports[0].mode")
    #expect(path(5, 16) == nil)
    let place = SourceMark(file: file, line: 1, column: 1)
    let later = SourceMark(file: file, line: 5, column: 15)
        .after(.extended(service: "services.a", by: "services.b", place))
    #expect(finder.path(of: later) == "services.b.ports[0].mode")
}
