import Foundation
import Testing

@testable import ComposeModel

@Suite("Compose support")
struct SupportTests {
    @Test("the schema knows the attributes of the specification, and no others")
    func known() {
        #expect(specifiedAttributes.count == 353)
        #expect(SchemaAttribute.all.map(\.path) == specifiedAttributes.sorted())
    }

    @Test("the project that has everything is accepted, and has everything")
    func whole() {
        let whole = WholeProject.load()
        #expect(whole.project != nil, "\(whole.report)")
        for attribute in SchemaAttribute.all { #expect(WholeProject.has(attribute.keys), "\(attribute.path)") }
    }

    @Test("what is called honoured is read, and only what is unread needs a reason of its own")
    func readers() {
        for row in SupportPage.rows where row.support == .honoured { #expect(row.isRead, "\(row.attribute.path)") }
        for path in SupportPage.unread.keys {
            let row = SupportPage.rows.first { $0.attribute.path == path }
            #expect(row?.isRead == false, "\(path) is read by now, or gone")
        }
    }

    @Test("the page about support says what the code does")
    func page() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../../docs/compose-support.md"
        )
        let written = try String(contentsOf: file, encoding: .utf8)
        // What stands there is written by hand.
        let deviations = try #require(written.firstRange(of: "\n## Deviations\n"))
        let text = SupportPage.text + written[deviations.lowerBound...]
        if ProcessInfo.processInfo.environment["ROOST_WRITE_DOCS"] != nil {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(written == text, "write it again with `make docs`")
        for row in SupportPage.rows { #expect(row.remark.split(separator: " ").count <= 13, "\(row.attribute.path)") }
    }
}
