import ComposeModel
import Foundation
import Testing

/// Files as people get them wrong, and what they are told.
///
/// `ROOST_WRITE_GOLDEN=1 swift test` writes the answers again.
@Suite("A broken file")
struct BrokenFilesTests {
    private static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "BrokenFiles")

    private static var names: [String] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        return all.filter { $0.hasSuffix(".yaml") }.sorted()
    }

    @Test("there are ten of them at least")
    func count() { #expect(Self.names.count >= 10) }

    @Test("says where, what and what would be right", arguments: names)
    func report(name: String) throws {
        let text = try String(contentsOf: Self.directory.appending(path: name), encoding: .utf8)
        let (tree, report) = load([name: text]) { $0.files = [name] }
        #expect(tree == nil)
        let golden = Self.directory.appending(path: name.replacing(".yaml", with: ".txt"))
        if ProcessInfo.processInfo.environment["ROOST_WRITE_GOLDEN"] != nil {
            try report.write(to: golden, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: golden, encoding: .utf8) == report)
    }
}
