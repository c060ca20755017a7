/// Reads templates of `--format`.
struct TemplateParser {
    typealias Mistake = OutputTemplate.Mistake
    typealias Node = OutputTemplate.Node
    typealias Expression = OutputTemplate.Expression

    private enum Piece {
        case text(String)
        case action([Token])
    }

    private enum Token: Equatable {
        case word(String), text(String), number(Int), field(String), dot, pipe, open, close
    }

    private var rest: Substring
    private var pieces: [Piece] = []
    private var position = 0

    init(_ text: String) { rest = text[...] }

    /// The whole template.
    mutating func template() throws(Mistake) -> [Node] {
        try split()
        let nodes = try block(depth: 0)
        guard position == pieces.count else { throw Mistake(description: "an {{end}} or {{else}} without an {{if}}") }
        return nodes
    }

    // Pieces

    private mutating func split() throws(Mistake) {
        while let start = rest.firstRange(of: "{{") {
            var text = String(rest[..<start.lowerBound])
            rest = rest[start.upperBound...]
            if rest.hasPrefix("- ") {
                rest = rest.dropFirst()
                while text.last?.isWhitespace == true { text.removeLast() }
            }
            if !text.isEmpty { pieces.append(.text(text)) }
            try action()
        }
        if !rest.isEmpty { pieces.append(.text(String(rest))) }
    }

    /// What stands before `}}`, which is taken too.
    private mutating func action() throws(Mistake) {
        var tokens: [Token] = []
        while true {
            rest = rest.drop(while: \.isWhitespace)
            if rest.hasPrefix("}}") {
                rest = rest.dropFirst(2)
                break
            }
            if rest.hasPrefix("-}}") {
                rest = rest.dropFirst(3).drop(while: \.isWhitespace)
                break
            }
            if rest.hasPrefix("/*") {
                guard let end = rest.firstRange(of: "*/") else { throw Mistake(description: "a comment without end") }
                rest = rest[end.upperBound...]
                continue
            }
            tokens.append(try token())
        }
        if !tokens.isEmpty { pieces.append(.action(tokens)) }
    }

    private mutating func token() throws(Mistake) -> Token {
        guard let first = rest.first else { throw Mistake(description: "\"{{\" without \"}}\"") }
        switch first {
        case "|", "(", ")":
            rest = rest.dropFirst()
            return first == "|" ? .pipe : first == "(" ? .open : .close
        case "\"", "`": return .text(try quoted(first))
        case ".":
            // `.Config.Cmd` is one name.
            let name = rest.dropFirst().prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }
            rest = rest.dropFirst(1 + name.count)
            return name.isEmpty ? .dot : .field(String(name))
        default: break
        }
        let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        guard !word.isEmpty else { throw Mistake(description: "\"\(first)\" has no place in a template") }
        rest = rest.dropFirst(word.count)
        return Int(word).map(Token.number) ?? .word(String(word))
    }

    private mutating func quoted(_ quote: Character) throws(Mistake) -> String {
        rest = rest.dropFirst()
        var text = ""
        while let character = rest.popFirst() {
            if character == quote { return text }
            if character == "\\" && quote == "\"" {
                guard let escaped = rest.popFirst() else { break }
                text.append(escaped == "n" ? "\n" : escaped == "t" ? "\t" : escaped)
            } else {
                text.append(character)
            }
        }
        throw Mistake(description: "a text without its last quote")
    }

    // Nodes

    /// The nodes up to an `else` or `end` that belongs to somebody else, which stays.
    private mutating func block(depth: Int) throws(Mistake) -> [Node] {
        guard depth < OutputTemplate.deepest else { throw Mistake(description: "too many conditions in each other") }
        var nodes: [Node] = []
        while position < pieces.count {
            switch pieces[position] {
            case .text(let text): nodes.append(.text(text))
            case .action(let tokens):
                switch tokens.first {
                case .word("end"), .word("else"): return nodes
                case .word("if"):
                    position += 1
                    nodes.append(try choice(Array(tokens.dropFirst()), depth: depth))
                    continue
                case .word(let word) where ["range", "with", "template", "define", "block"].contains(word):
                    throw Mistake(description: "{{\(word)}} is not known; use --format json and jq(1)")
                default: nodes.append(.value(try expression(tokens)))
                }
            }
            position += 1
        }
        return nodes
    }

    private mutating func choice(_ condition: [Token], depth: Int) throws(Mistake) -> Node {
        let condition = try expression(condition)
        let then = try block(depth: depth + 1)
        guard position < pieces.count, case .action(let tokens) = pieces[position] else {
            throw Mistake(description: "an {{if}} without its {{end}}")
        }
        position += 1
        if tokens == [.word("end")] { return .choice(condition, then: then, otherwise: []) }
        if tokens.count > 2, tokens[1] == .word("if") {
            let next = try choice(Array(tokens.dropFirst(2)), depth: depth + 1)
            return .choice(condition, then: then, otherwise: [next])
        }
        guard tokens == [.word("else")] else { throw Mistake(description: "{{else}} and {{end}} stand alone") }
        let otherwise = try block(depth: depth + 1)
        guard position < pieces.count, case .action([.word("end")]) = pieces[position] else {
            throw Mistake(description: "an {{if}} without its {{end}}")
        }
        position += 1
        return .choice(condition, then: then, otherwise: otherwise)
    }

    // Expressions

    private func expression(_ tokens: [Token]) throws(Mistake) -> Expression {
        var tokens = tokens[...]
        let result = try pipeline(&tokens, depth: 0)
        guard tokens.isEmpty else { throw Mistake(description: "a \")\" without its \"(\"") }
        return result
    }

    /// Commands between pipes; the value of each is the last argument of the next.
    private func pipeline(_ tokens: inout ArraySlice<Token>, depth: Int) throws(Mistake) -> Expression {
        guard depth < OutputTemplate.deepest else { throw Mistake(description: "too many parentheses in each other") }
        var value: Expression?
        repeat { value = try command(&tokens, piped: value, depth: depth) } while take(.pipe, &tokens)
        guard let value else { throw Mistake(description: "nothing between \"{{\" and \"}}\"") }
        return value
    }

    private func take(_ token: Token, _ tokens: inout ArraySlice<Token>) -> Bool {
        guard tokens.first == token else { return false }
        tokens.removeFirst()
        return true
    }

    private func command(
        _ tokens: inout ArraySlice<Token>,
        piped: Expression?,
        depth: Int
    ) throws(Mistake) -> Expression {
        guard case .word(let name) = tokens.first, let arity = OutputTemplate.functions[name] else {
            if tokens.first == .field("Label") {
                tokens.removeFirst()
                return .label(try operand(&tokens, depth: depth))
            }
            guard piped == nil else { throw Mistake(description: "only functions stand after a pipe") }
            return try operand(&tokens, depth: depth)
        }
        tokens.removeFirst()
        var arguments: [Expression] = []
        while let next = tokens.first, next != .pipe, next != .close {
            arguments.append(try operand(&tokens, depth: depth))
        }
        if let piped { arguments.append(piped) }
        guard arity.contains(arguments.count) else {
            throw Mistake(description: "\(name) takes \(arity.lowerBound) arguments, not \(arguments.count)")
        }
        return .call(name, arguments)
    }

    private func operand(_ tokens: inout ArraySlice<Token>, depth: Int) throws(Mistake) -> Expression {
        switch tokens.popFirst() {
        case .dot: return .row
        case .field(let name): return .field(name)
        case .text(let text): return .constant(.text(text))
        case .number(let number): return .constant(.number(number))
        case .word("true"): return .constant(.bool(true))
        case .word("false"): return .constant(.bool(false))
        case .word(let word):
            guard OutputTemplate.functions[word] != nil else {
                throw Mistake(description: "there is no function \"\(word)\"")
            }
            return .call(word, [])
        case .open:
            let inner = try pipeline(&tokens, depth: depth + 1)
            guard take(.close, &tokens) else { throw Mistake(description: "a \"(\" without its \")\"") }
            return inner
        case .close, .pipe, nil: throw Mistake(description: "a value is missing")
        }
    }
}
