/// An instruction as one line: its physical lines without continuations, and where each character stood.
struct LogicalLine {
    private(set) var scalars: [Unicode.Scalar] = []
    /// Where in `scalars` a physical line begins, and where that is in the file; in order.
    private var pieces: [(offset: Int, position: Dockerfile.Position)] = []
    /// The last physical line.
    private(set) var lastLine = 0

    /// Goes on with a part of a physical line.
    mutating func append(_ text: some Collection<Unicode.Scalar>, at position: Dockerfile.Position) {
        pieces.append((scalars.count, position))
        scalars.append(contentsOf: text)
        lastLine = position.line
    }

    /// Says that lines follow that belong to the instruction too.
    mutating func extend(to line: Int) { lastLine = max(lastLine, line) }

    var all: Range<Int> { 0..<scalars.count }

    /// Where the character of an offset stands; the end of the line for what is behind the last one.
    func position(_ offset: Int) -> Dockerfile.Position {
        var (low, high) = (0, pieces.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if pieces[middle].offset <= offset { low = middle } else { high = middle }
        }
        guard !pieces.isEmpty else { return Dockerfile.Position(line: 1, column: 1) }
        let piece = pieces[low]
        return Dockerfile.Position(line: piece.position.line, column: piece.position.column + offset - piece.offset)
    }

    func text(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(scalars[range])) }

    func word(_ range: Range<Int>) -> Dockerfile.Word {
        Dockerfile.Word(text(range), at: position(range.lowerBound))
    }

    /// The range without blanks around it.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high, scalars[low].properties.isWhitespace { low += 1 }
        while high > low, scalars[high - 1].properties.isWhitespace { high -= 1 }
        return low..<high
    }

    /// What stands between blanks; quotes mean nothing.
    func parts(_ range: Range<Int>) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var start: Int?
        for index in range {
            if scalars[index].isBlank {
                if let begun = start { result.append(begun..<index) }
                start = nil
            } else if start == nil {
                start = index
            }
        }
        if let start { result.append(start..<range.upperBound) }
        return result
    }

    /// What stands between blanks that are neither quoted nor escaped; quotes and escapes stay.
    func quotedParts(_ range: Range<Int>, escape: Unicode.Scalar) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var start: Int?
        var quote: Unicode.Scalar?
        var index = range.lowerBound
        while index < range.upperBound {
            let scalar = scalars[index]
            if quote == nil && scalar.properties.isWhitespace {
                if let begun = start { result.append(begun..<index) }
                start = nil
            } else {
                if start == nil { start = index }
                if scalar == escape && quote != "'" {
                    index += 1
                } else if let open = quote {
                    if scalar == open { quote = nil }
                } else if scalar == "'" || scalar == "\"" {
                    quote = scalar
                }
            }
            index += 1
        }
        if let start { result.append(start..<range.upperBound) }
        return result
    }
}

extension Unicode.Scalar {
    /// What separates the words of an instruction.
    var isBlank: Bool { self == " " || self == "\t" || self == "\r" || self == "\u{B}" || self == "\u{C}" }
}
