/// Replaces `$NAME` and `${NAME…}` in a word, and takes its quotes off.
///
/// It remembers which variables were used, so one value serves for one instruction.
package struct Expansion {
    /// Why a word could not be replaced.
    package struct Failure: Error, Hashable, Sendable {
        /// What is wrong: lower case, no full stop.
        package var message: String
        /// Where in the word, in characters from 0.
        package var offset: Int
    }

    /// How deep `${…}` may stand in one another.
    package static let nestingLimit = 50
    /// How many bytes a word may have when everything is replaced.
    package static let lengthLimit = 1 << 20
    /// How many steps a pattern may take.
    private static let workLimit = 50_000_000

    /// What happens to quotes.
    package enum Quoting: Hashable, Sendable {
        /// They are taken off.
        case removed
        /// They count and stay.
        case kept
        /// They are characters like others: the text of a heredoc.
        case ignored
    }

    private let escape: Unicode.Scalar
    private let lookup: (String) -> String?
    private let quoting: Quoting
    private let keepsUnset: Bool

    /// The variables that had a value, in the order of their use.
    package private(set) var used: [String] = []
    /// The variables that had none, but for those with a stand-in.
    package private(set) var missing: [String] = []

    private var scalars: [Unicode.Scalar] = []
    private var index = 0
    private var depth = 0
    private var keepsEscapes = false

    /// Replaces by what `lookup` knows; with `keepsUnset`, what it does not know stays as it is written.
    package init(
        escape: Unicode.Scalar,
        quoting: Quoting = .removed,
        keepsUnset: Bool = false,
        lookup: @escaping (String) -> String?
    ) {
        self.escape = escape
        self.quoting = quoting
        self.keepsUnset = keepsUnset
        self.lookup = lookup
    }

    /// The word with everything replaced.
    package mutating func word(_ text: String) throws(Failure) -> String {
        // Nothing in it has a meaning: most words.
        if !text.unicodeScalars.contains(where: { $0 == "$" || $0 == "'" || $0 == "\"" || $0 == escape }) {
            return text
        }
        return try run(text).text
    }

    /// The words that a text consists of when everything is replaced: blanks outside of quotes end one.
    package mutating func words(_ text: String) throws(Failure) -> [String] { try run(text).words }

    private mutating func run(_ text: String) throws(Failure) -> (text: String, words: [String]) {
        (scalars, index, depth, keepsEscapes) = (Array(text.unicodeScalars), 0, 0, false)
        var output = Output()
        try read(until: nil, into: &output)
        return (String(output.text), output.finished())
    }

    /// What came out so far, as one text and as words.
    private struct Output {
        var text = String.UnicodeScalarView()
        private var words: [String] = []
        private var word = String.UnicodeScalarView()

        mutating func append(_ scalar: Unicode.Scalar, isQuoted: Bool) {
            text.append(scalar)
            if isQuoted || !scalar.properties.isWhitespace { word.append(scalar) } else { endWord() }
        }

        mutating func append(_ value: String, isQuoted: Bool) {
            text.append(contentsOf: value.unicodeScalars)
            if isQuoted {
                word.append(contentsOf: value.unicodeScalars)
            } else {
                for scalar in value.unicodeScalars {
                    if scalar.properties.isWhitespace { endWord() } else { word.append(scalar) }
                }
            }
        }

        private mutating func endWord() {
            if !word.isEmpty { words.append(String(word)) }
            word = String.UnicodeScalarView()
        }

        mutating func finished() -> [String] {
            endWord()
            return words
        }
    }

    private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private func failure(_ message: String, at offset: Int? = nil) -> Failure {
        Failure(message: message, offset: offset ?? min(index, scalars.count))
    }

    /// Reads up to `stop`, which is taken too, or to the end.
    private mutating func read(until stop: Unicode.Scalar?, into output: inout Output) throws(Failure) {
        let start = index
        while let scalar = next {
            guard output.text.utf8Length(isBelow: Self.lengthLimit) else {
                throw failure("the value has more than \(Self.lengthLimit) bytes when its variables are replaced")
            }
            if scalar == stop {
                index += 1
                return
            }
            switch scalar {
            case "$": output.append(try dollar(), isQuoted: false)
            case "'" where quoting != .ignored: output.append(try singleQuoted(), isQuoted: true)
            case "\"" where quoting != .ignored: output.append(try doubleQuoted(), isQuoted: true)
            case escape:
                index += 1
                if keepsEscapes { output.append(scalar, isQuoted: true) }
                guard let following = next else { break }
                index += 1
                output.append(following, isQuoted: true)
            default:
                index += 1
                output.append(scalar, isQuoted: false)
            }
        }
        if let stop { throw failure("a ${ has no \(stop)", at: start) }
    }

    private mutating func singleQuoted() throws(Failure) -> String {
        let start = index
        guard let end = scalars[(index + 1)...].firstIndex(of: "'") else {
            throw failure("a ' has no second one", at: start)
        }
        index = end + 1
        let range = quoting == .kept ? start...end : (start + 1)...end
        return String(String.UnicodeScalarView(quoting == .kept ? scalars[range] : scalars[range].dropLast()))
    }

    private mutating func doubleQuoted() throws(Failure) -> String {
        let start = index
        var result = String.UnicodeScalarView()
        if quoting == .kept { result.append("\"") }
        index += 1
        while let scalar = next {
            switch scalar {
            case "\"":
                index += 1
                if quoting == .kept { result.append("\"") }
                return String(result)
            case "$": result.append(contentsOf: try dollar().unicodeScalars)
            case escape:
                index += 1
                let isMeant = next == "\"" || next == "$" || next == escape
                if keepsEscapes || !isMeant { if next != nil || keepsEscapes { result.append(escape) } }
                if isMeant, let following = next {
                    result.append(following)
                    index += 1
                }
            default:
                index += 1
                result.append(scalar)
            }
        }
        throw failure("a \" has no second one", at: start)
    }

    /// What a "$" and what belongs to it stand for.
    private mutating func dollar() throws(Failure) -> String {
        let start = index
        index += 1
        guard next == "{" else {
            let name = name()
            return name.isEmpty ? "$" : value(name) ?? (keepsUnset ? "$\(name)" : "")
        }
        index += 1
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.nestingLimit else {
            throw failure("more than \(Self.nestingLimit) ${ stand in one another", at: start)
        }
        if next == "{" || next == "}" || next == ":" || next == nil {
            throw failure(next == nil ? "a ${ has no }" : "a ${ names no variable", at: start)
        }
        let name = name()
        if name.isEmpty { throw failure("a ${ names no variable", at: start) }
        let result = try braced(name, from: start)
        if let result { return result }
        return keepsUnset ? String(String.UnicodeScalarView(scalars[start..<index])) : ""
    }

    /// What `${name…}` stands for from behind the name on; nil when there is no value to work on.
    private mutating func braced(_ name: String, from start: Int) throws(Failure) -> String? {
        guard var sign = next else { throw failure("a ${ has no }", at: start) }
        index += 1
        if sign == "}" { return value(name) }
        let isStrict = sign == ":"
        if isStrict {
            guard let second = next else { throw failure("a ${ has no }", at: start) }
            index += 1
            sign = second
        }
        let modifier = isStrict ? ":\(sign)" : "\(sign)"
        switch sign {
        case "-", "+", "?":
            let word = try part(until: "}", keepsEscapes: false)
            return try chosen(name, sign, isStrict: isStrict, String(String.UnicodeScalarView(word)), from: start)
        case "#" where !isStrict, "%" where !isStrict: return try trimmed(name, sign, from: start)
        case "/" where !isStrict: return try replaced(name, from: start)
        default: throw failure("${\(name)\(modifier) is no substitution", at: start)
        }
    }

    private mutating func chosen(
        _ name: String,
        _ sign: Unicode.Scalar,
        isStrict: Bool,
        _ word: String,
        from start: Int
    ) throws(Failure) -> String? {
        // Whoever wrote this thought of a missing value, so that is nothing to be told.
        let value = value(name, mayBeMissing: true)
        if value == nil && keepsUnset { return nil }
        let isGiven = isStrict ? value?.isEmpty == false : value != nil
        switch sign {
        case "-": return isGiven ? value : word
        case "+": return isGiven ? word : ""
        default:
            guard isGiven else {
                let reason = word.isEmpty ? "" : ": \(word)"
                throw failure("the variable \(name) needs a value\(reason)", at: start)
            }
            return value
        }
    }

    private mutating func trimmed(
        _ name: String,
        _ sign: Unicode.Scalar,
        from start: Int
    ) throws(Failure) -> String? {
        var pattern = try part(until: "}", keepsEscapes: true)
        let isLongest = pattern.first == sign
        if isLongest { pattern.removeFirst() }
        guard let value = value(name) else { return nil }
        let isSuffix = sign == "%"
        let text = isSuffix ? Array(value.unicodeScalars).reversed() : Array(value.unicodeScalars)
        let read = try glob(pattern, for: text.count, from: start)
        let glob = isSuffix ? read.reversed : read
        let end = glob.end(in: text, isLongest: isLongest) ?? 0
        let rest = isSuffix ? Array(text[end...].reversed()) : Array(text[end...])
        return String(String.UnicodeScalarView(rest))
    }

    private mutating func replaced(_ name: String, from start: Int) throws(Failure) -> String? {
        let isEverywhere = next == "/"
        if isEverywhere { index += 1 }
        let pattern = try part(until: "/", keepsEscapes: true)
        let replacement = try part(until: "}", keepsEscapes: true)
        guard let value = value(name) else { return nil }
        let text = Array(value.unicodeScalars)
        let glob = try glob(pattern, for: text.count, from: start)
        var result = String.UnicodeScalarView()
        var (place, copied) = (0, 0)
        while place <= text.count, let match = glob.first(in: text, from: place) {
            result.append(contentsOf: text[copied..<match.lowerBound])
            // Nothing is not found once more right behind a match.
            if match.upperBound > copied || match.lowerBound == 0 { result.append(contentsOf: replacement) }
            guard result.utf8Length(isBelow: Self.lengthLimit) else {
                throw failure("the value has more than \(Self.lengthLimit) bytes when it is replaced", at: start)
            }
            copied = match.upperBound
            place = max(place + 1, match.upperBound)
            if !isEverywhere { break }
        }
        result.append(contentsOf: text[copied...])
        return String(result)
    }

    private func glob(_ pattern: [Unicode.Scalar], for length: Int, from start: Int) throws(Failure) -> ShellGlob {
        do throws(ShellGlob.Malformed) {
            let glob = try ShellGlob(pattern)
            let (work, overflow) = glob.count.multipliedReportingOverflow(by: length)
            guard !overflow && work <= Self.workLimit else {
                throw ShellGlob.Malformed(message: "it and the value are too long")
            }
            return glob
        } catch {
            throw failure("\"\(String(String.UnicodeScalarView(pattern)))\" is no pattern: \(error.message)", at: start)
        }
    }

    /// The text of a part of `${…}`.
    private mutating func part(
        until stop: Unicode.Scalar,
        keepsEscapes: Bool
    ) throws(Failure) -> [Unicode.Scalar] {
        let before = self.keepsEscapes
        self.keepsEscapes = keepsEscapes
        var output = Output()
        try read(until: stop, into: &output)
        self.keepsEscapes = before
        return Array(output.text)
    }

    private mutating func value(_ name: String, mayBeMissing: Bool = false) -> String? {
        let value = lookup(name)
        if value != nil {
            if !used.contains(name) { used.append(name) }
        } else if !mayBeMissing && !missing.contains(name) {
            missing.append(name)
        }
        return value
    }

    /// Reads a name: letters, digits and "_", digits alone, or one of the shell's signs.
    private mutating func name() -> String {
        let start = index
        guard let first = next else { return "" }
        if first.properties.numericType == .decimal {
            while let scalar = next, scalar.properties.numericType == .decimal { index += 1 }
        } else if "@*#?-$!".unicodeScalars.contains(first) {
            index += 1
        } else {
            while let scalar = next,
                scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType == .decimal
            {
                index += 1
            }
        }
        return String(String.UnicodeScalarView(scalars[start..<index]))
    }
}

extension String.UnicodeScalarView {
    /// Whether there are fewer bytes than a limit; the length of a native text is known without counting.
    fileprivate func utf8Length(isBelow limit: Int) -> Bool { String(self).utf8.count < limit }
}
