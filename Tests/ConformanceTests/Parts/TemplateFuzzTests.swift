@testable import ComposeModel
import Testing
import YAMLComposer

/// Texts with variables, compared with what the pieces they were made from mean.
struct TemplateFuzzTests {
    /// A piece of such a text.
    private indirect enum Piece {
        case text(String)
        case plain(String)
        case braced(String)
        case choice(String, sign: String, [Piece])

        /// How it is written.
        var text: String {
            switch self {
            case .text(let text): text.replacing("$", with: "$$")
            case .plain(let name): "$" + name
            case .braced(let name): "${\(name)}"
            case .choice(let name, let sign, let pieces): "${\(name)\(sign)\(pieces.map(\.text).joined())}"
            }
        }

        /// What it means; throws the name of a variable that is required.
        func value(_ variables: [String: String]) throws(Missing) -> String {
            switch self {
            case .text(let text): return text
            case .plain(let name), .braced(let name): return variables[name] ?? ""
            case .choice(let name, let sign, let pieces):
                let value = variables[name]
                let isGiven = sign.hasPrefix(":") ? value?.isEmpty == false : value != nil
                // What is not needed must be right all the same.
                let other = try Piece.value(pieces, variables)
                switch sign.last {
                case "-": return isGiven ? value ?? "" : other
                case "+": return isGiven ? other : ""
                default:
                    if isGiven { return value ?? "" }
                    throw Missing(name: name, message: other)
                }
            }
        }

        static func value(_ pieces: [Piece], _ variables: [String: String]) throws(Missing) -> String {
            var result = ""
            for piece in pieces { result += try piece.value(variables) }
            return result
        }
    }

    private struct Missing: Error {
        var name: String
        var message: String
    }

    private static let variables = [
        "A": "a", "EMPTY": "", "_b1": "two words", "DOLLAR": "$A ${A}", "LINES": "x: 1\n- y", "Sub": "$(touch /tmp/x)",
    ]
    private static let names = ["A", "EMPTY", "_b1", "DOLLAR", "LINES", "Sub", "UNSET", "un_2"]

    private static func pieces(_ mutation: inout Mutation, depth: Int) -> [Piece] {
        var result: [Piece] = []
        for _ in 0..<mutation.index(below: 5) {
            let name = mutation.one(of: names)
            switch mutation.index(below: 6) {
            // Behind a name without braces nothing may go on with it.
            case 0: result += [.plain(name), .text(mutation.one(of: [" ", ".", ":", "/é"]))]
            case 1: result.append(.braced(name))
            case 2, 3:
                guard depth < 5 else { continue }
                let sign = mutation.one(of: ["-", ":-", "+", ":+", "?", ":?", "-", ":-"])
                result.append(.choice(name, sign: sign, pieces(&mutation, depth: depth + 1)))
            case 4: result.append(.text(mutation.one(of: ["{x}", "{\"a\": [1]}", "{ {a} b }", "{a:{b:c}}"])))
            default: result.append(.text(mutation.text("ab :'\"#\\/é-+?$", 0...8)))
            }
        }
        return result
    }

    @Test("a text with variables means what its pieces mean, or is refused")
    func templates() throws {
        try PartFuzz(part: "interpolation", count: 10_000).run { mutation in
            let pieces = Self.pieces(&mutation, depth: 0)
            let result = Result { () throws(Missing) in try Piece.value(pieces, Self.variables) }
            let text = FuzzText(text: pieces.map(\.text).joined(), meaning: result)
            return mutation.once(in: 2) ? mutation.damaged(text) : text
        } problem: { input in
            let text = input.text
            let template = Template(lookup: { Self.variables[$0] }, missing: { _ in })
            if let problem = Self.problem(of: template, input) { return problem }
            let quoted = text.replacing("$", with: "$$")
            guard (try? template.substitute(quoted)) == text else { return "with its dollar signs doubled it changes" }
            // Whatever the value of a variable holds stays what it is.
            let mark = SourceMark(file: SourceFile(name: "", bytes: []), line: 1, column: 1)
            for use in VariableUse.all(in: [YAMLNode(.string(text), at: mark)]) {
                guard Self.isName(use.name) else { return "\(use.name) is no name" }
            }
            return nil
        }
    }

    private static func problem(of template: Template, _ input: FuzzText<Result<String, Missing>>) -> String? {
        do throws(Template.Failure) {
            let found = try template.substitute(input.text)
            if case .success(let meaning)? = input.meaning, found != meaning {
                return "read as \(found), not \(meaning)"
            }
            if case .failure(let missing)? = input.meaning { return "taken, though it lacks \(missing.name)" }
            if !input.text.contains("$") && found != input.text { return "read as \(found)" }
            return found.utf8.count <= Template.lengthLimit ? nil : "too long"
        } catch {
            guard let meaning = input.meaning else { return nil }
            guard case .failure(let missing) = meaning else { return "refused: \(error)" }
            return error == .required(name: missing.name, message: missing.message) ? nil : "refused for \(error)"
        }
    }

    private static func isName(_ text: String) -> Bool {
        text.unicodeScalars.first.map(Template.startsName) == true
            && text.utf8.allSatisfy { $0 == 0x5F || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0 & 0xDF) }
    }
}
