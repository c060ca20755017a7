/// A place in a source file in 16 bytes: every node of a tree carries one.
package struct SourceMark: Sendable {
    /// The file, shared by all its marks.
    package let file: SourceFile
    private let storedLine: UInt32
    private let storedColumn: UInt32

    /// A place at `line` and `column`, both from 1.
    package init(file: SourceFile, line: Int, column: Int) {
        self.file = file
        storedLine = UInt32(clamping: line)
        storedColumn = UInt32(clamping: column)
    }

    /// The same place for a value to which `step` happened.
    package func after(_ step: SourceStep) -> SourceMark { placed(in: file.after(step)) }

    /// The same place in a file that shares the text.
    package func placed(in file: SourceFile) -> SourceMark { SourceMark(file: file, line: line, column: column) }

    /// The line, from 1.
    package var line: Int { Int(storedLine) }
    /// The column in characters, from 1.
    package var column: Int { Int(storedColumn) }
    /// The place as text tools know it.
    package var location: SourceLocation { SourceLocation(file: file.name, line: line, column: column) }
}
