/// Splits a command line into words like a shell, without expanding anything.
package enum ShellWords {
    /// The words of `text`, up to an operator such as `|`, as Compose reads it; nil when a quote is never closed or
    /// a parenthesis stands outside of quotes.
    package static func split(_ text: String) -> [String]? {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var escaped = false
        for character in text {
            if quote == nil && !escaped {
                if ";&|<>".contains(character) { break }
                if "()".contains(character) { return nil }
            }
            if escaped {
                if quote == "\"" && !"\\\"$`\n".contains(character) { word = (word ?? "") + "\\" }
                if character != "\n" { word = (word ?? "") + String(character) }
                escaped = false
            } else if character == "\\" && quote != "'" {
                escaped = true
            } else if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if character == "'" || character == "\"" {
                quote = character
                word = word ?? ""
            } else if character.isWhitespace {
                if let done = word { words.append(done) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        if let done = word { words.append(done) }
        return quote == nil && !escaped ? words : nil
    }
}
