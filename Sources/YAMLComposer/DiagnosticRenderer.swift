/// Writes diagnostics as text: place, message, source line, caret.
package struct DiagnosticRenderer: Sendable {
    /// A renderer.
    package init() {}

    /// The text of `diagnostics`, one after the other, each ended by a line break.
    package func render(_ diagnostics: [Diagnostic]) -> String { diagnostics.map(render).joined() }

    private func render(_ diagnostic: Diagnostic) -> String {
        let label = diagnostic.severity == .warning ? "warning: " : diagnostic.mark == nil ? "error: " : ""
        var text = place(diagnostic.mark) + label + diagnostic.message + "\n" + excerpt(diagnostic.mark)
        if let hint = diagnostic.hint { text += "  hint: \(hint)\n" }
        for note in diagnostic.notes { text += "  \(place(note.mark))\(note.message)\n" }
        return text
    }

    private func place(_ mark: SourceMark?) -> String { mark.map { "\($0.location): " } ?? "" }

    private func excerpt(_ mark: SourceMark?) -> String {
        guard let mark, let line = mark.file.line(mark.line) else { return "" }
        // Tabs stay tabs so that the caret stands below its character whatever their width is.
        let indent = line.unicodeScalars.prefix(mark.column - 1).map { $0 == "\t" ? "\t" : " " }.joined()
        let printable = String(String.UnicodeScalarView(line.unicodeScalars.filter { $0 == "\t" || $0.value >= 0x20 }))
        return "    \(printable)\n    \(indent)^\n"
    }
}
