package import YAMLComposer

/// A Dockerfile as it was written: every variable still stands in its words.
package struct Dockerfile: Sendable {
    /// A place in the file: lines and columns count from 1.
    package struct Position: Hashable, Sendable, Comparable {
        package var line: Int
        /// In characters.
        package var column: Int

        /// A place at `line` and `column`.
        package init(line: Int, column: Int) {
            self.line = line
            self.column = column
        }

        /// In the order of reading.
        package static func < (left: Position, right: Position) -> Bool {
            (left.line, left.column) < (right.line, right.column)
        }
    }

    /// A part of an instruction, with its variables and quotes, and where it stands.
    package struct Word: Hashable, Sendable {
        package var text: String
        package var position: Position

        /// A word at `position`.
        package init(_ text: String, at position: Position) {
            self.text = text
            self.position = position
        }
    }

    /// A comment at the head of the file that says how to read it: `# escape=…`.
    package struct Directive: Hashable, Sendable {
        /// In lower case.
        package var name: String
        package var value: Word
    }

    /// A text that stands below its instruction: `<<EOF`.
    package struct Heredoc: Hashable, Sendable {
        /// The word that ends it, without quotes.
        package var name: String
        /// What stands between, each line with its line break and its tabs.
        package var content: String
        /// Whether tabs before the lines do not count: `<<-EOF`.
        package var stripsTabs: Bool
        /// Whether variables count in COPY and ADD: the word is not quoted.
        package var expands: Bool
        /// Where the content starts.
        package var position: Position

        /// The content without the tabs that do not count.
        package var text: String {
            guard stripsTabs else { return content }
            return content.split(separator: "\n", omittingEmptySubsequences: false)
                .map { $0.drop { $0 == "\t" } }.joined(separator: "\n")
        }
    }

    /// One instruction and where it stands.
    package struct Statement: Hashable, Sendable {
        package var instruction: Instruction
        /// The instruction in one line, as it was written, without continuations and comments: what histories show.
        package var text: String
        package var position: Position
        /// The last line that belongs to it.
        package var lastLine: Int
        /// Which checks count for it.
        package var checks: CheckOptions
    }

    /// What one FROM begins.
    package struct Stage: Hashable, Sendable {
        /// Its number, from 0.
        package var index: Int
        package var from: Instruction.From
        /// The instruction FROM itself.
        package var opening: Statement
        /// What follows FROM.
        package var statements: [Statement]

        /// Its name in lower case; nil when it has none.
        package var name: String? { from.name?.text.lowercased() }
    }

    /// The file as it was read.
    package var source: SourceFile
    package var directives: [Directive]
    /// The character that takes the meaning off the next one, and continues lines: `\` or `` ` ``.
    package var escape: Unicode.Scalar
    /// The ARG instructions before the first FROM.
    package var globalArguments: [Statement]
    package var stages: [Stage]

    /// A place in this file, as diagnostics want it.
    package func mark(_ position: Position) -> SourceMark {
        SourceMark(file: source, line: position.line, column: position.column)
    }
}
