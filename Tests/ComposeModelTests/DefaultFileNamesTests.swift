import ComposeModel
import Testing

@Test("compose.yaml is looked for first")
func order() { #expect(defaultFileNames.first == "compose.yaml") }
