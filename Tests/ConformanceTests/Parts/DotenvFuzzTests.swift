@testable import ComposeModel
import Testing
import YAMLComposer

/// Files of variables, compared with the lines they were made from.
struct DotenvFuzzTests {
    private static let outer = ["OUTER": "from outside", "EMPTY": ""]

    /// The variables of a file, and what was wrong with it.
    private static func read(
        _ text: String
    ) -> (values: [String: String], diagnostics: [Diagnostic], marks: [SourceMark]) {
        let diagnostics = DiagnosticCollector()
        let source = SourceFile(name: ".env", bytes: Array(text.utf8), kind: .variables)
        let found = Dotenv(lookup: { outer[$0] }, diagnostics: diagnostics).variables(of: source)
        let values = Dictionary(found.map { ($0.name, $0.value) }) { $1 }
        return (values, diagnostics.all, found.map(\.mark))
    }

    @Test("a file of variables holds what its lines say, or its mistakes are told where they stand")
    func files() throws {
        try PartFuzz(part: "dotenv").run { mutation in
            let file = Self.file(&mutation)
            return mutation.once(in: 2) ? mutation.damaged(file) : file
        } problem: { input in
            let (values, diagnostics, marks) = Self.read(input.text)
            for mark in marks + diagnostics.compactMap(\.mark) where !mark.isInside {
                return "the place \(mark.location) is not in it"
            }
            if let meaning = input.meaning {
                if !diagnostics.isEmpty { return "refused: \(diagnostics.map(\.message))" }
                if values != meaning { return "read as \(values), not \(meaning)" }
            }
            // Between single quotes a value stands as it is, but for the quote and a backslash. Compose lets some blanks
            // stand in a name, where they can be taken for what goes before one.
            let kept = values.filter { name, value in
                !name.isEmpty && !name.unicodeScalars.contains(where: \.properties.isWhitespace)
                    && !value.unicodeScalars.contains(where: { "'\\".unicodeScalars.contains($0) })
            }
            let again = Self.read(kept.map { "\($0.key)='\($0.value)'\n" }.joined()).values
            return again == kept ? nil : "written again it reads as \(again), not \(kept)"
        }
    }

    /// A file of which is known what it says.
    private static func file(_ mutation: inout Mutation) -> FuzzText<[String: String]> {
        var values: [String: String] = [:]
        var text = mutation.once(in: 8) ? "\u{FEFF}" : ""
        for _ in 0..<mutation.index(below: 8) {
            let name = mutation.text("ABab", 1...2) + mutation.text("_.019é", 0...2)
            switch mutation.index(below: 9) {
            case 0: text += mutation.one(of: ["\n", "# a comment = '\n", "   \n", "\r\n"])
            case 1:
                text += "OUTER\nUNSET\n"
                values["OUTER"] = "from outside"
            case 2:
                let value = mutation.text("ab \n#=:$\"{}", 0...8)
                text += "\(name)='\(value)'\n"
                values[name] = value
            case 3:
                let value = mutation.text("ab \n\t\\\"$#='", 0...8)
                let written = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
                    .replacing("$", with: "\\$").replacing("\n", with: mutation.once(in: 2) ? "\\n" : "\n")
                text += "\(name)=\"\(written)\"\n"
                values[name] = value
            case 4:
                // Outside comes before what the file itself says.
                let other = mutation.one(of: values.keys.sorted() + ["OUTER", "UNSET"])
                let isPlain = other.utf8.allSatisfy { $0 < 0x80 && $0 != 0x2E }
                guard isPlain else { continue }
                text += "\(name)=<${\(other)}>\n"
                values[name] = "<\(outer[other] ?? values[other] ?? "")>"
            default:
                let value = mutation.text("abc=:/'\"é", 0...6).drop { "'\"".contains($0) }
                let before = mutation.one(of: ["", "", "export ", "export\t"])
                let sign = mutation.one(of: ["=", "=", " = ", ": "])
                // A comment stands behind a value only: where there is none, it is the value.
                let after = mutation.one(of: ["\n", "  \n", "\r\n", value.isEmpty ? "\n" : " # it's\n"])
                text += "\(before)\(name)\(sign)\(value)\(after)"
                values[name] = String(value)
            }
        }
        return FuzzText(text: text, meaning: values)
    }
}
