import ComposeModel
import Testing
import YAMLComposer

/// The label `v: "$V"` of a project beside this `.env`.
private func value(of file: String) -> String? {
    let files = ["compose.yaml": "services: {s: {image: x, labels: {v: \"${V-unset}\"}}}", ".env": file]
    return load(files, environment: ["OUTER": "o"]).tree?["services"]?["s"]?["labels"]?["v"]?.string
}

@Test(
    "an environment file reads as Compose reads it",
    arguments: [
        ("V=plain # comment", "plain"), ("V=a#b", "a#b"), ("export V = spaced", "spaced"), ("V: colon", "colon"),
        ("V='$OUTER \\n'", "$OUTER \\n"), ("V=\"a\\tb\"", "a\tb"), ("V=\"two\nlines\"", "two\nlines"),
        ("V=${OUTER}${NO:-d}", "od"), ("A=1\nV=$A", "1"), ("A=\"1\" V=\"2\"", "2"), ("V=", ""), ("OTHER=1", "unset"),
        ("\u{FEFF}V=bom", "bom"), ("V=crlf\r\n", "crlf"), ("V=# only", "# only"),
    ]
)
func forms(file: String, expected: String) { #expect(value(of: file) == expected) }

@Test("a quote that is never closed is shown where it opens")
func openQuote() {
    let files = ["compose.yaml": "services: {s: {image: x}}", ".env": "A=1\nB=\"open\n"]
    #expect(
        load(files).report == """
            .env:2:1: a quote opened here is never closed
                B="open
                ^

            """
    )
}
