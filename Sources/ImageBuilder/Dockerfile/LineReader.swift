import YAMLComposer

/// Reads a Dockerfile line by line, and puts together what continuations took apart.
struct LineReader {
    /// No instruction that somebody wrote is longer.
    static let instructionLimit = 1 << 20

    private let bytes: [UInt8]
    private var offset = 0
    /// The number of the physical line that was read last.
    private(set) var line = 0
    var escape: Unicode.Scalar = "\\"

    /// A line that was put together, and what stood around it.
    struct Found {
        var line: LogicalLine
        /// The comments directly above, without the "#".
        var comments: [(text: String, position: Dockerfile.Position)]
        /// The first empty line within it.
        var emptyLine: Dockerfile.Position?
        /// Whether it is longer than `instructionLimit`; the rest of it was passed over.
        var isTooLong: Bool
    }

    /// Reads what `source` holds; a byte order mark does not count.
    init(_ source: SourceFile) {
        bytes = source.bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    }

    private var isAtEnd: Bool { offset >= bytes.count }

    /// The next physical line, without its line break unless that is asked for.
    private mutating func physicalLine(withBreak: Bool = false) -> ArraySlice<UInt8>? {
        guard !isAtEnd else { return nil }
        line += 1
        let end = bytes[offset...].firstIndex(of: 0x0A)
        var result = bytes[offset..<(end.map { $0 + 1 } ?? bytes.count)]
        offset = result.endIndex
        if withBreak { return result }
        if result.last == 0x0A { result.removeLast() }
        if result.last == 0x0D { result.removeLast() }
        return result
    }

    private static func scalars(_ line: ArraySlice<UInt8>) -> [Unicode.Scalar] {
        Array(String(decoding: line, as: UTF8.self).unicodeScalars)
    }

    /// The next comment if the next line is one that may be a parser directive.
    mutating func directiveLine() -> (text: String, position: Dockerfile.Position)? {
        let before = (offset, line)
        guard let bytes = physicalLine() else { return nil }
        let scalars = Self.scalars(bytes)
        let start = scalars.prefix { $0.properties.isWhitespace }.count
        guard start < scalars.count, scalars[start] == "#" else {
            (offset, line) = before
            return nil
        }
        let text = scalars[(start + 1)...]
        let blanks = text.prefix { $0.properties.isWhitespace }.count
        return (
            String(String.UnicodeScalarView(text.dropFirst(blanks))),
            Dockerfile.Position(line: line, column: start + blanks + 2)
        )
    }

    /// Takes back the line that was read last as a directive.
    mutating func unread(to before: LineReader) { (offset, line) = (before.offset, before.line) }

    /// The next instruction; nil at the end.
    mutating func instruction() -> Found? {
        var comments: [(text: String, position: Dockerfile.Position)] = []
        while let bytes = physicalLine() {
            let scalars = Self.scalars(bytes)
            let start = scalars.prefix { $0.properties.isWhitespace }.count
            guard start < scalars.count else {
                comments = []
                continue
            }
            if scalars[start] == "#" {
                let text = String(String.UnicodeScalarView(scalars[(start + 1)...])).trimmingBlanks()
                let position = Dockerfile.Position(line: line, column: start + 1)
                if text.isEmpty { comments = [] } else { comments.append((text, position)) }
                continue
            }
            let (length, continues) = content(of: scalars)
            if continues && length <= start { continue }
            var found = Found(line: LogicalLine(), comments: comments, isTooLong: false)
            found.line.append(
                scalars[start..<length],
                at: Dockerfile.Position(line: line, column: start + 1)
            )
            if continues { goOn(&found) }
            return found
        }
        return nil
    }

    private mutating func goOn(_ found: inout Found) {
        while let bytes = physicalLine() {
            let scalars = Self.scalars(bytes)
            let start = scalars.prefix { $0.properties.isWhitespace }.count
            let position = Dockerfile.Position(line: line, column: 1)
            guard start < scalars.count else {
                found.emptyLine = found.emptyLine ?? position
                continue
            }
            if scalars[start] == "#" { continue }
            let (length, continues) = content(of: scalars)
            if found.line.scalars.count + length > Self.instructionLimit {
                found.isTooLong = true
            } else {
                found.line.append(scalars[..<length], at: position)
            }
            if !continues { return }
        }
    }

    /// How much of a line counts, and whether the next one belongs to it.
    private func content(of scalars: [Unicode.Scalar]) -> (length: Int, continues: Bool) {
        var end = scalars.count
        while end > 0, scalars[end - 1] == " " || scalars[end - 1] == "\t" { end -= 1 }
        guard end > 0, scalars[end - 1] == escape, end < 2 || scalars[end - 2] != escape else {
            return (scalars.count, false)
        }
        return (end - 1, true)
    }

    /// The lines up to one that is `name`, as they are; nil when there is none, and then nothing was read.
    mutating func heredoc(_ name: String, stripsTabs: Bool) -> (content: String, start: Dockerfile.Position)? {
        let before = (offset, line)
        let start = Dockerfile.Position(line: line + 1, column: 1)
        let end = Array(name.utf8)
        let first = offset
        var last = offset
        while let whole = physicalLine(withBreak: true) {
            var line = whole
            if line.last == 0x0A { line.removeLast() }
            if line.last == 0x0D { line.removeLast() }
            if stripsTabs { line = line.drop { $0 == 0x09 } }
            if line.elementsEqual(end) { return (String(decoding: bytes[first..<last], as: UTF8.self), start) }
            last = offset
        }
        (offset, line) = before
        return nil
    }
}
