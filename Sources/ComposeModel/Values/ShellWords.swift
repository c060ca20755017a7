/// Splits a command line into words like a shell, without expanding anything.
package struct ShellWords {
    private var words: [String] = []
    private var word = String.UnicodeScalarView()
    /// Whether a word has begun: `""` is one, too.
    private var hasWord = false
    /// The quote that is open: `'`, `"`, a back quote, or `)` for `$(…)`.
    private var quote: Unicode.Scalar?

    /// The words of `text`, up to an operator such as `|`, as Compose reads it; nil when a quote is never closed or
    /// a parenthesis stands outside of quotes.
    package static func split(_ text: String) -> [String]? {
        var reader = ShellWords()
        var isEscaped = false
        for scalar in text.unicodeScalars {
            if isEscaped {
                reader.append(scalar)
                isEscaped = false
            } else if scalar == "\\" && reader.quote != "'" {
                isEscaped = true
            } else if reader.quote == nil && ";&|<>".unicodeScalars.contains(scalar) {
                // The number before an operator that redirects is no word.
                if scalar == ">", let first = reader.word.first, ("0"..."9").contains(first) { reader.hasWord = false }
                break
            } else if !reader.read(scalar) {
                return nil
            }
        }
        reader.endWord()
        return reader.quote == nil && !isEscaped ? reader.words : nil
    }

    /// Takes a scalar that no backslash stands before; false when it can't stand there.
    private mutating func read(_ scalar: Unicode.Scalar) -> Bool {
        switch (scalar, quote) {
        case (" ", nil), ("\t", nil), ("\r", nil), ("\n", nil): endWord()
        case ("'", nil), ("\"", nil): quote = scalar
        // Back quotes hold other quotes open as text does, but let them close.
        case ("'", "'"), ("\"", "\""):
            quote = nil
            hasWord = true
        case ("`", nil), ("`", "`"):
            quote = quote == nil ? scalar : nil
            append(scalar)
        case ("(", nil):
            guard word.last == "$" else { return false }
            quote = ")"
            append(scalar)
        case ("(", ")"), (")", nil): return false
        case (")", ")"):
            quote = nil
            append(scalar)
        default: append(scalar)
        }
        return true
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        word.append(scalar)
        hasWord = true
    }

    private mutating func endWord() {
        if hasWord { words.append(String(word)) }
        word = .init()
        hasWord = false
    }
}
