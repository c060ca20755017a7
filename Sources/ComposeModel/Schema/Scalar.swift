/// The kinds of value that YAML and JSON tell apart.
struct ValueKinds: OptionSet, Sendable {
    let rawValue: UInt8
    static let string = ValueKinds(rawValue: 1)
    static let integer = ValueKinds(rawValue: 2)
    /// Any number; whole numbers are numbers too.
    static let number = ValueKinds(rawValue: 4 | 2)
    static let boolean = ValueKinds(rawValue: 8)
    static let null = ValueKinds(rawValue: 16)

    /// The kinds in words: "text or a number".
    var description: String {
        var words: [String] = []
        if contains(.string) { words.append("text") }
        if contains(.number) { words.append("a number") } else if contains(.integer) { words.append("a whole number") }
        if contains(.boolean) { words.append("true or false") }
        guard let last = words.popLast() else { return "nothing" }
        return words.isEmpty ? last : words.joined(separator: ", ") + " or " + last
    }
}

/// A single value: what may be written, and what it is read as.
struct Scalar: Sendable {
    /// What the text of a value means; `emptiableText` reads nothing as the empty text.
    ///
    /// `wholeText` is text that may be written as a whole number, but as no other; `literalInteger` is a whole number
    /// that may not be written as text, and so not as a variable.
    enum Reading: Sendable {
        case text, emptiableText, wholeText, boolean, integer, literalInteger, count, decimal, bytes, duration, fileMode
    }

    /// What may be written.
    var accepts: ValueKinds
    /// What it is read as.
    var reading: Reading
    /// Whether zero, false and the empty text say something that leaving the attribute out does not.
    var keepsZero: Bool
    /// Whether zero must be shown where what is shown is read again; Compose's JSON leaves it out.
    var showsZero = false
    /// The only texts that are allowed; empty for any text.
    var words: [String]
    /// The smallest and the largest number.
    var bounds: ClosedRange<Int>?
    /// What texts must look like.
    var pattern: TextPattern?

    init(
        _ accepts: ValueKinds,
        _ reading: Reading,
        keepsZero: Bool = false,
        words: [String] = [],
        showsZero: Bool = false,
        bounds: ClosedRange<Int>? = nil,
        pattern: TextPattern? = nil
    ) {
        self.accepts = accepts
        self.reading = reading
        self.keepsZero = keepsZero
        self.words = words
        self.showsZero = showsZero
        self.bounds = bounds
        self.pattern = pattern
    }

    /// How zero is printed where it is text.
    var zero: String? {
        switch reading {
        case .bytes: "0"
        case .duration: "0s"
        case .text, .emptiableText, .wholeText, .boolean, .integer, .literalInteger, .count, .decimal, .fileMode: nil
        }
    }

    /// The value in a mapping that may also be written as a list of `KEY=value`.
    static func pairValue(nullable: Bool) -> Scalar {
        Scalar([.string, .number, .boolean, .null], nullable ? .text : .emptiableText, keepsZero: true)
    }
}

/// The shorter ways of writing a value.
enum Shorthand: Sendable {
    /// One text for a list of one.
    case single(isSpelledOut: Bool)
    /// One text for a list of one, where a later text takes the place of an earlier one: files are merged as written.
    case lateSingle
    /// A list of `KEY=value` for a mapping.
    case pairs(isUnique: Bool)
    /// A list of `KEY=value` for a mapping, where each needs a value.
    case assignments
    /// A list of `KEY=value` or `default` for a mapping.
    case sshKeys
    /// A list of `host=address` or a mapping, kept as a list.
    case hosts
    /// A list of names for a mapping from these names.
    case names(defaults: [String: String])
    /// Text that is split like a shell does.
    case command
    /// Text that a shell runs.
    case healthTest
    /// Text for the one attribute that matters.
    case attribute(String)
    case port
    case mount
    case device
    case environmentFiles
    case gpus
    /// One number for a soft and a hard limit, which may be text where that is asked for.
    case limit(takesText: Bool)
    case external

    var isSSHKeys: Bool { if case .sshKeys = self { true } else { false } }
}
