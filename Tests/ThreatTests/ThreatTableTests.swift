import Foundation
import LinuxSystem
import Testing

/// docs/security.md says which test tries which attack: each of them has to be there.
struct ThreatTableTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let folders = [
        "T": "ThreatTests", "K": "KernelTests", "S": "ScenarioTests", "C": "CommandLineTests",
    ]

    private static func rows() throws -> [[String]] {
        let text = try readFile(root.appendingPathComponent("docs/security.md").path)
        let table = text[try #require(text.range(of: "| attack | test |")).upperBound...]
        return table.split(separator: "\n").filter { $0.hasPrefix("| ") }.map { row in
            row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    /// The folder, the file and the functions that a part such as ``K/ExecTests `joins`, `user` `` names; nil where it names none.
    private static func names(_ part: String) -> (folder: String, file: String, functions: [String])? {
        guard let place = part.firstMatch(of: /([A-Za-z]+)\/([A-Za-z]+)/) else { return nil }
        let folder = folders[String(place.1)] ?? String(place.1)
        return ("\(folder)", "\(place.2).swift", part.matches(of: /`([A-Za-z]+)`/).map { String($0.1) })
    }

    /// The text of a file somewhere below a folder of the tests.
    private static func text(_ file: String, in folder: String) throws -> String? {
        let tests = root.appendingPathComponent("Tests/\(folder)").path
        let found = FileManager.default.enumerator(atPath: tests)?.lazy.compactMap { $0 as? String }
            .first { $0.split(separator: "/").last.map(String.init) == file }
        return try found.map { try readFile("\(tests)/\($0)", limit: 1 << 20) }
    }

    @Test("every test that the table of attacks names is there")
    func named() throws {
        let rows = try Self.rows()
        #expect(rows.count >= 50)
        for row in rows {
            try #require(row.count == 3, "\(row)")
            var isNamed = false
            for part in row[1].split(separator: ";") {
                guard let (folder, file, functions) = Self.names(String(part)) else { continue }
                isNamed = true
                guard let text = try Self.text(file, in: folder) else {
                    Issue.record("\(row[0]): there is no \(file) in \(folder)")
                    continue
                }
                for function in functions {
                    let isThere = text.contains("func \(function)(")
                    #expect(isThere, "\(row[0]): \(file) has no \(function)")
                }
            }
            #expect(isNamed, "\(row[0]): no test")
        }
    }
}
