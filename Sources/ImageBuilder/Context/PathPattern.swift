/// A pattern for paths: `*`, `?`, `[…]`, `\` and `**`, as Docker's ignore files have them.
///
/// `*` stands for any text within one part of a path, `**` for any number of directories. A path is matched in time
/// proportional to its length times the pattern's, whatever the pattern.
package struct PathPattern: Hashable, Sendable, CustomStringConvertible {
    /// A pattern that means nothing.
    package struct Malformed: Error, Hashable, Sendable {
        /// What is wrong: lower case, no full stop.
        package var message: String
    }

    /// What may come next in a path; a state of the matching is a position in the list of these.
    private enum Token: Hashable {
        case scalar(Unicode.Scalar)
        /// Any character but "/".
        case one
        /// Any text without "/".
        case within
        /// Any text.
        case anything
        /// No text at all, or any text that ends with "/"; the next token is `inDirectory`.
        case directories
        /// Within the text of `directories`.
        case inDirectory
        case oneOf(ScalarSet)
    }

    /// What `[…]` stands for.
    private struct ScalarSet: Hashable {
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        var isNegated = false

        func contains(_ scalar: Unicode.Scalar) -> Bool { ranges.contains { $0.contains(scalar) } != isNegated }
    }

    /// No name in a file system is longer.
    private static let lengthLimit = 4096

    /// The pattern as it was given.
    package let description: String
    private let tokens: [Token]
    /// The plain text the pattern begins with: most paths differ here already.
    private let prefix: [Unicode.Scalar]

    /// Reads a pattern; with `isPart`, one for a part of a path, in which "**" means no more than "*".
    package init(_ text: String, isPart: Bool = false) throws(Malformed) {
        guard text.utf8.count <= Self.lengthLimit else {
            throw Malformed(message: "the pattern has more than \(Self.lengthLimit) bytes")
        }
        description = text
        var reader = Reader(rest: text.unicodeScalars[...])
        tokens = try reader.tokens(isPart: isPart)
        prefix = tokens.prefix { if case .scalar = $0 { true } else { false } }
            .compactMap { if case .scalar(let scalar) = $0 { scalar } else { nil } }
    }

    /// Whether `text` has a wildcard that no `\` takes away.
    package static func hasWildcards(_ text: String) -> Bool {
        var isEscaped = false
        for byte in text.utf8 {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "*") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "[") {
                return true
            }
        }
        return false
    }

    /// The text without the `\` that take a meaning away; for patterns without wildcards.
    package static func unescaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var isEscaped = false
        for scalar in text.unicodeScalars {
            if scalar == "\\" && !isEscaped {
                isEscaped = true
            } else {
                result.append(scalar)
                isEscaped = false
            }
        }
        return String(result)
    }

    /// Whether the pattern is for `path` as a whole.
    package func matches(_ path: String) -> Bool { matches(Array(path.unicodeScalars)[...]) }

    /// Whether there may be paths below `directory` that the pattern is for.
    package func mayMatch(below directory: String) -> Bool {
        let path = Array((directory + "/").unicodeScalars)
        guard zip(path, prefix).allSatisfy(==) else { return false }
        return states(after: path[...]).contains(true)
    }

    func matches(_ path: ArraySlice<Unicode.Scalar>) -> Bool {
        guard path.starts(with: prefix) else { return false }
        if prefix.count == tokens.count { return path.count == prefix.count }
        return states(after: path)[tokens.count]
    }

    /// Which positions in the list of tokens a path may have led to.
    private func states(after path: ArraySlice<Unicode.Scalar>) -> [Bool] {
        var current = Array(repeating: false, count: tokens.count + 1)
        current[0] = true
        skip(&current)
        var next = current
        for scalar in path {
            for index in next.indices { next[index] = false }
            for index in tokens.indices where current[index] { step(from: index, over: scalar, into: &next) }
            skip(&next)
            swap(&current, &next)
        }
        return current
    }

    private func step(from index: Int, over scalar: Unicode.Scalar, into next: inout [Bool]) {
        switch tokens[index] {
        case .scalar(let wanted): if scalar == wanted { next[index + 1] = true }
        case .one: if scalar != "/" { next[index + 1] = true }
        case .oneOf(let set): if set.contains(scalar) { next[index + 1] = true }
        case .within: if scalar != "/" { next[index] = true }
        case .anything: next[index] = true
        case .directories:
            next[index + 1] = true
            if scalar == "/" { next[index + 2] = true }
        case .inDirectory:
            next[index] = true
            if scalar == "/" { next[index + 1] = true }
        }
    }

    /// Adds the positions that take no text to reach.
    private func skip(_ states: inout [Bool]) {
        for index in tokens.indices where states[index] {
            switch tokens[index] {
            case .within, .anything: states[index + 1] = true
            case .directories: states[index + 2] = true
            case .scalar, .one, .oneOf, .inDirectory: continue
            }
        }
    }

    /// Reads the text of a pattern.
    private struct Reader {
        var rest: Substring.UnicodeScalarView

        mutating func tokens(isPart: Bool) throws(Malformed) -> [Token] {
            var result: [Token] = []
            while let scalar = rest.popFirst() {
                switch scalar {
                case "*" where rest.first != "*": result.append(.within)
                case "*":
                    rest = rest.drop { $0 == "*" }
                    result += isPart ? [.within] : doubleStar(isFirst: result.isEmpty)
                case "?": result.append(.one)
                case "[": result.append(.oneOf(try set()))
                case "\\":
                    guard let next = rest.popFirst() else { throw Malformed(message: "nothing follows the last \\") }
                    result.append(.scalar(next))
                default: result.append(.scalar(scalar))
                }
            }
            return result
        }

        private mutating func doubleStar(isFirst: Bool) -> [Token] {
            let hasSlash = rest.first == "/"
            if hasSlash { rest.removeFirst() }
            if rest.isEmpty { return [.anything] }
            // At the start and before plain text, as Docker takes it, it also stands for a part of a name.
            if isFirst && !hasSlash && !PathPattern.hasWildcards(String(rest)) && !rest.contains("\\") {
                return [.anything]
            }
            return [.directories, .inDirectory]
        }

        private mutating func set() throws(Malformed) -> ScalarSet {
            var result = ScalarSet()
            if rest.first == "^" {
                rest.removeFirst()
                result.isNegated = true
            }
            while true {
                if rest.first == "]" && !result.ranges.isEmpty {
                    rest.removeFirst()
                    return result
                }
                let low = try member()
                var high = low
                if rest.first == "-" {
                    rest.removeFirst()
                    high = try member()
                }
                // A range the wrong way around holds nothing, and still counts as one.
                result.ranges.append(low <= high ? low...high : "\u{10FFFF}"..."\u{10FFFF}")
            }
        }

        private mutating func member() throws(Malformed) -> Unicode.Scalar {
            guard let first = rest.popFirst() else { throw Malformed(message: "a [ has no ]") }
            if first == "-" || first == "]" { throw Malformed(message: "a \(first) stands for nothing within [ ]") }
            guard first == "\\" else { return first }
            guard let next = rest.popFirst() else { throw Malformed(message: "nothing follows the last \\") }
            return next
        }
    }
}

/// A source of COPY or ADD, part by part: what a directory is searched for from level to level.
package struct SourceGlob: Hashable, Sendable {
    package enum Part: Hashable, Sendable {
        case name(String)
        case pattern(PathPattern)
    }

    package let parts: [Part]

    /// Reads a path with wildcards, cleaned and without "/" before; none are `parts` of "".
    package init(_ path: String) throws(PathPattern.Malformed) {
        var parts: [Part] = []
        for part in path.split(separator: "/").map(String.init) {
            parts.append(
                PathPattern.hasWildcards(part)
                    ? .pattern(try PathPattern(part, isPart: true)) : .name(PathPattern.unescaped(part))
            )
        }
        self.parts = parts
    }
}
