/// A word that says that a text follows below: `<<EOF`, `<<-"EOF"`, `3<<EOF`.
struct HeredocStart: Equatable {
    /// The word without quotes.
    var name: String
    var stripsTabs: Bool
    /// Whether no part of the word is quoted.
    var expands: Bool

    /// Reads a whole word; nil when it is none.
    init?(_ word: String) {
        var rest = word.unicodeScalars.drop { ("0"..."9").contains($0) }
        guard rest.starts(with: "<<".unicodeScalars) else { return nil }
        rest = rest.dropFirst(2)
        stripsTabs = rest.first == "-"
        if stripsTabs { rest = rest.dropFirst() }
        let text = String(rest).trimmingBlanks()
        guard !text.isEmpty, !text.contains("<") else { return nil }
        // Variables mean nothing in the word, so they stay.
        var plain = Expansion(escape: "\\", keepsUnset: true) { _ in nil }
        guard let words = try? plain.words(text), words.count == 1 else { return nil }
        name = words[0]
        expands = !text.contains { $0 == "'" || $0 == "\"" }
    }

    /// The starts in a command line, and where they stand.
    ///
    /// A line with a quote that nothing closes has none: a shell would not find any either.
    static func all(in line: LogicalLine, _ range: Range<Int>) -> [(offset: Int, start: HeredocStart)] {
        var result: [(offset: Int, start: HeredocStart)] = []
        var index = range.lowerBound
        var start: Int?
        var quote: Unicode.Scalar?
        func end(_ index: Int) {
            if let start, let found = HeredocStart(line.text(start..<index)) { result.append((start, found)) }
            start = nil
        }
        while index < range.upperBound {
            let scalar = line.scalars[index]
            if quote == nil && scalar.properties.isWhitespace {
                end(index)
                index += 1
                continue
            }
            start = start ?? index
            if scalar == "\\" && quote != "'" {
                index += 1
            } else if let open = quote {
                if scalar == open { quote = nil }
            } else if scalar == "'" || scalar == "\"" {
                quote = scalar
            } else if scalar == "<", index + 1 < range.upperBound, line.scalars[index + 1] == "<" {
                index += 1
                // Blanks may stand between the sign and the word.
                while index + 1 < range.upperBound, line.scalars[index + 1] == " " || line.scalars[index + 1] == "\t" {
                    index += 1
                }
            }
            index += 1
        }
        end(range.upperBound)
        return quote == nil ? result : []
    }
}
