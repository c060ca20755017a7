/// Writes diagnostics as text: place, message, source line, caret.
package struct DiagnosticRenderer: Sendable {
    /// A renderer.
    package init() {}

    /// The text of `diagnostics`, one after the other, each ended by a line break.
    package func render(_ diagnostics: [Diagnostic]) -> String { diagnostics.map(render).joined() }

    private func render(_ diagnostic: Diagnostic) -> String {
        let label = diagnostic.severity == .warning ? "warning: " : diagnostic.mark == nil ? "error: " : ""
        var text = place(diagnostic.mark) + label + printable(diagnostic.message) + "\n" + excerpt(diagnostic.mark)
        if let hint = diagnostic.hint { text += "  hint: \(printable(hint))\n" }
        for note in diagnostic.allNotes { text += "  \(place(note.mark))\(printable(note.message))\n" }
        return text
    }

    private func place(_ mark: SourceMark?) -> String { mark.map { "\($0.location): " } ?? "" }

    /// The most characters of a source line that are shown, and how many of them stand before the caret's.
    private static let (width, lead) = (160, 60)

    private func excerpt(_ mark: SourceMark?) -> String {
        guard let mark, let line = mark.file.line(mark.line) else { return "" }
        // A line may have megabytes: only what stands around the mistake is shown.
        let scalars = line.unicodeScalars
        let skipped = scalars.prefix(Self.width + 1).count > Self.width ? max(mark.column - 1 - Self.lead, 0) : 0
        let window = Array(scalars.dropFirst(skipped).prefix(Self.width)).filter { $0 == "\t" || isPrintable($0) }
        // Tabs stay tabs so that the caret stands below its character whatever their width is.
        let indent = window.prefix(mark.column - 1 - skipped).map { $0 == "\t" ? "\t" : " " }.joined()
        let margin = skipped > 0 ? "   \u{2026}" : "    "
        return "\(margin)\(String(String.UnicodeScalarView(window)))\n    \(indent)^\n"
    }

    /// The text without anything a terminal would act on; what a file holds must not move the cursor or hide a line.
    private func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { !isPrintable($0) && $0 != "\n" }) else { return text }
        return text.unicodeScalars.map { isPrintable($0) || $0 == "\n" ? String($0) : $0.escaped(asASCII: true) }
            .joined()
    }

    /// Neither a C0 nor a C1 control character.
    private func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x20 && !(0x7f...0x9f).contains(scalar.value)
    }
}
