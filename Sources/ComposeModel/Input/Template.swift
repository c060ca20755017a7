import YAMLComposer

/// Replaces `$NAME` and `${NAME…}` in a text.
struct Template {
    /// Why a text could not be replaced.
    enum Failure: Error, Equatable {
        case malformed
        /// Defaults stand within defaults beyond `nestingLimit`.
        case nested
        /// The text that comes out is longer than `lengthLimit`.
        case tooLong
        /// `${NAME:?message}` where NAME is missing.
        case required(name: String, message: String)
    }

    /// How deep `${…}` may stand in one another; each level reads its text again.
    static let nestingLimit = 50
    /// How many bytes one text may have when everything is replaced.
    static let lengthLimit = 4 << 20
    /// How many bytes all texts of a file may have together that something was replaced in.
    static let totalLimit = 64 << 20

    /// The value of a variable.
    let lookup: (String) -> String?
    /// Called for each variable that has neither a value nor a default.
    let missing: (String) -> Void
    /// Called for each variable with its value and with what stood in for it.
    var observe: ((_ name: String, _ value: String?, SourceVariable.Outcome) -> Void)?

    init(lookup: @escaping (String) -> String?, missing: @escaping (String) -> Void) {
        self.lookup = lookup
        self.missing = missing
    }

    /// The text with everything replaced.
    func substitute(_ text: String) throws(Failure) -> String { try substitute(text, depth: 0) }

    private func substitute(_ text: String, depth: Int) throws(Failure) -> String {
        guard text.utf8.contains(0x24) else { return text }
        guard depth <= Self.nestingLimit else { throw .nested }
        var rest = text.unicodeScalars[...]
        var result = String.UnicodeScalarView()
        var length = 0
        while let scalar = rest.popFirst() {
            guard scalar == "$" else {
                result.append(scalar)
                continue
            }
            guard length <= Self.lengthLimit else { throw .tooLong }
            switch rest.first {
            case "$":
                rest.removeFirst()
                result.append("$")
            case "{":
                rest.removeFirst()
                let value = try braced(try Self.body(&rest), depth)
                length += value.utf8.count
                result.append(contentsOf: value.unicodeScalars)
            case let next? where Self.startsName(next):
                let value = value(Self.name(&rest))
                length += value.utf8.count
                result.append(contentsOf: value.unicodeScalars)
            // Compose leaves a dollar sign alone that starts no variable.
            default: result.append("$")
            }
        }
        return String(result)
    }

    private func value(_ name: String) -> String {
        let value = lookup(name)
        observe?(name, value, value == nil ? .nothing : .value)
        if value == nil { missing(name) }
        return value ?? ""
    }

    /// What `${body}` stands for.
    private func braced(_ body: Substring.UnicodeScalarView, _ depth: Int) throws(Failure) -> String {
        var rest = body
        guard let first = rest.first, Self.startsName(first) else { throw .malformed }
        let name = Self.name(&rest)
        guard var sign = rest.popFirst() else { return value(name) }
        let current = lookup(name)
        var given = current != nil
        if sign == ":" {
            guard let next = rest.popFirst() else { throw .malformed }
            sign = next
            given = current?.isEmpty == false
        }
        let text = String(rest)
        switch sign {
        case "-":
            observe?(name, current, given ? .value : .standIn(text))
            if !given { return try substitute(text, depth: depth + 1) }
            try check(text, depth)
            return current ?? ""
        case "+":
            observe?(name, current, given ? .alternate(text) : .nothing)
            if given { return try substitute(text, depth: depth + 1) }
            try check(text, depth)
            return ""
        case "?":
            guard given else { throw .required(name: name, message: try substitute(text, depth: depth + 1)) }
            try check(text, depth)
            observe?(name, current, .value)
            return current ?? ""
        default: throw .malformed
        }
    }

    /// Compose wants a text that nobody needs to be right all the same, and what it requires to be there.
    private func check(_ text: String, _ depth: Int) throws(Failure) {
        _ = try Template(lookup: lookup, missing: { _ in }).substitute(text, depth: depth + 1)
    }

    /// The text up to the brace that closes the one just read.
    ///
    /// As in Compose, what follows a name ends on its line, and each opening brace counts but for one right behind
    /// another; where none fits, it is the last closing brace of the line.
    static func body(
        _ rest: inout Substring.UnicodeScalarView
    ) throws(Failure) -> Substring.UnicodeScalarView {
        var depth = 1
        var last: Substring.UnicodeScalarView.Index?
        var index = rest.startIndex
        while index < rest.endIndex, rest[index] != "\n" {
            if rest[index] == "{" {
                depth += 1
                index = rest.index(after: index)
                guard index < rest.endIndex, rest[index] != "\n" else { break }
                if rest[index] == "}" { last = index }
            } else if rest[index] == "}" {
                depth -= 1
                last = index
                if depth == 0 { break }
            }
            index = rest.index(after: index)
        }
        guard let last else { throw .malformed }
        defer { rest = rest[rest.index(after: last)...] }
        return rest[..<last]
    }

    static func startsName(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
    }

    static func name(_ rest: inout Substring.UnicodeScalarView) -> String {
        let end = rest.firstIndex { !startsName($0) && !("0"..."9").contains($0) } ?? rest.endIndex
        defer { rest = rest[end...] }
        return String(rest[..<end])
    }
}
