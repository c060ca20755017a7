import Testing
import YAMLComposer

private func read(_ text: String, limits: YAMLLimits = YAMLLimits()) throws -> YAMLNode {
    let source = SourceFile(name: "f.yaml", bytes: Array(text.utf8))
    return try #require(try YAMLReader(limits: limits).documents(of: source).first)
}

private func complaint(_ text: String, limits: YAMLLimits = YAMLLimits()) -> String {
    do {
        _ = try read(text, limits: limits)
        return "no complaint"
    } catch let diagnostic as Diagnostic {
        return DiagnosticRenderer().render([diagnostic])
    } catch {
        return "\(error)"
    }
}

@Test("keys and values know their line and column")
func places() throws {
    let tree = try read("a:\n  b: [x, é, z]\n")
    let entry = try #require(tree["a"]?.mapping?.entry("b"))
    #expect(entry.keyMark.location.description == "f.yaml:2:3")
    #expect(entry.value.sequence?[2].mark.location.description == "f.yaml:2:13")
}

@Test(
    "plain scalars have the type that Compose gives them",
    arguments: [
        ("yes", "text"), ("on", "text"), ("true", "true or false"), ("~", "nothing"), ("0o14", "a number"),
        ("1_000", "a number"), ("1.5e3", "a number"), ("1.2.3", "text"), ("2001-12-14", "a date"), ("'1'", "text"),
        ("!!str 1", "text"), ("-", "text"),
    ]
)
func scalarTypes(text: String, kind: String) throws {
    #expect(try read("[\(text == "-" ? "'-'" : text)]").sequence?.first?.kind == kind)
}

@Test("a leading zero makes an octal number") func octal() throws {
    #expect(try read("[0400]").sequence?[0].int == 256)
}

@Test("merge keys fill in what is not written, the first mapping first")
func mergeKeys() throws {
    let tree = try read("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  z: 3\n  <<: [*a, *b]\n")
    let merged = try #require(tree["c"]?.mapping)
    #expect(merged.entries.map { "\($0.key)=\($0.value.scalarText ?? "")" } == ["z=3", "x=1", "y=1"])
}

@Test("the tags of Compose are kept")
func directives() throws {
    let tree = try read("a: !reset null\nb: !override [1]\n")
    #expect(tree["a"]?.directive == .reset)
    #expect(tree["b"]?.directive == .override)
}

@Test("a key that is there twice is shown with both places")
func duplicateKeys() {
    #expect(
        complaint("a: 1\nb: 2\na: 3\n") == """
            f.yaml:3:1: the key "a" is here twice
                a: 3
                ^
              f.yaml:1:1: first here

            """
    )
}

@Test("a tab in the indentation is explained")
func tabs() {
    #expect(
        complaint("a:\n\tb: 1\n") == """
            f.yaml:2:1: found character that cannot start any token
                \tb: 1
                ^
              hint: YAML is indented with spaces, not with tabs

            """
    )
}

@Test(
    "hostile texts are refused",
    arguments: [
        ("[[[[1]]]]", "deeper"), ("a: &a [1,1,1,1,1]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b]\n", "expand"),
        ("a: &a [*a]", "inside its own anchor"), ("a: *b", "anchored"), ("? [1]\n: 2", "must be text"),
        ("\u{0}", "control characters"),
    ]
)
func hostile(text: String, part: String) {
    var limits = YAMLLimits()
    limits.depth = 3
    limits.nodes = 60
    #expect(complaint(text, limits: limits).contains(part))
}

@Test("a text that is not UTF-8 is refused where it goes wrong")
func notUTF8() {
    let source = SourceFile(name: "f.yaml", bytes: Array("a: 1\nb: ".utf8) + [0xFF])
    let failure = #expect(throws: Diagnostic.self) { try YAMLReader().documents(of: source) }
    #expect(failure?.mark?.location.description == "f.yaml:2:4")
}

@Test(
    "a place is where text tools find it, wherever YAML ends its lines",
    arguments: [
        ("a: 1\rb: [\nc", "f.yaml:2:2"), ("\u{FEFF}a: \"\u{2028}\"\nb: [\nc", "f.yaml:3:2"),
        ("a: \"\u{85}é\"\r\nb: [\r\nc", "f.yaml:3:2"), ("a: \r  - [1,\r  b: {", "f.yaml:1:19"),
    ]
)
func otherLineEnds(text: String, place: String) {
    let source = SourceFile(name: "f.yaml", bytes: Array(text.utf8))
    let failure = #expect(throws: Diagnostic.self) { try YAMLReader().documents(of: source) }
    #expect(failure?.mark?.location.description == place)
}
