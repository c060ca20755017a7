import Testing
import YAMLComposer

@Test("a location prints as editors link it")
func description() {
    #expect(SourceLocation(file: "compose.yaml", line: 3, column: 7).description == "compose.yaml:3:7")
}
