/// Patterns of what is left out, with exceptions: the last one that a path or a directory above it matches counts.
package struct IgnoreRules: Hashable, Sendable {
    private struct Rule: Hashable {
        var pattern: PathPattern
        var isException: Bool
    }

    /// Which patterns a directory matches, for those who walk through a tree.
    package struct Inherited: Hashable, Sendable {
        fileprivate var matched: [Bool] = []
    }

    private var rules: [Rule] = []
    /// Whether a pattern takes back what others say.
    package private(set) var hasExceptions = false
    /// Whether there is nothing to be left out.
    package var isEmpty: Bool { rules.isEmpty }

    /// Leaves nothing out.
    package init() {}

    /// Reads patterns, those of exceptions with "!" before.
    package init(_ patterns: [String]) throws(PathPattern.Malformed) {
        for pattern in patterns { try add(pattern) }
    }

    /// Adds a pattern that overrules those before; one without text is none.
    package mutating func add(_ text: String) throws(PathPattern.Malformed) {
        var text = text.trimmingBlanks()
        guard !text.isEmpty else { return }
        let isException = text.hasPrefix("!")
        if isException {
            text = text.dropFirst().trimmingBlanks()
            guard !text.isEmpty else { throw PathPattern.Malformed(message: "nothing follows the !") }
        }
        var path = PathText.cleaned(text)
        if path.count > 1 && path.hasPrefix("/") { path.removeFirst() }
        rules.append(Rule(pattern: try PathPattern(path), isException: isException))
        hasExceptions = hasExceptions || isException
    }

    /// Whether a path is left out: relative to the root, cleaned.
    package func excludes(_ path: String) -> Bool {
        if path == "." || path.isEmpty { return false }
        let scalars = Array(path.unicodeScalars)
        // The directories above the path, and the path itself.
        let ends = scalars.indices.filter { scalars[$0] == "/" } + [scalars.count]
        var result = false
        for rule in rules where rule.isException == result {
            if ends.contains(where: { rule.pattern.matches(scalars[..<$0]) }) { result = !rule.isException }
        }
        return result
    }

    /// Whether a path is left out that lies in a directory of which `parent` is known; a path at the root has none.
    package func excludes(_ path: String, in parent: Inherited) -> (excluded: Bool, inherited: Inherited) {
        guard !rules.isEmpty else { return (false, parent) }
        let scalars = Array(path.unicodeScalars)
        var inherited = Inherited(matched: parent.matched)
        if inherited.matched.isEmpty { inherited.matched = Array(repeating: false, count: rules.count) }
        var result = false
        for (index, rule) in rules.enumerated() {
            if !inherited.matched[index] { inherited.matched[index] = rule.pattern.matches(scalars[...]) }
            if inherited.matched[index] { result = !rule.isException }
        }
        return (result, inherited)
    }

    /// Whether an exception may be for something below a directory that is left out itself.
    package func mayReinclude(below directory: String) -> Bool {
        hasExceptions && rules.contains { $0.isException && $0.pattern.mayMatch(below: directory) }
    }
}

extension StringProtocol {
    /// The text without blanks around it.
    func trimmingBlanks() -> String {
        func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }
        var view = Substring(self).unicodeScalars.drop(while: isBlank)
        while let last = view.last, isBlank(last) { view.removeLast() }
        return String(view)
    }
}
