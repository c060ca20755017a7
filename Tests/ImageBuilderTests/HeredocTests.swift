@testable import ImageBuilder
import Testing

@Suite struct HeredocTests {
    @Test("tabs before lines do not count where they are said not to") func strippedTabs() {
        var heredoc = Dockerfile.Heredoc(
            name: "EOF",
            content: "\t\ta\n b\t\n\tc\n",
            stripsTabs: true,
            expands: true,
            position: .init(line: 2, column: 1)
        )
        #expect(heredoc.text == "a\n b\t\nc\n")
        heredoc.stripsTabs = false
        #expect(heredoc.text == "\t\ta\n b\t\n\tc\n")
    }
}
