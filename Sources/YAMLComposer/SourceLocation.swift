/// A place in a text file, as people and editors count: the first character of a file is line 1, column 1.
package struct SourceLocation: Hashable, Sendable, CustomStringConvertible {
    /// The path as the user would write it.
    package var file: String
    /// The line, from 1.
    package var line: Int
    /// The column in characters, from 1.
    package var column: Int

    /// A place at `line` and `column`, both from 1.
    package init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// The form that editors turn into a link: `file:line:column`.
    package var description: String { "\(file):\(line):\(column)" }
}
