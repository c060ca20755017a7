import YAMLComposer

/// What an attribute may hold, and how it is read, merged and printed.
indirect enum Shape: Sendable {
    case scalar(Scalar)
    case list(of: Shape, by: Identity)
    case map(of: Shape)
    case object(ObjectShape)
    /// A value that also has a shorter way of writing, which `Shorthand` turns into the shape.
    case shorthand(Shorthand, for: Shape)
    /// Anything at all, such as the value of an `x-` key.
    case any
}

extension Shape {
    /// Whether the shape allows anything.
    var isAny: Bool { if case .any = self { true } else { false } }
}

/// A mapping with known keys.
struct ObjectShape: Sendable {
    /// What a key means.
    var attributes: [String: Shape]
    /// Keys that must be there.
    var required: [String] = []
    /// Whether the mapping may be left empty: `key:`.
    var nullable = false
    /// Whether keys that start with `x-` are free.
    var extensible = true
    /// Whether any other key is only worth a warning.
    var isLenient = false
    /// Whether another `driver` in a later file replaces the whole mapping.
    var belongsToDriver = false
    /// What `config` shows of attributes that are left out.
    var implied: [String: YAMLNode.Content] = [:]

    init(
        _ attributes: [String: Shape],
        required: [String] = [],
        nullable: Bool = false,
        extensible: Bool = true,
        isLenient: Bool = false,
        implied: [String: YAMLNode.Content] = [:]
    ) {
        self.attributes = attributes
        self.required = required
        self.nullable = nullable
        self.extensible = extensible
        self.isLenient = isLenient
        self.implied = implied
    }
}

/// What makes two elements of a list the same one, so that the later file's wins.
enum Identity: Sendable {
    /// Nothing does: lists are joined.
    case none
    /// The list of the later file replaces the earlier one.
    case whole
    /// Nothing does, and two that are equal are a mistake.
    case unique
    case value
    /// The text before the first `=`.
    case name
    case subnet
    case key(String)
    case mountTarget
    case port
    case fileReference(directory: String)
}

extension Shape {
    static let text = Shape.scalar(Scalar([.string], .text))
    /// Text whose emptiness differs from leaving it out.
    static let emptyText = Shape.scalar(Scalar([.string], .text, showsZero: true))
    /// Text that may be left empty: `key:`.
    static let optionalText = Shape.scalar(Scalar([.string, .null], .text))
    /// Text that is also written as a number.
    static let textOrNumber = Shape.scalar(Scalar([.string, .number], .text))
    /// Text that is also written as a whole number.
    static let wholeText = Shape.scalar(Scalar([.string, .number], .wholeText))
    static let flag = Shape.scalar(Scalar([.boolean, .string], .boolean))
    /// A flag whose `false` differs from leaving it out.
    static let keptFlag = Shape.scalar(Scalar([.boolean, .string], .boolean, keepsZero: true))
    static let integer = Shape.scalar(Scalar([.integer, .string], .integer))
    static let keptInteger = Shape.scalar(Scalar([.integer, .string], .integer, keepsZero: true))
    static let number = Shape.scalar(Scalar([.number, .string], .integer))
    static let keptNumber = Shape.scalar(Scalar([.number, .string], .integer, keepsZero: true))
    static let decimal = Shape.scalar(Scalar([.number, .string], .decimal))

    /// A whole number within bounds.
    static func integer(_ bounds: ClosedRange<Int>, keepsZero: Bool = false, showsZero: Bool = false) -> Shape {
        .scalar(Scalar([.integer, .string], .integer, keepsZero: keepsZero, showsZero: showsZero, bounds: bounds))
    }
    static let bytes = Shape.scalar(Scalar([.number, .string], .bytes))
    static let byteText = Shape.scalar(Scalar([.string], .bytes))
    static let wholeBytes = Shape.scalar(Scalar([.integer, .string], .bytes))
    static let duration = Shape.scalar(Scalar([.string], .duration, keepsZero: true))
    /// A length of time where none and zero are the same.
    static let pause = Shape.scalar(Scalar([.string], .duration))
    static let mode = Shape.scalar(Scalar([.number, .string], .fileMode))

    /// Text that looks like something.
    static func text(_ pattern: TextPattern) -> Shape { .scalar(Scalar([.string], .text, pattern: pattern)) }
    /// One of a few words.
    static func word(_ words: String...) -> Shape { .scalar(Scalar([.string], .text, words: words)) }
    /// A list of texts, each of them once.
    static let texts = Shape.list(of: .text, by: .name)
    /// A list of texts, where to say one twice is a mistake.
    static let uniqueTexts = Shape.list(of: .text, by: .unique)
    /// A list of texts, or one text.
    static let textOrTexts = Shape.shorthand(.single(isSpelledOut: false), for: .texts)
    /// A list of texts, or one text, which raw output shows as a list.
    static let listedTexts = Shape.shorthand(.single(isSpelledOut: true), for: .texts)
    /// `KEY=value` lists or a mapping, where a key without a value stands for an empty one.
    static let pairs = Shape.shorthand(.pairs(isUnique: false), for: .map(of: .scalar(.pairValue(nullable: false))))
    /// The same where to say a pair twice is a mistake.
    static let uniquePairs = Shape.shorthand(
        .pairs(isUnique: true),
        for: .map(of: .scalar(.pairValue(nullable: false)))
    )
    /// `KEY=value` lists or a mapping, where a key without a value means "from the environment".
    static let environment = Shape.shorthand(
        .pairs(isUnique: false),
        for: .map(of: .scalar(.pairValue(nullable: true)))
    )
    /// The same where to say a variable twice is a mistake.
    static let uniqueEnvironment = Shape.shorthand(
        .pairs(isUnique: true),
        for: .map(of: .scalar(.pairValue(nullable: true)))
    )
    /// A mapping of texts, as drivers take options.
    static let options = Shape.map(of: .textOrNumber)
    /// A command line: text is split into words.
    static let command = Shape.shorthand(.command, for: .list(of: .text, by: .whole))
}
